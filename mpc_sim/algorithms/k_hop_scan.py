"""k-hop over few letters in O(1) rounds, whatever k is: a prefix scan of copy maps.

Axes: N tokens, A letters, k hops, M machines that hold input, w = A k + 2 words of a copy map.

The state before a token is a table: T[y][m] is the letter that m hops lead to from the token after
the last y, for m < k, with the letter of the token before. Token x hops to the token after the last
x, so its own hops are x, T[x][0], T[x][1], ..; where the token before is x as well it hops to
itself and they are x, x, x, ... They become the row of the letter before it, since it is the token
after the last of these. So every entry is a letter or a copy of another entry, and a segment of
tokens acts on the table as a copy map of A k entries.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

import numpy as np

from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.cluster import Cluster
from mpc_sim.compose import LocalStage, fewest_rounds, sequence
from mpc_sim.errors import InputError, ShapeError
from mpc_sim.protocol import Protocol
from mpc_sim.records import Channel, Inbox, Records, Words
from mpc_sim.stages.elements import batch_slots, element_fields
from mpc_sim.stages.operations import Operation
from mpc_sim.stages.scan import Scan, ScanAtOnce
from mpc_sim.stages.tree import Tree

MOST_LEVELS = 2
"""Of the tree, so that there are at most 4 rounds."""


def copy_map_words(letters: int, k: int) -> int:
    """Return w, the words of a copy map."""
    return letters * k + 2


def largest_copy_word(letters: int, k: int) -> int:
    """Return the largest word of a copy map: the number of its last entry."""
    return letters + letters * k


@dataclass(frozen=True)
class CopyMaps(Operation):
    """What segments of tokens do to the table: elements (first letter, last letter, A k entries).

    Letters are 1 .. A and 0 is "none"; the number A + 1 + y k + m stands for entry [y][m] of the
    table as it is once the first token of the segment has its row. That row depends on the letter
    before the segment, so it is written where a segment is joined to the one on its left, which
    knows it. First letter 0 is the empty segment.

    Parameters
    ----------
    letters, k : int
        A and k, both at least 1.
    """

    letters: int
    k: int

    @property
    def words(self) -> int:
        return copy_map_words(self.letters, self.k)

    @property
    def operand_words(self) -> int:
        return 1

    @property
    def identity(self) -> tuple[int, ...]:
        return (0,) * self.words

    def lift(self, operands: Words) -> Words:
        """Return the maps of single tokens: their row aside, the table stays as it is."""
        entries = np.arange(self.letters * self.k) + self.letters + 1
        rest = np.broadcast_to(entries, (len(operands), len(entries)))
        return np.concatenate([operands, operands, rest], axis=1)

    def combine(self, left: Words, right: Words) -> Words:
        row, entries = np.arange(len(left)), right[:, 2:]
        table = left[:, 2:].reshape(len(left), self.letters, self.k).copy()
        append(table, left[:, 1], right[:, 0])
        copied = np.maximum(entries - self.letters - 1, 0)
        met = np.where(
            entries > self.letters,
            table.reshape(entries.shape)[row[:, None], copied],
            entries,
        )
        joined = np.concatenate([left[:, :1], right[:, 1:2], met], axis=1)
        joined = np.where(left[:, :1] == 0, right, joined)
        return np.where(right[:, :1] == 0, left, joined)


def append(table: Words, before: Words, letter: Words) -> Words:
    """Write the rows of new tokens into their tables; return where k hops lead from them.

    Parameters
    ----------
    table : int64[R, A, k]
        Changed in place.
    before, letter : int64[R]
        The letter before each token, 0 for none, and its own, from 1 on.

    Returns
    -------
    int64[R]
    """
    row = np.arange(len(table))
    hops = np.concatenate([letter[:, None], table[row, letter - 1]], axis=1)
    hops = np.where((letter == before)[:, None], letter[:, None], hops)
    follows = np.flatnonzero(before)
    table[follows, before[follows] - 1] = hops[follows, :-1]
    return hops[:, -1]


@dataclass(frozen=True)
class _HopsOut(Scan):
    """A scan of copy maps over letters that puts out where k hops lead from every token."""

    operation: CopyMaps

    def check(self, cluster: Cluster) -> None:
        most = largest_copy_word(self.operation.letters, self.operation.k)
        if most >= cluster.word_limit:
            raise ShapeError(
                f"k-hop by a scan: words up to A + A k = {most} do not fit word_bits = "
                f"{cluster.word_bits}; raise it"
            )
        super().check(cluster)

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        """Run over the block from the state before it, a token of every machine at a time."""
        letters, k = self.operation.letters, self.operation.k
        records = self._own_records(inbox, cluster)
        machines, before = self.before(inbox, cluster)
        last = before[:, 1].copy()
        # the table before the text is empty: a copy of one of its entries is "none"
        entries = np.where(before[:, 2:] > letters, 0, before[:, 2:])
        table = entries.reshape(len(machines), letters, k)
        output, letter = np.zeros(len(records), np.int64), records["letter"]
        host = batch_slots(machines, cluster)[records.machine]
        places = np.argsort(records.rank, kind="stable")
        for at in np.split(places, np.cumsum(np.bincount(records.rank))[:-1]):
            rows = table[host[at]]
            output[at] = append(rows, last[host[at]], letter[at])
            table[host[at]], last[host[at]] = rows, letter[at]
        return Inbox(inbox.machines, {"output": Records.of(records.machine, word=output)})

    def leaves(self, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel("output", ("word",), self.n_held(cluster), local=True),)

    def _elements(self, records: Records) -> Words:
        most = int(np.max(records["letter"], initial=0))
        if most > self.operation.letters:
            raise InputError(
                f"letter {most - 1}: k-hop by a scan was made for letters 0 .. "
                f"{self.operation.letters - 1}"
            )
        return super()._elements(records)


@dataclass(frozen=True)
class HopScan(_HopsOut):
    """By a tree of at most two levels, of any arity a with a^2 >= M."""

    def check(self, cluster: Cluster) -> None:
        letters, k = self.operation.letters, self.operation.k
        tree = Tree(self.n_machines(cluster), 2)
        if tree.levels > MOST_LEVELS:
            tree = Tree(tree.n_leaves, isqrt(tree.n_leaves - 1) + 1)
        need = self.n_held(cluster) + self.operation.words * (1 + tree.others)
        if tree.levels and need > cluster.memory_words:
            raise ShapeError(
                f"k-hop by a scan: {1 + tree.others} copy maps of A k + 2 = {self.operation.words} "
                f"words (A = {letters} letters, k = {k}) and a block make {need} words; s = "
                f"{cluster.memory_words}: over so many letters take k-hop, or raise epsilon or c_s",
                words=need,
                memory_words=cluster.memory_words,
            )
        super().check(cluster)


@dataclass(frozen=True)
class HopScanAtOnce(_HopsOut, ScanAtOnce):
    """In one round: every machine sends its copy map to all machines after it."""


@dataclass(frozen=True)
class Lettered(LocalStage):
    """Take the input up as letters from 1 on; 0 is "none"."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        words = inbox["input"]
        return Inbox(
            inbox.machines, {"records": Records.of(words.machine, letter=words["word"] + 1)}
        )


