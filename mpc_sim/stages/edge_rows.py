"""Edges as records: every edge of a graph, with its number, on one machine.

Axes: n vertices, m edges of w words each (both ends, and the weight), T edges of a machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mpc_sim.cluster import Cluster
from mpc_sim.cost import Cost
from mpc_sim.errors import ShapeError
from mpc_sim.inputs.graphs import GraphShape
from mpc_sim.integers import ceil_div
from mpc_sim.placement import output_places
from mpc_sim.randomness import random_words
from mpc_sim.records import Channel, Inbox, Outbox, Records, Words
from mpc_sim.stages.loads import WithinReceipts


def edge_fields(shape: GraphShape) -> tuple[str, ...]:
    """Return the fields of an edge that knows its number."""
    return ("index", "u", "v", "weight") if shape.is_weighted else ("index", "u", "v")


@dataclass(frozen=True)
class LoadEdges(WithinReceipts):
    """Hand every edge to one machine: in their order, or shuffled.

    In order, T = floor(s / w) edges lie on a machine, so on as few machines as possible. Shuffled,
    T = ceil(m / M) lie on each of the M machines that hold input: edge e on machine pi(e) // T,
    where pi orders the edges by public random words. Senders and receivers know pi, so numbers do
    not travel. One round; it leaves channel ``edges``.

    Parameters
    ----------
    seed : int, optional
        Public, at least 0; without it the edges stay in order.
    """

    shape: GraphShape
    seed: int | None = None

    def held(self, cluster: Cluster) -> int:
        """Return T, the most edges of a machine."""
        if self.seed is None:
            return max(1, cluster.memory_words // self.shape.edge_words)
        return max(1, ceil_div(self.shape.n_edges, cluster.n_input_machines))

    def n_holders(self, cluster: Cluster) -> int:
        """Return how many machines may hold edges."""
        return max(1, ceil_div(self.shape.n_edges, self.held(cluster)))

    def check(self, cluster: Cluster) -> None:
        shape = self.shape
        if cluster.n_words != shape.n_words:
            raise ShapeError(
                f"{shape.n_vertices} vertices and {shape.n_edges} edges are {shape.n_words} words; "
                f"this cluster takes {cluster.n_words}",
                n_words=cluster.n_words,
            )
        if self.n_holders(cluster) > cluster.n_machines:
            raise ShapeError(
                f"{shape.n_edges} edges, {self.held(cluster)} per machine, do not fit "
                f"P = {cluster.n_machines} machines: raise c_s or the number of machines",
                n_machines=cluster.n_machines,
            )
        super().check(cluster)

    def n_rounds(self, cluster: Cluster) -> int:
        return 1

    def label(self, round: int, cluster: Cluster) -> str:
        return "load edges"

    def cost(self, cluster: Cluster) -> Cost:
        return (
            super()
            .cost(cluster)
            .naming(
                edges=self.shape.n_edges,
                edge_words=self.shape.edge_words,
                edges_held=self.held(cluster),
                holders=self.n_holders(cluster),
            )
        )

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        arriving = self.held(cluster) * self.shape.edge_words
        return (Channel("word", ("word",), cluster.block_words, arriving),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        words, held = inbox["input"], self.held(cluster)
        place = words.machine * cluster.block_words + words.rank - self.shape.n_vertices
        words, place = words.take(place >= 0), place[place >= 0]
        edge = place // self.shape.edge_words
        seat = edge if self.seed is None else shuffled(self.shape.n_edges, self.seed)[edge]
        outbox = Outbox()
        outbox.send("word", source=words.machine, to=seat // held, word=words["word"])
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        """Number what arrived: edges come in their order, the words of each side by side."""
        words, held, width = inbox["word"], self.held(cluster), self.shape.edge_words
        table = words["word"].reshape(-1, width)
        owner = words.machine[::width]
        index = owner * held + words.rank[::width] // width
        if self.seed is not None:
            index = seats(self.shape.n_edges, self.seed, held)[index]
        fields = edge_fields(self.shape)[1:]
        columns = {name: table[:, at] for at, name in enumerate(fields)}
        return Inbox(inbox.machines, {"edges": Records.of(owner, index=index, **columns)})


@dataclass(frozen=True)
class MarkEdges(WithinReceipts):
    """Put 1 into all words of the edges that are listed, 0 into the others.

    It reads channel ``listed``, field ``index``. One round, a message for every word of an edge. A
    machine that holds a record of channel ``alarm`` puts out the failure word instead.

    Parameters
    ----------
    most : int
        The most edges that a machine lists.
    """

    shape: GraphShape
    most: int

    def n_rounds(self, cluster: Cluster) -> int:
        return 1

    def label(self, round: int, cluster: Cluster) -> str:
        return "mark edges"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        words = self.most * self.shape.edge_words
        return (
            Channel("place", ("place",), words, cluster.block_words),
            Channel("alarm", (), 1, local=True),
        )

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        listed, width, outbox = inbox["listed"], self.shape.edge_words, Outbox()
        first = self.shape.n_vertices + width * listed["index"]
        place = (first[:, None] + np.arange(width)).ravel()
        source, to = np.repeat(listed.machine, width), place // cluster.block_words
        outbox.send("place", source=source, to=to, place=place)
        if "alarm" in inbox.records:
            outbox.keep("alarm", inbox["alarm"].machine)
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        place = inbox["place"]
        owner, start = output_places(inbox.machines, cluster)
        word = np.zeros(len(owner), np.int64)
        word[start[place.machine] + place["place"] - place.machine * cluster.block_words] = 1
        word[np.isin(owner, inbox["alarm"].machine)] = cluster.word_limit - 1
        return Inbox(inbox.machines, {"output": Records.of(owner, word=word)})


@lru_cache(maxsize=8)
def shuffled(n_edges: int, seed: int) -> Words:
    """Return int64[m]: the place of every edge in a public random order."""
    words = random_words(seed, 0, np.arange(n_edges), 1)[:, 0]
    place = np.empty(n_edges, np.int64)
    place[np.argsort(words, kind="stable")] = np.arange(n_edges)
    place.flags.writeable = False
    return place


@lru_cache(maxsize=8)
def seats(n_edges: int, seed: int, held: int) -> Words:
    """Return int64[m]: the edges by machine, those of a machine in increasing order."""
    edges = np.lexsort([np.arange(n_edges), shuffled(n_edges, seed) // held]).astype(np.int64)
    edges.flags.writeable = False
    return edges
