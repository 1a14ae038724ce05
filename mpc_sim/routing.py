"""Delivery of a round: counts first, limits second, data last.

Axes: P machines, R messages of a channel. Nothing is moved before every limit of the model has been
checked on the counts, so a violation leaves the simulation at the round before.
"""

from __future__ import annotations

from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from mpc_sim.charge import Mode
from mpc_sim.cluster import Cluster
from mpc_sim.counting_sort import MachineCounts, sort_by_machine, union
from mpc_sim.errors import (
    ChannelExceeded,
    MemoryExceeded,
    MPCError,
    SendExceeded,
    ShapeError,
    UnknownChannel,
    UnknownMachine,
    WordOverflow,
)
from mpc_sim.records import Channel, Inbox, Outbox, Records, Words

N_CONTRIBUTORS = 3


@dataclass(frozen=True, eq=False)
class Messages:
    """The rows of one channel in one round, by source and then in the order of emission."""

    channel: Channel
    source: Words
    to: Words
    columns: dict[str, Words]
    _tally: MachineCounts | None = field(default=None, init=False, repr=False)

    def tally(self, cluster: Cluster) -> MachineCounts:
        """Return the counts of these rows, which ``collect`` has made already.

        Raises
        ------
        UnknownMachine
            If a machine is none of the cluster's.
        """
        if self._tally is None:
            source, to = (np.ascontiguousarray(machine) for machine in (self.source, self.to))
            found = MachineCounts.of(source, to, np.ones(cluster.n_machines, bool))
            if found is None:
                raise UnknownMachine(
                    f"channel {self.channel.name!r}: machines are 0 .. {cluster.n_machines - 1}",
                    channel=self.channel.name,
                )
            object.__setattr__(self, "_tally", found)
            return found
        return self._tally


@dataclass(frozen=True, eq=False)
class Traffic:
    """Everything that one round is about to move.

    ``Simulation.peek`` returns it. ``check`` raises for the first limit that the round would break;
    ``deliver`` moves the words.

    Parameters
    ----------
    round, label
        Which round, and the algorithm step it belongs to.
    batch : int64[M]
        The machines that act.
    sent, kept, received : int64[P]
        Words a machine sends (with what it keeps), keeps, and receives from others.
    joint_limit : int, optional
        The most words that a machine holds after the round, as the protocol declares.
    """

    round: int
    label: str
    cluster: Cluster
    batch: Words
    messages: tuple[Messages, ...]
    sent: Words
    kept: Words
    received: Words
    joint_limit: int | None = None

    def __repr__(self) -> str:
        rows = sum(len(part.to) for part in self.messages)
        return (
            f"round {self.round} ({self.label}): {rows} messages, at most {self.sent.max()} words "
            f"sent, {self.received.max()} received, {self.held.max()} held of "
            f"s = {self.cluster.memory_words}"
        )

    @property
    def held(self) -> Words:
        """int64[P]: words in memory after the delivery, kept and received."""
        return self.kept + self.received

    @property
    def n_messages(self) -> int:
        """Messages between different machines."""
        kept = sum(int(part.tally(self.cluster).kept.sum()) for part in self.messages)
        return sum(len(part.to) for part in self.messages) - kept

    def check(self, mode: Mode = "strict") -> None:
        """Raise the typed error of the first limit that this round breaks.

        In the mode ``charge`` a machine may send more than s words (``mpc_sim.charge``).

        Raises
        ------
        SendExceeded, MemoryExceeded, ChannelExceeded, WordOverflow
        """
        self.check_senders(mode)
        self.check_receivers()

    def check_senders(self, mode: Mode = "strict") -> None:
        """Raise for the first limit that a sender breaks; the message names it alone."""
        limit = self.cluster.memory_words
        for part in self.messages:
            self._check_sent(part)
        if mode == "strict" and self.sent.max() > limit:
            machine = int(np.argmax(self.sent > limit))
            self._fail(
                SendExceeded, machine, int(self.sent[machine]), "would send", limit, by_source=False
            )

    def check_receivers(self) -> None:
        """Raise for the first limit that a receiver breaks."""
        limit = self.cluster.memory_words
        for part in self.messages:
            if part.channel.per_receiver is not None:
                tally = part.tally(self.cluster)
                arriving = tally.arriving.rows - tally.kept
                self._check_count(part, "receives", part.channel.per_receiver, arriving)
        if self.held.max() > limit:
            machine = int(np.argmax(self.held > limit))
            verb = "would hold" if self.kept[machine] else "would receive"
            self._fail(
                MemoryExceeded, machine, int(self.held[machine]), verb, limit, by_source=True
            )
        check_joint_limit(self.held, self.joint_limit, self._where(), self.round)

    def deliver(self) -> Inbox:
        """Move the words by a stable counting sort, so that every inbox is in canonical order."""
        records = {}
        for part in self.messages:
            arriving = part.tally(self.cluster).arriving
            to, *columns = map(np.ascontiguousarray, (part.to, *part.columns.values()))
            owner, moved = sort_by_machine(to, arriving, columns)
            named = dict(zip(part.columns, moved, strict=True))
            records[part.channel.name] = Records(part.channel.fields, owner, named)
        return Inbox(np.arange(self.cluster.n_machines), records).freeze()

    def _check_sent(self, part: Messages) -> None:
        channel, tally = part.channel, part.tally(self.cluster)
        if channel.local and tally.kept.sum() < len(part.to):
            row = int(np.argmax(part.source != part.to))
            raise ChannelExceeded(
                f"{self._where()}: machine {part.source[row]} sends to machine {part.to[row]} "
                f"on channel {channel.name!r}, which is declared local",
                **self._details(machine=int(part.source[row]), channel=channel.name),
            )
        self._check_count(part, "sends", channel.per_machine, tally.sent.rows)
        for (name, column), bits in zip(
            part.columns.items(), union(part.columns.values()), strict=True
        ):
            if not 0 <= bits < self.cluster.word_limit:
                row = int(np.argmax((column < 0) | (column >= self.cluster.word_limit)))
                raise WordOverflow(
                    f"{self._where()}: machine {part.source[row]} sends {column[row]} in field "
                    f"{name!r} of channel {channel.name!r}; "
                    f"words lie in 0 .. 2**{self.cluster.word_bits} - 1",
                    **self._details(
                        machine=int(part.source[row]), channel=channel.name, word=int(column[row])
                    ),
                )

    def _check_count(self, part: Messages, verb: str, most: int, counts: NDArray[Any]) -> None:
        if counts.max(initial=0) <= most:
            return
        machine = int(np.argmax(counts > most))
        raise ChannelExceeded(
            f"{self._where()}: machine {machine} {verb} {counts[machine]} records "
            f"on channel {part.channel.name!r}; it declares {most}",
            **self._details(
                machine=machine,
                channel=part.channel.name,
                records=int(counts[machine]),
                limit=most,
            ),
        )

    def _fail(
        self,
        kind: type[MPCError],
        machine: int,
        words: int,
        verb: str,
        limit: int,
        *,
        by_source: bool,
    ) -> NoReturn:
        share = np.zeros(self.cluster.n_machines, np.int64)
        for part in self.messages:
            here, there = (part.to, part.source) if by_source else (part.source, part.to)
            share += part.channel.words * np.bincount(there[here == machine], minlength=len(share))
        largest = np.argsort(-share, kind="stable")[:N_CONTRIBUTORS]
        contributors = {int(other): int(share[other]) for other in largest if share[other]}
        preposition = "from" if by_source else "to"
        listed = ", ".join(
            f"{words} {preposition} machine {other}" for other, words in contributors.items()
        )
        raise kind(
            f"{self._where()}: machine {machine} {verb} {words} words; "
            f"local memory is {limit}; largest: {listed}",
            **self._details(machine=machine, words=words, limit=limit, contributors=contributors),
        )

    def _where(self) -> str:
        return f"round {self.round} ({self.label})"

    def _details(self, **details: object) -> dict[str, object]:
        return {"round": self.round, "label": self.label, **details}


