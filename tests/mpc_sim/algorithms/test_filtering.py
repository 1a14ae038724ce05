"""Filtering: minimum spanning forests and maximal matchings of dense graphs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mpc_sim import (
    Cluster,
    InputError,
    Ledger,
    Outbox,
    Protocol,
    ShapeError,
    Simulation,
    assert_local,
    sequence,
)
from mpc_sim.algorithms.maximal_matching import DropWeights, MatchInPhases, maximal_matching
from mpc_sim.algorithms.minimum_spanning_forest_filtering import (
    MergeForests,
    minimum_spanning_forest_filtering,
)
from mpc_sim.cluster import failure_word
from mpc_sim.errors import MPCError
from mpc_sim.inputs.graphs import Graph, GraphShape
from mpc_sim.stages.edge_rows import LoadEdges, MarkEdges, seats, shuffled
from mpc_sim.stages.matching_plan import CERTAIN, MatchingPlan, plan_matching
from reductions import compile_protocol
from reductions.problems.dense_graphs import dense_graph, vertex_cluster
from reductions.problems.maximal_matching import MAXIMAL_MATCHING
from reductions.problems.minimum_spanning_forest_filtering import (
    MINIMUM_SPANNING_FOREST_FILTERING as SPANNING,
)
from reductions.problems.protocol_solver import ProtocolSolver
from twins.maximal_matching import maximal_matching_twin
from twins.minimum_spanning_forest_filtering import (
    minimum_spanning_forest_filtering_twin,
)

ALGORITHMS = {"spanning forest": SPANNING, "matching": MAXIMAL_MATCHING}
every_algorithm = pytest.mark.parametrize("name", ALGORITHMS)
MUS = (Fraction(1, 8), Fraction(1, 4), Fraction(1, 2))


def measured(ledger: Ledger) -> dict[str, int]:
    return {
        "rounds": ledger.n_rounds,
        "local_memory": ledger.max_held_words,
        "sent_words": ledger.max_sent_words,
        "received_words": ledger.max_received_words,
        "machines": ledger.machines_used,
    }


def cluster_for(algorithm: ProtocolSolver, graph: Graph, mu: Fraction | None = None) -> Cluster:
    if mu is None:
        return algorithm.cluster(graph)
    protocol, largest = algorithm.protocol_for(graph), algorithm.largest_word(graph)
    return vertex_cluster(protocol, graph.shape, mu, largest_word=largest)


def run(algorithm: ProtocolSolver, graph: Graph, mu: Fraction | None = None) -> Simulation:
    """Run, verify the output, check every bound."""
    cluster = cluster_for(algorithm, graph, mu)
    assert cluster.memory_factor is not None
    assert cluster.memory_factor <= 16
    sim = Simulation(algorithm.protocol_for(graph), cluster, graph.words)
    output = sim.run()
    if not algorithm.has_failed(output, cluster):
        assert algorithm.n_wrong(graph, output) == 0
    used = measured(sim.ledger)
    for bound in algorithm.bounds_of(cluster, graph):
        check = bound.check(used[bound.quantity])
        assert check.status == "PASS", check.explain()
    return sim


def weight_of(graph: Graph, output: Any) -> int:
    width = graph.shape.edge_words
    marks = output[graph.n_vertices :].reshape(-1, width)
    assert (marks == marks[:, :1]).all()
    assert not output[: graph.n_vertices].any()
    assert graph.weights is not None
    return int(graph.weights[marks[:, 0] == 1].sum())


# --- inputs ---


@st.composite
def graphs(draw: st.DrawFn, is_weighted: bool) -> Graph:
    n = draw(st.integers(1, 14))
    every = [(a, b) for a in range(n) for b in range(a)]
    edges = draw(st.lists(st.sampled_from(every), unique=True)) if every else []
    turned = [(b, a) if (a + b) % 3 == 0 else (a, b) for a, b in edges]
    weights = draw(st.lists(st.integers(0, 4), min_size=len(edges), max_size=len(edges)))
    return Graph(n, np.array(turned), np.array(weights) if is_weighted else None)


@settings(max_examples=60)
@given(data=st.data())
def test_spanning_forest(data: st.DataObject) -> None:
    graph = data.draw(graphs(data.draw(st.booleans())))
    output = run(SPANNING, graph, data.draw(st.sampled_from(MUS))).run()
    if graph.weights is not None:
        forest = nx.minimum_spanning_edges(graph.to_networkx(), data=True)
        assert weight_of(graph, output) == sum(edge["weight"] for _, _, edge in forest)


@settings(max_examples=60)
@given(data=st.data())
def test_matching(data: st.DataObject) -> None:
    graph = data.draw(graphs(data.draw(st.booleans())))
    sim = run(MAXIMAL_MATCHING, graph, data.draw(st.sampled_from(MUS)))
    output = sim.run()
    if not MAXIMAL_MATCHING.has_failed(output, sim.cluster):
        marks = output[graph.n_vertices :: graph.shape.edge_words][: graph.n_edges]
        chosen = {tuple(edge) for edge in graph.edges[marks == 1].tolist()}
        assert nx.is_maximal_matching(graph.to_networkx(), chosen)


@every_algorithm
@pytest.mark.parametrize("n", [1, 2, 3, 7, 40])
def test_hard_graphs(name: str, n: int) -> None:
    for make in ALGORITHMS[name].hard.values():
        run(ALGORITHMS[name], make(n))


@every_algorithm
def test_karate_club(name: str) -> None:
    graph = Graph.from_networkx(nx.karate_club_graph(), weight="weight")
    sim = run(ALGORITHMS[name], graph)
    if name == "spanning forest":
        forest = nx.minimum_spanning_edges(graph.to_networkx(), data=True)
        assert weight_of(graph, sim.run()) == sum(edge["weight"] for _, _, edge in forest)


def test_weights_and_ties() -> None:
    """Unweighted, the forest is that of the first edges; the oracle agrees edge by edge."""
    graph = dense_graph(30, 1, is_weighted=False)
    output = run(SPANNING, graph).run()
    assert output[30:].sum() == 2 * 29
    assert output[30:32].tolist() == [1, 1], "the first edge is in every such forest"


# --- bounds ---

GRID = [(64, None), (128, None), (256, None), (200, Fraction(1, 4)), (512, None)]


@every_algorithm
def test_bounds_on_a_grid(name: str) -> None:
    algorithm = ALGORITHMS[name]
    least_slack: dict[str, float] = {}
    scarce = 0
    for n, mu in GRID:
        for make in (lambda n: algorithm.instance(n, 0), algorithm.hard["complete"]):
            if n == 512 and make is not algorithm.hard["complete"]:
                continue
            graph = make(n)
            sim = run(algorithm, graph, mu)
            scarce += sim.cluster.memory_words <= sim.cluster.n_words / 8
            for bound in algorithm.bounds_of(sim.cluster, graph):
                check = bound.check(measured(sim.ledger)[bound.quantity])
                print(n, mu, check.name, check.measured, check.bound, check.slack)
                slack = check.slack or 99.0
                least_slack[check.name] = min(least_slack.get(check.name, 99.0), slack)
    assert scarce >= 2
    assert max(least_slack.values()) <= 4, least_slack


@pytest.mark.slow
@every_algorithm
def test_bounds_on_a_larger_graph(name: str) -> None:
    algorithm = ALGORITHMS[name]
    sim = run(algorithm, algorithm.instance(1024, 0))
    assert sim.cluster.memory_words <= sim.cluster.n_words / 8


@pytest.mark.parametrize("n", [64, 128, 256])
@pytest.mark.parametrize("memory_factor", [8, 16])
def test_forests_decay_by_the_arity(n: int, memory_factor: int) -> None:
    """After level l at most ceil(M / F^l) (n - 1) edges are left: nothing is random here."""
    graph = SPANNING.hard["complete"](n)
    protocol = minimum_spanning_forest_filtering(graph.shape)
    cluster = vertex_cluster(protocol, graph.shape, memory_factor=memory_factor, largest_word=n * n)
    sim = Simulation(protocol, cluster, graph.words)
    sim.run()
    parts = LoadEdges(graph.shape).n_holders(cluster)
    arity = MergeForests(graph.shape).tree(cluster).arity
    filtering = [row for row in sim.ledger.rounds if row.label == "filter"]
    assert len(filtering) >= 1
    for level, row in enumerate(filtering):
        left = int(row.sent.sum()) // 4
        assert left <= math.ceil(parts / arity**level) * (n - 1)
        assert left >= n - 1
    assert len(filtering) == next(k for k in range(99) if arity**k >= parts)


# --- the probability of failure ---


def test_plan_keeps_its_promises() -> None:
    """The two inequalities of the derivation, recomputed in another form, for many shapes."""
    for n, m, machines, memory, delta in [
        (64, 2016, 38, 1728, 4096),
        (256, 32640, 128, 8192, 65536),
        (512, 130816, 235, 17872, 2**18),
        (512, 130816, 235, 8936, 2),
    ]:
        held = -(-m // machines)
        plan = plan_matching(n, m, machines, memory, held, delta)
        assert plan is not None
        assert 3 * held + (2 * plan.quota + 1) * machines <= memory
        assert plan.left[0] == m
        assert plan.rates[-1] == CERTAIN
        events = 2 * plan.n_phases * delta
        for phase, (left, rate) in enumerate(zip(plan.left, plan.rates, strict=True)):
            mean = left * rate / CERTAIN * held / m
            count = plan.quota + 1
            tail = math.exp(count - mean) * (mean / count) ** count
            assert tail * events * machines <= 1 + 1e-6
            if phase + 1 < plan.n_phases:
                beyond = plan.left[phase + 1] + 1
                assert 2**n * events <= math.exp(beyond * rate / CERTAIN) or (
                    plan.left[phase + 1] == left
                )
    assert plan_matching(64, 2016, 38, 120, 54, 4096) is None


@pytest.mark.slow
def test_failures_over_many_seeds() -> None:
    """At most delta = 1/N fail on average: over 200 seeds of N > 500 words more than 3 failures
    have a probability below C(200, 4) / N^4 < 6.5e7 / 6.2e10 < 1.1e-3 by the union bound."""
    graph = MAXIMAL_MATCHING.hard["complete"](34)
    cluster = MAXIMAL_MATCHING.cluster(graph)
    assert len(graph.words) > 500
    assert maximal_matching(graph.shape).n_rounds(cluster) > 5, "several phases"
    failures = 0
    outputs = set()
    for seed in range(200):
        output = Simulation(maximal_matching(graph.shape, seed), cluster, graph.words).run()
        if MAXIMAL_MATCHING.has_failed(output, cluster):
            failures += 1
        else:
            assert MAXIMAL_MATCHING.n_wrong(graph, output) == 0
            outputs.add(output.tobytes())
    print("failures", failures, "different matchings", len(outputs))
    assert failures <= 3
    assert len(outputs) > 50


@dataclass(frozen=True)
class TightQuota(MatchInPhases):
    """Allows three sampled edges a machine, so that failures are frequent."""

    def plan(self, cluster: Cluster) -> MatchingPlan:
        plan = super().plan(cluster)
        return MatchingPlan(plan.held, 3, plan.left, plan.rates)


def tight(shape: GraphShape, seed: int) -> Protocol:
    match = TightQuota(shape, seed, shape.n_words)
    most = shape.n_vertices // 2
    return sequence(LoadEdges(shape, seed), DropWeights(), match, MarkEdges(shape, most))


def test_a_failed_run_says_so() -> None:
    """All words are the failure word, or the matching is right: nothing in between."""
    graph = MAXIMAL_MATCHING.hard["complete"](34)
    cluster = MAXIMAL_MATCHING.cluster(graph)
    failures = 0
    for seed in range(40):
        output = Simulation(tight(graph.shape, seed), cluster, graph.words).run()
        if np.any(output == failure_word(cluster)):
            assert MAXIMAL_MATCHING.has_failed(output, cluster)
            failures += 1
        else:
            assert MAXIMAL_MATCHING.n_wrong(graph, output) == 0
    assert failures > 0


@pytest.mark.parametrize("mu", [Fraction(1, 8), Fraction(1, 4), Fraction(3, 8)])
def test_matchings_decay_as_planned(mu: Fraction) -> None:
    """The edges that are left stay below the plan; all seeds together fail with 20 / N < 1e-3."""
    graph = MAXIMAL_MATCHING.hard["complete"](150)
    cluster = cluster_for(MAXIMAL_MATCHING, graph, mu)
    plan = MatchInPhases(graph.shape, 0, graph.shape.n_words).plan(cluster)
    assert 20 / graph.shape.n_words < 1e-3
    print(mu, cluster.memory_factor, plan.n_phases, plan.left)
    most = [0] * plan.n_phases
    for seed in range(20):
        sim = Simulation(maximal_matching(graph.shape, seed), cluster, graph.words)
        while not sim.finished:
            sim.step()
            phase, inner = divmod(sim.round - 2, 3)
            if inner == 0 and phase < plan.n_phases:
                most[phase] = max(most[phase], len(sim.inbox["live"]))
    assert most[0] == plan.left[0] == graph.n_edges
    assert all(left <= limit for left, limit in zip(most, plan.left, strict=True)), most
    assert sorted(set(plan.left), reverse=True) == list(plan.left)


def test_more_memory_needs_fewer_phases() -> None:
    """O(c / mu): at c_s = 16 phases do not grow with mu, and one is enough at mu = c."""
    graph = MAXIMAL_MATCHING.hard["complete"](150)
    rounds = []
    for mu in (Fraction(1, 8), Fraction(1, 4), Fraction(1, 2), Fraction(1)):
        protocol = maximal_matching(graph.shape)
        cluster = vertex_cluster(protocol, graph.shape, mu, memory_factor=16)
        rounds.append(protocol.n_rounds(cluster))
    assert rounds == sorted(rounds, reverse=True)
    assert rounds[0] > rounds[-1] == 5


def test_edges_are_shuffled() -> None:
    assert sorted(shuffled(100, 3).tolist()) == list(range(100))
    assert shuffled(100, 3).tolist() != shuffled(100, 4).tolist()
    own = seats(100, 3, 9)[18:27].tolist()
    assert own == sorted(own)
    assert {int(at) // 9 for at in shuffled(100, 3)[own]} == {2}


# --- twins, locality, compilation ---


def rows_of_ledger(ledger: Ledger) -> list[Any]:
    return [
        (row.label, row.sent.tolist(), row.received.tolist(), row.held.tolist(), row.n_messages)
        for row in ledger.rounds
    ]


@every_algorithm
@pytest.mark.parametrize("n", [1, 5, 20, 34])
def test_twin(name: str, n: int) -> None:
    algorithm = ALGORITHMS[name]
    for graph in (algorithm.instance(n, 1), algorithm.hard["complete"](n)):
        cluster = algorithm.cluster(graph)
        twin_of = (
            minimum_spanning_forest_filtering_twin
            if name == "spanning forest"
            else maximal_matching_twin
        )
        columnar = Simulation(algorithm.protocol_for(graph), cluster, graph.words)
        twin = Simulation(twin_of(graph.shape), cluster, graph.words)
        assert columnar.run().tolist() == twin.run().tolist()
        assert rows_of_ledger(columnar.ledger) == rows_of_ledger(twin.ledger)


def test_twin_of_a_failure() -> None:
    graph = MAXIMAL_MATCHING.hard["complete"](34)
    cluster = MAXIMAL_MATCHING.cluster(graph)
    plan = MatchInPhases(graph.shape, 0, 1000).plan(cluster)
    assert plan.n_phases > 1
    for seed in range(20):
        sim = Simulation(tight(graph.shape, seed), cluster, graph.words)
        if MAXIMAL_MATCHING.has_failed(sim.run(), cluster):
            assert_local(tight(graph.shape, seed), cluster, graph.words)
            return
    pytest.fail("no seed fails")


@every_algorithm
@pytest.mark.parametrize("n", [1, 6, 34])
def test_local(name: str, n: int) -> None:
    algorithm = ALGORITHMS[name]
    graph = algorithm.hard["complete"](n)
    assert_local(algorithm.protocol_for(graph), algorithm.cluster(graph), graph.words)


@every_algorithm
def test_compiled(name: str) -> None:
    algorithm = ALGORITHMS[name]
    graph = algorithm.instance(7, 2)
    protocol, cluster = algorithm.protocol_for(graph), algorithm.cluster(graph)
    transformer = compile_protocol(protocol, cluster)
    expected = Simulation(protocol, cluster, graph.words).run()
    assert transformer.run(graph.words).tolist() == expected.tolist()


# --- refusals and canaries ---


def test_refusals() -> None:
    graph = dense_graph(40, 0)
    small = Cluster(graph.shape.n_words, 200, 20, 100)
    with pytest.raises(ShapeError, match=r"two forests of 40 vertices .* raise c_s"):
        Simulation(SPANNING.protocol_for(graph), small, graph.words)
    with pytest.raises(ShapeError, match=r"samples of .* raise c_s or mu"):
        Simulation(maximal_matching(graph.shape), small, graph.words)
    with pytest.raises(ShapeError, match="are 10 words; this cluster takes"):
        Simulation(SPANNING.protocol(GraphShape(4, 3)), small, graph.words)
    with pytest.raises(InputError, match="the seed is at least 0"):
        maximal_matching(graph.shape, -1)
    with pytest.raises(InputError, match="1 / delta"):
        maximal_matching(graph.shape, 0, 0)


def test_canary_verifier() -> None:
    """Not maximal, not a matching, marks that disagree, marks on vertices."""
    path = Graph(4, np.array([[0, 1], [1, 2], [2, 3]]))
    good = [0, 0, 0, 0, 1, 1, 0, 0, 1, 1]
    assert MAXIMAL_MATCHING.n_wrong(path, np.array(good)) == 0
    assert MAXIMAL_MATCHING.n_wrong(path, np.array([0] * 4 + [0, 0, 1, 1, 0, 0])) == 0
    for wrong in (
        [0] * 4 + [1, 1, 0, 0, 0, 0],
        [0] * 4 + [1, 1, 1, 1, 0, 0],
        [0] * 4 + [1, 0, 0, 0, 1, 1],
        [1, 0, 0, 0, *good[4:]],
        [0] * 10,
        [0] * 4 + [2, 2, 0, 0, 1, 1],
    ):
        assert MAXIMAL_MATCHING.n_wrong(path, np.array(wrong)) > 0


@dataclass(frozen=True)
class OnePhase(MatchInPhases):
    """Ends after the first phase: edges remain."""

    def n_rounds(self, cluster: Cluster) -> int:
        return 3


@dataclass(frozen=True)
class KeepsNoForest(MergeForests):
    """Sends all edges on without filtering them."""

    def step(self, round: int, inbox: Any, cluster: Cluster) -> Outbox:
        edges, outbox = inbox["edges"], Outbox()
        to = self.tree(cluster).parent(round, edges.machine)
        outbox.send("edges", source=edges.machine, to=to, **edges.columns)
        return outbox


def test_canary_protocols() -> None:
    graph = MAXIMAL_MATCHING.hard["complete"](34)
    cluster, shape = MAXIMAL_MATCHING.cluster(graph), graph.shape
    stages = (LoadEdges(shape, 0), DropWeights(), OnePhase(shape, 0, shape.n_words))
    early = Simulation(sequence(*stages, MarkEdges(shape, 17)), cluster, graph.words)
    assert MAXIMAL_MATCHING.n_wrong(graph, early.run()) > 0

    graph = SPANNING.hard["complete"](64)
    cluster, shape = SPANNING.cluster(graph), graph.shape
    greedy = sequence(LoadEdges(shape), KeepsNoForest(shape), MarkEdges(shape, 63))
    with pytest.raises(MPCError, match="edges"):
        Simulation(greedy, cluster, graph.words).run()


@every_algorithm
def test_canary_bounds(name: str) -> None:
    algorithm = ALGORITHMS[name]
    graph = algorithm.instance(64, 0)
    sim = run(algorithm, graph)
    for bound in algorithm.bounds_of(sim.cluster, graph):
        assert bound.check(bound.value + 1).status == "FAIL"
