"""Bring the edges of a graph home: from the blocks of the input, evenly on all machines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpc_sim.cluster import Cluster
from mpc_sim.cost import Cost
from mpc_sim.errors import InputError, ShapeError
from mpc_sim.inputs.graphs import GraphShape
from mpc_sim.records import Channel, Inbox, Outbox, Records, Words
from mpc_sim.stages.contraction import TAG
from mpc_sim.stages.loads import OneRound
from mpc_sim.stages.waiting import share


@dataclass(frozen=True)
class EdgesHome(OneRound):
    """Send edge e to machine e // ceil(m / P); a loop is left out.

    It leaves ``edge``, records (edge, left, right) with both ends counted from 1, and ``weight``
    behind where there is one; ``parent``, the name of every vertex counted from 1; and ``tag``, 2 e
    for every edge. The words of the vertices are not read.
    """

    shape: GraphShape

    def label(self, round: int, cluster: Cluster) -> str:
        return "edges home"

    def check(self, cluster: Cluster) -> None:
        if cluster.n_words != self.shape.n_words:
            raise ShapeError(
                f"N = {cluster.n_words} words; a graph of {self.shape.n_vertices} vertices and "
                f"{self.shape.n_edges} edges has {self.shape.n_words}: give the shape of the graph",
                n_words=cluster.n_words,
            )
        super().check(cluster)

    def cost(self, cluster: Cluster) -> Cost:
        shape = self.shape
        return (
            super()
            .cost(cluster)
            .naming(vertices=shape.n_vertices, edges=shape.n_edges, edge_words=shape.edge_words)
        )

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        arriving = self.shape.edge_words * share(self.shape.n_edges, cluster)
        return (Channel("word", ("word",), cluster.block_words, arriving),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        words, shape = inbox["input"], self.shape
        index = words.machine * cluster.block_words + words.rank - shape.n_vertices
        words, index = words.take(index >= 0), index[index >= 0]
        outbox = Outbox()
        to = index // shape.edge_words // share(shape.n_edges, cluster)
        outbox.send("word", source=words.machine, to=to, word=words["word"])
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        words, shape = inbox["word"], self.shape
        table = words["word"].reshape(-1, shape.edge_words)
        owner = words.machine[:: shape.edge_words]
        rank = Records.of(owner).rank
        edge = owner * share(shape.n_edges, cluster) + rank
        outside = np.flatnonzero(table[:, :2].max(axis=1, initial=0) >= shape.n_vertices)
        if len(outside):
            row = outside[0]
            raise InputError(
                f"edge {edge[row]} joins {table[row, 0]} and {table[row, 1]}; "
                f"vertices are 0 .. {shape.n_vertices - 1}"
            )
        ends = {"left": table[:, 0] + 1, "right": table[:, 1] + 1}
        weight = {"weight": table[:, 2]} if shape.is_weighted else {}
        edges = Records.of(owner, edge=edge, **ends, **weight)
        machine, vertex = items(shape.n_vertices, inbox.machines, cluster)
        return Inbox(
            inbox.machines,
            {
                "edge": edges.take(table[:, 0] != table[:, 1]),
                "parent": Records.of(machine, parent=vertex + 1),
                TAG[0]: Records.of(owner, tag=2 * edge),
            },
        )


def items(n_items: int, machines: Words, cluster: Cluster) -> tuple[Words, Words]:
    """Return the owners and the numbers of the items that lie on a batch of machines."""
    size = share(n_items, cluster)
    counts = np.clip(n_items - machines * size, 0, size)
    owner = np.repeat(machines, counts)
    return owner, owner * size + Records.of(owner).rank
