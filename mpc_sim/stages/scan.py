"""Prefix scans over records that lie in order on machines, by a tree whose nodes are machines.

Axes: R records of a channel, f fields of a record, h records of a machine, w words of an element, M
machines that may hold records, a and L the arity and the levels of the tree.

Up-sweep: a node of level l learns the totals of its children and keeps, for every child but the
first, what the children before it combine to; its own total goes to its parent. Down-sweep: it
learns what all machines before it combine to and sends it to its children. The local records wait
on their machines, and are charged, all the while.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpc_sim.cluster import Cluster
from mpc_sim.columns import rank_in_group
from mpc_sim.cost import Cost
from mpc_sim.errors import ShapeError
from mpc_sim.integers import ceil_div
from mpc_sim.records import Channel, Inbox, Outbox, Records, Words
from mpc_sim.stages.elements import (
    batch_slots,
    element_columns,
    element_fields,
    element_table,
    last_of_group,
    reduce_groups,
    scan_groups,
    shift_groups,
)
from mpc_sim.stages.loads import WithinCost
from mpc_sim.stages.operations import Operation
from mpc_sim.stages.tree import Tree, plan_tree


@dataclass(frozen=True)
class Scan(WithinCost):
    """Give every record what all records up to it combine to, in the order (machine, rank).

    It reads channel ``channel`` and leaves it with the fields ``prefix`` added; machines without
    records are fine. It also leaves channel ``before``: one element on each of the M machines,
    fields ``prefix``, what the records of all machines before it combine to.

    Parameters
    ----------
    operation : Operation
        Associative on the elements that occur.
    fields : tuple of str
        All fields of the records; they are carried along and charged.
    operand : tuple of str
        Those of them that are the element of a record, or that it is lifted from.
    prefix : tuple of str
        The w new fields.
    inclusive : bool
        Whether the prefix of a record contains its own element.
    n_slots : int, optional
        Record j of machine i lies in slot i h + j; all slots are smaller than this. N by default.
    held : int, optional
        h; block by default.
    spread : bool
        h = ceil(n_slots / P), as ``Columnsort(spread=True)`` leaves them.

    References
    ----------
    Goodrich, Sitchinava, Zhang, arXiv 1101.1902 (prefix sums by a tree of arity s, O(log_s N)).
    """

    operation: Operation
    fields: tuple[str, ...]
    operand: tuple[str, ...]
    prefix: tuple[str, ...]
    channel: str = "records"
    inclusive: bool = True
    n_slots: int | None = None
    held: int | None = None
    spread: bool = False

    def __post_init__(self) -> None:
        w, own = self.operation.words, self.operation.operand_words
        if len(self.operand) != own or len(self.prefix) != w:
            raise ShapeError(
                f"scan: an element of {w} words has operand fields {self.operand} "
                f"and prefix fields {self.prefix}; give {own} and {w}",
                words=w,
            )

    def tree(self, cluster: Cluster) -> Tree:
        """Return the tree for a cluster, or reject it."""
        tree = self._fitting_tree(cluster)
        if tree is None:
            held, record, w = self.n_held(cluster), len(self.fields), self.operation.words
            raise ShapeError(
                f"scan of elements of {w} words over {held} records of {record} words per machine "
                f"and {self.n_machines(cluster)} machines does not fit P = {cluster.n_machines} "
                f"machines of s = {cluster.memory_words} words: raise epsilon, c_s or c_p",
                memory_words=cluster.memory_words,
                n_machines=cluster.n_machines,
            )
        return tree

    def cost(self, cluster: Cluster) -> Cost:
        """Rounds 2 L; h f + w (1 + the sum over the levels of (children - 1)) words.

        L is the least, and then a, with which everything fits. The words are those of machine 0,
        the busiest, held and sent, exactly if it has h records and L >= 1: it is a node of every
        level, so when the root is reached an element of every child but the first waits, and so
        does its own. In a round it receives from the other children of one node, or one element
        from above. So the words are about h f + w L a, and L = O(log_s P) if h f is at most a
        constant part of s. Machines: M = ceil(n_slots / h).
        """
        tree, w = self.tree(cluster), self.operation.words
        own = self.n_held(cluster) * len(self.fields)
        words = own + w * (1 + tree.others) if tree.levels else own
        return Cost(
            rounds=2 * tree.levels,
            held=words,
            sent=words if tree.levels else 0,
            received=w * max(tree.most_children - 1, 0),
            machines=tree.n_leaves,
        ).naming(scan_levels=tree.levels, scan_children=tree.most_children, scan_others=tree.others)

    def beside_words(self, cluster: Cluster) -> int:
        """Return the words of a machine that wait in other parts of a parallel composition.

        0 here; a subclass that runs in parallel with others says how many.
        """
        return 0

    def n_held(self, cluster: Cluster) -> int:
        """Return h, the most records of a machine."""
        if self.held is not None:
            return self.held
        if self.spread:
            return ceil_div(self._n_slots(cluster), cluster.n_machines)
        return cluster.block_words

    def check(self, cluster: Cluster) -> None:
        self.tree(cluster)
        super().check(cluster)

    def n_rounds(self, cluster: Cluster) -> int:
        return 2 * self.tree(cluster).levels

    def label(self, round: int, cluster: Cluster) -> str:
        return "scan: up" if round < self.tree(cluster).levels else "scan: down"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        tree = self.tree(cluster)
        levels = tree.levels
        top = min(round, 2 * levels - 1 - round)
        element = element_fields(self.operation.words)
        level = round + 1 if round < levels else 2 * levels - round
        others = tree.children(level) - 1
        moved = (
            Channel("total", element, 1, others)
            if round < levels
            else Channel("before", element, 1 + others, 1)
        )
        waiting = [
            Channel(f"level {below}", element, tree.children(below) - 1, local=True)
            for below in range(1, top + 1)
        ]
        own = Channel(self.channel, self.fields, self.n_held(cluster), local=True)
        return (own, moved, *waiting)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        tree, outbox, machines = self.tree(cluster), Outbox(), inbox.machines
        records = self._own_records(inbox, cluster)
        outbox.keep(self.channel, records.machine, **records.columns)
        levels, slot = tree.levels, batch_slots(machines, cluster)
        down = 2 * levels - round
        for below in range(1, min(round, down)):
            waiting = inbox[f"level {below}"]
            outbox.keep(f"level {below}", waiting.machine, **waiting.columns)
        if round == 0:
            elements = self._elements(records)
            total, owner = (
                reduce_groups(self.operation, records.machine, elements, machines, cluster),
                machines,
            )
        elif round <= levels:
            met = inbox["total"]
            elements = scan_groups(self.operation, met.machine, element_table(met, met.fields))
            is_last = last_of_group(met.machine)
            total, owner = elements[is_last], met.machine[is_last]
            prefixes, siblings = elements[~is_last], met.machine[~is_last]
        else:
            met = inbox[f"level {down}"]
            prefixes, siblings = element_table(met, met.fields), met.machine
        if round < levels:
            if round:
                outbox.keep(f"level {round}", siblings, **element_columns(prefixes))
            nodes = tree.hosts(round, owner)
            to = tree.parent(round, owner[nodes])
            outbox.send("total", source=owner[nodes], to=to, **element_columns(total[nodes]))
            return outbox
        before = self.operation.repeat_identity(len(machines))
        if round > levels:
            received = inbox["before"]
            before[slot[received.machine]] = element_table(received, received.fields)
        hosts = np.flatnonzero(tree.hosts(down, machines))
        outbox.keep("before", machines[hosts], **element_columns(before[hosts]))
        elements = self.operation.combine(before[slot[siblings]], prefixes)
        to = siblings + (rank_in_group(siblings) + 1) * tree.reach(down - 1)
        outbox.send("before", source=siblings, to=to, **element_columns(elements))
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        machines, records = inbox.machines, self._own_records(inbox, cluster)
        leaves, before = self.before(inbox, cluster)
        slot = batch_slots(leaves, cluster)
        elements = scan_groups(self.operation, records.machine, self._elements(records))
        if not self.inclusive:
            elements = shift_groups(self.operation, records.machine, elements)
        elements = self.operation.combine(before[slot[records.machine]], elements)
        columns = dict(records.columns) | element_columns(elements, self.prefix)
        return Inbox(
            machines,
            {
                self.channel: Records.of(records.machine, **columns),
                "before": Records.of(leaves, **element_columns(before, self.prefix)),
            },
        )

    def leaves(self, cluster: Cluster) -> tuple[Channel, ...]:
        return (
            Channel(self.channel, self.fields + self.prefix, self.n_held(cluster), local=True),
            Channel("before", self.prefix, 1, local=True),
        )

    def before(self, inbox: Inbox, cluster: Cluster) -> tuple[Words, Words]:
        """Return the machines that may hold records, and int64[M, w]: what lies before each."""
        leaves = inbox.machines[inbox.machines < self.n_machines(cluster)]
        if not self.n_rounds(cluster):
            return leaves, self.operation.repeat_identity(len(leaves))
        met = inbox["before"]
        elements = element_table(met, met.fields)
        return leaves, reduce_groups(self.operation, met.machine, elements, leaves, cluster)

    def _elements(self, records: Records) -> Words:
        return self.operation.lift(element_table(records, self.operand))

    def _own_records(self, inbox: Inbox, cluster: Cluster) -> Records:
        """Return the records, which must lie on the machines that the tree spans."""
        records, spanned = inbox[self.channel], self.n_machines(cluster)
        outside = records.machine >= spanned
        if outside.any():
            machine = int(records.machine[outside][0])
            raise ShapeError(
                f"scan: machine {machine} holds records of channel {self.channel!r}; "
                f"{self._n_slots(cluster)} slots of {self.n_held(cluster)} per machine end on "
                f"machine {spanned - 1}: give n_slots and held as they are",
                machine=machine,
            )
        return records

    def _fitting_tree(self, cluster: Cluster) -> Tree | None:
        """Return the least tree, or None: then the records or the elements do not fit."""
        n_leaves, w = self.n_machines(cluster), self.operation.words
        own = self.n_held(cluster) * len(self.fields)
        free = cluster.memory_words - own - self.beside_words(cluster)
        others = free // w - 1
        if n_leaves > cluster.n_machines or free < 0:
            return None
        return plan_tree(n_leaves, max_arity=n_leaves, max_others=max(others, 0))

    def _n_slots(self, cluster: Cluster) -> int:
        return cluster.n_words if self.n_slots is None else self.n_slots

    def n_machines(self, cluster: Cluster) -> int:
        """Return M, the machines that may hold records."""
        return ceil_div(self._n_slots(cluster), self.n_held(cluster))


@dataclass(frozen=True)
class ScanAtOnce(Scan):
    """The same in one round: every machine sends its total to all machines after it.

    The canonical order of an inbox names the senders, so a total is w words and no more.
    """

    def check(self, cluster: Cluster) -> None:
        cost, n_leaves = self.cost(cluster), self.n_machines(cluster)
        if cost.sent > cluster.memory_words or n_leaves > cluster.n_machines:
            raise ShapeError(
                f"scan at once over {n_leaves} machines needs {cost.sent} words of local memory; "
                f"s = {cluster.memory_words}: raise epsilon or c_s",
                memory_words=cluster.memory_words,
                n_machines=cluster.n_machines,
            )

    def cost(self, cluster: Cluster) -> Cost:
        """One round; h f + w (M - 1) words: machine 0 sends as many, and the last may hold them."""
        others, w = self.n_machines(cluster) - 1, self.operation.words
        most = self.n_held(cluster) * len(self.fields) + w * others
        return Cost(1, held=most, sent=most, received=w * others, machines=others + 1)

    def n_rounds(self, cluster: Cluster) -> int:
        return 1

    def label(self, round: int, cluster: Cluster) -> str:
        return "scan: all to all"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        others = self.n_machines(cluster) - 1
        return (
            Channel(self.channel, self.fields, self.n_held(cluster), local=True),
            Channel("before", element_fields(self.operation.words), others, others),
        )

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        records, outbox = self._own_records(inbox, cluster), Outbox()
        outbox.keep(self.channel, records.machine, **records.columns)
        n_leaves = self.n_machines(cluster)
        machines = inbox.machines[inbox.machines < n_leaves]
        elements = self._elements(records)
        totals = reduce_groups(self.operation, records.machine, elements, machines, cluster)
        copies = n_leaves - 1 - machines
        row = np.repeat(np.arange(len(machines)), copies)
        to = machines[row] + 1 + np.arange(len(row)) - np.repeat(np.cumsum(copies) - copies, copies)
        outbox.send("before", source=machines[row], to=to, **element_columns(totals[row]))
        return outbox
