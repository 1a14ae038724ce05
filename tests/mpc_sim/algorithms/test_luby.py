"""The maximal independent set: a verifier of its own, bounds, failures, twins, locality."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray

from mpc_sim import Cluster, InputError, Protocol, ShapeError, Simulation, assert_local
from mpc_sim.algorithms.maximal_independent_set import (
    JOINED,
    Agree,
    Tell,
    beaten,
    maximal_independent_set,
    phases,
)
from mpc_sim.cluster import failure_word
from mpc_sim.compose import Stages, sequence
from mpc_sim.inputs.graph_instances import karate_club, path, random_graph, star
from mpc_sim.inputs.graphs import Graph, GraphShape
from mpc_sim.records import Inbox, Records
from mpc_sim.stages.half_edges import ALIVE, Meet
from reductions.problems.maximal_independent_set import MAXIMAL_INDEPENDENT_SET as RECORD
from twins.maximal_independent_set import maximal_independent_set_twin

Words = NDArray[np.int64]
EPSILONS = ("1/2", "2/3")


def is_right(graph: Graph, output: Words) -> bool:
    """By networkx: no edge inside the set, and the set dominates."""
    n, nodes = graph.n_vertices, graph.to_networkx()
    if set(output[:n].tolist()) > {0, 1} or output[n:].any():
        return False
    chosen = set(np.flatnonzero(output[:n]).tolist())
    return nodes.subgraph(chosen).number_of_edges() == 0 and nx.is_dominating_set(nodes, chosen)


def run(graph: Graph, epsilon: str, **fields: Any) -> Simulation:
    protocol = maximal_independent_set(graph.shape, **fields)
    sim = Simulation(protocol, RECORD.cluster(graph, epsilon), graph.words, keep_bytes=0)
    sim.run()
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
    assert all(check.status == "PASS" for check in checks), [check.explain() for check in checks]
    return {check.name: check.slack or 1.0 for check in checks}


@pytest.mark.parametrize("epsilon", EPSILONS)
@pytest.mark.parametrize("name", RECORD.hard)
def test_named_graphs(name: str, epsilon: str) -> None:
    for n in (1, 2, 7, 300):
        graph = RECORD.hard[name](n)
        sim = run(graph, epsilon)
        assert is_right(graph, sim.output())
        assert RECORD.n_wrong(graph, sim.output()) == 0
        within_bounds(graph, sim)


@given(
    n=st.integers(1, 25),
    pairs=st.lists(st.tuples(st.integers(0, 24), st.integers(0, 24)), max_size=60),
    seed=st.integers(0, 2**40),
    epsilon=st.sampled_from(EPSILONS),
)
def test_any_graph(n: int, pairs: list[tuple[int, int]], seed: int, epsilon: str) -> None:
    graph = Graph.of(n, [(u % n, v % n) for u, v in pairs])
    output = run(graph, epsilon, seed=seed).output()
    assert is_right(graph, output) or RECORD.has_failed(output, RECORD.cluster(graph, epsilon))


def test_karate_club_and_disconnected() -> None:
    for graph in (karate_club(), Graph.of(40, [(0, 1), (1, 2), (2, 0), (30, 31)])):
        assert is_right(graph, run(graph, "2/3").output())


def test_canary_verifiers() -> None:
    """Not independent, not maximal, no answer, a word of an edge: each is seen."""
    graph = path(3)
    for vertices, edges in (([1, 1, 0], 0), ([1, 0, 0], 0), ([1, 0, 2], 0), ([1, 0, 1], 1)):
        output = np.array([*vertices, edges, 0, 0, 0])
        assert not is_right(graph, output)
        assert RECORD.n_wrong(graph, output) > 0


@pytest.mark.slow
def test_bounds_on_a_grid() -> None:
    """Exact rounds; the other bounds are met with a slack of 1 somewhere, s <= N / 8 somewhere."""
    least: dict[str, float] = {}
    scarce = 0
    for n, epsilon, seed in itertools.product((100, 6000), EPSILONS, (0, 1)):
        graph = RECORD.instance(n, seed)
        sim = run(graph, epsilon)
        assert RECORD.n_wrong(graph, sim.output()) == 0
        slack = within_bounds(graph, sim)
        assert (sim.cluster.memory_factor or 99) <= 16
        if sim.cluster.memory_words <= graph.shape.n_words // 8:
            scarce += 1
            least = {name: min(value, least.get(name, value)) for name, value in slack.items()}
    print(f"least slack on {scarce} scarce points: {least}")
    assert scarce >= 4
    assert all(value <= 4 for value in least.values())


def test_rounds_follow_log_n() -> None:
    """6 rounds a phase, ceil(log2(m N)) phases: twice the vertices, two phases more."""
    shapes = [GraphShape(2**e, 2 ** (e + 2)) for e in range(6, 16)]
    counts = [phases(shape, shape.n_words) for shape in shapes]
    assert set(np.diff(counts).tolist()) == {2}


@pytest.mark.slow
def test_a_hundred_thousand_edges() -> None:
    graph = random_graph(20000, 100_000, seed=0)
    sim = run(graph, "2/3")
    assert is_right(graph, sim.output())
    within_bounds(graph, sim)


# --- randomness and failure ---

SEEDS = 200


def allowed_failures(probability: Fraction) -> int:
    """Least k with P[Bin(200, probability) > k] <= 10^-6, exactly."""
    tail, k = Fraction(0), SEEDS
    while k >= 0:
        tail += math.comb(SEEDS, k) * probability**k * (1 - probability) ** (SEEDS - k)
        if tail > Fraction(1, 10**6):
            return k
        k -= 1
    return 0


@pytest.mark.slow
@pytest.mark.parametrize("inverse_failure", [None, 4])
def test_fails_as_rarely_as_it_says(inverse_failure: int | None) -> None:
    """Seeds are independent, so failures are dominated by Bin(200, delta); its exact quantile."""
    graph = random_graph(4, 4, seed=3)
    cluster = RECORD.cluster(graph, "2/3")
    failures = 0
    for seed in range(SEEDS):
        protocol = maximal_independent_set(graph.shape, seed, inverse_failure)
        output = Simulation(protocol, cluster, graph.words, keep_bytes=0).run()
        if RECORD.has_failed(output, cluster):
            failures += 1
        else:
            assert is_right(graph, output)
    assert failures <= allowed_failures(Fraction(1, inverse_failure or graph.shape.n_words))


def test_half_of_the_edges_go_in_a_phase() -> None:
    """The mean over 200 seeds of the edges that one phase leaves, against m / 2.

    A share lies in [0, 1], so by Hoeffding the mean of 200 exceeds its expectation by 0.19 with
    probability at most exp(-2 * 200 * 0.19^2) < 10^-6.
    """
    for graph in (path(60), star(60), random_graph(60, 240, seed=0)):
        shares = []
        u, v = graph.edges.T
        half = Records.of(
            np.zeros(2 * graph.n_edges, np.int64),
            vertex=np.append(u, v),
            other=np.append(v, u),
            state=ALIVE,
        )
        for seed in range(SEEDS):
            loses = np.zeros(graph.n_vertices, bool)
            loses[half["vertex"][beaten(half, seed, 0)]] = True
            gone = ~loses
            for one, other in graph.edges.tolist():
                gone[one] |= not loses[other]
                gone[other] |= not loses[one]
            shares.append(float(np.mean(~(gone[u] | gone[v]))))
        assert np.mean(shares) <= 0.5 + 0.19


def test_too_few_phases_say_so() -> None:
    """All words are the failure word or the output is right, never half an answer; both occur."""
    graph = random_graph(60, 300, seed=1)
    cluster = RECORD.cluster(graph, "2/3")
    ends = set()
    for seed, n_phases in itertools.product(range(10), (0, 1, 2)):
        protocol = maximal_independent_set(graph.shape, seed, n_phases=n_phases)
        output = Simulation(protocol, cluster, graph.words).run()
        failed = RECORD.has_failed(output, cluster)
        assert failed or is_right(graph, output)
        assert not failed or set(output.tolist()) == {failure_word(cluster)}
        ends.add(failed)
    assert ends == {True, False}


@dataclass(frozen=True)
class Hopeful(Agree):
    """Canary: hears no verdict, so a vertex whose run goes on decides on a part of it."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        nothing = Records.of(np.zeros(0, np.int64), bit=np.zeros(0, np.int64))
        names = ("verdict", "own verdict")
        return super().finish(
            Inbox(inbox.machines, dict(inbox.records) | dict.fromkeys(names, nothing)), cluster
        )


