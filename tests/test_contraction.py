"""Connected components and forests by contraction: oracles, bounds, failures, guards."""

from __future__ import annotations

import math

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from mpc_sim import Cluster, InputError, Ledger, ShapeError, Simulation, assert_local
from mpc_sim.algorithms.connectivity import connectivity
from mpc_sim.algorithms.contraction import n_phases
from mpc_sim.cluster import failure_word
from mpc_sim.graphs import Graph, GraphShape
from reductions.algorithms.algorithm import GraphAlgorithm
from reductions.algorithms.connectivity import CONNECTIVITY

Words = NDArray[np.int64]
ALGORITHMS = [CONNECTIVITY]
EPSILONS = ("1/2", "2/3")
every_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda one: one.name)


def weighted(graph: Graph, seed: int, most: int = 9) -> Graph:
    weights = np.random.default_rng(seed).integers(0, most + 1, graph.n_edges)
    return Graph(graph.n_vertices, graph.edges, weights)


def suited(algorithm: GraphAlgorithm, graph: Graph, seed: int = 0) -> Graph:
    """The graph, with weights where the algorithm takes them."""
    return weighted(graph, seed) if algorithm.name == "minimum_spanning_forest" else graph


def expected(algorithm: GraphAlgorithm, graph: Graph) -> Words:
    """Labels by networkx; edges are checked apart."""
    labels = np.zeros(graph.n_vertices, np.int64)
    for component in nx.connected_components(graph.to_networkx()):
        labels[list(component)] = min(component)
    return labels


def measured(ledger: Ledger) -> dict[str, int]:
    return {
        "rounds": ledger.n_rounds,
        "local_memory": ledger.max_held_words,
        "sent_words": ledger.max_sent_words,
        "received_words": ledger.max_received_words,
        "machines": ledger.machines_used,
    }


def run(algorithm: GraphAlgorithm, graph: Graph, epsilon: str) -> Simulation:
    """Run in strict mode, compare with networkx and the oracle, check every bound."""
    cluster = algorithm.cluster(graph, epsilon)
    protocol = algorithm.protocol_for(graph)
    sim = Simulation(protocol, cluster, graph.words, keep_bytes=0)
    output = sim.run()
    assert algorithm.n_wrong(graph, output) == 0
    assert output[: graph.n_vertices].tolist() == expected(algorithm, graph).tolist()
    assert cluster.memory_factor is not None
    assert cluster.memory_factor <= 16
    used = measured(sim.ledger)
    for bound in algorithm.bounds_of(cluster, graph):
        check = bound.check(used[bound.quantity])
        assert check.status == "PASS", check.explain()
    return sim


def named_graphs() -> dict[str, Graph]:
    of = Graph.from_networkx
    return {
        "one vertex": Graph.of(1, []),
        "no edge": Graph.of(6, []),
        "one edge": Graph.of(2, [(1, 0)]),
        "star": of(nx.star_graph(40)),
        "path": of(nx.path_graph(40)),
        "cycle": of(nx.cycle_graph(33)),
        "two cycles": of(nx.disjoint_union(nx.cycle_graph(20), nx.cycle_graph(20))),
        "complete": of(nx.complete_graph(15)),
        "bipartite": of(nx.complete_bipartite_graph(7, 12)),
        "disconnected": of(nx.disjoint_union(nx.complete_graph(6), nx.empty_graph(30))),
        "power law": of(nx.barabasi_albert_graph(80, 2, seed=0)),
        "karate club": of(nx.karate_club_graph()),
    }


# --- outputs and bounds ---


@every_algorithm
@pytest.mark.parametrize(("name", "graph"), named_graphs().items(), ids=lambda one: str(one)[:20])
def test_named_graphs(algorithm: GraphAlgorithm, name: str, graph: Graph) -> None:
    epsilon = EPSILONS[graph.n_edges % 2]
    run(algorithm, suited(algorithm, graph), epsilon)


@every_algorithm
@settings(max_examples=15)
@given(data=st.data())
def test_any_graph(algorithm: GraphAlgorithm, data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 20))
    ends = st.integers(0, n - 1)
    graph = Graph.of(n, data.draw(st.lists(st.tuples(ends, ends), max_size=30)))
    if algorithm.name == "minimum_spanning_forest":
        weights = data.draw(
            st.lists(st.integers(0, 4), min_size=graph.n_edges, max_size=graph.n_edges)
        )
        graph = Graph(n, graph.edges, np.array(weights, np.int64))
    run(algorithm, graph, data.draw(st.sampled_from(EPSILONS)))


@every_algorithm
def test_bounds_on_a_grid(algorithm: GraphAlgorithm) -> None:
    least: dict[str, float] = {}
    scarce = 0
    for n, epsilon, seed in ((500, "1/2", 1), (12000, "2/3", 0), (8000, "1/2", 0)):
        graph = algorithm.instance(n, seed)
        sim = run(algorithm, graph, epsilon)
        used = measured(sim.ledger)
        scarce += sim.cluster.memory_words <= sim.cluster.n_words / 8
        for bound in algorithm.bounds_of(sim.cluster, graph):
            slack = bound.check(used[bound.quantity]).slack or 99.0
            least[bound.quantity] = min(least.get(bound.quantity, 99.0), slack)
    print(algorithm.name, {name: round(value, 2) for name, value in least.items()})
    assert scarce == 2
    assert max(least.values()) <= 4, least


@every_algorithm
def test_hard_graphs(algorithm: GraphAlgorithm) -> None:
    for at, make in enumerate(algorithm.hard.values()):
        run(algorithm, make(300), EPSILONS[at % 2])


