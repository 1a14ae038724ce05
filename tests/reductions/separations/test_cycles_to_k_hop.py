"""One cycle or two by calls of k-hop: right on every instance, within its resources."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import oracles
from mpc_sim import InputError, ShapeError
from mpc_sim.inputs.graph_instances import cycle, path
from mpc_sim.inputs.graphs import Graph
from mpc_sim.records import Words
from reductions.problems.cycle_counting import one_or_two_cycles
from reductions.problems.k_hop import K_HOP_PROBLEM, k_hop_oracle
from reductions.registry import solver
from reductions.separations.cycles_to_k_hop import (
    call,
    cycles_to_k_hop,
    memory_exponent,
    next_arc,
    resources,
    simulated,
)

HOPS = (2, 3, 4, 8)


def drawn(seed: int) -> tuple[Graph, int, int]:
    """A graph of 6 to 64 vertices in any order, its number of cycles, and k."""
    rng = np.random.default_rng(seed)
    n, n_cycles = 2 * int(rng.integers(3, 33)), 1 + seed % 2
    edges = one_or_two_cycles(n, seed, n_cycles).edges
    edges = rng.permutation(edges)
    turned = np.where(rng.integers(0, 2, n)[:, None] == 1, edges[:, ::-1], edges)
    return Graph(n, turned), n_cycles, HOPS[seed // 2 % len(HOPS)]


def check(seed: int) -> None:
    graph, n_cycles, k = drawn(seed)
    found = cycles_to_k_hop(graph, k, k_hop_oracle)
    assert found.n_cycles == n_cycles
    for bound in resources(graph.n_vertices, k):
        row = bound.check(getattr(found, bound.quantity))
        assert row.status == "PASS", row.explain()


def test_one_cycle_or_two() -> None:
    for seed in range(40):
        check(seed)


@pytest.mark.slow
def test_one_cycle_or_two_on_500_instances() -> None:
    for seed in range(500):
        check(seed)


def test_every_size_and_every_k() -> None:
    for n in range(6, 40, 2):
        for n_cycles in (1, 2):
            graph = one_or_two_cycles(n, n, n_cycles)
            assert cycles_to_k_hop(graph, 2 + n % 7, k_hop_oracle).n_cycles == n_cycles


def by_definition(words: Words, k: int) -> Words:
    return np.array(oracles.k_hop(words.tolist(), k))


def by_tree(words: Words, k: int) -> Words:
    return solver("k-hop/tree").build(K_HOP_PROBLEM.instance(words, k=k).shape).run(words)


@pytest.mark.parametrize("solve", [by_definition, simulated, by_tree])
def test_any_way_of_solving_k_hop_decides(solve: object) -> None:
    for n_cycles in (1, 2):
        graph = one_or_two_cycles(8, 1, n_cycles)
        assert cycles_to_k_hop(graph, 3, solve).n_cycles == n_cycles  # type: ignore[arg-type]


def test_a_call_composes_in_order() -> None:
    rng = np.random.default_rng(0)
    for k in (2, 3, 5):
        for count in range(1, k + 1):
            permutations = [rng.permutation(7) for _ in range(count)]
            expected = np.arange(7)
            for permutation in permutations:
                expected = permutation[expected]
            assert np.array_equal(call(permutations, k, by_definition), expected)


def test_an_arc_leads_to_the_next_and_never_back() -> None:
    graph = one_or_two_cycles(10, 3, 2)
    arcs = graph.edges.reshape(-1, 2)
    ends = np.stack([arcs, arcs[:, ::-1]], axis=1).reshape(-1, 2)
    for (tail, head), (start, end) in zip(ends, ends[next_arc(graph)], strict=True):
        assert head == start
        assert tail != end


def test_calls_grow_as_log_n_over_log_k() -> None:
    calls = {(n, k): resources(n, k)[0].value for n in (2**9, 2**13) for k in (2, 4, 16)}
    assert calls == {
        (2**9, 2): 17,
        (2**9, 4): 9,
        (2**9, 16): 5,
        (2**13, 2): 25,
        (2**13, 4): 13,
        (2**13, 16): 7,
    }


def test_the_scan_refuses_the_texts_of_a_call() -> None:
    """4 n letters are too many for copy maps: A k is about N."""
    shape = K_HOP_PROBLEM.instance(np.arange(4 * 4096), k=2).shape
    scan = solver("k-hop/scan").compiles
    with pytest.raises(ShapeError, match="over so many letters take k-hop"):
        scan.cluster(shape)


# --- hypotheses and canaries ---


def test_the_hypothesis_is_checked() -> None:
    assert memory_exponent("1/4", "1/2") == Fraction(2, 3)
    for xi, delta in (("1/2", "1/2"), ("1/2", "1/4"), ("0", "1/2"), ("1/2", "1")):
        with pytest.raises(InputError, match="needs 0 < xi < delta < 1"):
            memory_exponent(xi, delta)


def test_what_is_no_instance_is_refused() -> None:
    for graph, k, says in (
        (cycle(8), 1, "choose k >= 2"),
        (cycle(7), 2, "need an even n"),
        (path(8), 2, "does not have two edges"),
    ):
        with pytest.raises(InputError, match=says):
            cycles_to_k_hop(graph, k, k_hop_oracle)


def test_canary_a_wrong_k_hop_is_noticed() -> None:
    with pytest.raises(ValueError, match="no permutation of the arcs"):
        cycles_to_k_hop(cycle(8), 2, lambda words, k: k_hop_oracle(words, k - 1))
    two = one_or_two_cycles(16, 0, 2)
    fewer = cycles_to_k_hop(two, 4, lambda words, k: k_hop_oracle(words, k - 2))
    assert fewer.n_cycles == 1
    assert resources(16, 4)[0].check(fewer.calls + 4).status == "FAIL"
