"""Converge-cast: what all records combine to arrives at machine 0, by a tree of arity s / w.

Axes: M machines that hold records, w words of an element, a and L the arity and the levels of the
tree.
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
from mpc_sim.stages.columnsort import Rename
from mpc_sim.stages.elements import (
    element_columns,
    element_fields,
    element_table,
    reduce_groups,
)
from mpc_sim.stages.loads import WithinCost
from mpc_sim.stages.operations import Operation
from mpc_sim.stages.tree import Tree, plan_tree


@dataclass(frozen=True)
class ConvergeCast(WithinCost):
    """Combine all records, in the order (machine, rank), into one on machine 0.

    It reads channel ``channel`` and leaves channel ``word``: the result on machine 0, nowhere else.

    Parameters
    ----------
    operation : Operation
        Associative; it need not be commutative.
    operand : tuple of str
        The w fields of the records that are combined, and of the result.
    everywhere : bool
        Records may lie on all P machines, not only on those that hold input.

    References
    ----------
    Goodrich, Sitchinava, Zhang, arXiv 1101.1902 (trees of arity s).
    """

    operation: Operation
    operand: tuple[str, ...]
    channel: str = "records"
    everywhere: bool = False

    def tree(self, cluster: Cluster) -> Tree:
        """Return the tree for a cluster, or reject it."""
        n_leaves = cluster.n_machines if self.everywhere else cluster.n_input_machines
        w = self.operation.words
        tree = plan_tree(n_leaves, max_arity=cluster.memory_words // w)
        if tree is None:
            raise ShapeError(
                f"converge-cast of elements of {w} words needs {2 * w} words of local memory; "
                f"s = {cluster.memory_words}: raise epsilon or c_s",
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

        A node holds the totals of its children, w a words; all but its own arrive from others.
        Every machine sends at most one total.
        """
        tree, w = self.tree(cluster), self.operation.words
        most = w * tree.most_children
        return Cost(
            rounds=tree.levels,
            held=most,
            sent=min(w, most),
            received=max(most - w, 0),
            machines=tree.n_leaves,
        ).naming(up_levels=tree.levels, up_children=tree.most_children)

    def label(self, round: int, cluster: Cluster) -> str:
        return "converge-cast"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        others = self.tree(cluster).children(round + 1) - 1
        return (Channel("total", element_fields(self.operation.words), 1, others),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        tree, machines = self.tree(cluster), inbox.machines
        nodes = machines[tree.hosts(round, machines)]
        met = inbox["total"] if round else inbox[self.channel]
        met = met.take(tree.hosts(round, met.machine))
        elements = element_table(met, met.fields if round else self.operand)
        totals = reduce_groups(self.operation, met.machine, elements, nodes, cluster)
        outbox = Outbox()
        to = tree.parent(round, nodes)
        outbox.send("total", source=nodes, to=to, **element_columns(totals))
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        is_met = self.n_rounds(cluster) > 0
        met = inbox["total"] if is_met else inbox[self.channel]
        root = inbox.machines[inbox.machines == 0]
        met = met.take(met.machine == 0)
        elements = element_table(met, met.fields if is_met else self.operand)
        totals = reduce_groups(self.operation, met.machine, elements, root, cluster)
        result = Records.of(root, **element_columns(totals, self.operand))
        return Inbox(inbox.machines, {"word": result})

    def leaves(self, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel("word", self.operand, 1, local=True),)


@dataclass(frozen=True)
class ResultFirst(LocalStage):
    """Word 0 of the output is the word of machine 0, every other one is 0."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        machines = inbox.machines
        size = np.clip(cluster.n_words - machines * cluster.block_words, 0, cluster.block_words)
        owner = np.repeat(machines, size)
        word = np.zeros(len(owner), np.int64)
        word[np.flatnonzero(owner == 0)[:1]] = inbox["word"]["word"]
        return Inbox(machines, {"output": Records.of(owner, word=word)})


def of_one_word(operation: Operation) -> Operation:
    """Return an operation on words as they are; reject one on elements of several words.

    Raises
    ------
    ShapeError
    """
    if operation.words != 1:
        raise ShapeError(
            f"{operation} combines elements of {operation.words} words, the input has one word "
            "each: use Packed(operation, base)",
            words=operation.words,
        )
    return operation


def converge_cast(operation: Operation) -> Protocol:
    """Return the protocol whose output word 0 is what all input words combine to; others are 0.

    Parameters
    ----------
    operation : Operation
        On elements of one word.

    Returns
    -------
    Protocol
        L rounds, the least with s^L >= the machines that hold input.

    Raises
    ------
    ShapeError
        If the elements of the operation have several words.
    """
    return sequence(
        Rename("input", "records"),
        ConvergeCast(of_one_word(operation), ("word",)),
        ResultFirst(),
    )
