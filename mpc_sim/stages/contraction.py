"""Contraction of a graph by random mates, in phases of one sort each.

A label stands for a set of vertices that are known to be connected; it is the name of one of them,
counted from 1. In a phase a public coin makes every label a leader or not. Every label looks at
one edge that leaves it, its choice; if it is no leader and the other end is, it joins that leader,
and all edges are relabelled. An edge whose ends have the same label is done and disappears.

A live label, one that an edge leaves, is gone after the phase with probability at least 1/4: the
choice is made before the coins (or by the coins of other labels alone), and the two coins are
independent. So after t phases at most (3/4)^t of the live labels are expected to be left. They are
never just one, so any are left with probability at most l (3/4)^t / 2, where at first l is at most
n and at most 2 m (Markov); ``n_phases`` makes that at most 1/N.

Axes: n vertices and m edges, evenly on P machines: V = ceil(n / P) vertices, E = ceil(m / P) edges
and H = ceil(2 m / P) sorted half-edges on each. A half-edge is a record (label, order, label of the
other end), so the first record of every label is its choice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpc_sim.cluster import Cluster
from mpc_sim.columns import first_rows
from mpc_sim.compose import LocalStage, sequence
from mpc_sim.errors import ShapeError
from mpc_sim.inputs.graphs import GraphShape
from mpc_sim.randomness import random_words
from mpc_sim.records import Channel, Inbox, Outbox, Records, Words
from mpc_sim.stages.first_of_run import first_of_run, value_of_run
from mpc_sim.stages.loads import OneRound
from mpc_sim.stages.repeat import Repeat
from mpc_sim.stages.waiting import Wait, share

EDGE = ("edge", "left", "right")
PARENT = ("parent",)
TAG = ("tag",)


def n_phases(shape: GraphShape) -> int:
    """Return the least t with min(n, 2 m) (3/4)^t / 2 <= 1/N."""
    live = min(shape.n_vertices, 2 * shape.n_edges)
    phases, left, right = 0, live * shape.n_words, 2
    while live and left > right:
        phases, left, right = phases + 1, 3 * left, 4 * right
    return phases


def is_leader(seed: int, phase: int, labels: Words) -> NDArray[np.bool_]:
    """Return the public coins of labels in a phase."""
    coins: NDArray[np.bool_] = random_words(seed, phase, labels, 1)[:, 0] >> np.uint64(63) == 1
    return coins


@dataclass(frozen=True)
class Halves(LocalStage):
    """Make both half-edges of every live edge: records (label, order, other label).

    Parameters
    ----------
    prefers_leaders : bool
        Order the half-edges that lead to a leader before all others; otherwise by edge alone.
    """

    shape: GraphShape
    seed: int
    phase: int
    prefers_leaders: bool

    def check(self, cluster: Cluster) -> None:
        largest = max(4 * self.shape.n_edges, self.shape.n_vertices)
        if largest >= cluster.word_limit:
            raise ShapeError(
                f"contraction of {self.shape.n_edges} edges: words go up to {largest}, "
                f"word_bits = {cluster.word_bits}: raise word_bits or largest_word",
                word=largest,
            )

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        edges = inbox["edge"]
        key = np.stack([edges["left"], edges["right"]], axis=1).ravel()
        value = np.stack([edges["right"], edges["left"]], axis=1).ravel()
        order = np.repeat(2 * edges["edge"], 2)
        order[1::2] += 1
        if self.prefers_leaders:
            lasts = ~is_leader(self.seed, self.phase, value)
            order += lasts * 2 * self.shape.n_edges
        halves = Records.of(np.repeat(edges.machine, 2), key=key, tag=order, value=value)
        return Inbox(inbox.machines, {**inbox.records, "records": halves})


@dataclass(frozen=True)
class Hook(OneRound):
    """Let labels join their leaders; send it to the half-edges, the vertex of that name, the edge.

    ``parent`` of a vertex is its own name plus 1 until its label joins another one, and then that
    one. Where tags wait, that of the edge a label joins by becomes odd.
    """

    shape: GraphShape
    seed: int
    phase: int
    waits: tuple[Wait, ...]

    @property
    def has_tags(self) -> bool:
        """Whether tags wait."""
        return any(wait.channel == "tag" for wait in self.waits)

    def label(self, round: int, cluster: Cluster) -> str:
        return "hook"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        vertices = share(self.shape.n_vertices, cluster)
        edges = share(self.shape.n_edges, cluster)
        halves = share(2 * self.shape.n_edges, cluster)
        chosen = (Channel("chosen", ("edge",), halves, edges),) if self.has_tags else ()
        return (
            *(left for wait in self.waits for left in wait.leaves(cluster)),
            Channel("joined", ("vertex", "parent"), halves, vertices),
            Channel("half", ("half", "label"), halves, 2 * edges),
            *chosen,
        )

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        halves = inbox["records"]
        label, half = halves["key"], halves["tag"] % (2 * self.shape.n_edges)
        is_first, choice = value_of_run(halves)
        joins = ~is_leader(self.seed, self.phase, label)
        joins &= is_leader(self.seed, self.phase, choice)
        home = half // 2 // share(self.shape.n_edges, cluster)
        outbox = Outbox()
        for wait in self.waits:
            waits = inbox[wait.channel]
            outbox.keep(wait.channel, waits.machine, **waits.columns)
        outbox.send(
            "half",
            source=halves.machine,
            to=home,
            half=half,
            label=np.where(joins, choice, label),
        )
        joins &= is_first
        vertex = label[joins] - 1
        outbox.send(
            "joined",
            source=halves.machine[joins],
            to=vertex // share(self.shape.n_vertices, cluster),
            vertex=vertex,
            parent=choice[joins],
        )
        if self.has_tags:
            outbox.send(
                "chosen", source=halves.machine[joins], to=home[joins], edge=half[joins] // 2
            )
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        halves = inbox["half"]
        halves = halves.take(np.lexsort([halves["half"], _group(halves.machine)]))
        left, right = halves["label"][0::2], halves["label"][1::2]
        edges = Records.of(
            halves.machine[0::2], edge=halves["half"][0::2] // 2, left=left, right=right
        )
        received, vertices = inbox["joined"], inbox["parent"]
        parent = vertices["parent"].copy()
        start = first_rows(vertices.machine, cluster.n_machines)
        size = share(self.shape.n_vertices, cluster)
        parent[start[received.machine] + received["vertex"] % size] = received["parent"]
        records = {wait.channel: inbox[wait.channel] for wait in self.waits} | {
            "edge": edges.take(left != right),
            "parent": Records.of(vertices.machine, parent=parent),
        }
        if self.has_tags:
            tags, chosen = inbox["tag"], inbox["chosen"]
            tag = tags["tag"].copy()
            place = chosen["edge"] % share(self.shape.n_edges, cluster)
            tag[first_rows(tags.machine, cluster.n_machines)[chosen.machine] + place] += 1
            records["tag"] = Records.of(tags.machine, tag=tag)
        return Inbox(inbox.machines, records)


def contraction(
    shape: GraphShape, seed: int, phases: int, *, prefers_leaders: bool, waits: tuple[Wait, ...]
) -> Repeat:
    """Return the phases, at least one, of edges in channel ``edge``.

    Parameters
    ----------
    prefers_leaders : bool
        As for ``Halves``.
    waits : tuple of Wait
        Parents, and what else waits.

    Returns
    -------
    Repeat
        2 + 4^d + 2 L rounds per phase, exactly.
    """
    bodies = [
        sequence(
            Halves(shape, seed, phase, prefers_leaders),
            first_of_run(shape.n_edges, 2, waits),
            Hook(shape, seed, phase, waits),
            name=f"phase {phase + 1}",
        )
        for phase in range(phases)
    ]
    return Repeat(tuple(bodies))


def waiting(shape: GraphShape, has_tags: bool) -> tuple[Wait, ...]:
    """Return what waits while half-edges move: parents, and tags where there are some."""
    parents = Wait("parent", PARENT, shape.n_vertices)
    return (parents, Wait("tag", TAG, shape.n_edges)) if has_tags else (parents,)


def _group(machine: Words) -> Words:
    """Number the groups of equal neighbours."""
    return np.cumsum(np.append(0, np.diff(machine) != 0)[: len(machine)])
