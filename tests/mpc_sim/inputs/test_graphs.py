"""Graphs from arrays, from networkx, and generated ones."""

from __future__ import annotations

from collections.abc import Callable

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
    path_of_cliques,
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
    cliques = path_of_cliques(n, 4).to_networkx()
    assert nx.is_connected(cliques)
    assert max(len(c) for c in nx.find_cliques(cliques)) == min(n, 4)


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
        lambda: path_of_cliques(5, 0),
    ]
    for make in makes:
        with pytest.raises(InputError):
            make()
