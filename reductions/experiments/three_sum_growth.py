"""3-SUM compiled for growing N: as many layers at every size, and mH growing as sqrt(N) log N.

The transformer of the 3-SUM protocol with spread heads is built at s = 8 ceil(sqrt N) and P = N, at
which the sort takes two levels from N = 2^17 on (a sort of one level would need 1.26 N^(2/3)
words), and never run. It has 1 + 4^2 + 5 + L + L' + 1 = 26 layers there, whatever N is.

With x = sqrt N, blocks of B = ceil(x) words, m = ceil(N / B) of them, the widest layer delivers the
blocks to the machines that look at them: k = 6 B - 3 messages of one word, of which b, what spread
heads declare, meet; and a self head of 2 m boundary words, 6 B - 3 words and two counts:

    T = 2 m + 6 B - 1 + (6 B - 3) (2 b + 2)

x <= B < x + 1 and x - 1 < m < x + 1, so with f = 12 b + 20, a factor of O(log N / log log N),

    (1 - 1 / x) x f <= T <= (1 + 1 / x) x f

and the least-squares slope of ln(T / f) on ln N lies within what ln(1 - 1 / x) and ln(1 + 1 / x)
let it be around 1/2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

import numpy as np

from mpc_sim import Cluster, InputError
from mpc_sim.algorithms.three_sum import three_sum
from reductions.experiments.fit import Exponent, slope_within
from reductions.mpc_to_anna.compile import compile_protocol
from reductions.mpc_to_anna.route_layer import RouteLayer

MEMORY_FACTOR = 8
LEAST_SIZE = 2**17
"""Below, a sort of one level fits 8 sqrt(N) words: fewer layers, of wider heads."""
LAYERS = 26


@dataclass(frozen=True)
class ThreeSumPoint:
    """What the built transformer has at one size.

    Parameters
    ----------
    n_words : int
        N.
    layers, heads, token_width : int
        As `Transformer.resources` gives them.
    capacity : int
        b, of the widest layer.
    """

    n_words: int
    layers: int
    heads: int
    token_width: int
    capacity: int

    @property
    def log_factor(self) -> int:
        """F = 12 b + 20."""
        return 12 * self.capacity + 20

    @property
    def predicted_width(self) -> int:
        """T, by the formula of the module."""
        block = _block(self.n_words)
        messages = 6 * block - 3
        kept = 2 * -(-self.n_words // block) + messages + 2
        return kept + messages * (2 * self.capacity + 2)


def three_sum_point(n_words: int) -> ThreeSumPoint:
    """Build the transformer of 3-SUM for values -N .. N at one size and read its resources.

    Raises
    ------
    InputError
        N is below 2^17.
    """
    if n_words < LEAST_SIZE:
        raise InputError(f"N = {n_words}: choose it at least 2^17, where the sort has two levels")
    cluster = Cluster.from_exponents(
        n_words, "1/2", "1/2", memory_factor=MEMORY_FACTOR, largest_word=2 * n_words
    )
    compiled = compile_protocol(
        three_sum(n_words), cluster, head_order="spread", tokens_per_machine=1
    )
    widest = max(compiled.layers, key=lambda layer: layer.token_width)
    assert isinstance(widest, RouteLayer)
    assert widest.code is not None
    resources = compiled.resources()
    return ThreeSumPoint(
        n_words, resources.layers, resources.heads, resources.token_width, widest.code.capacity
    )


def three_sum_points(sizes: Iterable[int]) -> tuple[ThreeSumPoint, ...]:
    """Return `three_sum_point` at every size."""
    return tuple(three_sum_point(n_words) for n_words in sizes)


def three_sum_exponent(points: Sequence[ThreeSumPoint]) -> Exponent:
    """Fit the exponent of total width, after division by f.

    Raises
    ------
    ValueError
        Fewer than three sizes.
    """
    if len({point.n_words for point in points}) < 3:
        raise ValueError("an exponent needs three sizes or more")
    sizes = [point.n_words for point in points]
    values = [point.token_width / point.log_factor for point in points]
    off = np.array([size**-0.5 for size in sizes])
    slope, below, above = slope_within(sizes, values, np.log1p(-off), np.log1p(off))
    theory = Fraction(1, 2)
    return Exponent("token_width", theory, "spread", theory, slope, 0.5 + below, 0.5 + above)


def _block(n_words: int) -> int:
    """Return ceil(sqrt(N))."""
    return isqrt(n_words - 1) + 1
