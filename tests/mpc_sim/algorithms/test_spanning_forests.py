"""Spanning forests, of least weight or any: networkx, verifiers, bounds on a grid."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from cases.contraction import (
    EPSILONS,
    Words,
    named_graphs,
    run,
    run_on_a_grid,
    smallest_vertices,
    suited,
)
from mpc_sim.inputs.graphs import Graph
from reductions.problems.minimum_spanning_forest import MINIMUM_SPANNING_FOREST
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.problems.spanning_forest import SPANNING_FOREST

ALGORITHMS = [SPANNING_FOREST, MINIMUM_SPANNING_FOREST]
every_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda one: one.name)


def chosen_edges(graph: Graph, output: Words) -> Words:
    """The edges of the output, of which all words agree."""
    marks = output[graph.n_vertices :].reshape(-1, graph.shape.edge_words)
    assert (marks == marks[:, :1]).all()
    assert set(marks.ravel().tolist()) <= {0, 1}
    return np.flatnonzero(marks[:, 0])


def compare(algorithm: ProtocolSolver, graph: Graph, epsilon: str) -> None:
    """Labels and forest against networkx: no cycle, the same components, the least weight."""
    _, output = run(algorithm, graph, epsilon)
    assert output[: graph.n_vertices].tolist() == smallest_vertices(graph).tolist()
    chosen = chosen_edges(graph, output)
    forest = Graph(graph.n_vertices, graph.edges[chosen])
    assert len(chosen) == 0 or nx.is_forest(forest.to_networkx())
    assert smallest_vertices(forest).tolist() == smallest_vertices(graph).tolist()
    if graph.weights is not None:
        best = nx.minimum_spanning_tree(graph.to_networkx())
        assert graph.weights[chosen].sum() == best.size(weight="weight")


@every_algorithm
@pytest.mark.parametrize("name", named_graphs())
@pytest.mark.slow
def test_named_graphs(algorithm: ProtocolSolver, name: str) -> None:
    graph = named_graphs()[name]
    compare(algorithm, suited(algorithm, graph), EPSILONS[graph.n_edges % 2])


@pytest.mark.slow
@every_algorithm
@settings(max_examples=10)
@given(data=st.data())
def test_any_graph(algorithm: ProtocolSolver, data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 14))
    ends = st.integers(0, n - 1)
    graph = Graph.of(n, data.draw(st.lists(st.tuples(ends, ends), max_size=25)))
    graph = suited(algorithm, graph, data.draw(st.integers(0, 99)))
    compare(algorithm, graph, data.draw(st.sampled_from(EPSILONS)))


@every_algorithm
@pytest.mark.parametrize("name", SPANNING_FOREST.hard)
def test_hard_graphs(algorithm: ProtocolSolver, name: str) -> None:
    compare(algorithm, algorithm.hard[name](80), EPSILONS[len(name) % 2])


@pytest.mark.parametrize(
    "algorithm",
    [SPANNING_FOREST, pytest.param(MINIMUM_SPANNING_FOREST, marks=pytest.mark.slow)],
    ids=lambda one: one.name,
)
def test_bounds_on_a_grid(algorithm: ProtocolSolver) -> None:
    run_on_a_grid(algorithm)


def test_canary_verifier() -> None:
    """A cycle, a missing edge, half an edge and a wrong label are each found."""
    graph = Graph.of(4, [(0, 1), (1, 2), (2, 0)])
    good = np.array([0, 0, 0, 3, 1, 1, 1, 1, 0, 0])
    assert SPANNING_FOREST.n_wrong(graph, good) == 0
    for place, word in ((8, 1), (4, 0), (3, 0), (5, 2)):
        bad = good.copy()
        bad[place] = word
        assert SPANNING_FOREST.n_wrong(graph, bad) > 0
    closed = np.array([0, 0, 0, 3, 1, 1, 1, 1, 1, 1])
    lost = np.array([0, 0, 0, 3, 1, 1, 0, 0, 0, 0])
    assert SPANNING_FOREST.n_wrong(graph, closed) == 1
    assert SPANNING_FOREST.n_wrong(graph, lost) == 1


def test_equal_weights_go_by_the_order_of_the_input() -> None:
    graph = Graph(5, np.array([(3, 4), (0, 1), (1, 2), (2, 0), (2, 3)]), np.zeros(5, np.int64))
    _, output = run(MINIMUM_SPANNING_FOREST, graph, "2/3")
    assert chosen_edges(graph, output).tolist() == [0, 1, 2, 4]
