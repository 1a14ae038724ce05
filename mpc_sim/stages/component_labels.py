"""From the forest of parents to component labels, and the output of a contraction.

A label joins another one at most once per phase, so after t phases a vertex is at most t parents
away from its root. Doubling halves that way: every vertex asks its parent for the parent's parent,
by a sort, as a parent may have any number of children. At last all vertices of a root learn the
smallest of them.

Axes: V = ceil(n / P) vertices and E = ceil(m / P) edges live on a machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpc_sim.cluster import Cluster, failure_word
from mpc_sim.compose import LocalStage, Stages, sequence
from mpc_sim.inputs.graphs import GraphShape
from mpc_sim.placement import output_places
from mpc_sim.protocol import Protocol
from mpc_sim.records import Channel, Inbox, Outbox, Records
from mpc_sim.stages.broadcast import Broadcast
from mpc_sim.stages.columnsort import Rename
from mpc_sim.stages.contraction import TAG, waiting
from mpc_sim.stages.converge_cast import ConvergeCast
from mpc_sim.stages.edges_home import items
from mpc_sim.stages.first_of_run import first_of_run, value_of_run
from mpc_sim.stages.loads import OneRound
from mpc_sim.stages.operations import Maximum
from mpc_sim.stages.waiting import Wait, beside, share

LIVE = ("left",)


def doublings(phases: int) -> int:
    """Return ceil(log2 t), after which every parent is a root."""
    return max(phases - 1, 0).bit_length()


@dataclass(frozen=True)
class Ask(LocalStage):
    """Every vertex files its parent, (name, 0, parent), and asks for that of its parent, if any."""

    n_vertices: int

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        vertices = inbox["parent"]
        parent = vertices["parent"]
        name = vertices.machine * share(self.n_vertices, cluster) + vertices.rank + 1
        none = np.zeros_like(name)
        answers = np.arange(2 * len(name)) % 2 == 0
        records = Records.of(
            np.repeat(vertices.machine, 2),
            key=np.stack([name, parent], axis=1).ravel(),
            tag=np.stack([none, name], axis=1).ravel(),
            value=np.stack([parent, none], axis=1).ravel(),
        )
        asked = records.take(answers | np.repeat(name != parent, 2))
        return Inbox(inbox.machines, {**inbox.records, "records": asked})


@dataclass(frozen=True)
class Jump(OneRound):
    """Send the parent's parent home; what waits stays."""

    n_vertices: int
    waits: tuple[Wait, ...]

    def label(self, round: int, cluster: Cluster) -> str:
        return "parents home"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        asking, size = share(2 * self.n_vertices, cluster), share(self.n_vertices, cluster)
        waits = [left for wait in self.waits for left in wait.leaves(cluster)]
        return (Channel("answer", ("vertex", "parent"), asking, size), *waits)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        records = inbox["records"]
        _, value = value_of_run(records)
        asks = records["tag"] > 0
        vertex = records["tag"][asks] - 1
        outbox = Outbox()
        outbox.send(
            "answer",
            source=records.machine[asks],
            to=vertex // share(self.n_vertices, cluster),
            vertex=vertex,
            parent=value[asks],
        )
        for wait in self.waits:
            waiting = inbox[wait.channel]
            outbox.keep(wait.channel, waiting.machine, **waiting.columns)
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        machine, vertex = items(self.n_vertices, inbox.machines, cluster)
        size, answer = share(self.n_vertices, cluster), inbox["answer"]
        first = np.zeros(cluster.n_machines, np.int64)
        is_start = np.flatnonzero(vertex % size == 0)
        first[machine[is_start]] = is_start
        parent = vertex + 1
        parent[first[answer.machine] + answer["vertex"] % size] = answer["parent"]
        waits = {wait.channel: inbox[wait.channel] for wait in self.waits}
        return Inbox(inbox.machines, {**waits, "parent": Records.of(machine, parent=parent)})