@every_algorithm
def test_canary_bounds(algorithm: GraphAlgorithm) -> None:
    graph = algorithm.instance(60, 0)
    sim = run(algorithm, graph, "1/2")
    bounds = {bound.quantity: bound for bound in algorithm.bounds_of(sim.cluster, graph)}
    assert bounds["rounds"].kind == "exact"
    assert bounds["rounds"].check(sim.ledger.n_rounds - 1).status == "FAIL"
    for name in ("local_memory", "sent_words", "received_words", "machines"):
        assert bounds[name].check(bounds[name].value + 1).status == "FAIL"


@pytest.mark.parametrize("epsilon", EPSILONS)
def test_a_hundred_thousand_edges(epsilon: str) -> None:
    pairs = np.random.default_rng(0).integers(0, 50_000, (100_000, 2))
    sim = run(CONNECTIVITY, Graph.of(50_000, pairs), epsilon)
    assert sim.cluster.memory_words <= sim.cluster.n_words / 8


@every_algorithm
def test_local(algorithm: GraphAlgorithm) -> None:
    for graph in (algorithm.instance(12, 0), suited(algorithm, Graph.of(3, []))):
        protocol = algorithm.protocol(graph.shape, phases=3)
        assert_local(protocol, algorithm.cluster(graph, "2/3"), graph.words, n_batches=2)


# --- failures ---


@every_algorithm
def test_too_few_phases_fail_everywhere(algorithm: GraphAlgorithm) -> None:
    """One phase leaves many labels of a path alive, no phase all of them."""
    path = suited(algorithm, Graph.from_networkx(nx.path_graph(50)))
    cluster = algorithm.cluster(path, "2/3")
    for phases in (0, 1, 2):
        protocol = algorithm.protocol(path.shape, phases=phases)
        output = Simulation(protocol, cluster, path.words).run()
        assert set(output.tolist()) == {failure_word(cluster)}
        assert algorithm.has_failed(output, cluster)


@every_algorithm
def test_never_wrong(algorithm: GraphAlgorithm) -> None:
    """With as many phases as one component in two needs, an output is right or a failure."""
    graph = suited(algorithm, Graph.from_networkx(nx.karate_club_graph()))
    failed = 0
    cluster = algorithm.cluster(graph, "2/3")
    for seed in range(40):
        protocol = algorithm.protocol(graph.shape, seed=seed, phases=9)
        output = Simulation(protocol, cluster, graph.words, keep_bytes=0).run()
        if algorithm.has_failed(output, cluster):
            failed += 1
        else:
            assert algorithm.n_wrong(graph, output) == 0
    assert 0 < failed < 40


def test_failures_are_as_rare_as_stated() -> None:
    """At most l (3/4)^t / 2 = 0.0951 of all seeds fail, so a binomial tail bounds 200 of them."""
    path = Graph.from_networkx(nx.path_graph(6))
    p, n_runs = 6 * 0.75**12 / 2, 200
    tail = [math.comb(n_runs, k) * p**k * (1 - p) ** (n_runs - k) for k in range(n_runs + 1)]
    most = next(k for k in range(n_runs) if sum(tail[k + 1 :]) < 1e-6)
    assert 0.05 < p < 0.1
    assert most < 50
    cluster = CONNECTIVITY.cluster(path, "2/3")
    failed = 0
    for seed in range(n_runs):
        protocol = connectivity(path.shape, seed=seed, phases=12)
        failed += CONNECTIVITY.has_failed(
            Simulation(protocol, cluster, path.words, keep_bytes=0).run(), cluster
        )
    assert failed <= most


# --- phases and refusals ---


@pytest.mark.parametrize("shape", [GraphShape(2, 1), GraphShape(50, 9), GraphShape(10**5, 10**6)])
def test_phases_are_the_fewest(shape: GraphShape) -> None:
    t, live = n_phases(shape), min(shape.n_vertices, 2 * shape.n_edges)
    assert live * 3**t * shape.n_words <= 2 * 4**t
    assert live * 3 ** (t - 1) * shape.n_words > 2 * 4 ** (t - 1)


def test_refusals() -> None:
    shape = GraphShape(4, 3)
    with pytest.raises(InputError, match="connectivity takes no weights"):
        connectivity(GraphShape(4, 3, is_weighted=True))
    with pytest.raises(InputError, match="seed = -1"):
        connectivity(shape, seed=-1)
    with pytest.raises(InputError, match="phases = -1"):
        connectivity(shape, phases=-1)
    sizes = {"memory_words": 60, "n_machines": 3, "block_words": 4, "word_bits": 9}
    connectivity(shape).check(Cluster(n_words=10, **sizes))
    with pytest.raises(ShapeError, match="N = 11 words; a graph of 4 vertices and 3 edges has 10"):
        connectivity(shape).check(Cluster(n_words=11, **sizes))
    bits = {"n_words": 10, "memory_words": 60, "n_machines": 3, "block_words": 4}
    with pytest.raises(ShapeError, match="words go up to 16, word_bits = 4: raise word_bits"):
        connectivity(GraphShape(2, 4)).check(Cluster(**bits))
    cluster = Cluster(n_words=10, **sizes)
    with pytest.raises(InputError, match=r"edge 1 joins 2 and 4; vertices are 0 \.\. 3"):
        Simulation(connectivity(shape), cluster, [0, 1, 2, 3, 0, 1, 2, 4, 0, 3]).run()


def test_loops_and_repetitions_do_no_harm() -> None:
    """Words of a file may hold them, a Graph may not."""
    words = [0, 1, 2, 3, 2, 2, 3, 1, 1, 3]
    cluster = Cluster(n_words=10, memory_words=60, n_machines=3, block_words=4, word_bits=9)
    output = Simulation(connectivity(GraphShape(4, 3)), cluster, words).run()
    assert output.tolist() == [0, 1, 2, 1, 0, 0, 0, 0, 0, 0]