def test_canary_a_run_that_does_not_agree_is_wrong() -> None:
    graph = RECORD.hard["bipartite"](300)
    cluster, rights = RECORD.cluster(graph, "1/2"), []
    for seed in range(5):
        whole = maximal_independent_set(graph.shape, seed)
        assert isinstance(whole, Stages)
        stages = [
            Hopeful(one.shape, one.question, one.phase, one.seed) if isinstance(one, Agree) else one
            for one in whole.stages
        ]
        rights.append(is_right(graph, Simulation(sequence(*stages), cluster, graph.words).run()))
    assert not all(rights)


# --- twins, locality, refusals ---


def ledger_of(protocol: Protocol, graph: Graph, cluster: Cluster) -> tuple[list[int], list[Any]]:
    sim = Simulation(protocol, cluster, graph.words)
    output = sim.run().tolist()
    rows = sim.ledger.rounds
    return output, [
        (row.label, row.n_messages, *(load.tolist() for load in (row.sent, row.received, row.held)))
        for row in rows
    ]


@pytest.mark.parametrize("epsilon", EPSILONS)
def test_twins(epsilon: str) -> None:
    for graph in (path(1), path(2), RECORD.instance(12, 0), star(30), RECORD.hard["no edges"](5)):
        cluster = RECORD.cluster(graph, epsilon)
        ours = ledger_of(maximal_independent_set(graph.shape), graph, cluster)
        assert ours == ledger_of(maximal_independent_set_twin(graph.shape), graph, cluster)


