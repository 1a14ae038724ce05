"""Every vertex learns its a smallest neighbours, in one sort, whatever the degrees are.

Half-edges (vertex, neighbour) are sorted; a scan counts the distinct neighbours before each, as
there may be parallel edges; the first one of each of the first a goes to where the vertex lives.

Axes: V = ceil(n / P) vertices, E = ceil(m / P) edges and H = ceil(2 m / P) sorted half-edges per
machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpc_sim.cluster import Cluster
from mpc_sim.compose import LocalStage, Stages, sequence
from mpc_sim.cost import Cost
from mpc_sim.inputs.graphs import GraphShape
from mpc_sim.records import Channel, Inbox, Outbox, Records, Words
from mpc_sim.stages.columnsort import sort_locally
from mpc_sim.stages.first_of_run import FIELDS, SortShares
from mpc_sim.stages.loads import OneRound
from mpc_sim.stages.operations import Operation
from mpc_sim.stages.waiting import ScanBeside, Wait, beside, share

BALL = ("own", "member")
BEFORE = ("run", "least", "last", "met")


@dataclass(frozen=True)
class Distinct(Operation):
    """Count the distinct values of the last key: elements (key, first value, last value, count).

    For records sorted by key and value: only there it is associative. Key 0 belongs to the
    identity.
    """

    @property
    def words(self) -> int:
        return 4

    @property
    def identity(self) -> tuple[int, ...]:
        return (0, 0, 0, 0)

    def combine(self, left: Words, right: Words) -> Words:
        joined = right.copy()
        joined[:, 1] = left[:, 1]
        joined[:, 3] += left[:, 3] - (left[:, 2] == right[:, 1])
        met = np.where(left[:, :1] == right[:, :1], joined, right)
        return np.where(right[:, :1] == 0, left, met)


@dataclass(frozen=True)
class FileNeighbours(LocalStage):
    """Make both half-edges of every edge: (vertex, neighbour, 1)."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        edges = inbox["edge"]
        halves = Records.of(
            np.repeat(edges.machine, 2),
            key=np.stack([edges["left"], edges["right"]], axis=1).ravel(),
            tag=np.stack([edges["right"], edges["left"]], axis=1).ravel(),
            value=1,
        )
        return Inbox(inbox.machines, {**inbox.records, "records": halves})


@dataclass(frozen=True)
class SendNeighbours(OneRound):
    """Send the first ``most`` distinct neighbours of every vertex home, as pairs in ``ball``."""

    shape: GraphShape
    most: int
    waits: tuple[Wait, ...]

    def label(self, round: int, cluster: Cluster) -> str:
        return "neighbours home"

    def cost(self, cluster: Cluster) -> Cost:
        return super().cost(cluster).naming(neighbours=self.most)

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        arriving = self.most * share(self.shape.n_vertices, cluster)
        return (
            Channel("ball", BALL, share(2 * self.shape.n_edges, cluster), arriving),
            *(left for wait in self.waits for left in wait.leaves(cluster)),
        )

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        halves = inbox["records"]
        goes_on = halves["run"] == halves["key"]
        repeats = goes_on & (halves["last"] == halves["tag"])
        near = halves.take(~repeats & (~goes_on | (halves["met"] < self.most)))
        outbox = Outbox()
        outbox.send(
            "ball",
            source=near.machine,
            to=(near["key"] - 1) // share(self.shape.n_vertices, cluster),
            own=near["key"],
            member=near["tag"],
        )
        for wait in self.waits:
            waiting = inbox[wait.channel]
            outbox.keep(wait.channel, waiting.machine, **waiting.columns)
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        return Inbox(inbox.machines, {**inbox.records, "ball": sort_locally(inbox["ball"])})


def smallest_neighbours(shape: GraphShape, most: int, waits: tuple[Wait, ...]) -> Stages:
    """Return the stages from edges (edge, left, right) to sorted pairs (own, member) in ``ball``.

    Parameters
    ----------
    most : int
        a, at least 1.
    waits : tuple of Wait
        The edges, if they are to stay, and what else waits.

    Returns
    -------
    Stages
        2 + 4^d + 2 L rounds, exactly; records of 3 words, and elements of 4 in the scan.
    """
    scan = ScanBeside(
        Distinct(),
        FIELDS,
        ("key", "tag", "tag", "value"),
        BEFORE,
        inclusive=False,
        n_slots=2 * max(1, shape.n_edges),
        spread=True,
        waits=waits,
    )
    sort = SortShares(FIELDS, n_items=shape.n_edges, per_item=2)
    return sequence(
        FileNeighbours(),
        beside(sequence(sort, scan), waits),
        SendNeighbours(shape, most, waits),
    )
