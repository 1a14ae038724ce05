"""Columnsort: deterministic, oblivious sorting in 4^d + 1 rounds (Leighton 1985).

Slots x = 0, 1, ... of an array are laid out column by column in r rows and c columns; r >= 2
(c-1)^2 and c divides r. Sorting the columns between the four fixed permutations *transpose*,
*untranspose*, *shift* and *unshift* sorts the array. A column is sorted inside one machine (depth
1) or by columnsort again, on a group of machines (depth d). Padding with +infinity costs nothing:
absent records sort last, so a machine knows the row of every record that it holds.

The shift moves every slot h = r/2 further. As printed, column 0 is then filled up with -infinity
and the last h records lie in a column c + 1. Here they wrap around into column 0, behind its first
r - h records. After the fifth step what is out of order lies within (c-1)^2 <= h slots, so none of
the first r - h records belongs behind one of the last h: sorted together, the former come first.

The last permutation of an inner sort yields final ranks in the column, so the next outer
permutation is done by the same message: 4^d deliveries, and one to lay the input out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mpc_sim.cluster import Cluster
from mpc_sim.compose import LocalStage, sequence
from mpc_sim.cost import Cost
from mpc_sim.errors import ShapeError
from mpc_sim.integers import ceil_div
from mpc_sim.labels import nest
from mpc_sim.protocol import Protocol
from mpc_sim.records import Channel, Inbox, Outbox, Records, Words
from mpc_sim.stages.loads import WithinReceipts

MAX_DEPTH = 8
PERMUTATIONS = ("transpose", "untranspose", "shift", "unshift")


@dataclass(frozen=True)
class Matrix:
    """One level: r rows and c columns, with the four permutations of (column, row)."""

    rows: int
    columns: int

    @property
    def shift(self) -> int:
        """How far the shift moves: half a column; one column needs none."""
        return self.rows // 2 if self.columns > 1 else 0

    def permute(self, which: int, column: Words, row: Words) -> tuple[Words, Words]:
        """Apply permutation 0, 1 or 2 of ``PERMUTATIONS``."""
        r, c, h = self.rows, self.columns, self.shift
        x = column * r + row
        if which == 0:
            return x % c, x // c
        if which == 1:
            x = row * c + column
            return x // r, x % r
        column, row = (x + h) // r, (x + h) % r
        first = x < r - h
        last = column == c
        return np.where(first | last, 0, column), np.where(
            first, x, np.where(last, r - h + row, row)
        )

    def rank(self, column: Words, row: Words) -> Words:
        """Unshift: the slot of the whole array that a sorted shifted position stands for."""
        r, c, h = self.rows, self.columns, self.shift
        wrapped = np.where(row < r - h, row, r * (c - 1) + row)
        return np.where(column == 0, wrapped, column * r + row - h)


@dataclass(frozen=True)
class SortPlan:
    """The matrices of columnsort, outermost first; a column of one is the array of the next."""

    levels: tuple[Matrix, ...]

    @property
    def depth(self) -> int:
        """d: the sort takes 4^d permutations."""
        return len(self.levels)

    @property
    def rows(self) -> int:
        """Records of the largest column that one machine sorts."""
        return self.levels[-1].rows

    @property
    def n_machines(self) -> int:
        """Machines that the columns occupy."""
        product = 1
        for level in self.levels:
            product *= level.columns
        return product

    def place(self, columns: list[Words], row: Words, level: int) -> Words:
        """Return the machine of a row of a column, given the columns of all levels up to it."""
        columns = list(columns)
        for inner in self.levels[level + 1 :]:
            columns.append(row // inner.rows)
            row = row % inner.rows
        machine = np.zeros_like(row)
        for inner, column in zip(self.levels, columns, strict=True):
            machine = machine * inner.columns + column
        return machine

    def columns_of(self, machine: Words) -> list[Words]:
        """Return the column at every level, outermost first, of the machines."""
        columns = []
        for level in reversed(self.levels):
            columns.append(machine % level.columns)
            machine = machine // level.columns
        return columns[::-1]


@lru_cache(maxsize=1024)
def plan_columnsort(n_slots: int, max_rows: int, max_machines: int) -> SortPlan | None:
    """Return a plan of the least depth that fits, with the shortest columns; None if none fits.

    Parameters
    ----------
    n_slots : int
        Records to sort.
    max_rows : int
        Records that a machine can hold.

    Notes
    -----
    Depth 1 needs max_rows of about 1.26 n_slots^(2/3), depth 2 about 1.47 n_slots^(4/9). Bisection
    on the longest column finds the shortest one at depth 1; at greater depth it may miss it, never
    the limits.
    """
    for depth in range(1, MAX_DEPTH + 1):
        plan = _fewest_columns(n_slots, depth, max_rows)
        if plan is None or plan.n_machines > max_machines:
            continue
        low, high = 0, plan.rows
        while high - low > 1:
            middle = (low + high) // 2
            shorter = _fewest_columns(n_slots, depth, middle)
            if shorter is not None and shorter.n_machines <= max_machines:
                plan, high = shorter, middle
            else:
                low = middle
        return plan
    return None


def _fewest_columns(n_slots: int, depth: int, max_rows: int) -> SortPlan | None:
    """Return the plan with, at every level, the fewest columns that the levels below can sort."""
    levels = []
    for below in range(depth - 1, -1, -1):
        capacity = _capacity(below, max_rows)
        columns = 1
        while (rows := _rows(n_slots, columns)) > capacity:
            columns += 1
            if 2 * (columns - 1) ** 2 > capacity:
                return None
        levels.append(Matrix(rows, columns))
        n_slots = rows
    return SortPlan(tuple(levels))


def _rows(n_slots: int, columns: int) -> int:
    """Return the least legal r for c columns: r c >= n_slots, r >= 2 (c-1)^2, c divides r."""
    return columns * ceil_div(max(ceil_div(n_slots, columns), 2 * (columns - 1) ** 2, 1), columns)


@lru_cache(maxsize=65536)
def _capacity(depth: int, max_rows: int) -> int:
    """Return the most records that a depth can sort when a machine sorts ``max_rows``."""
    if depth == 0 or max_rows == 0:
        return max_rows
    rows = _capacity(depth - 1, max_rows)
    most = max(math.isqrt(rows // 2) + 1, 1)
    return max(
        columns * length
        for columns in range(max(most - 2, 1), most + 1)
        if (length := rows // columns * columns) >= 2 * (columns - 1) ** 2
    )


@dataclass(frozen=True)
class Columnsort(WithinReceipts):
    """Sort records by all their fields, the first field first.

    It reads channel ``records``: the record of rank j on machine i lies in slot i * held + j (by
    default those of the input blocks). It leaves the same channel sorted, ``out`` records per
    machine: a block, or as few as P machines allow.

    Parameters
    ----------
    fields : tuple of str
        The fields of a record, most significant first. Records that agree in all are
        interchangeable.
    n_slots : int, optional
        All slots are smaller than this; N by default. Slots without a record count as +infinity.
    held : int, optional
        Records of a machine before the sort; block by default.
    spread : bool
        Lay the result out evenly on all machines, ceil(n_slots / P) records each, not in blocks.

    References
    ----------
    Leighton, Tight bounds on the complexity of parallel sorting, IEEE Trans. Computers C-34 (1985).
    """

    fields: tuple[str, ...]
    n_slots: int | None = None
    held: int | None = None
    spread: bool = False

    def plan(self, cluster: Cluster) -> SortPlan:
        """Return the matrices for a cluster, or reject it."""
        max_rows = cluster.memory_words // len(self.fields)
        if max_rows < 2:
            raise ShapeError(
                f"s = {cluster.memory_words} words hold {max_rows} records of "
                f"{len(self.fields)} words; "
                "columnsort needs 2: raise epsilon or c_s",
                memory_words=cluster.memory_words,
            )
        held, out = self._held(cluster), self._out(cluster)
        n_slots = self._n_slots(cluster)
        plan = plan_columnsort(n_slots, max_rows, cluster.n_machines)
        if plan is None or max(held, out) > max_rows or ceil_div(n_slots, out) > cluster.n_machines:
            raise ShapeError(
                f"columnsort of {n_slots} records of {len(self.fields)} words does not fit "
                f"P = {cluster.n_machines} machines of s = {cluster.memory_words} words: "
                "raise epsilon, c_s or c_p",
                memory_words=cluster.memory_words,
                n_machines=cluster.n_machines,
            )
        return plan

    def check(self, cluster: Cluster) -> None:
        self.plan(cluster)

    def n_rounds(self, cluster: Cluster) -> int:
        return 1 + int(4 ** self.plan(cluster).depth)

    def cost(self, cluster: Cluster) -> Cost:
        """Rounds 1 + 4^d; w max(held, r, out) words, w the number of fields, r the longest column.

        One round lays the input out, then every permutation of a level is one round of depth 1, or
        the 4^(d-1) rounds of the level below. A machine sends what it held, later a column; it
        receives a column, at last ``out`` records. Machines: those of the input, of the columns,
        the product of c over the levels, and ceil(n_slots / out) of the result.
        """
        plan, w, n_slots = self.plan(cluster), len(self.fields), self._n_slots(cluster)
        held, out = self._held(cluster), self._out(cluster)
        return Cost(
            rounds=1 + 4**plan.depth,
            held=w * max(plan.rows, out),
            sent=w * max(held, plan.rows),
            received=w * max(plan.rows, out),
            machines=max(ceil_div(n_slots, held), plan.n_machines, ceil_div(n_slots, out)),
        ).naming(
            sort_depth=plan.depth,
            sort_rows=plan.rows,
            sort_machines=plan.n_machines,
            sort_out=out,
        )

    def label(self, round: int, cluster: Cluster) -> str:
        if round == 0:
            return nest("columnsort", "load")
        names = [PERMUTATIONS[digit] for digit in self._digits(round, self.plan(cluster))]
        return nest("columnsort", *names)

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        plan = self.plan(cluster)
        last = round == 4**plan.depth
        held = self._held(cluster) if round == 0 else plan.rows
        return (Channel("records", self.fields, held, self._out(cluster) if last else plan.rows),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        plan = self.plan(cluster)
        records = inbox["records"]
        if round == 0:
            slot = records.machine * self._held(cluster) + records.rank
            outer = plan.levels[0]
            to = plan.place([slot // outer.rows], slot % outer.rows, 0)
        else:
            records = sort_locally(records)
            to = self._destination(plan, self._digits(round, plan), records, cluster)
        outbox = Outbox()
        outbox.send("records", source=records.machine, to=to, **records.columns)
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        return Inbox(inbox.machines, {"records": sort_locally(inbox["records"])})

    def leaves(self, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel("records", self.fields, self._out(cluster), local=True),)

    def _destination(
        self, plan: SortPlan, digits: list[int], records: Records, cluster: Cluster
    ) -> Words:
        """Return where the records of a round go.

        A level that unshifts turns positions into ranks, the rows of the level above; the first
        level, from the inside, that does not unshift permutes its positions.
        """
        columns = plan.columns_of(records.machine)
        row = records.rank
        for level in range(plan.depth - 1, -1, -1):
            matrix, column = plan.levels[level], columns[level]
            if digits[level] < 3:
                column, row = matrix.permute(digits[level], column, row)
                return plan.place([*columns[:level], column], row, level)
            row = matrix.rank(column, row)
        return row // self._out(cluster)

    @staticmethod
    def _digits(round: int, plan: SortPlan) -> list[int]:
        """Return the permutation of every level, outermost first: round - 1 in base 4."""
        return [(round - 1) // 4**place % 4 for place in range(plan.depth - 1, -1, -1)]

    def _held(self, cluster: Cluster) -> int:
        return cluster.block_words if self.held is None else self.held

    def _out(self, cluster: Cluster) -> int:
        if self.spread:
            return ceil_div(self._n_slots(cluster), cluster.n_machines)
        return cluster.block_words

    def _n_slots(self, cluster: Cluster) -> int:
        return cluster.n_words if self.n_slots is None else self.n_slots


def sort_locally(records: Records) -> Records:
    """Sort the records of every machine by all their fields, the first field first."""
    if len(records) == 0:
        return records
    group = np.zeros(len(records), np.int64)
    np.cumsum(records.machine[1:] != records.machine[:-1], out=group[1:])
    columns = [group, *(records[field] for field in records.fields)]
    bits = [int(column.max()).bit_length() for column in columns]
    if sum(bits) > 62 or min(int(column.min()) for column in columns) < 0:
        return records.take(np.lexsort(columns[::-1]))
    packed = group
    for column, width in zip(columns[1:], bits[1:], strict=True):
        packed = (packed << width) | column
    packed.sort()
    unpacked = {}
    for field, width in zip(records.fields[::-1], bits[:0:-1], strict=True):
        unpacked[field] = packed & ((1 << width) - 1)
        packed >>= width
    columns_of = {field: unpacked[field] for field in records.fields}
    return Records(records.fields, records.machine, columns_of).freeze()


@dataclass(frozen=True)
class Rename(LocalStage):
    """Call a channel by another name."""

    source: str
    target: str

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        return Inbox(inbox.machines, {self.target: inbox[self.source]})


def columnsort() -> Protocol:
    """Return the protocol that sorts the N input words.

    Returns
    -------
    Protocol
        1 + 4^d rounds; the output words lie in the blocks of the input, in increasing order.
    """
    return sequence(Rename("input", "records"), Columnsort(("word",)), Rename("records", "output"))
