"""The number of triangles: networkx as an oracle, bounds, twins, locality, canaries."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mpc_sim import Cluster, Protocol, ShapeError, Simulation, assert_local
from mpc_sim.algorithms.triangle_count import (
    DegreesToHeads,
    MakeWedges,
    SortWedges,
    TurnUpwards,
    largest_word,
    out_degree,
    triangle_count,
)
from mpc_sim.compose import Stages, sequence
from mpc_sim.inputs.graph_instances import complete, path, random_graph, star
from mpc_sim.inputs.graphs import Graph, GraphShape
from mpc_sim.records import Inbox, Records
from reductions.problems.triangle_count import TRIANGLE_COUNT as RECORD
from twins.triangle_count import triangle_count_twin

EPSILONS = ("1/2", "2/3")


def run(graph: Graph, epsilon: str) -> Simulation:
    """Run under all limits and compare with networkx."""
    protocol = triangle_count(graph.shape)
    sim = Simulation(protocol, RECORD.cluster(graph, epsilon), graph.words, keep_bytes=0)
    output, n = sim.run(), graph.n_vertices
    expected = sum(nx.triangles(graph.to_networkx()).values()) // 3
    assert set(output[:n].tolist()) == {expected}
    assert not output[n:].any()
    return sim


def within_bounds(graph: Graph, sim: Simulation) -> dict[str, float]:
    ledger = sim.ledger
    found = {
        "rounds": ledger.n_rounds,
        "local_memory": ledger.max_held_words,
        "sent_words": ledger.max_sent_words,
        "received_words": ledger.max_received_words,
        "machines": ledger.machines_used,
    }
    checks = [bound.check(found[bound.quantity]) for bound in RECORD.bounds_of(sim.cluster, graph)]
    assert [check.name for check in checks] == list(found)
    assert all(check.status == "PASS" for check in checks), [
        check.explain() for check in checks if check.status != "PASS"
    ]
    return {check.name: check.slack or 1.0 for check in checks}


@pytest.mark.parametrize("epsilon", EPSILONS)
@pytest.mark.parametrize("name", RECORD.hard)
def test_named_graphs(name: str, epsilon: str) -> None:
    for n in (1, 2, 7, 300):
        graph = RECORD.hard[name](n)
        sim = run(graph, epsilon)
        assert RECORD.n_wrong(graph, sim.output()) == 0
        within_bounds(graph, sim)


@settings(max_examples=30)
@given(
    n=st.integers(1, 12),
    pairs=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=50),
    epsilon=st.sampled_from(EPSILONS),
)
def test_any_graph(n: int, pairs: list[tuple[int, int]], epsilon: str) -> None:
    run(Graph.of(n, [(u % n, v % n) for u, v in pairs]), epsilon)


def test_disconnected() -> None:
    run(Graph.of(40, [(0, 1), (1, 2), (2, 0), (30, 31), (31, 32), (30, 32), (32, 33)]), "2/3")


@pytest.mark.slow
def test_bounds_on_a_grid() -> None:
    """Exact rounds; the other bounds are met within 4 somewhere, s <= N / 8 somewhere."""
    least: dict[str, float] = {}
    scarce = 0
    for n, epsilon, seed in itertools.product((100, 1000, 4000), EPSILONS, (0, 1)):
        graph = RECORD.instance(n, seed)
        sim = run(graph, epsilon)
        slack = within_bounds(graph, sim)
        assert (sim.cluster.memory_factor or 99) <= 16
        if sim.cluster.memory_words <= graph.shape.n_words // 8:
            scarce += 1
            least = {name: min(value, least.get(name, value)) for name, value in slack.items()}
    print(f"least slack on {scarce} scarce points: {least}")
    assert scarce >= 2
    assert all(value <= 4 for value in least.values())


@pytest.mark.parametrize(("epsilon", "rounds"), [("1/2", 118), ("2/3", 46), ("3/4", 39)])
def test_rounds_do_not_depend_on_n(epsilon: str, rounds: int) -> None:
    """At c_s = 8 and c_p = 2, from 36,864 words to 37,748,736."""
    found = set()
    for exponent in range(12, 23, 2):
        shape = GraphShape(2**exponent, 2 ** (exponent + 2))
        cluster = Cluster.from_exponents(
            shape.n_words,
            epsilon,
            "1/2",
            memory_factor=8,
            machine_factor=2,
            largest_word=largest_word(shape),
        )
        triangle_count(shape).check(cluster)
        found.add(triangle_count(shape).n_rounds(cluster))
    assert found == {rounds}


def test_every_vertex_has_at_most_sqrt_2m_edges_out() -> None:
    for graph in (complete(9), star(30), random_graph(40, 200, seed=0)):
        degree = np.bincount(graph.edges.ravel(), minlength=graph.n_vertices)
        out = np.zeros(graph.n_vertices, np.int64)
        for u, v in graph.edges.tolist():
            out[min((degree[u], u), (degree[v], v))[1]] += 1
        assert out.max() <= out_degree(graph.shape) <= math.sqrt(2 * graph.n_edges)


@pytest.mark.slow
def test_a_hundred_thousand_edges() -> None:
    graph = random_graph(20_000, 100_000, seed=0)
    within_bounds(graph, run(graph, "2/3"))


# --- twins, locality, refusals ---


def ledger_of(protocol: Protocol, graph: Graph, cluster: Cluster) -> tuple[list[int], list[Any]]:
    sim = Simulation(protocol, cluster, graph.words)
    output = sim.run().tolist()
    return output, [
        (row.label, row.n_messages, *(load.tolist() for load in (row.sent, row.received, row.held)))
        for row in sim.ledger.rounds
    ]


@pytest.mark.parametrize("epsilon", EPSILONS)
def test_twins(epsilon: str) -> None:
    for graph in (path(1), path(2), RECORD.instance(20, 0), complete(9), star(30)):
        cluster = RECORD.cluster(graph, epsilon)
        ours = ledger_of(triangle_count(graph.shape), graph, cluster)
        assert ours == ledger_of(triangle_count_twin(graph.shape), graph, cluster)


@pytest.mark.parametrize("epsilon", EPSILONS)
def test_local(epsilon: str) -> None:
    for graph in (complete(7), RECORD.instance(12, 1), path(1)):
        cluster = RECORD.cluster(graph, epsilon)
        assert_local(triangle_count(graph.shape), cluster, graph.words, n_batches=2)


@dataclass(frozen=True)
class Alone(MakeWedges):
    """Canary: a machine that looks at its own edges only misses wedges."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        nothing = Records.of(np.zeros(0, np.int64), low=[], high=[])
        return super().finish(
            Inbox(inbox.machines, dict(inbox.records) | {"after": nothing}), cluster
        )


