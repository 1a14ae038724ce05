"""List ranking by pointer jumping, one round per doubling.

Input word i is the successor of node i, for i in 0 .. N - 1; the end of a list points to itself or
to N. Output word i is the number of steps from node i to the end. Several lists are fine.

T = ceil(N / P) nodes lie on a machine, node i on machine i // T. Before doubling t node i knows the
node 2^t ahead and the one 2^t behind. It sends what is ahead of it, or its distance if that is
known, to the node behind it, and the node behind it to the node ahead. In a list no two nodes have
the same successor, so a node receives from at most one node ahead and one behind. A distance found
at doubling t is 2^t more than the one received, so it takes no word until then.

An input that is no list is reported node by node: a node outputs the failure word N if the way from
it leads to a node with several predecessors, or to a word beyond N, or around a cycle; every other
output is a true distance. If the nodes of one machine have more than T predecessors from other
machines, the input is rejected in round 0: no list does that, and that machine could not hold their
names. With those from its own block there are at most T + block.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpc_sim.cluster import Cluster
from mpc_sim.compose import LocalStage, sequence
from mpc_sim.errors import InputError
from mpc_sim.integers import ceil_div
from mpc_sim.protocol import Protocol
from mpc_sim.records import Channel, Inbox, Outbox, Records, Words
from mpc_sim.stages.elements import batch_slots
from mpc_sim.stages.loads import OneRound


def nodes_per_machine(cluster: Cluster) -> int:
    """Return T = ceil(N / P)."""
    return ceil_div(cluster.n_words, cluster.n_machines)


def jumps(n_words: int) -> int:
    """Return ceil(log2 N), the doublings after which every distance is known."""
    return (n_words - 1).bit_length()


@dataclass(frozen=True)
class Link(OneRound):
    """Send every node its successor and its predecessor.

    A node without a predecessor gets its own name for it, one with several gets N. An end has
    itself as successor, and a successor beyond N becomes N.
    """

    def label(self, round: int, cluster: Cluster) -> str:
        return "predecessors"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        block, nodes = cluster.block_words, nodes_per_machine(cluster)
        return (
            Channel("own", ("hop",), block, nodes),
            Channel("predecessor", ("index", "inverse"), block, nodes),
        )

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        words, n, nodes = inbox["input"], cluster.n_words, nodes_per_machine(cluster)
        index = words.machine * cluster.block_words + words.rank
        hop = np.where(words["word"] == n, index, np.minimum(words["word"], n))
        outbox = Outbox()
        outbox.send("own", source=words.machine, to=index // nodes, hop=hop)
        inner = (hop != index) & (hop != n)
        source, index, hop = words.machine[inner], index[inner], hop[inner]
        outbox.send("predecessor", source=source, to=hop // nodes, index=hop, inverse=index)
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        home = _Home.of(inbox.machines, cluster, nodes_per_machine(cluster))
        before = inbox["predecessor"]
        slot = home.slot(before)
        inverse = home.index.copy()
        inverse[slot] = before["inverse"]
        inverse[np.bincount(slot, minlength=len(inverse)) > 1] = cluster.n_words
        hop = inbox["own"]["hop"]
        dist = np.where(hop == home.index, 0, cluster.n_words)
        return home.inbox(hop=hop, inverse=inverse, dist=dist)


@dataclass(frozen=True)
class Jump(OneRound):
    """Doubling t: from the node 2^t ahead and behind to the node 2^(t+1) ahead and behind."""

    bit: int

    def label(self, round: int, cluster: Cluster) -> str:
        return f"jump {2**self.bit}"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        nodes = nodes_per_machine(cluster)
        return (
            Channel("own", ("dist", "is_merged"), nodes, local=True),
            Channel("forward", ("index", "hop", "dist"), nodes, nodes),
            Channel("backward", ("index", "inverse"), nodes, nodes + cluster.block_words),
        )

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        node, nodes = _Nodes.of(inbox["node"], cluster), nodes_per_machine(cluster)
        outbox = Outbox()
        merged = (node.inverse == cluster.n_words).astype(np.int64)
        outbox.keep("own", node.machine, dist=node.dist, is_merged=merged)
        sent = node.take(node.has_inverse & (node.is_ended | node.is_walking))
        sent = sent.take(sent.is_ended | (sent.hop != sent.inverse))  # a cycle: nothing to send
        outbox.send(
            "forward",
            source=sent.machine,
            to=sent.inverse // nodes,
            index=sent.inverse,
            hop=np.where(sent.is_ended, sent.inverse, sent.hop),
            dist=np.where(sent.is_ended, sent.dist, 0),
        )
        sent = node.take(node.has_inverse & node.is_walking)
        outbox.send(
            "backward",
            source=sent.machine,
            to=sent.hop // nodes,
            index=sent.hop,
            inverse=sent.inverse,
        )
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        n = cluster.n_words
        home = _Home.of(inbox.machines, cluster, nodes_per_machine(cluster))
        own, forward, backward = inbox["own"], inbox["forward"], inbox["backward"]
        dist, inverse = own["dist"].copy(), home.index.copy()
        hop = np.where(dist < n, home.index, n)
        slot = home.slot(forward)
        hop[slot] = forward["hop"]
        is_ended = forward["hop"] == forward["index"]
        dist[slot[is_ended]] = forward["dist"][is_ended] + 2**self.bit
        inverse[home.slot(backward)] = backward["inverse"]
        inverse[own["is_merged"] == 1] = n
        return home.inbox(hop=hop, inverse=inverse, dist=dist)


@dataclass(frozen=True)
class LastJump(OneRound):
    """The last doubling: every distance goes straight to where it is put out."""

    bit: int

    def label(self, round: int, cluster: Cluster) -> str:
        return f"jump {2**self.bit}, answer"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        most = 2 * nodes_per_machine(cluster)
        return (Channel("answer", ("index", "dist"), most, cluster.block_words),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        node, block = _Nodes.of(inbox["node"], cluster), cluster.block_words
        node = node.take(node.is_ended)
        outbox = Outbox()
        outbox.send(
            "answer",
            source=node.machine,
            to=node.index // block,
            index=node.index,
            dist=node.dist,
        )
        node = node.take(node.has_inverse)
        outbox.send(
            "answer",
            source=node.machine,
            to=node.inverse // block,
            index=node.inverse,
            dist=node.dist + 2**self.bit,
        )
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        home = _Home.of(inbox.machines, cluster, cluster.block_words)
        answer = inbox["answer"]
        dist = np.full(len(home.index), cluster.n_words)
        dist[home.slot(answer)] = answer["dist"]
        return Inbox(inbox.machines, {"output": Records.of(home.machine, word=dist)})


@dataclass(frozen=True)
class OneNode(LocalStage):
    """N = 1: the node is the end, if it points to itself or to N."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        words = inbox["input"]
        dist = (words["word"] > 1).astype(np.int64)
        return Inbox(inbox.machines, {"output": Records.of(words.machine, word=dist)})


