"""One cycle or two, decided by calls of k-hop over 4 n letters: why k-hop is hard for every k.

The 2 n arcs of a graph of cycles, both directions of every edge, have a permutation pi: the arc u v
leads to the arc v w, w not u. On one cycle of n vertices pi has two cycles of n arcs, on two of n/2
it has four of n/2. So pi^(n/2) is the identity if and only if there are two cycles of n/2.

A call of k-hop applies k permutations p_1, .., p_k of the arcs, one after the other. Its text names
arc e by two letters, e in an even and e' in an odd alphabet. It consists of a block for every
permutation, the last applied first, and an asking block with the even letter of every arc. The
block of p_t has the pairs e p_t(e), the first letter even for odd t and odd for even t, the second
of the other alphabet. A token e that asks, or that an earlier hop led to, hops to the token after
the latest earlier e. The letters of the second places of its own block are all different, and the
block before it has every letter of this kind once, in a first place: it hops to p_t(e) there.

pi^(n/2) is put together by Horner's rule on the digits of n/2 in base k: a call for the k-th power
of what there is, and one for its product with pi^d, which are d + 1 <= k permutations; the rest of
the k are identities.

*What follows.* A call has N = (2 k + 1) 2 n words over 4 n = 2 N / (2 k + 1) letters, and there are
at most 2 D - 1 calls, D the digits of n/2 in base k. Around a call there are O(1) rounds, of a sort
and of copies of a permutation to k blocks. So T_k rounds for k-hop give (T_k + O(1)) O(log n / log
k) rounds for one cycle or two, and where the conjecture says Omega(log n), T_k = Omega(log k). The
conjecture wants machines of n^(1 - Omega(1)) words. Those of k-hop have N^(1 - delta), and with k
<= N^xi n is at least N^(1 - xi) / 6: this is n^((1 - delta) / (1 - xi)) up to a constant, and the
exponent is below 1 where xi < delta.

Axes: n vertices and edges, 2 n arcs, N tokens of a call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import sympy

from mpc_sim import InputError, Simulation
from mpc_sim.inputs.graphs import Graph
from mpc_sim.integers import as_exponent
from mpc_sim.records import Words
from reductions.bounds import Bound
from reductions.problems.k_hop import K_HOP

SOURCE = "ours; the conjecture: Yaroslavtsev, Vadapalli, arXiv 1710.01431"
REGIME = (
    "k-hop at all positions over 2 N / (2 k + 1) letters, N^O(1) machines of N^(1 - delta) words, "
    "k <= N^xi growing, for constants 0 < xi < delta < 1"
)
Solve = Callable[[Words, int], Words]


@dataclass(frozen=True)
class Decided:
    """How many cycles there are, and what it took.

    Parameters
    ----------
    n_cycles : int
        1 or 2.
    calls : int
        Of k-hop.
    tokens, letters : int
        Of each call: N and the size of its alphabet.
    """

    n_cycles: int
    calls: int
    tokens: int
    letters: int


def cycles_to_k_hop(graph: Graph, k: int, solve: Solve) -> Decided:
    """Decide whether a graph is one cycle of n vertices or two of n/2, by calls of k-hop.

    Parameters
    ----------
    graph : Graph
        One of the two; n is even.
    k : int
        At least 2.
    solve : callable
        (int64[N], k) -> int64[N]: k-hop, as `K_HOP` has it.

    Raises
    ------
    InputError
        k is below 2, n is odd, or a vertex does not have two edges.
    ValueError
        ``solve`` is wrong: its answers are no permutation.
    """
    n = graph.n_vertices
    if k < 2:
        raise InputError(f"k = {k}: one hop gives no power of a permutation; choose k >= 2")
    if n % 2:
        raise InputError(f"n = {n}: one cycle of n or two of n / 2 vertices need an even n")
    step, calls = next_arc(graph), 0

    def composed(*permutations: Words) -> Words:
        nonlocal calls
        calls += 1
        return call(permutations, k, solve)

    first, *rest = digits(n // 2, k)
    power = step if first == 1 else composed(*[step] * first)
    for digit in rest:
        power = composed(*[power] * k)
        if digit:
            power = composed(power, *[step] * digit)
    is_identity = np.array_equal(power, np.arange(2 * n))
    return Decided(1 + is_identity, calls, (2 * k + 1) * 2 * n, 4 * n)


def next_arc(graph: Graph) -> Words:
    """Return int64[2 n]: the arc after each; edge i is arc 2 i one way and 2 i + 1 the other."""
    tail = graph.edges.reshape(-1)
    if not np.array_equal(
        np.bincount(tail, minlength=graph.n_vertices), np.full(graph.n_vertices, 2)
    ):
        raise InputError("a vertex does not have two edges: give a graph of cycles")
    pairs = np.argsort(tail, kind="stable").reshape(-1, 2)
    other = np.zeros(len(tail), np.int64)
    other[pairs] = pairs[:, ::-1]
    following: Words = other[np.arange(len(tail)) ^ 1]
    return following


def digits(number: int, base: int) -> list[int]:
    """Return the digits of a positive number, the most significant first."""
    found: list[int] = []
    while number:
        number, digit = divmod(number, base)
        found.append(digit)
    return found[::-1]


def call(permutations: Sequence[Words], k: int, solve: Solve) -> Words:
    """Apply at most k permutations one after the other, by one call of k-hop."""
    size = len(permutations[0])
    identity = np.arange(size)
    blocks = [*permutations, *[identity] * (k - len(permutations))]
    odd, even = size, 0
    text = [identity + even]
    for number, permutation in enumerate(blocks):
        first, second = (odd, even) if number % 2 else (even, odd)
        text.append(np.stack([identity + first, permutation + second], axis=1).reshape(-1))
    answers = solve(np.concatenate(text[::-1]), k)[-size:] - 1 - (odd if k % 2 else even)
    if not np.array_equal(np.sort(answers), identity):
        raise ValueError(f"the answers of {k}-hop are no permutation of the arcs: it is wrong")
    return answers


def simulated(words: Words, k: int) -> Words:
    """Solve k-hop by our protocol, under the limits of its machines."""
    given = K_HOP.problem.instance(words, k=k)
    return Simulation(K_HOP.protocol_for(given), K_HOP.cluster(given), given.words).run()


class Digits(sympy.Function):  # type: ignore[misc]
    """The digits of a number in a base: floor(log_k x) + 1, on integers."""

    @classmethod
    def eval(cls, base: sympy.Expr, number: sympy.Expr) -> sympy.Expr | None:
        """Return how many there are, or None while an argument is no integer."""
        if not (base.is_Integer and number.is_Integer):
            return None
        return sympy.Integer(len(digits(int(number), int(base))))


def resources(n: int, k: int) -> tuple[Bound, ...]:
    """Return the bounds on calls, and on tokens and letters of each."""
    vertices, hops = sympy.symbols("n k", integer=True)
    formulas = {
        "calls": 2 * Digits(hops, vertices / 2) - 1,
        "tokens": (2 * hops + 1) * 2 * vertices,
        "letters": 4 * vertices,
    }
    values = {"n": n, "k": k}
    return tuple(
        Bound(name, formula, values, "upper" if name == "calls" else "exact", SOURCE)
        for name, formula in formulas.items()
    )


def memory_exponent(xi: str | float | Fraction, delta: str | float | Fraction) -> Fraction:
    """Return the exponent of n in the words of a machine: (1 - delta) / (1 - xi), below 1.

    Raises
    ------
    InputError
        Not 0 < xi < delta < 1: then the conjecture says nothing.
    """
    own, of_memory = as_exponent(xi, "xi"), as_exponent(delta, "delta")
    if not 0 < own < of_memory < 1:
        raise InputError(f"xi = {xi}, delta = {delta}: the bound needs 0 < xi < delta < 1")
    return (1 - of_memory) / (1 - own)
