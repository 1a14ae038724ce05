"""Bipartiteness: a graph is coloured by two colours through the components of its double cover.

The cover has two copies (v, 0) and (v, 1) of every vertex, v and v + n, and over every edge u v the
edges (u, 0) (v, 1) and (u, 1) (v, 0). A path in the cover is one in the graph that changes the copy
with every edge, so (v, 0) and (v, 1) are connected if and only if a closed walk of odd length leads
through v: if and only if the component of v is not bipartite. Else it is covered twice, and the
copies of v lie in different components. With r the smallest vertex of the component of v, (r, 0) is
the smallest of both together; so v lies at an even distance from r, and has its colour, 0, if and
only if the label of (v, 0) is smaller than that of (v, 1).

Input: a graph as N = n + 2 m words, the vertices and then both ends of every edge. Output word
v < n is the colour of v, 0 or 1, or 2 where its component is not bipartite; the words of edges are
0. If the phases did not suffice, which has probability at most 1/N, every word is the failure word.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpc_sim.algorithms.connectivity import contract_and_label
from mpc_sim.cluster import Cluster, failure_word
from mpc_sim.compose import Stages
from mpc_sim.errors import InputError
from mpc_sim.inputs.graphs import GraphShape
from mpc_sim.placement import output_places
from mpc_sim.records import Channel, Inbox, Outbox, Records
from mpc_sim.stages.component_labels import LIVE
from mpc_sim.stages.edges_home import EdgesHome, items
from mpc_sim.stages.first_of_run import value_of_run
from mpc_sim.stages.loads import OneRound
from mpc_sim.stages.waiting import share

ODD = 2
"""The output word of a vertex whose component is not bipartite."""


@dataclass(frozen=True)
class CoverHome(EdgesHome):
    """Send the edges of the cover home, 2 e and 2 e + 1 those over edge e; ``shape`` is its shape.

    A loop of the graph joins the two copies of its vertex.
    """

    @property
    def graph(self) -> GraphShape:
        """The shape of the graph."""
        return GraphShape(self.shape.n_vertices // 2, self.shape.n_edges // 2)

    def check(self, cluster: Cluster) -> None:
        EdgesHome(self.graph).check(cluster)
        OneRound.check(self, cluster)

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        arriving = 2 * share(self.shape.n_edges, cluster)
        return (Channel("word", ("word",), 2 * cluster.block_words, arriving),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        words, n = inbox["input"], self.graph.n_vertices
        index = words.machine * cluster.block_words + words.rank - n
        words, index = words.take(index >= 0), index[index >= 0]
        if np.max(words["word"], initial=0) >= n:
            at = int(np.argmax(words["word"]))
            raise InputError(
                f"edge {index[at] // 2} has the end {words['word'][at]}; vertices are 0 .. {n - 1}"
            )
        row, over = np.repeat(np.arange(len(words)), 2), np.tile([0, 1], len(words))
        edge, side = index[row] // 2, index[row] % 2
        outbox = Outbox()
        outbox.send(
            "word",
            source=words.machine[row],
            to=(2 * edge + over) // share(self.shape.n_edges, cluster),
            word=words["word"][row] + n * ((side + over) % 2),
        )
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        # Words come end by end, each for both edges over its own: left, left, right, right. Where
        # both live here the second and third trade places, so that every edge has its two ends.
        words = inbox["word"]
        owner, edge = items(self.shape.n_edges, inbox.machines, cluster)
        both = 2 * np.flatnonzero((edge[:-1] % 2 == 0) & (owner[:-1] == owner[1:]))
        place = np.arange(len(words))
        place[both + 1], place[both + 2] = both + 2, both + 1
        return super().finish(Inbox(inbox.machines, {"word": words.take(place)}), cluster)


@dataclass(frozen=True)
class WriteColours(OneRound):
    """Send the labels of both copies to the output word of their vertex, which compares them.

    If an edge is still alive, which every machine knows, every word is the failure word.
    """

    graph: GraphShape

    def label(self, round: int, cluster: Cluster) -> str:
        return "write colours"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        n = self.graph.n_vertices
        arriving = 2 * min(cluster.block_words, n)
        return (
            Channel("label", ("index", "label"), share(2 * n, cluster), arriving),
            Channel("live", LIVE, 1, local=True),
        )

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        records, live = inbox["records"], inbox["live"]
        _, smallest = value_of_run(records)
        index = records["tag"] - 1
        outbox = Outbox()
        outbox.keep("live", live.machine, left=live["left"])
        to = index % self.graph.n_vertices // cluster.block_words
        outbox.send("label", source=records.machine, to=to, index=index, label=smallest)
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        owner, start = output_places(inbox.machines, cluster)
        label, live, n = inbox["label"], inbox["live"], self.graph.n_vertices
        labels = np.tile(np.array([[0], [1]]), len(owner))  # as for colour 0, also of an edge
        place = start[label.machine] + label["index"] % n % cluster.block_words
        labels[label["index"] // n, place] = label["label"]
        word = np.where(labels[0] == labels[1], ODD, labels[0] > labels[1])
        failed = np.zeros(cluster.n_machines, bool)
        failed[live.machine] = live["left"] > 0
        word[failed[owner]] = failure_word(cluster)
        return Inbox(inbox.machines, {"output": Records.of(owner, word=word)})


def bipartiteness(shape: GraphShape, seed: int = 0, phases: int | None = None) -> Stages:
    """Return the protocol that colours every bipartite component of a graph by two colours.

    Parameters
    ----------
    shape : GraphShape
        Without weights.
    seed : int
        Of the public coins, at least 0.
    phases : int, optional
        As for ``connectivity`` on the cover, of 2 n vertices and 2 m edges.

    Returns
    -------
    Stages
        The rounds of ``connectivity`` on the cover, exactly: the last one compares two labels.

    Raises
    ------
    InputError
        If the graph has weights, or a number is negative.

    References
    ----------
    Reif, Harvard TR-08-85 (random mates); bipartite double covers: folklore, as in Ahn, Guha,
    McGregor, SODA 2012.
    """
    if shape.is_weighted:
        raise InputError("bipartiteness takes no weights; leave them out")
    cover = GraphShape(2 * shape.n_vertices, 2 * shape.n_edges)
    read, write = (CoverHome(cover),), WriteColours(shape)
    return contract_and_label(cover, seed, phases, has_tags=False, read=read, write=write)