def list_ranking(n_words: int) -> Protocol:
    """Return the protocol that ranks lists of N nodes in all.

    Parameters
    ----------
    n_words : int
        N, at least 1; the doublings depend on it.

    Returns
    -------
    Protocol
        1 + ceil(log2 N) rounds, exactly; none for N = 1. Words of a machine at most max(3 block,
        7 T) on lists; 7 T + 2 block are declared, for what is no list.

    Raises
    ------
    InputError
        If N is not positive.

    References
    ----------
    Wyllie, The complexity of parallel computations, PhD thesis, Cornell (1979): pointer jumping.
    """
    if n_words < 1:
        raise InputError(f"N = {n_words}: a list has at least one node")
    last = jumps(n_words) - 1
    if last < 0:
        return OneNode()
    return sequence(Link(), *[Jump(bit) for bit in range(last)], LastJump(last))


@dataclass(frozen=True, eq=False)
class _Nodes:
    """Nodes with what they know."""

    n_words: int
    machine: Words
    index: Words
    hop: Words
    inverse: Words
    dist: Words

    @classmethod
    def of(cls, nodes: Records, cluster: Cluster) -> _Nodes:
        index = nodes.machine * nodes_per_machine(cluster) + nodes.rank
        return cls(
            cluster.n_words, nodes.machine, index, nodes["hop"], nodes["inverse"], nodes["dist"]
        )

    def take(self, rows: NDArray[np.bool_]) -> _Nodes:
        columns = (self.machine, self.index, self.hop, self.inverse, self.dist)
        return _Nodes(self.n_words, *(column[rows] for column in columns))

    @property
    def is_ended(self) -> NDArray[np.bool_]:
        return np.equal(self.hop, self.index)

    @property
    def is_walking(self) -> NDArray[np.bool_]:
        return ~self.is_ended & np.not_equal(self.hop, self.n_words)

    @property
    def has_inverse(self) -> NDArray[np.bool_]:
        known = np.not_equal(self.inverse, self.n_words)
        return known & np.not_equal(self.inverse, self.index)


@dataclass(frozen=True, eq=False)
class _Home:
    """The nodes that live on a batch of machines, ``size`` on each."""

    machines: Words
    size: int
    machine: Words
    index: Words
    start: Words

    @classmethod
    def of(cls, machines: Words, cluster: Cluster, size: int) -> _Home:
        counts = np.clip(cluster.n_words - machines * size, 0, size)
        first = np.cumsum(counts) - counts
        machine = np.repeat(machines, counts)
        index = machine * size + np.arange(len(machine)) - np.repeat(first, counts)
        start = first[batch_slots(machines, cluster)] if len(machines) else first
        return cls(machines, size, machine, index, start)

    def slot(self, records: Records) -> Words:
        """Return where the nodes of the records stand."""
        return self.start[records.machine] + records["index"] - records.machine * self.size

    def inbox(self, **columns: Words) -> Inbox:
        return Inbox(self.machines, {"node": Records.of(self.machine, **columns)})
