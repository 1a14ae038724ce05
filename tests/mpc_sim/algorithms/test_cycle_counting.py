"""One cycle or two: counted right, and a broken promise is said."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from cases.contraction import EPSILONS, run, run_on_a_grid
from mpc_sim import Cluster, Simulation
from mpc_sim.algorithms.cycle_counting import cycle_counting
from mpc_sim.inputs.graphs import Graph, GraphShape
from reductions.problems.cycle_counting import CYCLE_COUNTING, one_or_two_cycles


def compare(graph: Graph, epsilon: str) -> None:
    """Against networkx: components if all degrees are 2, else 0."""
    plain = graph.to_networkx()
    regular = all(degree == 2 for _, degree in plain.degree())
    count = nx.number_connected_components(plain) if regular else 0
    _, output = run(CYCLE_COUNTING, graph, epsilon)
    assert set(output[: graph.n_vertices].tolist()) == {count}
    assert not output[graph.n_vertices :].any()


@pytest.mark.parametrize("n", [3, 6, 7, 40, 101])
@pytest.mark.parametrize("n_cycles", [1, 2])
def test_one_or_two_cycles(n: int, n_cycles: int) -> None:
    if n >= 3 * n_cycles:
        graph = one_or_two_cycles(n, n, n_cycles)
        assert nx.number_connected_components(graph.to_networkx()) == n_cycles
        compare(graph, EPSILONS[n % 2])


@pytest.mark.slow
@settings(max_examples=15)
@given(
    lengths=st.lists(st.integers(3, 7), min_size=1, max_size=4),
    swap=st.booleans(),
    seed=st.integers(0, 999),
)
def test_any_cycles(lengths: list[int], swap: bool, seed: int) -> None:
    """Also with one end of an edge moved elsewhere, which breaks the promise."""
    rng, first = np.random.default_rng(seed), 0
    names = rng.permutation(sum(lengths))
    edges = []
    for length in lengths:
        edges += [(names[first + k], names[first + (k + 1) % length]) for k in range(length)]
        first += length
    if swap:
        edges[0] = (edges[0][0], int(rng.integers(first)))
    graph = Graph.of(first, edges)
    if graph.n_edges == first:
        compare(graph, EPSILONS[seed % 2])


@pytest.mark.parametrize("name", CYCLE_COUNTING.hard)
def test_hard_graphs(name: str) -> None:
    compare(CYCLE_COUNTING.hard[name](150), EPSILONS[len(name) % 2])


@pytest.mark.slow
def test_bounds_on_a_grid() -> None:
    run_on_a_grid(CYCLE_COUNTING)


def test_loops_and_double_edges_break_the_promise_or_count() -> None:
    """Words of a file may hold them: a loop is no edge, a double edge a cycle of two."""
    cluster = Cluster(n_words=12, memory_words=90, n_machines=3, block_words=4, word_bits=9)
    protocol = cycle_counting(GraphShape(4, 4))
    for edges, count in (
        ([0, 0, 1, 1, 2, 3, 3, 2], 0),
        ([0, 1, 1, 2, 2, 0, 3, 3], 0),
        ([0, 1, 1, 0, 2, 3, 3, 2], 2),
        ([0, 1, 1, 2, 2, 3, 3, 0], 1),
    ):
        output = Simulation(protocol, cluster, [0, 1, 2, 3, *edges]).run()
        assert output.tolist() == [count] * 4 + [0] * 8
