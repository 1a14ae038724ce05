"""Degrees of outputs, by Moebius transform on the oracles of the problems, and in general."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from mpc_sim import InputError
from mpc_sim.inputs.graphs import Graph
from reductions.problems.aggregate import AGGREGATE
from reductions.problems.columnsort import COLUMNSORT
from reductions.problems.connectivity import CONNECTIVITY
from reductions.problems.converge_cast import CONVERGE_CAST
from reductions.problems.definitions import MATCH2
from reductions.problems.degrees import clique_size, edges_of_a_clique, rational_degree
from reductions.problems.k_hop import K_HOP_PROBLEM
from reductions.problems.matrix_product import MATRIX_PRODUCT
from reductions.problems.prefix_sum import PREFIX_SUM
from reductions.problems.problem import Instance, Problem
from reductions.problems.reduce_by_key import REDUCE_BY_KEY
from reductions.problems.remove_duplicates import REMOVE_DUPLICATES
from reductions.problems.sample_sort import SAMPLE_SORT
from reductions.problems.selection import SELECTION
from reductions.problems.three_sum import THREE_SUM
from reductions.problems.triangle_count import TRIANGLE_COUNT

Words = np.ndarray
Restricted = tuple[Words, Words, int, int]
"""The two values of every word, the output word, and its value."""


def bits(token: int, value: int) -> Callable[[int], Restricted]:
    return lambda n: (np.zeros(n, np.int64), np.ones(n, np.int64), token % n, value % (n + 1))


def three(n: int) -> Restricted:
    values = [[1, 5], [1, 5], *[[-2, 7]] * (n - 2)]
    low, high = np.array(values).T + n**3
    return low, high, 0, 1


def partners(n: int) -> Restricted:
    """Modulo n + 5: 1 has the partner -1, and 2 has none; all others are -1 or 1."""
    low, high = np.ones(n, np.int64), np.full(n, n + 4)
    low[-1], high[-1] = 2, 1
    return low, high, n - 1, 1


def hop_letters(k: int) -> Callable[[int], Restricted]:
    def letters(n: int) -> Restricted:
        if k == 1:
            return np.array([2] * (n - 1) + [1]), np.zeros(n, np.int64), n - 1, 0
        if k == 2:
            return (
                np.array([0] * (n - 1) + [3]), np.array([1] * (n - 2) + [2, 1]), n - 1, 2
            )  # fmt: skip
        start = n - k - 2
        suffix = [2, *[0, *[3, 2] * k][: k + 1]]
        return np.array([1] * start + suffix), np.array([0] * start + suffix), n - 1, 0

    return letters


def one_key(n: int) -> Restricted:
    low, high = np.zeros(n, np.int64), np.arange(n) % 2
    return low, high, 1, n // 2


WORDS: dict[str, tuple[Problem, Callable[[int], Restricted], dict[str, int], tuple[int, ...]]] = {
    "sum": (AGGREGATE.problem, bits(0, -1), {}, (1, 2, 5, 8)),
    "maximum": (CONVERGE_CAST.problem, bits(0, 0), {}, (1, 2, 7)),
    "prefix sum": (PREFIX_SUM.problem, bits(-1, -1), {}, (1, 4, 8)),
    "sorting": (COLUMNSORT.problem, bits(0, 1), {}, (1, 4, 8)),
    "sample sort": (SAMPLE_SORT.problem, bits(0, 1), {}, (4, 8)),
    "distinct": (REMOVE_DUPLICATES.problem, bits(0, 2), {}, (2, 4, 8)),
    "second smallest": (SELECTION.problem, bits(0, 1), {"k": 2}, (2, 5, 8)),
    "3-SUM": (THREE_SUM.problem, three, {}, (3, 4, 6, 8)),
    "Match2": (MATCH2, partners, {}, (2, 3, 6, 8)),
    "1-hop": (K_HOP_PROBLEM, hop_letters(1), {"k": 1}, (2, 3, 6, 9)),
    "2-hop": (K_HOP_PROBLEM, hop_letters(2), {"k": 2}, (4, 5, 7, 10)),
    "3-hop": (K_HOP_PROBLEM, hop_letters(3), {"k": 3}, (6, 9, 11)),
    "5-hop": (K_HOP_PROBLEM, hop_letters(5), {"k": 5}, (8, 12)),
    "one key": (REDUCE_BY_KEY.problem, one_key, {}, (4, 9, 12)),
    "product": (MATRIX_PRODUCT.problem, lambda n: bits(0, int((n // 2) ** 0.5))(n), {}, (2, 8)),
}


@pytest.mark.parametrize("name", WORDS)
def test_a_degree_is_reached_at_small_sizes(name: str) -> None:
    problem, restrict, parameters, sizes = WORDS[name]
    assert problem.degree is not None
    for n in sizes:
        low, high, token, value = restrict(n)
        given = Instance(high, parameters, largest_word=int(high.max()) + 9)
        if problem is MATCH2:
            given = Instance(high, {"modulus": n + 5})
        if problem is K_HOP_PROBLEM:
            given = Instance(low, parameters, largest_word=4)

        def run(words: Words, given: Instance = given) -> Words:
            return problem.expected(Instance(words, given.parameters))

        assert rational_degree(run, low, high, token=token, value=value) == problem.degree(
            given.shape
        )


def clique_words(n: int, v: int) -> tuple[Words, Words]:
    """Words of a graph whose edges are those of a clique, or end in a vertex of their own."""
    pairs = list(itertools.combinations(range(v), 2))
    present = np.array(pairs)
    absent = np.stack([present[:, 0], v + np.arange(len(pairs))], axis=1)
    assert absent.max() < n
    return Graph(n, absent).words, Graph(n, present).words


@pytest.mark.parametrize("v", [2, 3, 4, pytest.param(5, marks=pytest.mark.slow)])
def test_edges_of_a_clique(v: int) -> None:
    m = v * (v - 1) // 2
    n = v + m
    low, high = clique_words(n, v)
    shape = Instance.of(Graph(n, high[n:].reshape(-1, 2))).shape
    for problem, token, value in (
        (CONNECTIVITY.problem, 1, 0),
        (TRIANGLE_COUNT.problem, 0, v * (v - 1) * (v - 2) // 6),
    ):
        if value == 0 and problem is TRIANGLE_COUNT.problem:
            continue

        def run(words: Words, problem: Problem = problem) -> Words:
            return problem.expected(Instance.of(Graph(n, words[n:].reshape(-1, 2))))

        assert rational_degree(run, low, high, token=token, value=value) == m
        assert problem.degree is edges_of_a_clique
        assert problem.degree(shape) == m


def test_the_clique_leaves_room_for_all_other_edges() -> None:
    for n in range(2, 40):
        for m in (0, 1, n - 1, 2 * n, n * (n - 1) // 2):
            v = clique_size(n, m)
            if v:
                left, edges = n - v - v * (v - 1) // 2, v * (v - 1) // 2
                assert left >= 0
                assert 0 <= m - edges <= left * (left + 1) // 2
    assert clique_size(256, 512) == 21


def test_degrees_of_functions_that_are_known() -> None:
    low, high = np.zeros(5, np.int64), np.ones(5, np.int64)
    known: list[tuple[Callable[[Words], int], int]] = [
        (lambda x: int(x.sum() % 2), 5),  # parity
        (lambda x: int(x.any()), 5),
        (lambda x: int(x[0] & x[3]), 2),
        (lambda x: 1, 0),
        (lambda x: int(x[0] == x[1] == x[2]), 2),  # not all equal: of degree 2 in 3 bits
    ]
    for function, degree in known:
        found = rational_degree(
            lambda words, f=function: np.array([f(words)]), low, high, token=0, value=1
        )
        assert found == degree
    with pytest.raises(InputError, match="21 words have two values"):
        rational_degree(np.sort, np.zeros(21, np.int64), np.ones(21, np.int64), token=0, value=0)