def test_canary_twins() -> None:
    graph = RECORD.instance(20, 0)
    cluster = RECORD.cluster(graph, "2/3")
    ours = ledger_of(maximal_independent_set(graph.shape), graph, cluster)
    assert ours != ledger_of(maximal_independent_set_twin(graph.shape, 1), graph, cluster)


@pytest.mark.parametrize("epsilon", EPSILONS)
def test_local(epsilon: str) -> None:
    for graph in (star(24), RECORD.instance(8, 1), path(1)):
        cluster = RECORD.cluster(graph, epsilon)
        assert_local(maximal_independent_set(graph.shape), cluster, graph.words, n_batches=2)


def test_random_words_depend_on_the_seed_alone() -> None:
    graph = RECORD.instance(200, 0)
    outputs = [run(graph, "2/3", seed=seed).output().tolist() for seed in (5, 5, 6)]
    assert outputs[0] == outputs[1] != outputs[2]


def test_arguments() -> None:
    shape = GraphShape(4, 3)
    for fields in ({"seed": -1}, {"inverse_failure": 0}, {"n_phases": -1}):
        with pytest.raises(InputError, match="choose it at least"):
            maximal_independent_set(shape, **fields)


def test_clusters_that_do_not_fit_are_refused_in_one_line() -> None:
    graph = RECORD.instance(1000, 0)
    protocol = maximal_independent_set(graph.shape)
    good = RECORD.cluster(graph, "1/2")
    bits = Cluster(n_words=10, memory_words=60, n_machines=2, block_words=5, word_bits=4)
    Simulation(maximal_independent_set(path(4).shape), bits, path(4).words).run()
    refused = [
        (protocol, Cluster.from_exponents(9000, "1/2"), "raise"),
        (protocol, replace(good, n_words=9001), "the cluster is made for N = 9001"),
        (Tell(path(3).shape, JOINED, 0), Cluster(7, 60, 2, 4, word_bits=3), "raise word_bits"),
        (Meet(graph.shape), replace(good, memory_words=2 * good.block_words), "raise epsilon"),
        (
            Agree(graph.shape, "hit", 0, 0),
            replace(good, memory_words=3 * good.block_words),
            "raise epsilon",
        ),
    ]
    for one, cluster, message in refused:
        with pytest.raises(ShapeError, match=message) as caught:
            one.check(cluster)
        assert "\n" not in str(caught.value)


def test_canary_a_bound_too_small_by_one() -> None:
    graph = RECORD.instance(1000, 0)
    sim = run(graph, "2/3")
    bounds = {bound.quantity: bound for bound in RECORD.bounds_of(sim.cluster, graph)}
    assert bounds["sent_words"].check(sim.ledger.max_sent_words).status == "PASS"
    smaller = replace(bounds["sent_words"], expression=bounds["sent_words"].expression - 1)
    assert smaller.check(sim.ledger.max_sent_words).status == "FAIL"
