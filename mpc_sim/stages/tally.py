"""Counts up a tree, checked at its root, and offsets down: or nothing, if the check fails.

Axes: M machines of a tree, w counts of a machine, a and L the arity and the levels of the tree.

The tree stands with its root on the last machine: distances to the root are the leaves of ``Tree``.
On the way up a node learns the counts of its children, keeps them, and hands on the sums. The root
looks at the totals. If they pass, every machine learns on the way down the sums over all machines
before it; if not, no machine receives anything, and so every machine knows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpc_sim.cluster import Cluster
from mpc_sim.records import Channel, Inbox, Outbox, Records, Words
from mpc_sim.stages.elements import (
    batch_slots,
    element_columns,
    element_fields,
    element_table,
)
from mpc_sim.stages.tree import Tree

Passes = Callable[[Words], NDArray[np.bool_]]


@dataclass(frozen=True)
class Tally:
    """The rounds of a tally, as a part of a stage that keeps what else lies on the machines.

    It begins with channel ``own``, one record of w counts on every machine of a tree, and leaves
    that, and channel ``offset``: a record of w sums on every machine of a tree that passed.

    Parameters
    ----------
    width : int
        w.

    Notes
    -----
    Rounds 2 L, exactly. Words of a machine at most w (2 + q), q the children of the root on other
    machines, all levels together (``Tree.others``): on the way up what it keeps and hands on, on
    the way down its counts, those of its children or the offsets for them, and its own offset.
    """

    tree: Tree
    width: int

    @property
    def n_rounds(self) -> int:
        """Return 2 L."""
        return 2 * self.tree.levels

    @property
    def words(self) -> int:
        """The most words of a machine."""
        return self.width * (2 + self.tree.others)

    def channels(self, round: int) -> tuple[Channel, ...]:
        """Return the channels of a round."""
        fields, levels = element_fields(self.width), self.tree.levels
        if round < levels:
            waiting = range(1, round + 1)
            moved = Channel("count", fields, 1, self.tree.children(round + 1) - 1)
        else:
            level = 2 * levels - round
            waiting = range(1, level)
            moved = Channel("offset", fields, self.tree.children(level), 1)
        return (
            Channel("own", fields, 1, local=True),
            moved,
            *(
                Channel(f"level {level}", fields, self.tree.children(level) - 1, local=True)
                for level in waiting
            ),
        )

    def step(
        self,
        round: int,
        inbox: Inbox,
        own: Records,
        to_root: Words,
        passes: Passes,
        cluster: Cluster,
    ) -> Outbox:
        """Return what the machines of a batch keep and send in a round.

        Parameters
        ----------
        own : Records
            The counts of every machine of the batch that lies in a tree.
        to_root : int64[machines of the batch]
            How many machines further its root is; negative or at least M outside every tree.
        passes : callable
            int64[R, w] -> bool[R]: whether totals pass.
        """
        tree, machines, outbox = self.tree, inbox.machines, Outbox()
        levels, slot = tree.levels, batch_slots(machines, cluster)
        top = min(round, 2 * levels - round)
        met = {level: inbox[f"level {level}"] for level in range(1, top)}
        if round:
            met[top] = inbox["count" if round <= levels else f"level {top}"]
        outbox.keep("own", own.machine, **own.columns)
        for level in range(1, top + (round < levels)):
            outbox.keep(f"level {level}", met[level].machine, **met[level].columns)
        if round < levels:
            apart = to_root % tree.reach(round + 1)
            node = self._nodes(round, to_root) & (apart > 0)
            total = self._sums([own, *met.values()], slot, len(machines))[node]
            to = machines[node] + apart[node]
            outbox.send("count", source=machines[node], to=to, **element_columns(total))
            return outbox
        if round == levels:
            before = np.zeros((len(machines), self.width), np.int64)
            known = self._nodes(levels, to_root)
            known &= passes(self._sums([own, *met.values()], slot, len(machines)))
        else:
            before = self._sums([inbox["offset"]], slot, len(machines))
            known = np.bincount(slot[inbox["offset"].machine], minlength=len(machines)) > 0
        children = met[top].take(known[slot[met[top].machine]])
        counts, parent = element_table(children, children.fields), children.machine
        further = np.cumsum(counts, axis=0) - counts
        starts = np.flatnonzero(children.rank == 0)
        sizes = np.diff(starts, append=len(children))
        further -= np.repeat(further[starts], sizes, axis=0)
        outbox.send(
            "offset",
            source=parent,
            to=parent - (np.repeat(sizes, sizes) - children.rank) * tree.reach(top - 1),
            **element_columns(before[slot[parent]] + further),
        )
        before += self._sums([children], slot, len(machines))
        outbox.keep("offset", machines[known], **element_columns(before[known]))
        return outbox

    def _nodes(self, level: int, to_root: Words) -> NDArray[np.bool_]:
        """Return which machines carry a node of a level."""
        return (to_root >= 0) & self.tree.hosts(level, to_root)

    def _sums(self, parts: list[Records], slot: Words, n_machines: int) -> Words:
        """Return int64[M, w]: the sums of the records of every machine."""
        sums = np.zeros((n_machines, self.width), np.int64)
        for part in parts:
            np.add.at(sums, slot[part.machine], element_table(part, part.fields))
        return sums
