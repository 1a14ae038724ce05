"""Which three blocks of a sorted sequence can hold a solution of 3-SUM: one triple per machine.

Axes: N sorted words in m blocks of B; i <= j <= k blocks; W = m (m + 1) / 2 lines.

A triple of blocks can hold words of sum S only if its least sum is at most S and its largest at
least S. Both grow, or stay, along the line (i, j, k), (i + 1, j + 1, k + 1), ...; there is a line
for all differences 0 <= j - i <= k - i < m, which makes W. Only the first triple of a line whose
largest sum reaches S is looked at, and that is enough. Of the solutions p <= q <= r
(places) take one of the smallest p + q + r, in blocks (i, j, k). If an earlier triple of the line
reached S, then S <= the largest sum of (i - 1, j - 1, k - 1) <= the least sum of (i, j, k) <= S, so
the last word of block i - 1 equals the word at p. It lies before p, so it can stand in for p, and
p + q + r was not the smallest. So equal words, however many, need no treatment.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mpc_sim.records import Words


@lru_cache(maxsize=8)
def line_offsets(n_blocks: int) -> tuple[Words, Words]:
    """Return the differences j - i and k - i of every line."""
    middle, last = np.triu_indices(n_blocks)
    return middle.astype(np.int64), last.astype(np.int64)


@dataclass(frozen=True, eq=False)
class BlockTriples:
    """The triple of every line, and the machines that need a block.

    Machine t looks at line t. ``receiver`` lists, block by block, the machines that need it.

    Parameters
    ----------
    blocks : int64[W, 3]
    is_live : bool[W]
        Whether the line has a triple.
    receiver : int64[R]
    start, count : int64[m]
        Where the receivers of a block stand.
    """

    blocks: Words
    is_live: NDArray[np.bool_]
    receiver: Words
    start: Words
    count: Words

    @classmethod
    def of(cls, least: Words, most: Words, target: int) -> BlockTriples:
        """Find the triples for the least and the largest word of every block, in order."""
        n_blocks = len(least)
        middle, last = line_offsets(n_blocks)
        low, high = np.zeros_like(last), n_blocks - last
        while np.any(low < high):
            at = np.minimum((low + high) // 2, n_blocks - 1 - last)
            reaches = most[at] + most[at + middle] + most[at + last] >= target
            high = np.where(reaches & (low < high), at, high)
            low = np.where(~reaches & (low < high), at + 1, low)
        first = np.minimum(low, n_blocks - 1 - last)
        blocks = np.stack([first, first + middle, first + last], axis=1)
        is_live = (low < n_blocks - last) & (least[blocks].sum(axis=1) <= target)
        needed = np.stack([is_live, is_live & (middle > 0), is_live & (last > middle)], axis=1)
        line, role = np.nonzero(needed)
        block = blocks[line, role]
        order = np.lexsort([line, block])
        count = np.bincount(block, minlength=n_blocks)
        return cls(blocks, is_live, line[order], np.cumsum(count) - count, count)

    def rank(self, block: Words, machine: Words) -> Words:
        """Return the place of machines among the receivers of blocks."""
        n_lines = len(self.is_live)
        keys = np.repeat(np.arange(len(self.count)), self.count) * n_lines + self.receiver
        found: Words = np.searchsorted(keys, block * n_lines + machine) - self.start[block]
        return found

    def arrivals(
        self, stage: int, machines: Words, width: int, n_words: int
    ) -> tuple[Words, Words, Words]:
        """Return machine, place and source of all words that machines get when blocks are copied.

        Word w of a block with R receivers goes to receiver w mod R (stage 1), from there to member
        w mod g of every group of g receivers (stage 2), and from there to all of the group (3).
        """
        mine = np.flatnonzero(np.isin(self.receiver, machines))
        block = np.repeat(np.arange(len(self.count)), self.count)[mine]
        row, at = repeated(np.minimum(width, n_words - block * width))
        block, machine = block[row], self.receiver[mine][row]
        start, count = self.start[block], self.count[block]
        rank = mine[row] - start
        before = rank - rank % width
        size = np.minimum(width, count - before)
        if stage == 1:
            kept, source = at % count == rank, block
        elif stage == 2:
            kept, source = at % size == rank - before, self.receiver[start + at % count]
        else:
            kept, source = at >= 0, self.receiver[start + before + at % size]
        return machine[kept], (block * width + at)[kept], source[kept]


def repeated(copies: Words) -> tuple[Words, Words]:
    """Return every row as often as stated, and the number of each copy."""
    row = np.repeat(np.arange(len(copies)), copies)
    return row, np.arange(len(row)) - np.repeat(np.cumsum(copies) - copies, copies)


def holds_solution(
    words: Words, starts: Words, lengths: Words, target: int, *, distinct: bool
) -> NDArray[np.bool_]:
    """Return for every machine whether three words of its blocks have the sum, by two pointers.

    Parameters
    ----------
    words : int64[M, 3, B]
        Blocks in increasing order, sorted; equal blocks are given as often as they occur.
    starts, lengths : int64[M, 3]
        Where the blocks begin in the whole sequence, and how many words they have.
    distinct : bool
        Whether the three places must differ.
    """
    n_machines, _, width = words.shape
    machine, at = (axis.ravel() for axis in np.indices((n_machines, width)))
    filled = at < lengths[machine, 0]
    machine, at = machine[filled], at[filled]
    place, gap = starts[machine, 0] + at, int(distinct)
    first = words[machine, 0, at]
    middle = np.maximum(place + gap - starts[machine, 1], 0)
    last = lengths[machine, 2] - 1
    is_found = np.zeros(n_machines, bool)
    while len(machine):
        inside = (middle < lengths[machine, 1]) & (last >= 0)
        inside &= starts[machine, 1] + middle + gap <= starts[machine, 2] + last
        inside &= ~is_found[machine]
        machine, first, middle, last = (column[inside] for column in (machine, first, middle, last))
        total = first + words[machine, 1, middle] + words[machine, 2, last]
        is_found[machine[total == target]] = True
        middle = middle + (total < target)
        last = last - (total >= target)
    return is_found
