"""The number of triangles, by wedges that point upwards, on N^(3/2 - epsilon) machines.

Every edge is turned from its end of smaller (degree, number) to the other. A vertex then has at
most D = floor(sqrt(2 m)) edges out: d of them lead to vertices of degree at least d, so d^2 <= 2 m.
Of every triangle exactly one vertex points to both others: it is one wedge, two edges out of one
vertex, that an edge closes.

Edges lie sorted by the vertex that they leave, E = ceil(m / P) on each of P machines. All wedges of
an edge with later ones reach over the D - 1 edges after it, so every machine shows its edges to the
ceil((D - 1) / E) machines before it and the wedges arise evenly: fewer than D from every edge, E D
records per machine with the edges themselves, whatever the degrees are. Edges and wedges are sorted
by the ends that they have, or miss; an edge lies before the wedges that it closes, and a scan
copies it along to them. Slots are numbered as if every edge had D records.

Axes: T = ceil(N / P) half-edges, E edges, S = ceil(m' D / P) edges and wedges per machine, where
m' = E ceil(m / E).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mpc_sim.cluster import Cluster
from mpc_sim.columns import first_rows
from mpc_sim.compose import LocalStage, sequence
from mpc_sim.cost import Cost
from mpc_sim.errors import ShapeError
from mpc_sim.inputs.graphs import GraphShape
from mpc_sim.integers import ceil_div
from mpc_sim.placement import output_places
from mpc_sim.protocol import Protocol
from mpc_sim.records import Channel, Inbox, Outbox, Records, Words
from mpc_sim.stages.blocks import NumberWords
from mpc_sim.stages.broadcast import Broadcast
from mpc_sim.stages.columnsort import Columnsort
from mpc_sim.stages.converge_cast import ConvergeCast
from mpc_sim.stages.half_edges import REMEDY, MarkHeads, slots_per_machine
from mpc_sim.stages.loads import OneRound
from mpc_sim.stages.operations import Addition, Last, Maximum
from mpc_sim.stages.runs import EndRuns
from mpc_sim.stages.scan import Scan

KEYS = ("x", "y")
NO_EDGES = GraphShape(1, 0)
MARKED = (*KEYS, "edge_x", "edge_y")


def out_degree(shape: GraphShape) -> int:
    """Return D = floor(sqrt(2 m)), at least 1."""
    return max(1, math.isqrt(2 * shape.n_edges))


def edges_per_machine(shape: GraphShape, cluster: Cluster) -> int:
    """Return E, at least 1."""
    return max(1, ceil_div(shape.n_edges, cluster.n_machines))


def wedge_slots(shape: GraphShape, cluster: Cluster) -> int:
    """Return m' D, at least 1: slots of edges and wedges."""
    edges = edges_per_machine(shape, cluster)
    return max(1, edges * ceil_div(shape.n_edges, edges)) * out_degree(shape)


def largest_word(shape: GraphShape) -> int:
    """Return the largest word that a run may need: 2 n for the keys, m D for the count."""
    return max(2 * shape.n_vertices, shape.n_words, shape.n_edges * out_degree(shape))


@dataclass(frozen=True)
class DegreesToHeads(OneRound):
    """The last half-edge of every run sends the degree to the head: one round.

    It leaves ``records`` with the field ``degree``: 1 + the degree at heads, else 0.
    """

    remedy = REMEDY

    def label(self, round: int, cluster: Cluster) -> str:
        return "degrees to heads"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        slots = slots_per_machine(cluster)
        return (
            Channel("records", ("word", "index"), slots, local=True),
            Channel("degree", ("slot", "degree"), slots, slots),
        )

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        records, slots = inbox["records"], slots_per_machine(cluster)
        outbox = Outbox()
        own = {name: records[name] for name in ("word", "index")}
        outbox.keep("records", records.machine, **own)
        slot = records.machine * slots + records.rank
        is_last, head = records["last"] == 1, records["leader"] - 1
        outbox.send(
            "degree",
            source=records.machine[is_last],
            to=head[is_last] // slots,
            slot=head[is_last],
            degree=(slot - head)[is_last],
        )
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        records, received = inbox["records"], inbox["degree"]
        degree = np.zeros(len(records), np.int64)
        row = first_rows(records.machine, cluster.n_machines)[received.machine]
        degree[row + received["slot"] % slots_per_machine(cluster)] = received["degree"] + 1
        known = Records.of(records.machine, **records.columns, degree=degree)
        return Inbox(inbox.machines, {"records": known})


