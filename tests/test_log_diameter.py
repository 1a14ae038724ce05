"""Components in log-diameter rounds: networkx, rounds that follow D, failures, twins, bounds."""

from __future__ import annotations

import math
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from contraction_checks import measured, named_graphs, run, smallest_vertices
from hypothesis import given, settings, strategies as st

from mpc_sim import Cluster, InputError, Simulation, assert_local, fit_cluster
from mpc_sim.algorithms.connectivity_log_diameter import (
    connectivity_log_diameter,
    contractions,
    guess_diameter,
    leader_odds,
)
from mpc_sim.algorithms.twins.connectivity_log_diameter import connectivity_log_diameter_twin
from mpc_sim.cluster import failure_word
from mpc_sim.graph_instances import caterpillar, cycle, path, shuffled
from mpc_sim.graphs import Graph, GraphShape
from reductions.algorithms.connectivity_log_diameter import (
    CONNECTIVITY_LOG_DIAMETER as RECORD,
    largest_diameter,
)


def compare(graph: Graph) -> None:
    _, output = run(RECORD, graph, "2/3")
    assert output[: graph.n_vertices].tolist() == smallest_vertices(graph).tolist()
    assert not output[graph.n_vertices :].any()


@pytest.mark.parametrize("name", named_graphs())
def test_named_graphs(name: str) -> None:
    compare(named_graphs()[name])


@settings(max_examples=10)
@given(data=st.data())
def test_any_graph(data: st.DataObject) -> None:
    n = data.draw(st.integers(1, 14))
    ends = st.integers(0, n - 1)
    graph = Graph.of(n, data.draw(st.lists(st.tuples(ends, ends), max_size=20)))
    searched = nx.connected_components(graph.to_networkx())
    whole = graph.to_networkx()
    assert largest_diameter(graph) == max(1, *(nx.diameter(whole.subgraph(c)) for c in searched))
    compare(graph)


def test_rounds_follow_the_diameter() -> None:
    """At one n, another doubling of D costs the same; with equal plans n does not matter."""
    rounds = []
    for diameter in (4, 8, 16, 32):
        graph = shuffled(caterpillar(40, diameter), seed=1)
        protocol = connectivity_log_diameter(graph.shape, diameter)
        shape_only = connectivity_log_diameter(path(40).shape, diameter)
        cluster = RECORD.cluster(caterpillar(40, 4))
        assert protocol.n_rounds(cluster) == shape_only.n_rounds(cluster)
        sim = Simulation(protocol, cluster, graph.words, keep_bytes=0)
        assert sim.run()[:40].tolist() == [0] * 40
        rounds.append(sim.ledger.n_rounds)
    steps = np.diff(rounds)
    assert steps[0] > 0
    assert (steps == steps[0]).all()
    print("rounds for D = 4, 8, 16, 32:", rounds)


def test_scarce_memory_and_slack() -> None:
    graph = shuffled(caterpillar(1400, 4), seed=0)
    protocol = connectivity_log_diameter(graph.shape, 4)
    cluster = fit_cluster(
        protocol, len(graph.words), "1/2", "1/2", memory_factor=8, largest_word=8400
    )
    assert cluster.memory_words <= cluster.n_words / 8
    sim = Simulation(protocol, cluster, graph.words, keep_bytes=0)
    assert sim.run()[:1400].tolist() == [0] * 1400
    used, slack = measured(sim.ledger), {}
    for bound in RECORD.bounds_of(cluster, graph):
        check = bound.check(used[bound.quantity])
        assert check.status == "PASS", check.explain()
        slack[bound.quantity] = check.slack
    print(sim.ledger.n_rounds, "rounds", slack)
    assert slack["rounds"] == 1
    assert max(slack.values()) <= 4


def test_a_guess_too_small_fails_everywhere() -> None:
    graph = shuffled(path(40), seed=2)
    cluster = RECORD.cluster(graph)
    protocol = connectivity_log_diameter(graph.shape, 1, phases=2)
    output = Simulation(protocol, cluster, graph.words, keep_bytes=0).run()
    assert set(output.tolist()) == {failure_word(cluster)}


