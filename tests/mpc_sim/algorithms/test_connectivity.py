"""Connected components: networkx, named and any graphs, bounds on a grid, a large graph."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from cases.contraction import EPSILONS, named_graphs, run, run_on_a_grid, smallest_vertices
from mpc_sim.inputs.graphs import Graph
from reductions.problems.connectivity import CONNECTIVITY


def compare(graph: Graph, epsilon: str) -> None:
    _, output = run(CONNECTIVITY, graph, epsilon)
    assert output[: graph.n_vertices].tolist() == smallest_vertices(graph).tolist()
    assert not output[graph.n_vertices :].any()


@pytest.mark.parametrize("name", named_graphs())
def test_named_graphs(name: str) -> None:
    graph = named_graphs()[name]
    compare(graph, EPSILONS[graph.n_edges % 2])


@pytest.mark.slow
@settings(max_examples=15)
@given(data=st.data())
def test_any_graph(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 20))
    ends = st.integers(0, n - 1)
    graph = Graph.of(n, data.draw(st.lists(st.tuples(ends, ends), max_size=30)))
    compare(graph, data.draw(st.sampled_from(EPSILONS)))


@pytest.mark.parametrize("name", CONNECTIVITY.hard)
def test_hard_graphs(name: str) -> None:
    compare(CONNECTIVITY.hard[name](150), EPSILONS[len(name) % 2])


@pytest.mark.slow
def test_bounds_on_a_grid() -> None:
    run_on_a_grid(CONNECTIVITY)


@pytest.mark.parametrize("epsilon", ["2/3", "1/2"])
@pytest.mark.slow
def test_a_hundred_thousand_edges(epsilon: str) -> None:
    pairs = np.random.default_rng(0).integers(0, 50_000, (100_000, 2))
    graph = Graph.of(50_000, pairs)
    sim, _ = run(CONNECTIVITY, graph, epsilon)
    assert sim.cluster.memory_words <= sim.cluster.n_words / 8
