"""The least depth of a sort and the least levels of a tree, from N, s and P by the theorems alone.

Claims use these functions and not the plan by which a protocol runs: a plan that is one level too
deep, or whose trees have half the arity, then takes more rounds than is claimed of it.

Symbols: s words of local memory, P machines; a sort of depth d on columns of r records occupies M
machines; a tree of L levels and arity a has M leaves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from mpc_sim import Cluster
from mpc_sim.integers import ceil_div

MOST_LEVELS = 8


@dataclass(frozen=True)
class LeastSort:
    """The least depth of columnsort, then the shortest columns, and the machines for them."""

    depth: int
    rows: int
    machines: int


@dataclass(frozen=True)
class LeastTree:
    """A tree of the fewest levels over machines 0 .. ``leaves`` - 1, then of the least arity."""

    leaves: int
    levels: int
    arity: int

    def children(self, level: int) -> int:
        """Return the most children of a node of a level >= 1; 0 beyond the levels there are."""
        if not 1 <= level <= self.levels:
            return 0
        return min(self.arity, ceil_div(self.leaves, self.arity ** (level - 1)))

    @property
    def others(self) -> int:
        """Children on other machines that machine 0 has, over all levels."""
        return sum(self.children(level) - 1 for level in range(1, self.levels + 1))


@dataclass(frozen=True)
class LeastGroups:
    """Groups of a butterfly of the fewest levels: most totals that a machine meets, and sends."""

    levels: int
    met: int
    copies: int


def share(items: int, cluster: Cluster) -> int:
    """Return ceil(items / P), at least 1: what a machine holds of items that lie evenly on all."""
    return ceil_div(max(1, items), cluster.n_machines)


def least_sort(cluster: Cluster, slots: int, words: int) -> LeastSort:
    """Return the least sort of so many records of so many words.

    A matrix of r rows and c columns is sorted if c divides r and r >= 2 (c - 1)^2 (Leighton 1985);
    at depth 1 a column fits one machine, r <= s / w, at depth d it is sorted at depth d - 1. At
    every level there are the fewest columns that the levels below can sort, and in all at most P.

    Raises
    ------
    ValueError
        No depth suffices: a protocol that sorts does not fit this cluster either.
    """
    return _least_sort(slots, cluster.memory_words // words, cluster.n_machines)


@lru_cache(maxsize=4096)
def _least_sort(slots: int, most_rows: int, machines: int) -> LeastSort:
    for depth in range(1, MOST_LEVELS + 1):
        if (found := _matrices(slots, depth, most_rows)) and found.machines <= machines:
            # the shortest columns: halve the interval between those that do and do not suffice
            short, enough = 0, found.rows
            while enough - short > 1:
                rows = (short + enough) // 2
                shorter = _matrices(slots, depth, rows)
                if shorter and shorter.machines <= machines:
                    found, enough = shorter, rows
                else:
                    short = rows
            return found
    raise ValueError(f"{slots} records are not sorted on {machines} machines of {most_rows} each")


def _matrices(slots: int, depth: int, most_rows: int) -> LeastSort | None:
    machines = 1
    for below in reversed(range(depth)):
        sorted_below = _sortable(below, most_rows)
        columns = 1
        while (rows := _legal_rows(slots, columns)) > sorted_below:
            columns += 1
            if 2 * (columns - 1) ** 2 > sorted_below:
                return None
        machines, slots = machines * columns, rows
    return LeastSort(depth, slots, machines)


def _legal_rows(slots: int, columns: int) -> int:
    """Return the least r with r c >= slots, r >= 2 (c - 1)^2 and c dividing r."""
    needed = max(1, ceil_div(slots, columns), 2 * (columns - 1) ** 2)
    return needed + -needed % columns


@lru_cache(maxsize=65536)
def _sortable(depth: int, most_rows: int) -> int:
    """Return the most records that are sorted at a depth where a machine sorts so many rows."""
    if not depth or not most_rows:
        return most_rows
    rows = _sortable(depth - 1, most_rows)
    # c columns hold more than c rows - c^2, and c - 3 at most (c - 3) rows, which is no more while
    # c^2 <= 3 rows, as 2 (c - 1)^2 <= rows says: so one of the three largest c is the best
    widest = math.isqrt(rows // 2) + 1
    legal = {columns: rows - rows % columns for columns in range(max(1, widest - 2), widest + 1)}
    return max(c * height for c, height in legal.items() if height >= 2 * (c - 1) ** 2)


def least_tree(cluster: Cluster, words: int, *, everywhere: bool = False) -> LeastTree:
    """Return the least tree whose nodes hold the elements of all children: arity at most s / w.

    Its leaves are the machines that hold input, or all P.

    References
    ----------
    Goodrich, Sitchinava, Zhang, arXiv 1101.1902: trees of arity s.
    """
    leaves = cluster.n_machines if everywhere else cluster.n_input_machines
    return tree_of_arity(leaves, cluster.memory_words // words)


def tree_of_arity(leaves: int, most_arity: int) -> LeastTree:
    """Return the tree of the fewest levels whose arity is at most so much, and at least 2."""
    levels = 0
    while max(2, most_arity) ** levels < leaves:
        levels += 1
    return LeastTree(leaves, levels, _least_root(leaves, levels))


def tree_within(leaves: int, most_arity: int, most_others: int) -> LeastTree | None:
    """Return the tree of the fewest levels within its arity and others; None where none is."""
    levels = 0
    while True:
        tree = LeastTree(leaves, levels, _least_root(leaves, levels))
        fits = levels == 0 or tree.arity <= most_arity
        if fits and tree.arity**levels >= leaves and tree.others <= most_others:
            return tree
        if levels and tree.arity == 2:
            return None
        levels += 1


def least_groups(cluster: Cluster) -> LeastGroups | None:
    """Return the butterfly of the fewest levels for one word on M machines; None where none fits.

    L is the least with M = s^L, where all groups have s children, or M <= s (s - 1)^(L - 1). Then
    G groups of level 1 have at most s machines each, and those above a or a - 1 children: a is the
    least with s a^(L - 1) >= M, and as few levels as suffice, the highest, have a. A group that is
    larger than others of its level by a machine takes a copy more.
    """
    machines, memory = cluster.n_input_machines, cluster.memory_words
    levels = 0
    while machines != memory**levels:
        levels += 1
        if machines <= memory * (memory - 1) ** (levels - 1):
            break
        if memory < 3 and memory**levels > machines:
            return None
    if machines == memory**levels:
        most = memory if levels else 0
        return LeastGroups(levels, most, most)
    arity = 1
    while memory * arity ** (levels - 1) < machines:
        arity += 1
    wide = next(
        wide
        for wide in range(levels)
        if memory * arity**wide * (arity - 1) ** (levels - 1 - wide) >= machines
    )
    # from the top down: children of a group, then how many groups there are
    met = copies = 0
    groups = 1
    for level in range(levels - 1):
        children = arity if level < wide else arity - 1
        groups *= children
        met, copies = max(met, children), max(copies, children + (machines % groups > 0))
    last = ceil_div(machines, groups)
    return LeastGroups(levels, max(met, last), max(copies, last))


def least_scan(
    cluster: Cluster, slots: int, held: int, record: int, element: int, waiting: int = 0
) -> LeastTree:
    """Return the least tree of a scan over records that lie ``held`` on a machine.

    Machine 0 is a node of every level: an element of every child but the first waits there, beside
    its records, its own element, and what else waits: held x record + (1 + others) x element +
    waiting <= s.

    Raises
    ------
    ValueError
        No tree fits.
    """
    leaves = ceil_div(slots, held)
    free = cluster.memory_words - held * record - waiting
    tree = tree_within(leaves, leaves, max(0, free // element - 1))
    if tree is None:
        raise ValueError(f"a scan of {slots} records of {record} words does not fit {cluster}")
    return tree


def _least_root(leaves: int, levels: int) -> int:
    """Return the least a >= 2 with a^levels >= leaves."""
    arity = 2
    if levels:
        arity = max(2, round(leaves ** (1 / levels)) - 1)
        while arity**levels < leaves:
            arity += 1
    return arity