@dataclass(frozen=True)
class TurnUpwards(OneRound):
    """The halves of every edge meet, and it is turned to the end of larger (degree, number)."""

    shape: GraphShape
    remedy = REMEDY

    def label(self, round: int, cluster: Cluster) -> str:
        return "turn upwards"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        edges = edges_per_machine(self.shape, cluster)
        slots = slots_per_machine(cluster)
        return (Channel("end", ("edge", "degree", "vertex"), slots, 2 * edges),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        records, n = inbox["records"], self.shape.n_vertices
        half = records.take(records["index"] >= n)
        edge = (half["index"] - n) // 2
        outbox = Outbox()
        outbox.send(
            "end",
            source=half.machine,
            to=edge // edges_per_machine(self.shape, cluster),
            edge=edge,
            degree=half["total"],
            vertex=half["word"],
        )
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        ends = inbox["end"]
        group = np.cumsum(ends.rank == 0)
        ends = ends.take(np.lexsort([ends["vertex"], ends["degree"], ends["edge"], group]))
        turned = Records.of(ends.machine[::2], low=ends["vertex"][::2], high=ends["vertex"][1::2])
        return Inbox(inbox.machines, {"records": turned})


@dataclass(frozen=True)
class MakeWedges(OneRound):
    """Every machine shows its edges to those before it, then pairs each edge with later ones.

    It leaves ``records``, fields ``KEYS``: (x, 2 y) for an edge with ends x < y, (x, 2 y + 1) for a
    wedge that such an edge closes.
    """

    shape: GraphShape
    remedy = REMEDY

    def reach(self, cluster: Cluster) -> int:
        """Return to how many machines an edge is shown."""
        return ceil_div(out_degree(self.shape) - 1, edges_per_machine(self.shape, cluster))

    def label(self, round: int, cluster: Cluster) -> str:
        return "make wedges"

    def cost(self, cluster: Cluster) -> Cost:
        return (
            super()
            .cost(cluster)
            .naming(
                edges_held=edges_per_machine(self.shape, cluster),
                wedges_held=ceil_div(wedge_slots(self.shape, cluster), cluster.n_machines),
                out_degree=out_degree(self.shape),
                reach=self.reach(cluster),
            )
        )

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        edges = edges_per_machine(self.shape, cluster)
        shown = edges * self.reach(cluster)
        return (
            Channel("records", ("low", "high"), edges, local=True),
            Channel("after", ("low", "high"), shown, shown),
        )

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        edges = inbox["records"]
        outbox = Outbox()
        outbox.keep("records", edges.machine, **edges.columns)
        row = np.repeat(np.arange(len(edges)), self.reach(cluster))
        to = edges.machine[row] - 1 - np.tile(np.arange(self.reach(cluster)), len(edges))
        shown = edges.take(row[to >= 0])
        outbox.send("after", source=shown.machine, to=to[to >= 0], **shown.columns)
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        own, after = inbox["records"], inbox["after"]
        place = np.zeros(cluster.n_machines, np.int64)
        place[inbox.machines] = np.arange(len(inbox.machines))
        at = place[np.append(own.machine, after.machine)]
        order = np.argsort(at, kind="stable")
        low, high = (np.append(own[name], after[name])[order] for name in ("low", "high"))
        at, first = at[order], np.flatnonzero(order < len(own))
        keys = [_keys(low[first], high[first], 0)]
        owner = [at[first]]
        for distance in range(1, out_degree(self.shape)):
            first = first[first + distance < len(at)]
            later = first + distance
            first = first[(at[later] == at[first]) & (low[later] == low[first])]
            keys.append(_keys(high[first], high[first + distance], 1))
            owner.append(at[first])
        of = np.concatenate(owner)
        order = np.argsort(of, kind="stable")
        table = np.concatenate(keys)[order]
        machine = inbox.machines[of[order]]
        return Inbox(inbox.machines, {"records": Records.of(machine, x=table[:, 0], y=table[:, 1])})


def _keys(one: Words, other: Words, is_wedge: int) -> Words:
    return np.stack([np.minimum(one, other), 2 * np.maximum(one, other) + is_wedge], axis=1)


@dataclass(frozen=True)
class MarkEdges(LocalStage):
    """Edges are the elements of the scan, (x + 1, y); a wedge is the identity, (0, 0)."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        records = inbox["records"]
        is_edge = records["y"] % 2 == 0
        edge_x, edge_y = (records["x"] + 1) * is_edge, records["y"] // 2 * is_edge
        marked = Records.of(records.machine, **records.columns, edge_x=edge_x, edge_y=edge_y)
        return Inbox(inbox.machines, {"records": marked})


@dataclass(frozen=True)
class CountClosed(LocalStage):
    """Count the wedges whose ends are those of the last edge before them."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        records = inbox["records"]
        closed = (records["y"] % 2 == 1) & (records["last_x"] == records["x"] + 1)
        closed &= records["last_y"] == records["y"] // 2
        counts = Records.of(records.machine, count=closed.astype(np.int64))
        return Inbox(inbox.machines, {"count": counts})


@dataclass(frozen=True)
class FillVertices(LocalStage):
    """Put the count into the words of vertices, 0 into those of edges."""

    shape: GraphShape

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        received = inbox["word"]
        count = np.zeros(cluster.n_machines, np.int64)
        count[received.machine] = received["count"]
        owner, start = output_places(inbox.machines, cluster)
        index = owner * cluster.block_words + np.arange(len(owner)) - start[owner]
        word = np.where(index < self.shape.n_vertices, count[owner], 0)
        return Inbox(inbox.machines, {"output": Records.of(owner, word=word)})


TOTAL = ConvergeCast(Addition(), ("count",), "count", everywhere=True)
TOLD = Broadcast(("count",))


@dataclass(frozen=True)
class SortWedges(Columnsort):
    """Columnsort of edges and wedges: E D slots on every machine that holds edges."""

    shape: GraphShape = NO_EDGES

    def check(self, cluster: Cluster) -> None:
        if largest_word(self.shape) >= cluster.word_limit:
            raise ShapeError(
                f"triangles: words go up to {largest_word(self.shape)}; word_bits = "
                f"{cluster.word_bits}: raise word_bits or largest_word",
                word=largest_word(self.shape),
            )
        super().check(cluster)

    def _held(self, cluster: Cluster) -> int:
        return edges_per_machine(self.shape, cluster) * out_degree(self.shape)

    def _n_slots(self, cluster: Cluster) -> int:
        return wedge_slots(self.shape, cluster)


@dataclass(frozen=True)
class SortEdges(Columnsort):
    """Columnsort of the edges: E slots on every machine."""

    shape: GraphShape = NO_EDGES

    def _held(self, cluster: Cluster) -> int:
        return edges_per_machine(self.shape, cluster)


@dataclass(frozen=True)
class ScanWedges(Scan):
    """A scan of the sorted edges and wedges."""

    shape: GraphShape = NO_EDGES

    def _n_slots(self, cluster: Cluster) -> int:
        return wedge_slots(self.shape, cluster)


def triangle_count(shape: GraphShape) -> Protocol:
    """Return the protocol that puts the number of triangles into every vertex word, 0 elsewhere.

    Parameters
    ----------
    shape : GraphShape
        Without weights. ``largest_word`` says how large words may get.

    Returns
    -------
    Protocol
        Three columnsorts, of N half-edges, m edges and m' D edges and wedges, of 1 + 4^d rounds
        each; three scans of 2 L; 4 rounds more, a converge-cast and a broadcast; exactly. A
        machine holds at most 2 (E + (D - 1 + E)) words of shown edges, 2 E D of wedges and
        4 S and an arity in the scan; with P = c_p N^(3/2 - epsilon), E D and S are at most about
        N^epsilon / (2 c_p), but E and D at least 1 and sqrt(2 m), so epsilon >= 1/2.

    References
    ----------
    Suri, Vassilvitskii, Counting triangles and the curse of the last reducer, WWW 2011 (wedges of
    the end of smaller degree); Chiba, Nishizeki, SIAM J. Comput. 14 (1985) (sqrt(2 m)).
    """
    half = ("word", "index")
    return sequence(
        NumberWords(),
        Columnsort(half, spread=True),
        MarkHeads(shape),
        Scan(Maximum(), (*half, "head"), ("head",), ("leader",), spread=True),
        EndRuns((*half, "head", "leader")),
        DegreesToHeads(),
        Scan(Last(), (*half, "degree"), ("degree",), ("total",), spread=True),
        TurnUpwards(shape),
        SortEdges(("low", "high"), max(1, shape.n_edges), spread=True, shape=shape),
        MakeWedges(shape),
        SortWedges(KEYS, spread=True, shape=shape),
        MarkEdges(),
        ScanWedges(Last(2), MARKED, MARKED[2:], ("last_x", "last_y"), spread=True, shape=shape),
        CountClosed(),
        TOTAL,
        TOLD,
        FillVertices(shape),
    )
