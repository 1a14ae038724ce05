"""What all contractions share: locality, twins, failures, survivors, guards, canaries."""

from __future__ import annotations

import math

import networkx as nx
import numpy as np
import pytest

from cases.contraction import run, suited
from mpc_sim import Cluster, InputError, ShapeError, Simulation, assert_local, sequence
from mpc_sim.algorithms.connectivity import connectivity
from mpc_sim.algorithms.cycle_counting import cycle_counting
from mpc_sim.algorithms.minimum_spanning_forest import minimum_spanning_forest
from mpc_sim.algorithms.spanning_forest import spanning_forest
from mpc_sim.cluster import failure_word
from mpc_sim.inputs.graphs import Graph, GraphShape
from mpc_sim.stages.contraction import contraction, n_phases, waiting
from mpc_sim.stages.edges_home import EdgesHome
from reductions.problems.connectivity import CONNECTIVITY
from reductions.problems.cycle_counting import CYCLE_COUNTING
from reductions.problems.minimum_spanning_forest import MINIMUM_SPANNING_FOREST
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.problems.spanning_forest import SPANNING_FOREST
from twins.contraction import contraction_twin

ALGORITHMS = [CONNECTIVITY, SPANNING_FOREST, MINIMUM_SPANNING_FOREST, CYCLE_COUNTING]
every_algorithm = pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda one: one.name)


@every_algorithm
def test_canary_bounds(algorithm: ProtocolSolver) -> None:
    graph = algorithm.instance(60, 0)
    sim, _ = run(algorithm, graph, "1/2")
    bounds = {bound.quantity: bound for bound in algorithm.bounds_of(sim.cluster, graph)}
    assert bounds["rounds"].kind == "exact"
    assert bounds["rounds"].check(sim.ledger.n_rounds - 1).status == "FAIL"
    for name in ("local_memory", "sent_words", "received_words", "machines"):
        assert bounds[name].check(bounds[name].value + 1).status == "FAIL"


@every_algorithm
def test_local(algorithm: ProtocolSolver) -> None:
    graphs = [algorithm.instance(12, 1)]
    if algorithm is not CYCLE_COUNTING:
        graphs.append(suited(algorithm, Graph.of(3, [])))
    for graph in graphs:
        protocol = algorithm.protocol(graph.shape, phases=3)
        assert_local(protocol, algorithm.cluster(graph, "2/3"), graph.words, n_batches=2)


@every_algorithm
@pytest.mark.parametrize(("n", "epsilon", "phases"), [(10, "2/3", 3), (16, "1/2", 8)])
def test_twin(algorithm: ProtocolSolver, n: int, epsilon: str, phases: int) -> None:
    """Plain functions of one machine do the same, word for word, round for round."""
    graph = algorithm.instance(n, 1)
    cluster = algorithm.cluster(graph, epsilon)
    columnar = algorithm.protocol(graph.shape, phases=phases)
    sims = [Simulation(one, cluster, graph.words) for one in (columnar, contraction_twin(columnar))]
    assert sims[0].run().tolist() == sims[1].run().tolist()
    loads = [
        [
            (row.sent.tolist(), row.received.tolist(), row.held.tolist(), row.n_messages)
            for row in sim.ledger.rounds
        ]
        for sim in sims
    ]
    assert loads[0] == loads[1]


# --- failures ---


@every_algorithm
def test_too_few_phases_fail_everywhere(algorithm: ProtocolSolver) -> None:
    """One phase leaves many labels of a cycle alive, no phase all of them."""
    graph = suited(algorithm, Graph.from_networkx(nx.cycle_graph(50)))
    cluster = algorithm.cluster(graph, "2/3")
    for phases in (0, 1, 2):
        protocol = algorithm.protocol(graph.shape, phases=phases)
        output = Simulation(protocol, cluster, graph.words).run()
        assert set(output.tolist()) == {failure_word(cluster)}
        assert algorithm.has_failed(output, cluster)


