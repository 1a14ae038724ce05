"""A graph as sorted half-edges: the star of every vertex is a run, and each knows its reverse.

Word i of the input, with value u, becomes a record of u. A vertex word makes the head of the run of
u, an end of an edge a half-edge from u. Sorted by (u, i) the head comes first, because i < n for
vertices alone. Edge e knows both of its ends by index, so one meeting at machine e // E gives
every half-edge the place of its reverse and its other end; no second sort is needed.

Axes: P machines, T = ceil(N / P) slots per machine, E = ceil(m / P) edges that meet on a machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpc_sim.cluster import Cluster
from mpc_sim.columns import first_rows
from mpc_sim.compose import LocalStage
from mpc_sim.cost import Cost
from mpc_sim.errors import ShapeError
from mpc_sim.inputs.graphs import GraphShape
from mpc_sim.integers import ceil_div
from mpc_sim.protocol import Protocol
from mpc_sim.records import Channel, Inbox, Outbox, Records
from mpc_sim.stages.blocks import NumberWords
from mpc_sim.stages.columnsort import Columnsort
from mpc_sim.stages.loads import WithinReceipts, check_declared_loads
from mpc_sim.stages.operations import Maximum
from mpc_sim.stages.scan import Scan

ALIVE = 1
"""The state of a half-edge to begin with; that of a head is 0."""

HALF = ("vertex", "other", "reverse", "state")
REMEDY = "epsilon, c_s or c_p"


def slots_per_machine(cluster: Cluster) -> int:
    """Return T."""
    return ceil_div(cluster.n_words, cluster.n_machines)


@dataclass(frozen=True)
class MarkHeads(LocalStage):
    """Mark the head of every run with 1 + its slot, a half-edge with 0."""

    shape: GraphShape

    def check(self, cluster: Cluster) -> None:
        if cluster.n_words != self.shape.n_words or self.shape.is_weighted:
            raise ShapeError(
                f"a graph of {self.shape.n_vertices} vertices and {self.shape.n_edges} edges "
                f"without weights has {self.shape.n_vertices + 2 * self.shape.n_edges} words; "
                f"the cluster is made for N = {cluster.n_words}",
                n_words=cluster.n_words,
            )

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        records = inbox["records"]
        slot = records.machine * slots_per_machine(cluster) + records.rank
        head = np.where(records["index"] < self.shape.n_vertices, slot + 1, 0)
        marked = Records.of(records.machine, **records.columns, head=head)
        return Inbox(inbox.machines, {"records": marked})


@dataclass(frozen=True)
class Meet(WithinReceipts):
    """The two halves of every edge meet and send each other their places: two rounds.

    It leaves channel ``half``, fields ``HALF``, and channel ``leader``: the machine of the head of
    the run that goes on into a machine, nothing where a run begins.
    """

    shape: GraphShape

    def edges_held(self, cluster: Cluster) -> int:
        """Return E, at least 1."""
        return max(1, ceil_div(self.shape.n_edges, cluster.n_machines))

    def n_rounds(self, cluster: Cluster) -> int:
        return 2

    def label(self, round: int, cluster: Cluster) -> str:
        return ("halves meet", "learn the reverse")[round]

    def check(self, cluster: Cluster) -> None:
        check_declared_loads(self, cluster, REMEDY)

    def cost(self, cluster: Cluster) -> Cost:
        return (
            super()
            .cost(cluster)
            .naming(edges=self.shape.n_edges, edges_held=self.edges_held(cluster))
        )

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        slots, edges = slots_per_machine(cluster), self.edges_held(cluster)
        own = (
            Channel("records", ("word", "index"), slots, local=True),
            Channel("leader", ("head",), 1, local=True),
        )
        if round == 0:
            return (*own, Channel("end", ("edge", "slot", "vertex"), slots, 2 * edges))
        return (*own, Channel("reverse", ("slot", "reverse", "other"), 2 * edges, slots))

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        records, slots = inbox["records"], slots_per_machine(cluster)
        outbox = Outbox()
        own = {name: records[name] for name in ("word", "index")}
        outbox.keep("records", records.machine, **own)
        if round == 0:
            before = inbox["before"]
            leader = np.zeros(cluster.n_machines, np.int64)
            leader[before.machine] = before["leader"]
            goes_on = records.take((records.rank == 0) & (records["head"] == 0)).machine
            outbox.keep("leader", goes_on, head=(leader[goes_on] - 1) // slots)
            slot = records.machine * slots + records.rank
            half = np.flatnonzero(records["head"] == 0)
            edge = (records["index"][half] - self.shape.n_vertices) // 2
            outbox.send(
                "end",
                source=records.machine[half],
                to=edge // self.edges_held(cluster),
                edge=edge,
                slot=slot[half],
                vertex=records["word"][half],
            )
            return outbox
        outbox.keep("leader", inbox["leader"].machine, head=inbox["leader"]["head"])
        ends = inbox["end"]
        ends = ends.take(np.lexsort([ends["slot"], ends["edge"], ends.machine]))
        partner = np.arange(len(ends)) ^ 1
        outbox.send(
            "reverse",
            source=ends.machine,
            to=ends["slot"] // slots,
            slot=ends["slot"],
            reverse=ends["slot"][partner],
            other=ends["vertex"][partner],
        )
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        records, received, slots = inbox["records"], inbox["reverse"], slots_per_machine(cluster)
        reverse = records.machine * slots + records.rank
        other, state = records["word"].copy(), np.zeros(len(records), np.int64)
        row = (
            first_rows(records.machine, cluster.n_machines)[received.machine]
            + received["slot"] % slots
        )
        reverse[row], other[row], state[row] = received["reverse"], received["other"], ALIVE
        half = Records.of(
            records.machine, vertex=records["word"], other=other, reverse=reverse, state=state
        )
        return Inbox(inbox.machines, {"half": half, "leader": inbox["leader"]})


def half_edges(shape: GraphShape) -> tuple[Protocol, ...]:
    """Return the stages that make a graph into sorted half-edges.

    Returns
    -------
    tuple of Protocol
        1 + 4^d rounds of columnsort on N records of two words, 2 L of a scan that finds where the
        run at the start of a machine has its head, 2 to meet.
    """
    return (
        NumberWords(),
        Columnsort(("word", "index"), spread=True),
        MarkHeads(shape),
        Scan(Maximum(), ("word", "index", "head"), ("head",), ("leader",), spread=True),
        Meet(shape),
    )
