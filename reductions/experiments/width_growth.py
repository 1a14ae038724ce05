"""Growth of the compiled transformer with N: the exponents of Theorem 4.1, read off built objects.

A sweep builds the transformer of the protocol that asks the most of the construction: one round in
which every machine sends s words of one word each, and receives as many (`StridePermutation`), on
clusters with s = ceil(N^eps) and P = ceil(N / s) > s, eps <= 1/2, so that k = s messages can meet.
No input is run: sizes go to where no transformer could be held. One token acts for a machine, as
printed, or s + 1 of them, and there is one head.

With x = N^eps, s = ceil(x) <= x + 1 and a channel, b = k = s:

    variant     quantity       built                   over A x^e f
    one head    total width    3 s + 5                 1 .. 1 + 3 / x,   A = 3, e = 1, f = 1
    others      heads          s + 1                   1 .. 1 + 2 / x,   A = 1, e = 1, f = 1
    syndrome    total width    s + 1 + s (2 s + 2)     1 .. 1 + 4 / x,   A = 2, e = 2, f = 1
    spread      total width    s + 1 + s (2 b + 2)     1 .. 1 + 2 / x,   A = 1, e = 1, f = 2 b + 3
    printed     total width    s + 1 + s L (s + 3)     1 .. 1 + 13 / x,  A = 377 / 200, e = 6

where for spread heads b is the capacity that they declare, O(log N / log log N), and for the
repetition code as printed L = ceil(A s^2 (s^2 lg U + lg (1 / delta))) rows
(`PrintedRepetitionCode`) and f = lg U + lg (1 / delta) / s^2. The printed construction does not
bound the words of a message, so a packet has room for s of them. The context is N, and with one
head P (s + 1), within 1 + 5 / x of N: (N / s + 1) (s + 1) <= N (1 + 3 / x), and (s + 1)^2 <= (x +
2)^2 where P = s + 1. The limits hold for x >= 16: (1 + 1/x)^2 (1 + 3/(2x) + 1/(2x^2)) <= 1 + 4/x,
and (1 + 1/x)^6 (1 + 3/x) (1 + 2/x^4) <= 1 + 13/x.

Hence the least-squares slope of ln(built / f) on ln N, a sum of these logarithms with weights c_i
that depend on the sizes alone, lies between eps e + sum min(c_i, 0) d_i and eps e + sum max(c_i, 0)
d_i with d_i = ln(1 + C / x_i): an interval from the construction, not from the scatter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd

import numpy as np

from mpc_sim import Channel, Cluster, Inbox, Outbox, Protocol, Records, ShapeError
from mpc_sim.integers import as_exponent, ceil_div, ceil_power
from reductions.choice import Choice
from reductions.experiments.fit import Exponent, Quantity, slope_within
from reductions.mpc_to_anna.codes.repetition import PrintedRepetitionCode
from reductions.mpc_to_anna.compile import CompiledProtocol, compile_protocol
from reductions.mpc_to_anna.head_assignment import HeadOrder
from reductions.mpc_to_anna.route_layer import RouteLayer
from reductions.mpc_to_anna.token_groups import TokenRule, TokensPerMachine

LEAST_MEMORY = 16
Sizes = tuple[int, int, int, int, Fraction]
"""Heads, head width, token width, context length, and f."""


@dataclass(frozen=True)
class StridePermutation(Protocol):
    """Word g goes to place (a g) mod N, a > block coprime to N: every machine sends all it has.

    One round, one word per record, k = s messages per machine both ways.
    """

    def n_rounds(self, cluster: Cluster) -> int:
        return 1

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        block = cluster.block_words
        return (Channel("word", ("word",), block, block),)

    def joint_limit(self, round: int, cluster: Cluster) -> int:
        return cluster.block_words

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        given = inbox["input"]
        index = given.machine * cluster.block_words + given.rank
        place = index * self.stride(cluster) % cluster.n_words
        outbox = Outbox()
        to = place // cluster.block_words
        outbox.send("word", source=given.machine, to=to, word=given["word"])
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        """Put the words, which arrive in the order of their old index, in that of their place."""
        block, n = cluster.block_words, cluster.n_words
        place = (inbox.machines[:, None] * block + np.arange(block)).ravel()
        place = place[place < n]
        owner, old = place // block, place * pow(self.stride(cluster), -1, n) % n
        arrived = np.lexsort((old, owner))
        order = np.argsort(place[arrived], kind="stable")
        words = inbox["word"]
        return Inbox(
            inbox.machines,
            {"output": Records(("word",), words.machine[order], {"word": words["word"][order]})},
        )

    def stride(self, cluster: Cluster) -> int:
        """Return a, the least number above block that is coprime to N."""
        a = cluster.block_words + 1
        while gcd(a, cluster.n_words) > 1:
            a += 1
        return a % max(cluster.n_words, 2)


def _syndrome(cluster: Cluster) -> Sizes:
    return *_read(_compiled(cluster, HeadOrder.EMISSION)), Fraction(1)


def _one_head(cluster: Cluster) -> Sizes:
    compiled = _compiled(cluster, HeadOrder.EMISSION, TokenRule.ALL)
    return *_read(compiled), Fraction(1)


def _spread(cluster: Cluster) -> Sizes:
    compiled = _compiled(cluster, HeadOrder.SPREAD)
    return *_read(compiled), Fraction(2 * _capacity(compiled) + 3)


def _printed(cluster: Cluster) -> Sizes:
    memory, machines = cluster.memory_words, cluster.n_machines
    code = PrintedRepetitionCode(memory, memory, cluster.word_bits, machines)
    own, bits = memory + 1, (machines - 1).bit_length()
    factor = bits + Fraction((code.inverse_delta - 1).bit_length(), memory**2)
    context = max(cluster.n_words, machines)
    return memory + 1, max(own, code.width), own + memory * code.width, context, factor


def _compiled(cluster: Cluster, heads: HeadOrder, tokens: TokensPerMachine = 1) -> CompiledProtocol:
    return compile_protocol(
        StridePermutation(), cluster, head_order=heads, tokens_per_machine=tokens
    )


def _read(compiled: CompiledProtocol) -> tuple[int, int, int, int]:
    found = compiled.resources()
    return found.heads, found.head_width, found.token_width, found.context_length


@dataclass(frozen=True, eq=False)
class Built:
    """The sizes that a cluster gives, and for each quantity (e, C): between A x^e f and 1 + C / x.

    The second is a factor on the first; a quantity that is missing has no exponent of its own. The
    context is between N and N (1 + C / x).
    """

    sizes: Callable[[Cluster], Sizes]
    powers: Mapping[Quantity, tuple[int, int]]
    context: int = 0


class Variant(Choice):
    """What is built: the syndrome code in one head, many, or spread ones; the printed rows."""

    ONE_HEAD = "one-head", Built(_one_head, {"head_width": (1, 3), "token_width": (1, 3)}, 5)
    SYNDROME = (
        "syndrome",
        Built(_syndrome, {"heads": (1, 2), "head_width": (1, 3), "token_width": (2, 4)}),
    )
    SPREAD = "spread", Built(_spread, {"heads": (1, 2), "token_width": (1, 2)})
    PRINTED = (
        "printed",
        Built(_printed, {"heads": (1, 2), "head_width": (5, 12), "token_width": (6, 13)}),
    )

    made: Built


VARIANTS = tuple(Variant)


@dataclass(frozen=True)
class GrowthPoint:
    """What a built transformer has at one size.

    Parameters
    ----------
    n_words : int
        N.
    heads, head_width, token_width, context_length : int
        As `Transformer.resources` gives them; for the printed code those of the code object.
    log_factor : Fraction
        f, the factor of widths that grows like a logarithm; see the module.
    """

    n_words: int
    epsilon: Fraction
    variant: Variant
    heads: int
    head_width: int
    token_width: int
    context_length: int
    log_factor: Fraction


def growth_point(n_words: int, epsilon: Fraction | str, variant: Variant | str) -> GrowthPoint:
    """Build the transformer of `StridePermutation` at one size and read its resources.

    Raises
    ------
    ShapeError
        epsilon is above 1/2, or s is below 16, where the limits are not derived.
    CodeDomainError
        The syndrome code rejects so many messages: b (b + 2) p >= 2^52.

    Notes
    -----
    Cost: O(1) arrays; for the printed code, whose transformer could not be held, the code alone is
    built.
    """
    rho = as_exponent(epsilon, "epsilon")
    memory = ceil_power(n_words, rho)
    if rho > Fraction(1, 2):
        raise ShapeError(f"epsilon = {rho}: choose it at most 1/2, so that s messages can meet")
    if memory < LEAST_MEMORY:
        raise ShapeError(f"N = {n_words}: choose it larger, s = {memory} is below {LEAST_MEMORY}")
    cluster = Cluster(
        n_words=n_words,
        memory_words=memory,
        n_machines=max(memory + 1, ceil_div(n_words, memory)),
        block_words=memory,
    )
    chosen = Variant(variant)
    return GrowthPoint(n_words, rho, chosen, *chosen.made.sizes(cluster))


def growth(
    epsilon: Fraction | str, variant: Variant | str, sizes: Iterable[int]
) -> tuple[GrowthPoint, ...]:
    """Return `growth_point` at every size."""
    return tuple(growth_point(n_words, epsilon, variant) for n_words in sizes)


def exponent(points: Sequence[GrowthPoint], quantity: Quantity) -> Exponent:
    """Fit an exponent of N to points of one epsilon and one variant.

    Parameters
    ----------
    points : sequence of GrowthPoint
        At least three sizes.
    quantity : str
        heads, head_width (not of spread heads, where that of the self head may be larger),
        token_width (mH) or context_length.

    Raises
    ------
    ValueError
        Fewer than three sizes, or points of different epsilon or variant.
    """
    kinds = {(point.epsilon, point.variant) for point in points}
    if len(kinds) != 1 or len({point.n_words for point in points}) < 3:
        raise ValueError("an exponent needs three sizes or more of one epsilon and one variant")
    ((epsilon, variant),) = kinds
    power, excess = 0, variant.made.context
    if quantity != "context_length":
        if quantity not in variant.made.powers:
            raise ValueError(f"{quantity} of {variant} heads has no exponent of its own")
        power, excess = variant.made.powers[quantity]
    theory = power * epsilon if power else Fraction(1)
    has_factor = quantity in ("head_width", "token_width")
    values = [
        float(Fraction(getattr(point, quantity)) / (point.log_factor if has_factor else 1))
        for point in points
    ]
    sizes = [point.n_words for point in points]
    most = np.log1p([excess / size ** float(epsilon) for size in sizes])
    slope, below, above = slope_within(sizes, values, np.zeros(len(sizes)), most)
    low, high = float(theory) + below, float(theory) + above
    return Exponent(quantity, epsilon, variant, theory, slope, low, high)


def _capacity(compiled: CompiledProtocol) -> int:
    route = compiled.layers[-1]
    assert isinstance(route, RouteLayer)
    assert route.code is not None
    capacity: int = route.code.capacity
    return capacity