def test_never_wrong() -> None:
    """Whatever D, phases and seed are, an output is right or a failure."""
    graph = shuffled(cycle(14), seed=0)
    cluster, failed, runs = RECORD.cluster(graph), 0, 0
    for seed in range(4):
        for diameter, phases in ((1, 1), (1, 3), (2, 2), (7, 1), (4, 3)):
            protocol = connectivity_log_diameter(graph.shape, diameter, seed, 3, phases)
            output = Simulation(protocol, cluster, graph.words, keep_bytes=0).run()
            runs += 1
            if RECORD.has_failed(output, cluster):
                failed += 1
            else:
                assert RECORD.n_wrong(graph, output) == 0
    assert 0 < failed < runs


def test_failures_are_as_rare_as_stated() -> None:
    """After 2 contractions by balls of 3, n q^2 / 3 = 0.51 of all seeds fail at most."""
    graph = path(5)
    chance = leader_odds(3) / 2**16
    p, n_runs = 5 * (chance + (1 - chance) ** 3) ** 2 / 3, 40
    assert 0.5 < p < 0.7
    tail = [math.comb(n_runs, k) * p**k * (1 - p) ** (n_runs - k) for k in range(n_runs + 1)]
    most = next(k for k in range(n_runs) if sum(tail[k + 1 :]) < 1e-3)
    assert most < n_runs
    cluster = Cluster(n_words=13, memory_words=200, n_machines=1, block_words=13, word_bits=9)
    failed = 0
    for seed in range(n_runs):
        protocol = connectivity_log_diameter(graph.shape, 4, seed, 3, 3)
        output = Simulation(protocol, cluster, graph.words, keep_bytes=0).run()
        failed += RECORD.has_failed(output, cluster)
    assert failed <= most


@pytest.mark.parametrize("shape", [GraphShape(50, 90), GraphShape(10**5, 10**6)])
def test_contractions_are_the_fewest(shape: GraphShape) -> None:
    b, chance = 7, leader_odds(7) / 2**16
    q, c = chance + (1 - chance) ** 7, contractions(shape, 7)
    assert shape.n_vertices * q**c / b <= 1 / shape.n_words * (1 + 1e-9)
    assert shape.n_vertices * q ** (c - 1) / b > 1 / shape.n_words


def test_guesses_add_up() -> None:
    graph = path(9)
    cluster = RECORD.cluster(graph)
    output, diameter, rounds = guess_diameter(graph, cluster)
    assert output[:9].tolist() == [0] * 9
    guesses = [2**power for power in range(diameter.bit_length())]
    each = [connectivity_log_diameter(graph.shape, one).n_rounds(cluster) for one in guesses]
    assert rounds == sum(each)


def test_local_and_twin() -> None:
    graph = RECORD.instance(8, 1)
    cluster = RECORD.cluster(graph)
    protocol = connectivity_log_diameter(graph.shape, 4, phases=2)
    assert_local(protocol, cluster, graph.words, n_batches=1)
    twin = connectivity_log_diameter_twin(protocol)
    sims = [Simulation(one, cluster, graph.words) for one in (protocol, twin)]
    assert sims[0].run().tolist() == sims[1].run().tolist()
    loads = [
        [(row.sent.tolist(), row.received.tolist(), row.held.tolist()) for row in sim.ledger.rounds]
        for sim in sims
    ]
    assert loads[0] == loads[1]


def test_canary_bounds() -> None:
    graph = path(12)
    sim, _ = run(RECORD, graph, "2/3")
    for bound in RECORD.bounds_of(sim.cluster, graph):
        smaller = replace(bound, expression=bound.expression * 0)
        assert smaller.check(measured(sim.ledger)[bound.quantity]).status == "FAIL"
    rounds = RECORD.bounds_of(sim.cluster, graph)[0]
    assert rounds.check(sim.ledger.n_rounds - 1).status == "FAIL"


def test_refusals() -> None:
    with pytest.raises(InputError, match="takes no weights"):
        connectivity_log_diameter(GraphShape(4, 3, is_weighted=True), 2)
    for arguments in ((0,), (2, -1), (2, 0, 1), (2, 0, 2, 0)):
        with pytest.raises(InputError, match="give at least 1, 0, 2 and 1"):
            connectivity_log_diameter(GraphShape(4, 3), *arguments)
