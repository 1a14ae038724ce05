"""Graphs from lists of edges, and generated ones."""

from __future__ import annotations

import time
from collections.abc import Callable

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, strategies as st

from mpc_sim import InputError
from mpc_sim.inputs.edge_list import read_edge_list
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

# --- edge lists ---


def test_an_edge_list() -> None:
    lines = ["\ufeff# head", "% too", "", "a b", "b,c", "c , d\r", "e", "a a", "f f", "b a", "1 2"]
    graph = read_edge_list(lines, "g.txt")
    assert graph.names == ("a", "b", "c", "d", "e", "f", "1", "2")
    assert graph.edges.tolist() == [[0, 1], [1, 2], [2, 3], [6, 7]]
    assert graph.weights is None


def test_weights_are_asked_for_or_detected() -> None:
    lines = ["a b 7", "b a 4", "b,c,0"]
    for wanted in (True, None):
        graph = read_edge_list(lines, "g.txt", wanted)
        assert graph.weights is not None
        assert graph.weights.tolist() == [4, 0]
    with pytest.raises(InputError, match="line 1 has 3 columns; write 'u v'"):
        read_edge_list(lines, "g.txt", False)
    with pytest.raises(InputError, match="line 1 has 2 columns; write 'u v weight'"):
        read_edge_list(["a b"], "g.txt", True)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a b", "a b c d"], "g.txt, line 2 has 4 columns"),
        (["a b", "a b 3"], "g.txt, line 2 has 3 columns"),
        (["a b 3", "# x", "a b"], "g.txt, line 3 has 2 columns"),
        (["a b -3"], "line 1: weight '-3' is no integer"),
        (["a b 1.5"], "line 1: weight '1.5' is no integer"),
        (["a b 4611686018427387904"], "is no integer in 0 .. 2"),
        (["a,,b"], "line 1: 'a,,b' has a column that is empty"),
        (["a b, c"], "line 1: 'a b, c' has a column that is empty or holds a space"),
        (["# nothing"], "g.txt holds no vertex"),
        ([], "g.txt holds no vertex"),
    ],
)
def test_malformed_lines_are_named(lines: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_edge_list(lines, "g.txt")
    assert "\n" not in str(caught.value)


@given(
    pairs=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=30),
    separator=st.sampled_from([" ", "\t", ",", " , "]),
)
def test_any_edge_list(pairs: list[tuple[int, int]], separator: str) -> None:
    expected = nx.Graph()
    expected.add_edges_from((f"v{u}", f"v{v}") for u, v in pairs)
    expected.remove_edges_from(list(nx.selfloop_edges(expected)))
    graph = read_edge_list([f"v{u}{separator}v{v}" for u, v in pairs], "g.txt")
    assert graph.names is not None
    found = nx.relabel_nodes(graph.to_networkx(), dict(enumerate(graph.names)))
    assert set(found) == set(expected)
    assert nx.utils.graphs_equal(found, expected)


def test_a_hundred_thousand_edges_are_read_at_once() -> None:
    edges = random_graph(50_000, 100_000, seed=0).edges.tolist()
    lines = [f"v{u}\tv{v}" for u, v in edges]
    start = time.perf_counter()
    assert read_edge_list(lines, "g.txt").n_edges == 100_000
    assert time.perf_counter() - start < 2


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