@pytest.mark.parametrize(
    "algorithm",
    [ALGORITHMS[0], *(pytest.param(one, marks=pytest.mark.slow) for one in ALGORITHMS[1:])],
    ids=lambda one: one.name,
)
def test_never_wrong(algorithm: ProtocolSolver) -> None:
    """With too few phases for most seeds an output is right or a failure."""
    graph = suited(algorithm, Graph.from_networkx(nx.cycle_graph(12)))
    failed = 0
    cluster = algorithm.cluster(graph, "2/3")
    for seed in range(16):
        protocol = algorithm.protocol(graph.shape, seed=seed, phases=6)
        output = Simulation(protocol, cluster, graph.words, keep_bytes=0).run()
        if algorithm.has_failed(output, cluster):
            failed += 1
        else:
            assert algorithm.n_wrong(graph, output) == 0
    assert 0 < failed < 16


@pytest.mark.slow
def test_failures_are_as_rare_as_stated() -> None:
    """At most l (3/4)^t / 2 = 0.267 of all seeds fail, so a binomial tail bounds 200 of them."""
    path = Graph.from_networkx(nx.path_graph(3))
    p, n_runs = 3 * 0.75**6 / 2, 200
    tail = [math.comb(n_runs, k) * p**k * (1 - p) ** (n_runs - k) for k in range(n_runs + 1)]
    most = next(k for k in range(n_runs) if sum(tail[k + 1 :]) < 1e-6)
    assert 0.26 < p < 0.27
    assert most < 90
    cluster = Cluster(n_words=7, memory_words=60, n_machines=1, block_words=7, word_bits=9)
    failed = 0
    for seed in range(n_runs):
        protocol = connectivity(path.shape, seed=seed, phases=6)
        failed += CONNECTIVITY.has_failed(
            Simulation(protocol, cluster, path.words, keep_bytes=0).run(), cluster
        )
    assert failed <= most


@pytest.mark.parametrize("prefers_leaders", [True, False])
def test_three_quarters_of_the_labels_survive_at_most(prefers_leaders: bool) -> None:
    """The mean share of 40 first phases of a path of 300 vertices.

    It is a function of 12,000 independent coins; one of them changes what becomes of its vertex and
    of two neighbours, so the mean by 3 / 12,000. McDiarmid: beyond 3/4 by e with probability at
    most exp(-2 e^2 12,000 / 9) = 10^-6 for e = 0.072.
    """
    graph = Graph.from_networkx(nx.path_graph(300))
    cluster, waits = CONNECTIVITY.cluster(graph, "2/3"), waiting(graph.shape, has_tags=False)
    margin = math.sqrt(9 * math.log(1e6) / (2 * 12_000))
    assert 0.07 < margin < 0.073
    shares = []
    for seed in range(40):
        phase = contraction(graph.shape, seed, 1, prefers_leaders=prefers_leaders, waits=waits)
        sim = Simulation(sequence(EdgesHome(graph.shape), phase), cluster, graph.words)
        for _ in sim:
            pass
        left = sim.protocol.finish(sim.inbox, cluster)["edge"]
        shares.append(len(np.union1d(left["left"], left["right"])) / 300)
    assert np.mean(shares) <= 0.75 + margin
    assert np.mean(shares) >= 0.25


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
    with pytest.raises(InputError, match="spanning_forest takes no weights"):
        spanning_forest(GraphShape(4, 3, is_weighted=True))
    with pytest.raises(InputError, match="minimum_spanning_forest needs weights"):
        minimum_spanning_forest(shape)
    with pytest.raises(InputError, match="4 vertices and 3 edges: where every vertex"):
        cycle_counting(shape)
    with pytest.raises(InputError, match="4 vertices and 4 edges with weights: where"):
        cycle_counting(GraphShape(4, 4, is_weighted=True))
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