def k_hop_scan(k: int, letters: int) -> Protocol:
    """Return the k-hop protocol for few letters: at most 4 rounds, whatever k is.

    Input and output are those of `k_hop`.

    Parameters
    ----------
    k : int
        At least 0.
    letters : int
        A, at least 1; every input word is below it.

    Returns
    -------
    Protocol
        One round where B + (A k + 2) (M - 1) <= s for M blocks of B words; otherwise the 4 rounds
        of a tree of two levels, on B + (A k + 2) (1 + q) words, q = 2 ceil(M^(1/2)) - 2 or less.

    Raises
    ------
    InputError
        k is negative, or there is no letter. Where A k is more than s^(1 - Omega(1)) the shape is
        rejected: over 4 n letters the conjecture on cycles has every protocol need
        Omega(log k) rounds.

    References
    ----------
    Sanford, Hsu, Telgarsky, arXiv 2402.09268 (the task); scans: Goodrich, Sitchinava, Zhang, arXiv
    1101.1902.
    """
    own = k_hop(k)
    if letters < 1:
        raise InputError(f"letters = {letters}: there is at least one letter")
    if k == 0:
        return own
    operation = CopyMaps(letters, k)
    fields = (("letter",), ("letter",), element_fields(operation.words))
    ways = (HopScan(operation, *fields), HopScanAtOnce(operation, *fields))
    return sequence(Lettered(), fewest_rounds(*ways))
