"""Components in log-diameter rounds: failures are declared and rare; guesses of the diameter."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest

from cases.log_diameter import Words, compare, roomy
from mpc_sim import Cluster, Inbox, Records, Simulation
from mpc_sim.algorithms.connectivity_log_diameter import (
    Join,
    connectivity_log_diameter,
    contractions,
    grow_balls,
    guess_diameter,
    leader_odds,
)
from mpc_sim.cluster import failure_word
from mpc_sim.compose import LocalStage, sequence
from mpc_sim.inputs.graph_instances import cycle, path, shuffled
from mpc_sim.inputs.graphs import Graph, GraphShape
from mpc_sim.placement import output_places
from mpc_sim.stages.contraction import EDGE, PARENT
from mpc_sim.stages.edges_home import EdgesHome
from mpc_sim.stages.waiting import Wait
from reductions.problems.connectivity_log_diameter import CONNECTIVITY_LOG_DIAMETER as RECORD


def test_a_guess_too_small_fails_everywhere() -> None:
    """Balls of 4 for D = 1: two phases cannot see across a path of 40."""
    graph = shuffled(path(40), seed=2)
    cluster = roomy(len(graph.words))
    for seed in range(5):
        protocol = connectivity_log_diameter(graph.shape, 1, seed, 4, phases=2)
        output = Simulation(protocol, cluster, graph.words, keep_bytes=0).run()
        assert set(output.tolist()) == {failure_word(cluster)}


@pytest.mark.slow
@pytest.mark.parametrize("graph", [cycle(14), path(17)], ids=["cycle", "path"])
def test_never_wrong(graph: Graph) -> None:
    """Whatever D, phases and seed are, an output is right or a failure everywhere."""
    graph, failed, runs = shuffled(graph, seed=0), 0, 0
    cluster = roomy(len(graph.words))
    for seed in range(5):
        for diameter, phases in ((1, 1), (1, 3), (2, 2), (7, 1), (4, 3)):
            protocol = connectivity_log_diameter(graph.shape, diameter, seed, 3, phases)
            output = Simulation(protocol, cluster, graph.words, keep_bytes=0).run()
            runs += 1
            if RECORD.has_failed(output, cluster):
                failed += 1
            else:
                compare(graph, output)
    assert 0 < failed < runs


@dataclass(frozen=True)
class Count(LocalStage):
    """Note how many vertices are still their own labels, and put zeros out."""

    seen: list[int] = field(default_factory=list, hash=False)

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        vertices, (owner, _) = inbox["parent"], output_places(inbox.machines, cluster)
        self.seen.append(int(np.sum(vertices["parent"] == np.arange(len(vertices)) + 1)))
        return Inbox(inbox.machines, {"output": Records.of(owner, word=np.zeros_like(owner))})


@pytest.mark.parametrize("ball", [2, 3])
def test_a_contraction_leaves_what_is_stated(ball: int) -> None:
    """Balls on a cycle are full, so n q labels are left on average: Hoeffding, 1 in 1000."""
    graph, n_runs = cycle(12), 200
    chance = leader_odds(ball) / 2**16
    left = 12 * (chance + (1 - chance) ** ball)
    margin = 12 * math.sqrt(math.log(2 / 1e-3) / (2 * n_runs))
    waits = (Wait("parent", PARENT, 12), Wait("edge", EDGE, 12))
    balls, count = grow_balls(graph.shape, 1, ball, waits), Count()
    cluster = roomy(len(graph.words), n_machines=1)
    for seed in range(n_runs):
        join = Join(graph.shape, ball, seed, 0, is_last=False)
        protocol = sequence(EdgesHome(graph.shape), balls, join, count)
        Simulation(protocol, cluster, graph.words, keep_bytes=0).run()
    assert len(count.seen) == n_runs
    assert abs(np.mean(count.seen) - left) <= margin


@pytest.mark.slow
@pytest.mark.parametrize("phases", [3, None])
def test_failures_are_as_rare_as_stated(phases: int | None) -> None:
    """Of 200 seeds at most as many fail as a binomial of n q^c / b exceeds once in 1000 times.

    Vertex 3 has leaves 1 and 2, which fill its ball of 3, so it never hears of 0 behind 4. After 2
    contractions at most 64 % fail, and some do; by default at most 1/N.
    """
    graph, ball, n_runs = Graph.of(5, [(3, 1), (3, 2), (3, 4), (4, 0)]), 3, 200
    chance = leader_odds(ball) / 2**16
    left = chance + (1 - chance) ** ball
    c = contractions(graph.shape, ball) if phases is None else phases - 1
    p = graph.n_vertices * left**c / ball
    assert p < 0.64 if phases else p <= 1 / len(graph.words)
    tail = [math.comb(n_runs, k) * p**k * (1 - p) ** (n_runs - k) for k in range(n_runs + 1)]
    most = next(k for k in range(n_runs) if sum(tail[k + 1 :]) < 1e-3)
    assert most < n_runs
    cluster = roomy(len(graph.words), n_machines=1)
    failed = 0
    for seed in range(n_runs):
        protocol = connectivity_log_diameter(graph.shape, 3, seed, ball, phases)
        output = Simulation(protocol, cluster, graph.words, keep_bytes=0).run()
        failed += RECORD.has_failed(output, cluster)
        assert RECORD.has_failed(output, cluster) or RECORD.n_wrong(graph, output) == 0
    print(f"{failed} of {n_runs} runs failed; {most} may")
    assert (phases is not None) <= failed <= most


@pytest.mark.parametrize("shape", [GraphShape(50, 90), GraphShape(10**5, 10**6)])
def test_contractions_are_the_fewest(shape: GraphShape) -> None:
    b, chance = 7, leader_odds(7) / 2**16
    q, c = chance + (1 - chance) ** 7, contractions(shape, 7)
    assert shape.n_vertices * q**c / b <= 1 / shape.n_words * (1 + 1e-9)
    assert shape.n_vertices * q ** (c - 1) / b > 1 / shape.n_words


def test_guesses_add_up() -> None:
    graph = shuffled(path(40), seed=0)
    cluster = roomy(len(graph.words))
    output, diameter, rounds = guess_diameter(graph, cluster)
    compare(graph, output)
    guesses = [1, 2, 4, 16, 40]
    assert diameter in guesses
    tried = guesses[: guesses.index(diameter) + 1]
    each = [connectivity_log_diameter(graph.shape, one).n_rounds(cluster) for one in tried]
    assert rounds == sum(each)


def test_guesses_end_in_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """If even D = n fails, the output says so."""
    graph = path(9)
    cluster = roomy(len(graph.words))
    failure = np.full(len(graph.words), failure_word(cluster))
    run_as_it_is = Simulation.run

    def run_and_fail(sim: Simulation) -> Words:
        run_as_it_is(sim)
        return failure

    monkeypatch.setattr(Simulation, "run", run_and_fail)
    output, diameter, _ = guess_diameter(graph, cluster)
    assert output.tolist() == failure.tolist()
    assert diameter == 9
