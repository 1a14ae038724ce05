"""Rational degrees of one bit of an output, each input word restricted to two values.

The indicator that an output word has a value is then a function of bits, and so one polynomial over
the rationals that is linear in every bit. Its degree bounds rounds (`full_information`). At small
sizes `rational_degree` finds it; in general it is shown below that a coefficient is not 0.

*Every word.* On bits [sum = N], [minimum = 1] and [OR = 0] are products of all words or of their
complements. 3-SUM: two words stand for 1 or 5, the others for -2 or 7; three have the sum 0 iff
both are 1 and one of the others is -2: y z (1 - prod (1 - x)). Match2: the last word is y or z, the
others y's partner or a word without one: y (1 - prod (1 - x)).

*k-hop.* One hop: the last letter is a or b, the others a or c; there is no answer iff it is b, or
no other is a: (1 - y) + y prod (1 - x). Two hops: n = N - 2 letters x are 0 or 1, the next is 0, or
2 iff z, the last 3, or 1 iff y. From the last 1 of x the answer is 1 iff y, some 0 stands before
it, and it is not x_n with z; h says that some 0 does: y h(x) (1 - x_n z), where x_n h(x) is x_n (1
- prod of the others), so y z prod x has the coefficient 1. For more hops the last k + 2 letters
u a v u v .. are fixed and walk back to a in k - 1 hops; the letters before are a or c, and there is
an answer iff one is a.

*Edges.* Number e of the edges of a clique on v vertices is there, or its second end is a vertex
that no other edge has: connectivity of the v vertices and triangles among them are functions of
which edges are there. The vertices 0 and 1 are connected with the coefficient

    sum over C of A(C) B(rest),  A(C) = (-1)^(c-1) (c-1)!,  B = 1 for at most one vertex, else 0

over the components C of 0 and 1 with c vertices, A the signed count of connected graphs on C, B of
all graphs on the rest: C is everything or leaves one vertex out, up to sign (v-1)! - (v-2) (v-2)! =
(v-2)!. All triangles are there iff all edges are, a product.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mpc_sim import InputError
from mpc_sim.records import Words
from reductions.problems.problem import Shape

MOST_BITS = 20


def rational_degree(
    function: Callable[[Words], Words], low: Words, high: Words, *, token: int, value: int
) -> int:
    """Return the degree of the indicator that an output word has a value.

    Parameters
    ----------
    function : callable
        int64[N] words -> int64[N] words.
    low, high : int64[N]
        The two values of every word; a word with one value is fixed.

    Raises
    ------
    InputError
        More than 20 words have two values.

    Notes
    -----
    2^n runs of the function for n words with two values, and a Moebius transform of n 2^n steps.
    """
    free = np.flatnonzero(low != high)
    n = len(free)
    if n > MOST_BITS:
        raise InputError(f"{n} words have two values: choose at most {MOST_BITS}")
    table = np.zeros(2**n, np.int64)
    for chosen in range(2**n):
        words = low.copy()
        taken = free[(chosen >> np.arange(n)) & 1 == 1]
        words[taken] = high[taken]
        table[chosen] = function(words)[token] == value
    cube = table.reshape((2,) * n)
    for axis in range(n):  # the coefficient of a set is the signed sum over its subsets
        absent, present = np.split(cube, 2, axis)
        cube = np.concatenate([absent, present - absent], axis)
    monomials = np.flatnonzero(cube.reshape(-1))
    return max((int(monomial).bit_count() for monomial in monomials), default=0)


def every_word(shape: Shape) -> int:
    """Return N: sum, parity, OR, minimum and what contains them."""
    return shape.n_words


def three_words_and_more(shape: Shape) -> int:
    """Return N for 3-SUM; below three words there is no solution."""
    return shape.n_words if shape.n_words >= 3 else 0


def hops(shape: Shape) -> int:
    """Return N for one hop or two, N - k - 2 for more; 0 for too few letters or tokens."""
    n, k = shape.n_words, shape["k"]
    if shape.largest_word < 3 + (k > 1):
        return 0
    if k <= 1:
        return n if k == 1 < n else 1 - k
    if k == 2 and n >= 4:
        return n
    return max(n - k - 2, 0)


def residues(shape: Shape) -> int:
    """Return N for Match2; 0 for so few residues that some numbers have no such values."""
    return shape.n_words if shape["modulus"] >= 5 else 0


def every_value(shape: Shape) -> int:
    """Return the pairs (key, value): with one key for all, the sum of their values."""
    return shape.n_words // 2


def a_row_and_a_column(shape: Shape) -> int:
    """Return 2 a for matrices of side a, N = 2 a^2: on bits a product entry is a iff all are 1."""
    side = 0
    while 2 * (side + 1) ** 2 <= shape.n_words:
        side += 1
    return 2 * side


def clique_size(n: int, m: int) -> int:
    """Return the most vertices v of a clique whose edges can be absent one by one.

    Its v (v - 1) / 2 edges have a vertex each for a second end elsewhere; the other edges of the m
    lie between vertex 0 and the vertices that are left, as many as there are.
    """
    best = 0
    for v in range(2, n + 1):
        edges = v * (v - 1) // 2
        left = n - v - edges
        if left < 0 or edges > m:
            break
        if m - edges <= left * (left + 1) // 2:
            best = v
    return best


def edges_of_a_clique(shape: Shape) -> int:
    """Return v (v - 1) / 2 for the largest clique that fits, 0 where there is none."""
    assert shape.graph is not None
    v = clique_size(shape.graph.n_vertices, shape.graph.n_edges)
    return v * (v - 1) // 2
