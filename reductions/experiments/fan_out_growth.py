"""Growth of the transformer of Theorem 4.1 as printed: few wide heads, by bounded fan-out.

With s = N^eps and eps' > eps, the fan-out exponent is rho = (eps' - eps) / 4: machines have at most
d = floor(N^rho) partners per round, and all for a partner is one message. The sweep builds the
transformer of `StridePermutation`, in which every machine sends s words of one word each, without
running it. Let x = N^eps, y = N^rho, s = ceil(x), and L >= 3 the digits of a machine id to the base
d + 1. All hops but the last declare the same number a of records on their way, except for fewer at
the waypoints, with 3 words of header each; so

    local memory   s' = s + 4 a             a = mean + deviation (Bernstein), at least s
    a bundle       1 + 4 a words            hops 0 and 1 have the same a
    head width     m = d (s' - s + 2) + 2   the syndrome code with b = d

and with f = 4 a / s = (s' - s) / s, the declared load of a hop, where the mean is at most 2 s + 1
and the deviation O(sqrt(s log N) + log N) (`reductions.mpc_to_anna.fan_out.loads`),

    quantity       built             over y^e x^g f          e, g
    heads          d + 1             1 .. 1 + 1 / y          1, 0 (no f)
    head width     m                 1 - 1 / y .. 1 + 2 / x  1, 1
    total width    own + d m         (1 - 1 / y)^2 .. (1 + 2 / x) (1 + 4 / (3 (y - 1)^2))  2, 1
    layers         2 L + 1           at most 2 ceil((1 - eps) / rho) + 1, whatever N is

since y - 1 < d <= y, (2 + 2 / d) / (s f) <= 3 / (4 x), and the self head has own <= s' + 2 words,
which is at most (4 / 3) s f, as f >= 4 and s >= 16. So H = O(N^((eps' - eps) / 4)), and
m = O(N^(eps + rho)), which is O(N^eps') with N^(3 rho) to spare.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from mpc_sim import Cluster, ShapeError
from mpc_sim.integers import as_exponent, ceil_div, ceil_power
from reductions.arrays import Floats
from reductions.experiments.fit import Exponent, Quantity, slope_within
from reductions.experiments.width_growth import LEAST_MEMORY, StridePermutation
from reductions.mpc_to_anna.compile import compile_protocol
from reductions.mpc_to_anna.fan_out import fan_out_cluster, fan_out_of_exponent

LEAST_DIGITS = 3


@dataclass(frozen=True)
class FanOutPoint:
    """What the built transformer has at one size.

    Parameters
    ----------
    n_words : int
        N.
    epsilon, larger : Fraction
        eps and eps'.
    partners : int
        d.
    heads, head_width, token_width, context_length, layers : int
        As `Transformer.resources` gives them.
    load : Fraction
        f, the words on their way that a machine declares over its memory s.
    """

    n_words: int
    epsilon: Fraction
    larger: Fraction
    partners: int
    heads: int
    head_width: int
    token_width: int
    context_length: int
    layers: int
    load: Fraction

    @property
    def rho(self) -> Fraction:
        """(eps' - eps) / 4."""
        return fan_out_exponent(self.epsilon, self.larger)


def fan_out_exponent(epsilon: Fraction, larger: Fraction) -> Fraction:
    """Return rho of Theorem 4.1."""
    return (larger - epsilon) / 4


def fan_out_point(n_words: int, epsilon: Fraction | str, larger: Fraction | str) -> FanOutPoint:
    """Build the transformer at one size and read its resources.

    Parameters
    ----------
    epsilon, larger : Fraction or str
        eps, and eps' above it.

    Raises
    ------
    ShapeError
        The limits are not derived: epsilon is above 1/2 or not below ``larger``, s is below 16,
        there is a single partner, or ids have fewer than three digits.
    """
    eps, beyond = as_exponent(epsilon, "epsilon"), as_exponent(larger, "larger")
    memory = ceil_power(n_words, eps)
    if not eps < beyond or eps > Fraction(1, 2):
        raise ShapeError(f"epsilon = {eps} and {beyond}: choose at most 1/2, and a larger one")
    if memory < LEAST_MEMORY:
        raise ShapeError(f"N = {n_words}: choose it larger, s = {memory} is below {LEAST_MEMORY}")
    cluster = Cluster(
        n_words=n_words,
        memory_words=memory,
        n_machines=max(memory, ceil_div(n_words, memory)),
        block_words=memory,
    )
    rho = fan_out_exponent(eps, beyond)
    bounded = fan_out_of_exponent(StridePermutation(), cluster, rho)
    if bounded.partners < 2 or bounded.digits.n_hops < LEAST_DIGITS:
        raise ShapeError(
            f"N = {n_words}: {bounded.partners} partners and {bounded.digits.n_hops} digits are "
            f"too few; choose N larger, or another exponent than {beyond}"
        )
    resources = compile_protocol(
        StridePermutation(), cluster, fan_out=rho, tokens_per_machine=1
    ).resources()
    return FanOutPoint(
        n_words,
        eps,
        beyond,
        bounded.partners,
        resources.heads,
        resources.head_width,
        resources.token_width,
        resources.context_length,
        resources.layers,
        Fraction(fan_out_cluster(bounded).memory_words - memory, memory),
    )


def fan_out_growth(
    epsilon: Fraction | str, larger: Fraction | str, sizes: Iterable[int]
) -> tuple[FanOutPoint, ...]:
    """Return `fan_out_point` at every size."""
    return tuple(fan_out_point(n_words, epsilon, larger) for n_words in sizes)


def most_layers(epsilon: Fraction, larger: Fraction) -> int:
    """Return 2 ceil((1 - eps) / rho) + 1, which holds for every N."""
    digits = (1 - epsilon) / fan_out_exponent(epsilon, larger)
    return 2 * ceil_div(digits.numerator, digits.denominator) + 1


def fan_out_fit(points: Sequence[FanOutPoint], quantity: Quantity) -> Exponent:
    """Fit the exponent of heads, head_width, token_width (mH) or context_length.

    Raises
    ------
    ValueError
        Fewer than three sizes, or points of different exponents.
    """
    kinds = {(point.epsilon, point.larger) for point in points}
    if len(kinds) != 1 or len({point.n_words for point in points}) < 3:
        raise ValueError("an exponent needs three sizes or more of one pair of exponents")
    ((epsilon, larger),) = kinds
    rho = fan_out_exponent(epsilon, larger)
    sizes = [point.n_words for point in points]
    x, y = (np.array(sizes, float) ** float(power) for power in (epsilon, rho))
    nothing = np.zeros(len(sizes))
    fewer, wider = np.log1p(-1 / y), np.log1p(2 / x)
    own = np.log1p(4 / (3 * (y - 1) ** 2))
    rows: dict[Quantity, tuple[Fraction, Floats, Floats]] = {
        "heads": (rho, nothing, np.log1p(1 / y)),
        "head_width": (epsilon + rho, fewer, wider),
        "token_width": (epsilon + 2 * rho, 2 * fewer, wider + own),
        "context_length": (Fraction(1), nothing, nothing),
    }
    theory, least, most = rows[quantity]
    loads = [point.load if quantity.endswith("width") else Fraction(1) for point in points]
    values = [
        float(Fraction(getattr(point, quantity)) / load)
        for point, load in zip(points, loads, strict=True)
    ]
    slope, below, above = slope_within(sizes, values, least, most)
    low, high = float(theory) + below, float(theory) + above
    return Exponent(quantity, epsilon, "fan-out", theory, slope, low, high)