def collect(
    outbox: Outbox,
    channels: SequenceOf[Channel],
    batch: Words,
    cluster: Cluster,
    *,
    round: int,
    label: str,
    joint_limit: int | None = None,
) -> Traffic:
    """Turn an outbox into checked rows and loads, without moving anything.

    Raises
    ------
    UnknownChannel
        If a channel or field was not declared.
    UnknownMachine
        If a source is not in the batch or a destination does not exist.
    """
    declared = {channel.name: channel for channel in channels}
    where = f"round {round} ({label})"
    if len(declared) < len(channels):
        raise ShapeError(f"{where}: two channels have one name", round=round, label=label)
    for name in outbox:
        if name not in declared:
            raise UnknownChannel(
                f"{where}: channel {name!r} is not declared; "
                f"declared are {', '.join(declared) or 'none'}",
                round=round, label=label, channel=name,
            )  # fmt: skip
    n_machines = cluster.n_machines
    sent, kept, received = (np.zeros(n_machines, np.int64) for _ in range(3))
    acts = np.zeros(n_machines, bool)
    acts[batch] = True
    messages = []
    for name, channel in declared.items():
        source, to, columns = outbox.rows(name, channel.fields)
        source, to = np.ascontiguousarray(source), np.ascontiguousarray(to)
        tally = MachineCounts.of(source, to, acts)
        if tally is None:
            unknown, verb = _first_unknown(source, to, acts)
            raise UnknownMachine(
                f"{where}: channel {name!r}: {verb} machine {unknown}; "
                f"machines are 0 .. {n_machines - 1}"
                + ("" if len(batch) == n_machines else " and this batch has only some of them"),
                round=round, label=label, channel=name, machine=unknown,
            )  # fmt: skip
        if not tally.is_sorted:
            rows = [to, *(np.ascontiguousarray(column) for column in columns.values())]
            source, (to, *sorted_columns) = sort_by_machine(source, tally.sent, rows)
            columns = dict(zip(columns, sorted_columns, strict=True))
            tally = MachineCounts.of(source, to, acts)
            assert tally is not None
        sent += channel.words * tally.sent.rows
        kept += channel.words * tally.kept
        received += channel.words * (tally.arriving.rows - tally.kept)
        part = Messages(channel, source, to, columns)
        object.__setattr__(part, "_tally", tally)
        messages.append(part)
    return Traffic(round, label, cluster, batch, tuple(messages), sent, kept, received, joint_limit)


def check_joint_limit(held: Words, limit: int | None, where: str, round: int) -> None:
    """Reject a machine that holds more than the protocol declares for all channels together.

    Raises
    ------
    ChannelExceeded
    """
    if limit is None or held.max(initial=0) <= limit:
        return
    machine = int(np.argmax(held > limit))
    raise ChannelExceeded(
        f"{where}: machine {machine} would hold {held[machine]} words on all channels; "
        f"the protocol declares a joint limit of {limit}",
        round=round, machine=machine, words=int(held[machine]), limit=limit,
    )  # fmt: skip


def _first_unknown(source: Words, to: Words, acts: NDArray[np.bool_]) -> tuple[int, str]:
    """Return the first machine that does not act or does not exist, sources before others."""
    outside = (source < 0) | (source >= len(acts))
    outside |= ~acts[np.where(outside, 0, source)]
    if outside.any():
        return int(source[np.argmax(outside)]), "a message comes from"
    return int(to[np.argmax((to < 0) | (to >= len(acts)))]), "a message goes to"
