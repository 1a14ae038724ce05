"""Broadcast: one record of machine 0 on every machine, by a tree of arity s / w.

Axes: M machines that learn it, w words of the record, a and L the arity and the levels of the tree.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpc_sim.cluster import Cluster
from mpc_sim.compose import LocalStage, sequence
from mpc_sim.cost import Cost
from mpc_sim.errors import ShapeError
from mpc_sim.protocol import Protocol
from mpc_sim.records import Channel, Inbox, Outbox, Records
from mpc_sim.stages.loads import WithinReceipts
from mpc_sim.stages.tree import Tree, plan_tree


@dataclass(frozen=True)
class Broadcast(WithinReceipts):
    """Copy the one record of machine 0 to machines 0 .. M - 1, in one channel.

    A machine that has it sends it to a - 1 others in a round, so 1, a, a^2, .. machines have it.

    Parameters
    ----------
    fields : tuple of str
        The w words of the record.
    everywhere : bool
        To all P machines, not only to those that hold input.

    References
    ----------
    Goodrich, Sitchinava, Zhang, arXiv 1101.1902 (trees of arity s).
    """

    fields: tuple[str, ...]
    channel: str = "word"
    everywhere: bool = False

    def tree(self, cluster: Cluster) -> Tree:
        """Return the tree for a cluster, or reject it."""
        n_leaves = cluster.n_machines if self.everywhere else cluster.n_input_machines
        tree = plan_tree(n_leaves, max_arity=cluster.memory_words // len(self.fields))
        if tree is None:
            raise ShapeError(
                f"broadcast of {len(self.fields)} words needs {2 * len(self.fields)} words of "
                f"local memory; s = {cluster.memory_words}: raise epsilon or c_s",
                memory_words=cluster.memory_words,
            )
        return tree

    def check(self, cluster: Cluster) -> None:
        self.tree(cluster)
        super().check(cluster)

    def n_rounds(self, cluster: Cluster) -> int:
        return self.tree(cluster).levels

    def cost(self, cluster: Cluster) -> Cost:
        """Rounds L, the least with a^L >= M for an a <= s / w.

        A machine holds one record of w words, and receives it at most once; to its children and to
        itself it sends w a words.
        """
        tree, w = self.tree(cluster), len(self.fields)
        most = w * tree.most_children
        return Cost(
            rounds=tree.levels,
            held=min(w, most),
            sent=most,
            received=min(w, most),
            machines=tree.n_leaves,
        ).naming(
            down_levels=tree.levels,
            down_children=tree.most_children,
            root_children=tree.children(tree.levels) if tree.levels else 0,
        )

    def label(self, round: int, cluster: Cluster) -> str:
        return "broadcast"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        tree = self.tree(cluster)
        return (Channel(self.channel, self.fields, tree.children(tree.levels - round), 1),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        tree, known = self.tree(cluster), inbox[self.channel]
        level = tree.levels - round
        known = known.take(tree.hosts(level, known.machine))
        copies = tree.n_children(level, known.machine)
        row = np.repeat(np.arange(len(known)), copies)
        child = np.arange(len(row)) - np.repeat(np.cumsum(copies) - copies, copies)
        sent = known.take(row)
        to = sent.machine + child * tree.reach(level - 1)
        outbox = Outbox()
        outbox.send(self.channel, source=sent.machine, to=to, **sent.columns)
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        return Inbox(inbox.machines, {self.channel: inbox[self.channel]})

    def leaves(self, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel(self.channel, self.fields, 1, local=True),)


@dataclass(frozen=True)
class FirstWord(LocalStage):
    """Machine 0 takes up word 0 of the input."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        words = inbox["input"]
        first = words.take((words.machine == 0) & (words.rank == 0))
        return Inbox(inbox.machines, {"word": first})


@dataclass(frozen=True)
class FillBlocks(LocalStage):
    """Every machine puts the one word that it knows into all its output words."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        known = inbox["word"]
        start = known.machine * cluster.block_words
        size = np.clip(cluster.n_words - start, 0, cluster.block_words)
        filled = Records.of(np.repeat(known.machine, size), word=np.repeat(known["word"], size))
        return Inbox(inbox.machines, {"output": filled})


def broadcast() -> Protocol:
    """Return the protocol that puts input word 0 into every output word.

    Returns
    -------
    Protocol
        L rounds, the least with s^L >= the machines that hold input.
    """
    return sequence(FirstWord(), Broadcast(("word",)), FillBlocks())
