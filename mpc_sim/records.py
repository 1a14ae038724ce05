"""Records: columnar batches of words with an owner, in named channels, and their charge.

Axes: M machines of a batch, R records of a channel. A record is one integer word per field. It is
charged its fields, at least one word; the name of its channel and its address are free.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpc_sim.columns import (
    Words as Words,
    as_words,
    copied,
    is_column,
    is_integer,
    one_length,
    rank_in_group,
)
from mpc_sim.errors import ColumnError, ShapeError, UnknownChannel


@dataclass(frozen=True)
class Channel:
    """One kind of record that a round may move; declared before any input exists.

    Parameters
    ----------
    name : str
    fields : tuple of str
        One word each.
    per_machine : int
        The most records that a machine sends on it in the round.
    per_receiver : int, optional
        The most records that a machine receives on it from others. Without it only the local memory
        limits them.
    local : bool
        The records stay on their machine: the channel is only kept, never sent.

    Examples
    --------
    >>> Channel("token", ("letter", "index"), per_machine=4).words
    2
    """

    name: str
    fields: tuple[str, ...]
    per_machine: int
    per_receiver: int | None = None
    local: bool = False

    def __post_init__(self) -> None:
        named = isinstance(self.fields, tuple) and all(type(name) is str for name in self.fields)
        if type(self.name) is not str or not named:
            raise ShapeError(
                f"channel {self.name!r} has the fields {self.fields!r}; a name is a text and "
                'fields are a tuple of texts, as ("word",)'
            )
        for most in (self.per_machine, self.per_receiver):
            if most is not None and not is_integer(most):
                raise ShapeError(
                    f"channel {self.name!r} declares {most!r} records; declare an int",
                    channel=self.name,
                )
        reserved = {"source", "to", "channel", "machine"} & set(self.fields)
        if reserved or len(set(self.fields)) < len(self.fields):
            raise ShapeError(
                f"channel {self.name!r} has the fields {', '.join(self.fields)}; they must differ, "
                "and source, to, channel and machine are taken",
                channel=self.name,
            )
        if min(self.per_machine, self.per_receiver or 0) < 0:
            raise ShapeError(
                f"channel {self.name!r} declares {self.per_machine} records per machine and "
                f"{self.per_receiver} per receiver; declare 0 or more",
                channel=self.name,
            )

    @property
    def words(self) -> int:
        """Words that a record is charged: its fields, at least one."""
        return max(1, len(self.fields))


@dataclass(frozen=True, eq=False)
class Records:
    """The records of one channel on a batch of machines.

    Parameters
    ----------
    fields : tuple of str
    machine : int64[R]
        The owner of every record; equal owners are neighbours, in the order of ``Inbox.machines``.
        Within a machine records are in the canonical order (source machine, emission index).
    columns : mapping of str to int64[R]

    Examples
    --------
    >>> records = Records.of(machine=[0, 0, 4], letter=[7, 8, 9])
    >>> len(records), records.rank.tolist(), records["letter"].tolist()
    (3, [0, 1, 0], [7, 8, 9])
    """

    fields: tuple[str, ...]
    machine: Words
    columns: Mapping[str, Words]

    def __post_init__(self) -> None:
        if tuple(self.columns) != self.fields:
            raise ColumnError(
                f"records with the fields {', '.join(map(str, self.fields)) or 'none'} have the "
                f"columns {', '.join(map(str, self.columns)) or 'none'}; give one column per field"
            )
        arrays = {"machine": self.machine, **self.columns}
        if not all(is_column(array) for array in arrays.values()):
            owner = as_words(self.machine, "machine")
            arrays = {name: as_words(array, name, owner) for name, array in arrays.items()}
            object.__setattr__(self, "machine", arrays["machine"])
            object.__setattr__(self, "columns", {name: arrays[name] for name in self.fields})
        one_length("records", arrays)

    @classmethod
    def of(cls, machine: ArrayLike, **columns: ArrayLike) -> Records:
        """Make records from arrays; a scalar column is repeated.

        Raises
        ------
        ColumnError
            If a column is not of integers, or not as long as ``machine``.
        """
        owner = as_words(machine, "machine")
        named = {name: as_words(column, name, owner) for name, column in columns.items()}
        one_length("records", {"machine": owner, **named}, repeats=owner.ndim == 1)
        named = {
            name: np.ascontiguousarray(
                column if column.ndim else np.broadcast_to(column, owner.shape)
            )
            for name, column in named.items()
        }
        return cls(tuple(named), owner, named)

    def __len__(self) -> int:
        return len(self.machine)

    def __getitem__(self, field: str) -> Words:
        try:
            return self.columns[field]
        except KeyError:
            raise UnknownChannel(
                f"these records have the fields {', '.join(self.fields) or 'none'}, not {field!r}",
                field=field,
            ) from None

    @property
    def words(self) -> int:
        """Words that one record is charged."""
        return max(1, len(self.fields))

    @property
    def rank(self) -> Words:
        """int64[R]: position of every record among those of its machine."""
        return rank_in_group(self.machine)

    def take(self, order: NDArray[Any]) -> Records:
        """Return the records at ``order`` (an index or boolean array), read-only."""
        rows = np.flatnonzero(order) if order.dtype == np.bool_ else order
        columns = {name: np.take(column, rows) for name, column in self.columns.items()}
        return Records(self.fields, np.take(self.machine, rows), columns).freeze()

    def freeze(self) -> Records:
        """Make all arrays read-only, and return the records; an outbox need not copy them."""
        for column in (self.machine, *self.columns.values()):
            column.flags.writeable = False
        return self


@dataclass(frozen=True, eq=False)
class Inbox:
    """What a batch of machines holds: their whole memory.

    Parameters
    ----------
    machines : int64[M]
        Every machine of the batch, also those that hold nothing; distinct, in any order.
    records : mapping of str to Records
        By channel name.

    Examples
    --------
    >>> inbox = Inbox.of([0, 1, 2], input=Records.of(machine=[0, 0, 2], word=[5, 6, 7]))
    >>> inbox["input"]["word"].tolist(), inbox.restrict([2, 1])["input"]["word"].tolist()
    ([5, 6, 7], [7])
    """

    machines: Words
    records: Mapping[str, Records]

    @classmethod
    def of(cls, machines: ArrayLike, **records: Records) -> Inbox:
        """Make an inbox from records by channel name."""
        return cls(as_words(machines, "machines"), records)

    def __getitem__(self, channel: str) -> Records:
        try:
            return self.records[channel]
        except KeyError:
            raise UnknownChannel(
                f"no channel {channel!r} in this inbox; it has {', '.join(self.records) or 'none'}",
                channel=channel,
            ) from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.records)

    def freeze(self) -> Inbox:
        """Make all arrays read-only, so that no step can write into a stored memory."""
        self.machines.flags.writeable = False
        for records in self.records.values():
            records.freeze()
        return self

    def restrict(self, machines: ArrayLike) -> Inbox:
        """Return the inbox of some machines only, in the given order."""
        wanted = as_words(machines, "machines")
        parts = {}
        for name, records in self.records.items():
            machine, order = records.machine, None
            if (machine[1:] < machine[:-1]).any():
                order = np.argsort(machine, kind="stable")
                machine = machine[order]
            first, end = (np.searchsorted(machine, wanted, side) for side in ("left", "right"))
            counts = end - first
            rows = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
            parts[name] = records.take(rows if order is None else order[rows])
        return Inbox(wanted, parts)

    def held_words(self, n_machines: int) -> Words:
        """int64[n_machines]: words that every machine holds."""
        held = np.zeros(n_machines, np.int64)
        for records in self.records.values():
            held += records.words * np.bincount(records.machine, minlength=n_machines)
        return held


class Outbox:
    """What a batch of machines does with a round: the words it keeps and the messages it sends.

    The emission index of a message is its rank among the rows of one source and channel, in the
    order of the calls.

    Examples
    --------
    >>> outbox = Outbox()
    >>> outbox.keep("sorted", machine=[0, 1], letter=[7, 8])
    >>> outbox.send("last", source=[0], to=[1], letter=[7])
    >>> outbox.rows("last")[1].tolist()
    [1]
    """

    def __init__(self) -> None:
        self._parts: dict[str, list[tuple[Words, Words, dict[str, Words]]]] = {}

    def keep(self, channel: str, machine: ArrayLike, **columns: ArrayLike) -> None:
        """Keep records on their machine: a message of every machine to itself."""
        self.send(channel, source=machine, to=machine, **columns)

    def send(self, channel: str, *, source: ArrayLike, to: ArrayLike, **columns: ArrayLike) -> None:
        """Send one record per row from ``source`` to ``to``; scalars are repeated.

        What is given is copied, so that writing into it later changes no message.

        Raises
        ------
        ColumnError
            If a column is not of integers, or the columns differ in length.
        """
        sources = copied(source, "source")
        named = {"source": sources}
        named["to"] = sources if to is source else copied(to, "to", sources)
        named |= {name: copied(column, name, sources) for name, column in columns.items()}
        sizes = {array.shape for array in named.values() if array.ndim}
        if len(sizes) > 1:
            one_length(f"channel {channel!r}", named, repeats=True)
        length = sizes.pop() if sizes else (1,)
        arrays = [
            array if array.shape == length else np.broadcast_to(array, length)
            for array in named.values()
        ]
        rows = (arrays[0], arrays[1], dict(zip(columns, arrays[2:], strict=True)))
        self._parts.setdefault(channel, []).append(rows)

    def absorb(self, other: Outbox, prefix: str = "") -> None:
        """Take over all rows of another outbox, with a prefix before the names of its channels."""
        for channel, parts in other._parts.items():
            self._parts.setdefault(prefix + channel, []).extend(parts)

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def rows(
        self, channel: str, fields: tuple[str, ...] | None = None
    ) -> tuple[Words, Words, dict[str, Words]]:
        """Return (source, to, columns) of a channel, all rows in the order of the calls.

        Raises
        ------
        UnknownChannel
            If ``fields`` is given and the rows have other fields.
        """
        parts = self._parts.get(channel, [])
        names = fields if fields is not None else tuple(parts[0][2]) if parts else ()
        for _, _, columns in parts:
            if set(columns) != set(names):
                raise UnknownChannel(
                    f"channel {channel!r} has the fields {', '.join(names) or 'none'}, "
                    f"but was given {', '.join(columns) or 'none'}",
                    channel=channel,
                )
        if len(parts) == 1:
            source, to, columns = parts[0]
            return source, to, {name: columns[name] for name in names}

        def joined(pieces: list[Words]) -> Words:
            return np.concatenate(pieces) if pieces else np.zeros(0, np.int64)

        return (
            joined([part[0] for part in parts]),
            joined([part[1] for part in parts]),
            {name: joined([part[2][name] for part in parts]) for name in names},
        )