@dataclass(frozen=True)
class Name(LocalStage):
    """Group the vertices by root: records (root, vertex, vertex), counted from 1."""

    n_vertices: int

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        vertices = inbox["parent"]
        name = vertices.machine * share(self.n_vertices, cluster) + vertices.rank + 1
        records = Records.of(vertices.machine, key=vertices["parent"], tag=name, value=name)
        return Inbox(inbox.machines, {**inbox.records, "records": records})


@dataclass(frozen=True)
class WriteLabels(OneRound):
    """Write the label of every vertex and a 1 into all words of a chosen edge; others are 0.

    If an edge is still alive, which every machine knows, every word is the failure word.
    """

    shape: GraphShape
    has_tags: bool

    def label(self, round: int, cluster: Cluster) -> str:
        return "write labels"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        chosen = self.shape.edge_words * share(self.shape.n_edges, cluster)
        vertices, block = share(self.shape.n_vertices, cluster), cluster.block_words
        vertex_block = min(block, self.shape.n_vertices)
        edge_block = min(block, self.shape.edge_words * self.shape.n_edges)
        tags = (Channel("chosen", ("index",), chosen, edge_block),) if self.has_tags else ()
        return (
            Channel("label", ("index", "label"), vertices, vertex_block),
            Channel("live", LIVE, 1, local=True),
            *tags,
        )

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        records, live, block = inbox["records"], inbox["live"], cluster.block_words
        _, smallest = value_of_run(records)
        index = records["tag"] - 1
        outbox = Outbox()
        outbox.keep("live", live.machine, left=live["left"])
        to = index // block
        outbox.send("label", source=records.machine, to=to, index=index, label=smallest - 1)
        if self.has_tags:
            width = self.shape.edge_words
            tags = inbox["tag"].take(inbox["tag"]["tag"] % 2 == 1)
            word = self.shape.n_vertices + width * (tags["tag"] // 2)[:, None] + np.arange(width)
            index = word.ravel()
            source = np.repeat(tags.machine, width)
            outbox.send("chosen", source=source, to=index // block, index=index)
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        owner, start = output_places(inbox.machines, cluster)
        word = np.zeros(len(owner), np.int64)
        label, live, block = inbox["label"], inbox["live"], cluster.block_words
        word[start[label.machine] + label["index"] % block] = label["label"]
        if self.has_tags:
            chosen = inbox["chosen"]
            word[start[chosen.machine] + chosen["index"] % block] = 1
        failed = np.zeros(cluster.n_machines, bool)
        failed[live.machine] = live["left"] > 0
        word[failed[owner]] = failure_word(cluster)
        return Inbox(inbox.machines, {"output": Records.of(owner, word=word)})


def label_components(
    shape: GraphShape, phases: int, has_tags: bool, write: Protocol | None = None
) -> Stages:
    """Return the stages from the last phase of a contraction to the output.

    Parameters
    ----------
    write : Protocol, optional
        One round from ``records`` (root, name, name, and the smallest name of the root as
        ``value_of_run`` has it), ``live`` and tags to the output; by default ``WriteLabels``.

    Returns
    -------
    Stages
        The trees of a converge-cast and a broadcast, 2 + 4^d + 2 L rounds for each of ceil(log2 t)
        doublings and for the names, exactly.
    """
    n = shape.n_vertices
    waits: tuple[Wait, ...] = (Wait("live", LIVE),)
    if has_tags:
        waits = (*waits, Wait("tag", TAG, shape.n_edges))
    stages: list[Protocol] = [
        beside(
            sequence(
                ConvergeCast(Maximum(), LIVE, channel="edge", everywhere=True),
                Broadcast(LIVE, everywhere=True),
                Rename("word", "live"),
            ),
            waiting(shape, has_tags),
        )
    ]
    for _ in range(doublings(phases)):
        stages += [Ask(n), first_of_run(n, 2, waits), Jump(n, waits)]
    stages += [Name(n), first_of_run(n, 1, waits), write or WriteLabels(shape, has_tags)]
    return sequence(*stages, name="label components")
