"""Runs of graph algorithms by contraction, with every check that all of them share."""

from __future__ import annotations

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from mpc_sim import Ledger, Simulation
from mpc_sim.inputs.graphs import Graph
from reductions.problems.protocol_solver import ProtocolSolver

Words = NDArray[np.int64]
EPSILONS = ("1/2", "2/3")


def suited(algorithm: ProtocolSolver, graph: Graph, seed: int = 0) -> Graph:
    """The graph, with weights where the algorithm takes them; many are equal."""
    if algorithm.name != "minimum-spanning-forest":
        return graph
    weights = np.random.default_rng(seed).integers(0, 10, graph.n_edges)
    return Graph(graph.n_vertices, graph.edges, weights)


def smallest_vertices(graph: Graph) -> Words:
    """Component labels by networkx."""
    labels = np.zeros(graph.n_vertices, np.int64)
    for component in nx.connected_components(graph.to_networkx()):
        labels[list(component)] = min(component)
    return labels


def measured(ledger: Ledger) -> dict[str, int]:
    """What a run used, by the names of the bounds."""
    return {
        "rounds": ledger.n_rounds,
        "local_memory": ledger.max_held_words,
        "sent_words": ledger.max_sent_words,
        "received_words": ledger.max_received_words,
        "machines": ledger.machines_used,
    }


def run(algorithm: ProtocolSolver, graph: Graph, epsilon: str) -> tuple[Simulation, Words]:
    """Run in strict mode, compare with the oracle or verifier, check every bound."""
    cluster = algorithm.cluster(graph, epsilon)
    sim = Simulation(algorithm.protocol_for(graph), cluster, graph.words, keep_bytes=0)
    output = sim.run()
    assert algorithm.n_wrong(graph, output) == 0
    assert cluster.memory_factor is not None
    assert cluster.memory_factor <= 16
    used = measured(sim.ledger)
    for bound in algorithm.bounds_of(cluster, graph):
        check = bound.check(used[bound.quantity])
        assert check.status == "PASS", check.explain()
    return sim, output


def run_on_a_grid(algorithm: ProtocolSolver) -> None:
    """Bounds hold, also where s <= N / 8, and are at most 4 times what was measured there."""
    least: dict[str, float] = {}
    scarce = 0
    for n, epsilon, seed in ((500, "1/2", 1), (12000, "2/3", 0), (8000, "1/2", 1)):
        graph = algorithm.instance(n, seed)
        sim, _ = run(algorithm, graph, epsilon)
        used = measured(sim.ledger)
        scarce += sim.cluster.memory_words <= sim.cluster.n_words / 8
        for bound in algorithm.bounds_of(sim.cluster, graph):
            slack = bound.check(used[bound.quantity]).slack or 99.0
            least[bound.quantity] = min(least.get(bound.quantity, 99.0), slack)
    print(algorithm.name, {name: round(value, 2) for name, value in least.items()})
    assert scarce == 2
    assert least["rounds"] == 1
    assert max(least.values()) <= 4, least


def named_graphs() -> dict[str, Graph]:
    """Shapes that a contraction meets in the worst case, and some that are famous."""
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
