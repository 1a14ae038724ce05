"""Graphs from arrays, from networkx, and generated ones."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import networkx as nx
import numpy as np
import pytest

from mpc_sim import InputError
from mpc_sim.inputs.graph_instances import (
    caterpillar,
    complete,
    complete_bipartite,
    cycle,
    karate_club,
    path,
    power_law,
    random_graph,
    shuffled,
    star,
    two_cycles,
    weighted,
)
from mpc_sim.inputs.graphs import Graph

# --- generators ---


@pytest.mark.parametrize(
    ("made", "reference"),
    [
        (path(9), nx.path_graph(9)),
        (path(1), nx.path_graph(1)),
        (cycle(9), nx.cycle_graph(9)),
        (cycle(1), nx.empty_graph(1)),
        (two_cycles(9), nx.disjoint_union(nx.cycle_graph(4), nx.cycle_graph(5))),
        (two_cycles(1), nx.empty_graph(1)),
        (star(9), nx.star_graph(8)),
        (complete(7), nx.complete_graph(7)),
        (complete_bipartite(3, 5), nx.complete_bipartite_graph(3, 5)),
        (karate_club(), nx.karate_club_graph()),
    ],
)
def test_generators(made: Graph, reference: nx.Graph) -> None:
    assert made.n_vertices == len(reference)
    assert {frozenset(e) for e in made.edges.tolist()} == set(map(frozenset, reference.edges))


@pytest.mark.parametrize("n", [3, 8, 40])
def test_diameters(n: int) -> None:
    for diameter in {2, 3, n // 2, n - 1} - {1, n}:
        if diameter <= n - 1:
            graph = caterpillar(n, diameter)
            assert graph.n_edges == n - 1
            assert nx.diameter(graph.to_networkx()) == diameter


def test_random_graphs() -> None:
    for n, m in ((1, 0), (2, 1), (30, 400), (30, 20), (1000, 3000)):
        one, again, other = (random_graph(n, m, seed=seed) for seed in (1, 1, 2))
        assert one.n_edges == m
        assert np.array_equal(one.edges, again.edges)
        assert m < 20 or not np.array_equal(one.edges, other.edges)
    degrees = np.bincount(power_law(1000, 4000, seed=0).edges.ravel(), minlength=1000)
    assert degrees.max() > 20 * np.median(degrees)


def test_shuffled_and_weighted() -> None:
    graph = weighted(Graph(4, path(4).edges, names=tuple("abcd")), seed=0)
    other = shuffled(graph, seed=3)
    assert other.names is not None
    assert other.weights is not None
    assert graph.weights is not None
    named = {frozenset(other.names[v] for v in edge) for edge in other.edges.tolist()}
    assert named == {frozenset("ab"), frozenset("bc"), frozenset("cd")}
    assert sorted(other.weights) == sorted(graph.weights)


def test_generators_refuse() -> None:
    makes: list[Callable[[], Graph]] = [
        lambda: random_graph(3, 4, seed=0),
        lambda: caterpillar(5, 5),
        lambda: caterpillar(5, 1),
    ]
    for make in makes:
        with pytest.raises(InputError):
            make()


# --- what is no graph ---


@pytest.mark.parametrize(
    ("edges", "weights", "message"),
    [
        ([(0, 1), (0, 2), (1, 2)], [0.9, 0.5, 0.1], r"weights: float64 of shape \(3,\)"),
        ([[0, 1, 7], [1, 2, 5]], None, r"edges: int64 of shape \(2, 3\); give integers of shape"),
        ([0, 1, 1, 2], None, r"edges: int64 of shape \(4,\)"),
        ([(0.0, 1.0)], None, "edges: float64"),
        ([(True, False)], None, "edges: bool"),
        ([("0", "1")], None, "edges: <U1"),
        ([(0, 2**64)], None, "edges: (object|float64)"),
        ([(0, 1), (1,)], None, "edges: rows of different lengths"),
        ([(0, 3)], None, r"edges: from 0 to 3; give 0 \.\. 2$"),
        ([(0, -1)], None, r"edges: from -1 to 0"),
        ([(0, 1)], [1, 2], r"weights: int64 of shape \(2,\); give integers of shape \(1\)"),
        ([(0, 1)], [-1], r"weights: from -1 to -1; give 0 \.\. 46116860184273879"),
        ([(0, 1)], [2**62 - 1], "weights: from 46116860184273879"),
        ([(0, 1)], [2**63], "weights: from 9223372036854775808"),
    ],
)
def test_arrays_that_are_no_graph(edges: Any, weights: Any, message: str) -> None:
    for make in (Graph.of, Graph):
        with pytest.raises(InputError, match=message):
            make(3, np.array(edges) if message.startswith("edges: b") else edges, weights)


def test_empty_lists_and_every_integer_type() -> None:
    assert Graph.of(3, []).n_edges == 0
    for kind in (np.int8, np.uint64, np.int32):
        graph = Graph.of(3, np.array([[0, 1], [1, 0]], kind), np.array([5, 4], kind))
        assert (graph.edges.dtype, graph.edges.tolist()) == (np.int64, [[1, 0]])
    given = np.array([[0, 1]])
    graph = Graph(2, given)
    given[0, 0] = 1
    assert graph.edges.tolist() == [[0, 1]]
    for n in (0, -1, 2.0, True, 2**31 + 1, "3"):
        with pytest.raises(InputError):
            Graph.of(n, [])  # type: ignore[arg-type]


@pytest.mark.parametrize("weight", [None, float("nan"), float("inf"), 2**63, "abc", "7", -1, 1.5])
def test_weights_of_networkx_are_whole_numbers(weight: object) -> None:
    graph = nx.Graph()
    graph.add_edge("a", "b", weight=weight)
    with pytest.raises(InputError, match="edge 'a' - 'b', attribute 'weight'") as caught:
        Graph.from_networkx(graph, "weight")
    assert "\n" not in str(caught.value)


def test_what_networkx_leaves_open() -> None:
    with pytest.raises(InputError, match="several vertices are called '1'"):
        Graph.from_networkx(nx.Graph([(1, "1")]))
    graph = nx.Graph()
    graph.add_edge(0, 1, weight=2.0, cost=1)
    graph.add_edge(1, 2)
    with pytest.raises(InputError, match="no edge has the attribute 'wieght'; edges have cost, we"):
        Graph.from_networkx(graph, "wieght")
    for weight in (2.0, np.int32(2), Fraction(2)):
        graph[0][1]["weight"] = weight
        found = Graph.from_networkx(graph, "weight")
        assert found.weights is not None
        assert found.weights.tolist() == [2, 1]
    many = nx.MultiDiGraph()
    many.add_edges_from([(0, 1, {"w": 5}), (1, 0, {"w": 3}), (0, 1, {"w": 4}), (1, 1, {"w": 0})])
    found = Graph.from_networkx(many, "w")
    assert found.weights is not None
    assert (found.edges.tolist(), found.weights.tolist()) == ([[1, 0]], [3])
