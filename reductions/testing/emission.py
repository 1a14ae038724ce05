"""What a batch of machines emits in one round, in a form that can be compared machine by machine.

Axes: E rows of a channel. Rows are grouped by the machine that emits them and keep their order
there; the order of the machines is dropped, as the model has none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from mpc_sim import Cluster, Inbox, Outbox, Protocol, Records
from mpc_sim.protocol import act, left_by
from reductions.arrays import Integers


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of one channel, int64[E, 1 + fields]; column 0 is the machine that emits them."""

    fields: tuple[str, ...]
    table: Integers

    def of(self, machines: Integers) -> Rows:
        """Return the rows of some machines."""
        return Rows(self.fields, self.table[np.isin(self.table[:, 0], machines)])

    def same(self, other: Rows) -> bool:
        """Return whether fields and rows agree."""
        return self.fields == other.fields and np.array_equal(self.table, other.table)


Emission = Mapping[str, Rows]
"""Channel -> rows; a channel without rows is absent."""


@dataclass(frozen=True)
class Moment:
    """One round of a protocol on a cluster, or its output map."""

    protocol: Protocol
    cluster: Cluster
    round: int
    is_output: bool

    @property
    def where(self) -> str:
        """Round and step, as the errors of the simulation name them."""
        if self.is_output:
            return "the output map"
        return f"round {self.round} ({self.protocol.label(self.round, self.cluster)})"

    def emits(self, inbox: Inbox) -> Emission:
        """Return what the machines of a batch emit."""
        if self.is_output:
            return _left(left_by(self.protocol, inbox, self.cluster))
        return _sent(act(self.protocol, self.round, inbox, self.cluster))


def first_difference(whole: Emission, part: Emission, batch: Integers) -> tuple[int, str] | None:
    """Return the first machine and channel at which a batch emits other rows than in the whole."""
    found = []
    for channel in sorted({*whole, *part}):
        expected = whole[channel].of(batch) if channel in whole else None
        given = part.get(channel)
        if expected is not None and given is not None and expected.same(given):
            continue
        for machine in sorted(_machines(expected) | _machines(given)):
            one = np.array([machine])
            both = [None if rows is None else rows.of(one) for rows in (expected, given)]
            if both[0] is None or both[1] is None or not both[0].same(both[1]):
                found.append((machine, channel))
                break
    return min(found, default=None)


def strangers(part: Emission, batch: Integers) -> tuple[int, str] | None:
    """Return the first machine outside the batch that emits rows, and its channel."""
    outside = [
        (int(machine), channel)
        for channel, rows in part.items()
        for machine in np.setdiff1d(rows.table[:, 0], batch)
    ]
    return min(outside, default=None)


def writable_copy(inbox: Inbox) -> Inbox:
    """Return a deep copy of an inbox that a step can write into without an error."""
    records = {
        name: Records(
            held.fields,
            held.machine.copy(),
            {field: column.copy() for field, column in held.columns.items()},
        )
        for name, held in inbox.records.items()
    }
    return Inbox(inbox.machines.copy(), records)


def first_write(before: Inbox, after: Inbox) -> tuple[int | None, str] | None:
    """Return machine and channel of the first thing that was written into an inbox."""
    if not np.array_equal(before.machines, after.machines):
        return None, "machines"
    for name in sorted({*before.records, *after.records}):
        if name not in before.records or name not in after.records:
            return None, name
        old, new = before.records[name], after.records[name]
        if set(old.columns) != set(new.columns) or len(old) != len(new):
            return None, name
        changed = old.machine != new.machine
        for field in old.columns:
            changed = changed | (old.columns[field] != new.columns[field])
        if changed.any():
            return int(old.machine[np.argmax(changed)]), name
    return None


def _sent(outbox: Outbox) -> Emission:
    rows = {}
    for channel in outbox:
        source, to, columns = outbox.rows(channel)
        rows[channel] = _rows(source, {"to": to} | columns)
    return {channel: held for channel, held in rows.items() if len(held.table)}


def _left(inbox: Inbox) -> Emission:
    rows = {name: _rows(inbox[name].machine, inbox[name].columns) for name in inbox}
    return {channel: held for channel, held in rows.items() if len(held.table)}


def _rows(owner: Integers, columns: Mapping[str, Integers]) -> Rows:
    fields = tuple(sorted(columns))
    table = np.column_stack([owner, *(columns[field] for field in fields)])
    return Rows(fields, table[np.argsort(owner, kind="stable")])


def _machines(rows: Rows | None) -> set[int]:
    values: Iterable[int] = () if rows is None else rows.table[:, 0].tolist()
    return set(values)
