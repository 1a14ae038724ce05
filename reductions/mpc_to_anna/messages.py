"""The messages of a round as a compiled protocol carries them: how many, how wide, in which order.

A message is a record, padded to the widest; or a word of a record, where records of very different
widths share a round; or a bundle: all the records that one machine sends to another in a round.

Axes: E messages, w words of a message, k messages of a machine, R records.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from anna_model.joins.row_join import order_by
from mpc_sim import Channel, Cluster, Inbox, Records
from mpc_sim.errors import SendExceeded
from mpc_sim.routing import Traffic
from reductions.arrays import Integers
from reductions.mpc_to_anna.codes.code import numbers_of
from reductions.mpc_to_anna.inbox_rows import RowFormat


@dataclass(frozen=True)
class MessageShape:
    """k_t and w_t of a round.

    Parameters
    ----------
    sent, received : int
        The most messages to others that a machine sends, and that it receives.
    words : int
        The most words of a message, with its header.
    largest_header : int
        The largest header: a tag, one less than the channels that send, or a count of records; the
        code carries it as a word.
    tag_bits : int
        Bits of a tag that travels in front of the bits of a word, as one number.
    """

    sent: int
    received: int
    words: int
    largest_header: int
    tag_bits: int = 0

    @property
    def most(self) -> int:
        """The most messages of a machine, sent or received: k."""
        return max(self.sent, self.received)

    def word_bits(self, cluster: Cluster) -> int:
        """Return the bits of a number that the code carries."""
        return max(cluster.word_bits + self.tag_bits, self.largest_header.bit_length())


class Unpacked(NamedTuple):
    """The records of a channel in some messages.

    Parameters
    ----------
    message : int64[R]
        Index of the message, or of its first one.
    emission : int64[R]
        Increasing in the order of emission among the records from one machine to another.
    columns : dict of int64[R]
    """

    message: Integers
    emission: Integers
    columns: dict[str, Integers]


class Heard(NamedTuple):
    """The messages that a block of heads delivered to its query classes.

    Parameters
    ----------
    machine : int64[E]
        The receiver.
    head : int64[E]
        In which message head, counted from 0.
    source : int64[E]
        The sender.
    words : int64[E, w]
    emission : int64[E]
        Increasing in the order in which a source emitted what it sends to one machine.
    """

    machine: Integers
    head: Integers
    source: Integers
    words: Integers
    emission: Integers


@dataclass(frozen=True)
class Messages(ABC):
    """How the records that leave a machine in a round become messages, and back.

    Parameters
    ----------
    away : tuple of Channel
        Those that send.
    """

    away: tuple[Channel, ...]
    shape: MessageShape

    @abstractmethod
    def pack(self, traffic: Traffic) -> tuple[Integers, Integers, Integers]:
        """Return the messages to others: source, to and words[E, w], by source and emission."""

    @abstractmethod
    def unpack(self, heard: Heard) -> dict[str, Unpacked]:
        """Return the records in messages, by channel."""


class RecordMessages(Messages):
    """A message is a record, padded to the widest, after a tag word if several channels send."""

    @classmethod
    def of(cls, channels: tuple[Channel, ...], cluster: Cluster) -> RecordMessages:
        """Read the shape off the channels that leave a machine.

        A machine sends, and receives, at most the words of local memory over the narrowest record.
        """
        away = _leaving(channels, cluster)
        if not away:
            return cls((), MessageShape(0, 0, 0, 0))
        most = cluster.memory_words // min(channel.words for channel in away)
        shape = MessageShape(
            sent=min(sum(channel.per_machine for channel in away), most),
            received=min(sum(_heard(channel, cluster) for channel in away), most),
            words=max(channel.words for channel in away) + (len(away) > 1),
            largest_header=len(away) - 1,
        )
        return cls(away, shape)

    def pack(self, traffic: Traffic) -> tuple[Integers, Integers, Integers]:
        tagged = int(len(self.away) > 1)
        sources, destinations, rows, ranks = [], [], [], []
        for tag, part in enumerate(part for part in traffic.messages if not part.channel.local):
            leaves = part.source != part.to
            words = np.zeros((int(np.count_nonzero(leaves)), self.shape.words), np.int64)
            if tagged:
                words[:, 0] = tag
            for offset, name in enumerate(part.channel.fields, start=tagged):
                words[:, offset] = part.columns[name][leaves]
            sources.append(part.source[leaves])
            destinations.append(part.to[leaves])
            rows.append(words)
            ranks.append(np.full(len(words), tag))
        source = np.concatenate(sources)
        order = order_by(np.concatenate(ranks), source)
        to, table = np.concatenate(destinations), np.concatenate(rows)
        return source[order], to[order], np.take(table, order, axis=0)

    def unpack(self, heard: Heard) -> dict[str, Unpacked]:
        words, place = heard.words, heard.emission
        tagged = int(len(self.away) > 1)
        found = {}
        for tag, channel in enumerate(self.away):
            mine = np.flatnonzero(words[:, 0] == tag) if tagged else np.arange(len(words))
            columns = {
                name: words[mine, offset]
                for offset, name in enumerate(channel.fields, start=tagged)
            }
            found[channel.name] = Unpacked(mine, place[mine], columns)
        return found


@dataclass(frozen=True)
class WordMessages(Messages):
    """A message is a word of a record, in front of whose bits stands the tag of its channel.

    The words of a record follow each other, and those of a channel from one machine to another are
    read in the order of their emission: so a run of them is cut into records.

    Parameters
    ----------
    word_bits : int
        Of a word without its tag.
    """

    word_bits: int

    @classmethod
    def of(cls, channels: tuple[Channel, ...], cluster: Cluster) -> WordMessages:
        """Read the shape off the channels that leave a machine: at most s words both ways."""
        away, s = _leaving(channels, cluster), cluster.memory_words
        shape = MessageShape(
            sent=min(sum(channel.per_machine * channel.words for channel in away), s),
            received=min(sum(_heard(channel, cluster) * channel.words for channel in away), s),
            words=1,
            largest_header=0,
            tag_bits=(len(away) - 1).bit_length(),
        )
        return cls(away, shape, cluster.word_bits)

    def pack(self, traffic: Traffic) -> tuple[Integers, Integers, Integers]:
        sources, destinations, words, ranks = [], [], [], []
        for tag, part in enumerate(part for part in traffic.messages if not part.channel.local):
            leaves = part.source != part.to
            n_sent, width = int(np.count_nonzero(leaves)), part.channel.words
            table = np.zeros((n_sent, width), np.int64)
            for offset, name in enumerate(part.channel.fields):
                table[:, offset] = part.columns[name][leaves]
            words.append((table + (tag << self.word_bits)).reshape(-1, 1))
            sources.append(np.repeat(part.source[leaves], width))
            destinations.append(np.repeat(part.to[leaves], width))
            ranks.append(np.full(n_sent * width, tag))
        source = np.concatenate(sources)
        order = order_by(np.concatenate(ranks), source)
        return source[order], np.concatenate(destinations)[order], np.concatenate(words)[order]

    def unpack(self, heard: Heard) -> dict[str, Unpacked]:
        tags, words = np.divmod(heard.words[:, 0], 1 << self.word_bits)
        order = order_by(heard.emission, heard.source, heard.machine)
        found = {}
        for tag, channel in enumerate(self.away):
            mine = order[tags[order] == tag].reshape(-1, channel.words)
            columns = {name: words[mine[:, offset]] for offset, name in enumerate(channel.fields)}
            first = mine[:, 0]
            found[channel.name] = Unpacked(first, heard.emission[first], columns)
        return found


class BundleMessages(Messages):
    """A message is all that a machine sends to another: a count per channel, then the words."""

    @classmethod
    def of(cls, channels: tuple[Channel, ...], cluster: Cluster, partners: int) -> BundleMessages:
        """Read the shape off the channels and the most partners of a machine, both ways."""
        away = _leaving(channels, cluster)
        partners = min(partners, cluster.n_machines - 1)
        if not away or not partners:
            return cls(away, MessageShape(0, 0, 0, 0))
        most = [min(channel.per_machine, _heard(channel, cluster)) for channel in away]
        words = sum(count * channel.words for count, channel in zip(most, away, strict=True))
        shape = MessageShape(
            sent=partners,
            received=partners,
            words=len(away) + min(words, cluster.memory_words),
            largest_header=max(most),
        )
        return cls(away, shape)

    def pack(self, traffic: Traffic) -> tuple[Integers, Integers, Integers]:
        n_machines = traffic.cluster.n_machines
        parts = [part for part in traffic.messages if not part.channel.local]
        leaving = [part.source != part.to for part in parts]
        pairs_of = [
            part.source[leaves] * n_machines + part.to[leaves]
            for part, leaves in zip(parts, leaving, strict=True)
        ]
        pairs, bundle_of = np.unique(np.concatenate(pairs_of), return_inverse=True)
        source, to = np.divmod(pairs, n_machines)
        self._check_partners(source)
        records, first = {}, 0
        for part, leaves, mine in zip(parts, leaving, pairs_of, strict=True):
            bundle = bundle_of[first : first + len(mine)]
            first += len(mine)
            order = np.argsort(bundle, kind="stable")
            columns = {name: column[leaves][order] for name, column in part.columns.items()}
            records[part.channel.name] = Records(part.channel.fields, bundle[order], columns)
        words = np.zeros((len(pairs), self.shape.words), np.int64)
        _, written = self._format.write(Inbox(np.arange(len(pairs)), records))
        words[:, : written.shape[1]] = written
        return source, to, words

    def unpack(self, heard: Heard) -> dict[str, Unpacked]:
        bundles = np.arange(len(heard.words))
        inbox = self._format.read(bundles, heard.words.astype(np.float64), bundles)
        return {
            channel.name: Unpacked(
                inbox[channel.name].machine,
                inbox[channel.name].rank,
                dict(inbox[channel.name].columns),
            )
            for channel in self.away
        }

    @property
    def _format(self) -> RowFormat:
        return RowFormat.of(self.away)

    def _check_partners(self, source: Integers) -> None:
        counts = np.bincount(source, minlength=1)
        if counts.max() > self.shape.sent:
            machine = int(np.argmax(counts > self.shape.sent))
            raise SendExceeded(
                f"machine {machine} sends to {counts[machine]} others; the transformer was "
                f"compiled for at most {self.shape.sent} partners",
                machine=machine,
                partners=int(counts[machine]),
                limit=self.shape.sent,
            )


def messages_of(
    channels: tuple[Channel, ...],
    cluster: Cluster,
    partners: int | None = None,
    *,
    header: int = 0,
    longest: int = 0,
) -> Messages:
    """Return how a round is carried: by record or by word, or by bundle where partners are bounded.

    Parameters
    ----------
    header : int
        Words that every message has besides, such as its destination.
    longest : int
        The most bits of a number that a code carries whose width is b (w' + 1) + 2 for w' numbers;
        0 where the width is no such thing.

    Notes
    -----
    In one head k messages of w words cost k (w + 1) numbers; s words, one by one, at most 2 s. So
    the width is within 2 s + 2 whatever records share a round.
    """
    if partners is not None:
        return BundleMessages.of(channels, cluster, partners)
    whole = RecordMessages.of(channels, cluster)
    if not whole.away:
        return whole
    parts = WordMessages.of(channels, cluster)
    shapes = whole.shape, parts.shape
    costs = (
        one.most * (1 + numbers_of(one.words + header, one.word_bits(cluster), longest))
        for one in shapes
    )
    fits = parts.shape.word_bits(cluster) <= longest
    return parts if fits and operator.gt(*costs) else whole


def _leaving(channels: tuple[Channel, ...], cluster: Cluster) -> tuple[Channel, ...]:
    """Return the channels on which a machine sends to others, if there are any."""
    return tuple(channel for channel in channels if not channel.local) * (cluster.n_machines > 1)


def _heard(channel: Channel, cluster: Cluster) -> int:
    """Return the most records of a channel that a machine receives."""
    if channel.per_receiver is None:
        return cluster.memory_words // channel.words
    return channel.per_receiver