def test_canary_wedges_span_machines() -> None:
    graph = complete(12)
    whole = triangle_count(graph.shape)
    assert isinstance(whole, Stages)
    stages = [Alone(one.shape) if isinstance(one, MakeWedges) else one for one in whole.stages]
    sim = Simulation(sequence(*stages), RECORD.cluster(graph), graph.words)
    assert sim.run()[0] < 220


def test_canary_a_bound_too_small_by_one_and_a_wrong_count() -> None:
    graph = RECORD.instance(300, 0)
    sim = run(graph, "1/2")
    bounds = {bound.quantity: bound for bound in RECORD.bounds_of(sim.cluster, graph)}
    rounds = bounds["rounds"]
    assert rounds.check(sim.ledger.n_rounds).status == "PASS"
    smaller = replace(rounds, expression=rounds.expression - 1)
    assert smaller.check(sim.ledger.n_rounds).status == "FAIL"
    assert RECORD.n_wrong(graph, sim.output() + 1) == graph.shape.n_words


def test_clusters_that_do_not_fit_are_refused_in_one_line() -> None:
    graph = RECORD.instance(1000, 0)
    shape, good = graph.shape, RECORD.cluster(graph)
    tiny = replace(good, memory_words=2, block_words=2, n_machines=good.n_words)
    wedges = SortWedges(("x", "y"), spread=True, shape=shape)
    few = Cluster.from_exponents(shape.n_words, "2/3")
    refused: list[tuple[Protocol, Cluster, str]] = [
        (triangle_count(shape), few, "raise"),
        (triangle_count(shape), replace(good, n_words=good.n_words + 1), "the cluster is made for"),
        (wedges, replace(few, word_bits=few.word_bits), "raise word_bits"),
        (DegreesToHeads(), tiny, "raise epsilon"),
        (TurnUpwards(shape), tiny, "raise epsilon"),
        (MakeWedges(shape), tiny, "raise epsilon"),
    ]
    for one, cluster, message in refused:
        with pytest.raises(ShapeError, match=message) as caught:
            one.check(cluster)
        assert "\n" not in str(caught.value)
