"""Components in log-diameter rounds: networkx, balls, rounds that follow D, failures, bounds."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from cases.contraction import EPSILONS, measured, named_graphs, run
from cases.log_diameter import compare, roomy
from mpc_sim import (
    Cluster,
    Inbox,
    InputError,
    Records,
    ShapeError,
    Simulation,
    assert_local,
    fit_cluster,
)
from mpc_sim.algorithms.connectivity_log_diameter import (
    FileBalls,
    connectivity_log_diameter,
    doublings_of,
    grow_balls,
)
from mpc_sim.cluster import failure_word
from mpc_sim.compose import LocalStage, sequence
from mpc_sim.inputs.graph_formats import read_graph
from mpc_sim.inputs.graph_instances import caterpillar, path, random_graph, shuffled, star
from mpc_sim.inputs.graphs import Graph, GraphShape
from mpc_sim.placement import output_places
from mpc_sim.stages.contraction import EDGE, PARENT
from mpc_sim.stages.edges_home import EdgesHome
from mpc_sim.stages.look_up import SendAnswers
from mpc_sim.stages.smallest_neighbours import SendNeighbours
from mpc_sim.stages.waiting import Wait
from reductions.cli import main
from reductions.problems.connectivity_log_diameter import (
    CONNECTIVITY_LOG_DIAMETER as RECORD,
    largest_diameter,
)
from twins.connectivity_log_diameter import connectivity_log_diameter_twin


def distances(graph: Graph, start: int) -> dict[int, int]:
    """Breadth-first search by plain loops."""
    met, frontier = {start: 0}, [start]
    for vertex in frontier:
        for one, other in graph.edges.tolist():
            for here, there in ((one, other), (other, one)):
                if here == vertex and there not in met:
                    met[there] = met[vertex] + 1
                    frontier.append(there)
    return met


@st.composite
def graphs(draw: st.DrawFn, most: int = 12) -> Graph:
    n = draw(st.integers(1, most))
    ends = st.integers(0, n - 1)
    return Graph.of(n, draw(st.lists(st.tuples(ends, ends), max_size=20)))


@dataclass(frozen=True)
class Witness(LocalStage):
    """Note the balls and put zeros out."""

    seen: list[Records] = field(default_factory=list, hash=False)

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        self.seen.append(inbox["ball"])
        owner, _ = output_places(inbox.machines, cluster)
        return Inbox(inbox.machines, {"output": Records.of(owner, word=np.zeros_like(owner))})


@pytest.mark.parametrize("name", named_graphs())
def test_named_graphs(name: str) -> None:
    graph = named_graphs()[name]
    cluster = roomy(len(graph.words))
    sim = Simulation(RECORD.protocol_for(graph), cluster, graph.words, keep_bytes=0)
    compare(graph, sim.run())
    used = measured(sim.ledger)
    for bound in RECORD.bounds_of(cluster, graph):
        check = bound.check(used[bound.quantity])
        assert check.status == "PASS", check.explain()


@pytest.mark.parametrize(
    "name", ["star", "complete", pytest.param("power law", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("epsilon", EPSILONS)
def test_named_graphs_on_the_least_cluster(name: str, epsilon: str) -> None:
    graph = named_graphs()[name]
    _, output = run(RECORD, graph, epsilon)
    compare(graph, output)


@pytest.mark.parametrize("name", RECORD.hard)
def test_hard_graphs(name: str) -> None:
    graph = RECORD.hard[name](25)
    protocol, cluster = RECORD.protocol_for(graph), roomy(len(graph.words))
    compare(graph, Simulation(protocol, cluster, graph.words, keep_bytes=0).run())


@pytest.mark.slow
@settings(max_examples=30)
@given(graph=graphs(), seed=st.integers(0, 99), ball=st.integers(2, 5))
def test_any_graph(graph: Graph, seed: int, ball: int) -> None:
    diameter = max(max(distances(graph, v).values()) for v in range(graph.n_vertices))
    assert largest_diameter(graph) == max(1, diameter)
    protocol = connectivity_log_diameter(graph.shape, max(1, diameter), seed, ball)
    cluster = roomy(len(graph.words))
    output = Simulation(protocol, cluster, graph.words, keep_bytes=0).run()
    if output[0] == failure_word(cluster):
        assert set(output.tolist()) == {failure_word(cluster)}
    else:
        compare(graph, output)


@settings(max_examples=30)
@given(graph=graphs(), ball=st.integers(2, 6), diameter=st.integers(1, 5), copies=st.integers(1, 2))
def test_balls(graph: Graph, ball: int, diameter: int, copies: int) -> None:
    """A ball has b labels of the component, or is all within distance 2^K; parallel edges too."""
    n, m = graph.n_vertices, copies * graph.n_edges
    if not m:
        return
    words = np.concatenate([np.arange(n), *[graph.edges.ravel()] * copies])
    cluster, witness = roomy(len(words)), Witness()
    waits = (Wait("parent", PARENT, n), Wait("edge", EDGE, m))
    balls = grow_balls(GraphShape(n, m), diameter, ball, waits)
    protocol = sequence(EdgesHome(GraphShape(n, m)), balls, witness)
    Simulation(protocol, cluster, words, keep_bytes=0).run()
    pairs = witness.seen[-1]
    found: dict[int, list[int]] = {v: [v] for v in range(n)}
    for own, member in zip(pairs["own"].tolist(), pairs["member"].tolist(), strict=True):
        found[own - 1].append(member - 1)
    radius = 2 ** doublings_of(diameter)
    assert radius >= diameter
    for vertex, members in found.items():
        apart = distances(graph, vertex)
        within = {v for v, distance in apart.items() if distance <= radius}
        assert len(set(members)) == len(members) <= ball
        assert set(members) <= within
        assert len(members) == ball or set(members) == within
        near = sorted(v for v, distance in apart.items() if distance == 1)
        if diameter == 1:
            assert members[1:] == near[: ball - 1]


@pytest.mark.slow
def test_rounds_follow_the_diameter(capsys: pytest.CaptureFixture[str]) -> None:
    """At one n, a phase more of every doubling of D: D = 2, 4, 16 take 1, 2, 4 doublings."""
    arguments = ["sweep", "connectivity-log-diameter", "--n", "40", "--diameter", "2,4,16"]
    assert main([*arguments, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["diameter"] for row in rows] == [2, 4, 16]
    assert len({(row["c_s"], row["c_p"]) for row in rows}) == 1
    one, two, four = (row["rounds"] for row in rows)
    assert two > one
    assert four - two == 2 * (two - one)
    with capsys.disabled():
        print("\nrounds at n = 40 for D = 2, 4, 16:", one, two, four)


@pytest.mark.slow
def test_a_hundred_thousand_edges_from_a_file(tmp_path: Path) -> None:
    """With balls of 4, whose records fit gamma = 0; D = 16 is more than a random graph has."""
    file = tmp_path / "edges.txt"
    edges = random_graph(20_000, 100_000, seed=0).edges.tolist()
    file.write_text("".join(f"{one} {other}\n" for one, other in edges))
    with file.open("rb") as stream:
        graph = read_graph(stream, file.name).graph
    assert graph.n_edges == 100_000
    protocol = connectivity_log_diameter(graph.shape, 16, ball=4)
    n = len(graph.words)
    cluster = fit_cluster(protocol, n, "0.6", largest_word=RECORD.largest_word(graph))
    assert cluster.memory_words <= n / 8
    compare(graph, Simulation(protocol, cluster, graph.words, keep_bytes=0).run())


@pytest.mark.parametrize(
    ("graph", "epsilon", "factor"),
    [
        pytest.param(caterpillar(1400, 4), "1/2", 8, id="1/2", marks=pytest.mark.slow),
        pytest.param(star(12000), "2/3", 4, id="2/3"),
    ],
)
def test_scarce_memory_and_slack(graph: Graph, epsilon: str, factor: int) -> None:
    graph = shuffled(graph, seed=0)
    protocol = RECORD.protocol_for(graph)
    cluster = fit_cluster(
        protocol,
        len(graph.words),
        epsilon,
        "1/2",
        memory_factor=factor,
        largest_word=RECORD.largest_word(graph),
    )
    assert cluster.memory_words <= cluster.n_words / 8
    sim = Simulation(protocol, cluster, graph.words, keep_bytes=0)
    assert not sim.run().any()
    used, slack = measured(sim.ledger), {}
    for bound in RECORD.bounds_of(cluster, graph):
        check = bound.check(used[bound.quantity])
        assert check.status == "PASS", check.explain()
        slack[bound.quantity] = check.slack
    print(epsilon, sim.ledger.n_rounds, "rounds", slack)
    assert slack["rounds"] == 1
    assert max(slack.values()) <= 4
    widths = {
        channel.words
        for round in range(sim.ledger.n_rounds)
        for channel in protocol.channels(round, cluster)
    }
    assert max(widths) <= 4


def test_local_and_twin() -> None:
    graph = RECORD.instance(12, 1)
    cluster = Cluster(
        n_words=len(graph.words), memory_words=150, n_machines=12, block_words=4, word_bits=9
    )
    protocol = connectivity_log_diameter(graph.shape, 4, ball=4, phases=2)
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


def test_canary_memory_and_words() -> None:
    """Every stage refuses a memory of one word less than it declares, and too short words."""
    shape = GraphShape(12, 20)
    cluster = Cluster(n_words=52, memory_words=64, n_machines=4, block_words=13, word_bits=9)
    wait = Wait("parent", PARENT, 12)
    neighbours = SendNeighbours(shape, 3, (wait,))
    answers = SendAnswers(((12, 8),), (12, 1), 6, (wait,))
    for stage, need in ((neighbours, 2 * 10 + 3), (answers, 2 * 24 + 3)):
        stage.check(replace(cluster, memory_words=need))
        with pytest.raises(ShapeError, match=f"may need {need} words"):
            stage.check(replace(cluster, memory_words=need - 1))
    FileBalls(GraphShape(31, 40), 16).check(replace(cluster, word_bits=10))
    with pytest.raises(ShapeError, match="words go up to 512, word_bits = 9"):
        FileBalls(GraphShape(31, 40), 16).check(cluster)
    protocol = connectivity_log_diameter(shape, 3, ball=6)
    with pytest.raises(ShapeError, match="raise"):
        fit_cluster(protocol, 52, "1/2", memory_factor=1, largest_word=110)


def test_refusals() -> None:
    with pytest.raises(InputError, match="takes no weights"):
        connectivity_log_diameter(GraphShape(4, 3, is_weighted=True), 2)
    for arguments in ((0,), (2, -1), (2, 0, 1), (2, 0, 2, 0)):
        with pytest.raises(InputError, match="give at least 1, 0, 2 and 1"):
            connectivity_log_diameter(GraphShape(4, 3), *arguments)


def test_the_oracle_sees_a_wrong_label() -> None:
    graph = Graph.from_networkx(nx.path_graph(5))
    output = RECORD.oracle(graph)
    assert RECORD.n_wrong(graph, output) == 0
    output[3] = 3
    assert RECORD.n_wrong(graph, output) == 1
