"""Delivery of a round: counts first, limits second, data last.

Axes: P machines, R messages of a channel. Nothing is moved before every limit of the model has been
checked on the counts, so a violation leaves the simulation at the round before.
"""

from __future__ import annotations

from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass
from typing import NoReturn

import numpy as np

from mpc_sim.charge import Mode
from mpc_sim.cluster import Cluster
from mpc_sim.errors import (
    ChannelExceeded,
    MemoryExceeded,
    MPCError,
    SendExceeded,
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


@dataclass(frozen=True, eq=False)
class Traffic:
    """Everything that one round is about to move.

    ``Simulation.peek`` returns it. ``check`` raises for the first limit that the round would break;
    ``deliver`` moves the words.

    Parameters
    ----------
    round, label
        Which round, and the algorithm step it belongs to.
    cluster : Cluster
    batch : int64[M]
        The machines that act.
    messages : tuple of Messages
    sent, kept, received : int64[P]
        Words a machine sends (with what it keeps), keeps, and receives from others.

    Examples
    --------
    >>> from mpc_sim import Simulation, fit_cluster
    >>> from mpc_sim.algorithms.k_hop import k_hop
    >>> sim = Simulation(k_hop(1), fit_cluster(k_hop(1), 8, "2/3"), [0, 1, 0, 1, 1, 0, 0, 1])
    >>> sim.peek()
    round 0 (columnsort / load): 8 messages, at most 8 words sent, 0 received, 8 held of s = 8
    """

    round: int
    label: str
    cluster: Cluster
    batch: Words
    messages: tuple[Messages, ...]
    sent: Words
    kept: Words
    received: Words

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
        return sum(int(np.count_nonzero(part.source != part.to)) for part in self.messages)

    def check(self, mode: Mode = "strict") -> None:
        """Raise the typed error of the first limit that this round breaks.

        In the mode ``charge`` a machine may send more than s words (``mpc_sim.charge``).

        Raises
        ------
        SendExceeded, MemoryExceeded, ChannelExceeded, WordOverflow
        """
        limit = self.cluster.memory_words
        for part in self.messages:
            self._check_channel(part)
        if mode == "strict" and self.sent.max() > limit:
            machine = int(np.argmax(self.sent > limit))
            self._fail(
                SendExceeded, machine, int(self.sent[machine]), "would send", limit, by_source=False
            )
        if self.held.max() > limit:
            machine = int(np.argmax(self.held > limit))
            verb = "would hold" if self.kept[machine] else "would receive"
            self._fail(
                MemoryExceeded, machine, int(self.held[machine]), verb, limit, by_source=True
            )

    def deliver(self) -> Inbox:
        """Move the words by a stable counting sort, so that every inbox is in canonical order."""
        from mpc_sim.kernels.routing import place

        n_machines = self.cluster.n_machines
        records = {}
        for part in self.messages:
            counts = np.bincount(part.to, minlength=n_machines)
            next_slot = np.zeros(n_machines, np.int64)
            np.cumsum(counts[:-1], out=next_slot[1:])
            slot = np.empty(len(part.to), np.int64)
            place(np.ascontiguousarray(part.to), next_slot, slot)
            columns = {}
            for name, column in part.columns.items():
                columns[name] = np.empty_like(column)
                columns[name][slot] = column
            owner = np.repeat(np.arange(n_machines), counts)
            records[part.channel.name] = Records(part.channel.fields, owner, columns)
        return Inbox(np.arange(n_machines), records).freeze()

    def _check_channel(self, part: Messages) -> None:
        channel, n_machines = part.channel, self.cluster.n_machines
        away = part.source != part.to
        if channel.local and away.any():
            row = int(np.argmax(away))
            raise ChannelExceeded(
                f"{self._where()}: machine {part.source[row]} sends to machine {part.to[row]} "
                f"on channel {channel.name!r}, which is declared local",
                **self._details(machine=int(part.source[row]), channel=channel.name),
            )
        bounds = [("sends", channel.per_machine, np.bincount(part.source, minlength=n_machines))]
        if channel.per_receiver is not None:
            bounds.append(
                ("receives", channel.per_receiver, np.bincount(part.to[away], minlength=n_machines))
            )
        for verb, most, counts in bounds:
            if counts.max(initial=0) > most:
                machine = int(np.argmax(counts > most))
                raise ChannelExceeded(
                    f"{self._where()}: machine {machine} {verb} {counts[machine]} records "
                    f"on channel {channel.name!r}; it declares {most}",
                    **self._details(
                        machine=machine,
                        channel=channel.name,
                        records=int(counts[machine]),
                        limit=most,
                    ),
                )
        for field, column in part.columns.items():
            if len(column) and (column.min() < 0 or column.max() >= self.cluster.word_limit):
                row = int(np.argmax((column < 0) | (column >= self.cluster.word_limit)))
                raise WordOverflow(
                    f"{self._where()}: machine {part.source[row]} sends {column[row]} in field "
                    f"{field!r} of channel {channel.name!r}; "
                    f"words lie in 0 .. 2**{self.cluster.word_bits} - 1",
                    **self._details(
                        machine=int(part.source[row]), channel=channel.name, word=int(column[row])
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
    for name in outbox:
        if name not in declared:
            raise UnknownChannel(
                f"{where}: channel {name!r} is not declared; "
                f"declared are {', '.join(declared) or 'none'}",
                round=round, label=label, channel=name,
            )  # fmt: skip
    n_machines = cluster.n_machines
    sent, kept, received = (np.zeros(n_machines, np.int64) for _ in range(3))
    in_batch = np.zeros(n_machines, bool)
    in_batch[batch] = True
    messages = []
    for name, channel in declared.items():
        source, to, columns = outbox.rows(name, channel.fields)
        for machine, verb in ((source, "a message comes from"), (to, "a message goes to")):
            outside = (machine < 0) | (machine >= n_machines)
            if verb.endswith("from"):
                outside |= ~in_batch[np.where(outside, 0, machine)]
            if outside.any():
                unknown = int(machine[np.argmax(outside)])
                raise UnknownMachine(
                    f"{where}: channel {name!r}: {verb} machine {unknown}; "
                    f"machines are 0 .. {n_machines - 1}"
                    + ("" if len(batch) == n_machines else " and this batch has only some of them"),
                    round=round, label=label, channel=name, machine=unknown,
                )  # fmt: skip
        if len(source) and (np.diff(source) < 0).any():
            order = np.argsort(source, kind="stable")
            source, to = source[order], to[order]
            columns = {field: column[order] for field, column in columns.items()}
        away = source != to
        words = channel.words
        sent += words * np.bincount(source, minlength=n_machines)
        kept += words * np.bincount(to[~away], minlength=n_machines)
        received += words * np.bincount(to[away], minlength=n_machines)
        messages.append(Messages(channel, source, to, columns))
    return Traffic(round, label, cluster, batch, tuple(messages), sent, kept, received)
