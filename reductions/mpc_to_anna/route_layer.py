"""A routing layer: the row-wise maps run one step of the protocol, the heads deliver its messages.

Axes: P machines, H heads, E messages, K messages of a machine in a round, w words of a message, b
messages that meet in one head.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from anna_model import (
    Combine,
    ExactMatch,
    HeadShape,
    Layer,
    Mechanism,
    Rows,
    SparseAnswer,
    SparseHeads,
)
from mpc_sim import Channel, Cluster, Inbox, Protocol, Records
from mpc_sim.errors import ChannelExceeded, MemoryExceeded
from mpc_sim.protocol import act
from mpc_sim.routing import Traffic, check_joint_limit, collect
from reductions.arrays import Integers
from reductions.mpc_to_anna.codes.choice import Code
from reductions.mpc_to_anna.codes.code import MessageCode
from reductions.mpc_to_anna.hashed_ids import HashedIds
from reductions.mpc_to_anna.head_assignment import HeadAssignment, HeadOrder
from reductions.mpc_to_anna.inbox_rows import RowFormat, rows_of
from reductions.mpc_to_anna.messages import Heard, Messages, messages_of
from reductions.mpc_to_anna.output_tokens import Queries, asking, output_rows, queries_of


@dataclass(frozen=True)
class RouteLayer(Layer):
    """Round t: the row-wise maps run step t, the heads deliver its messages.

    Every machine asks for its own id in every head (in the last layer every output token for its
    owner). Head 0 carries to each machine what it keeps. In head h >= 1 the key of machine j is the
    destination of the message that the assignment puts there, the h-th in the order of emission,
    and the value is that message in the code of the layer.

    Where ids are hashed, keys that share a bucket with another id match as well. So a message
    carries its destination as its first word, a token without a message has the key NULL and sends
    a message to NULL, and the receiver drops what is not for it; the self head carries no code, and
    a far collision there raises.

    With ``partners`` a message is a bundle: all that a machine sends to one other, so a machine
    sends and receives at most as many messages as it has partners.
    """

    protocol: Protocol
    cluster: Cluster
    round: int
    arriving: RowFormat
    is_last: bool
    coding: Code = Code.SYNDROME
    order: HeadOrder = HeadOrder.EMISSION
    overload: Fraction = Fraction(1, 100)
    seed: int = 0
    mechanism: Mechanism = field(default_factory=ExactMatch)
    partners: int | None = None
    channels: tuple[Channel, ...] = field(init=False)
    messages: Messages = field(init=False)
    assignment: HeadAssignment | None = field(init=False)
    code: MessageCode | None = field(init=False)

    def __post_init__(self) -> None:
        channels = self.protocol.channels(self.round, self.cluster)
        messages = messages_of(channels, self.cluster, self.partners)
        shape = messages.shape
        assignment, code = None, None
        if shape.sent and shape.received:
            assignment = self.order.made.of_round(
                shape.sent,
                shape.received,
                self.cluster.n_machines,
                failure=self.overload,
                seed=self.seed,
                round=self.round,
            )
            code = self.coding.made.from_options(
                assignment.capacity,
                shape.words + int(self.hashed is not None),
                max(self.cluster.word_bits, shape.largest_header.bit_length()),
                self._n_sources,
                seed=self.seed,
                failure=self.overload,
            )
        object.__setattr__(self, "channels", channels)
        object.__setattr__(self, "messages", messages)
        object.__setattr__(self, "assignment", assignment)
        object.__setattr__(self, "code", code)

    @property
    def hashed(self) -> HashedIds | None:
        """The mechanism, if it hashes ids."""
        return self.mechanism if isinstance(self.mechanism, HashedIds) else None

    @property
    def query_width(self) -> int:
        """Width of an id: its codeword where ids are hashed."""
        return self.hashed.query_width if self.hashed else super().query_width

    @property
    def _n_sources(self) -> int:
        """The senders: the machines, and where ids are hashed every token."""
        P = self.cluster.n_machines
        return max(self.cluster.n_words, P) if self.hashed else P

    @property
    def n_messages(self) -> int:
        """Heads that carry messages, K."""
        return self.assignment.n_heads if self.assignment else 0

    @property
    def failure(self) -> Fraction:
        """Bound on the probability that the layer raises on an input within the declared limits."""
        overload = self.assignment.failure if self.assignment else Fraction(0)
        return overload + (self.code.failure if self.code else Fraction(0))

    @property
    def leaving(self) -> RowFormat:
        """The format of the rows after the layer."""
        return RowFormat.of(self.channels)

    @property
    def self_width(self) -> int:
        """Width of the self head: a count per channel, and the words that a machine can keep."""
        declared = sum(channel.per_machine * channel.words for channel in self.channels)
        return len(self.channels) + min(declared, self.cluster.memory_words)

    @property
    def heads(self) -> tuple[HeadShape, ...]:  # type: ignore[override]
        """The self head, and the heads of messages, as wide as their code."""
        own = HeadShape(1, 1, self.self_width)
        return (
            (own,) if self.code is None else (own, HeadShape(self.n_messages, 1, self.code.width))
        )

    @property
    def precision_bits(self) -> int:  # type: ignore[override]
        """Those of a word, or of a coded message where that takes more."""
        return max(self.cluster.word_bits, self.code.precision_bits if self.code else 0)

    def blocks(self, rows: Rows, budget_bytes: int) -> Iterator[SparseHeads]:
        traffic = self._emit(rows)
        queries = queries_of(self.cluster, rows.n_tokens, self.is_last)
        yield self._self_block(traffic, queries)
        if self.code is not None:
            yield from self._coded_blocks(traffic, queries, budget_bytes)

    def combine(self, rows: Rows) -> Combine:
        return _Receive(self, rows.n_tokens)

    def heard(self, block: SparseHeads, answer: SparseAnswer) -> Heard:
        """Decode what a block of message heads was answered; what is for others is dropped."""
        assert self.code is not None
        assert self.assignment is not None
        decoded = self.code.decode(answer.mean)
        count = np.bincount(decoded.which, minlength=len(answer.mean))
        first = np.cumsum(count) - count
        heard = count[answer.which]
        pair = np.repeat(np.arange(len(heard)), heard)
        rank = np.arange(len(pair)) - np.repeat(np.cumsum(heard) - heard, heard)
        message = first[answer.which][pair] + rank
        machine, head = answer.query_class[pair], answer.head[pair] + block.first_head - 1
        source = decoded.source[message]
        words = decoded.words[message]
        if self.hashed:
            own = words[:, 0] == machine
            machine, head, source, words = machine[own], head[own], source[own], words[own, 1:]
        return Heard(machine, head, source, words, self.assignment.emission(source, head))

    def _emit(self, rows: Rows) -> Traffic:
        """Run the step on all machines; a machine whose row is absent has an empty inbox."""
        cluster = self.cluster
        is_machine = rows.position < cluster.n_machines
        machines = np.arange(cluster.n_machines)
        inbox = self.arriving.read(rows.position[is_machine], rows.values[is_machine], machines)
        outbox = act(self.protocol, self.round, inbox, cluster)
        label = self.protocol.label(self.round, cluster)
        traffic = collect(outbox, self.channels, machines, cluster, round=self.round, label=label)
        traffic.check_senders()
        return traffic

    def _self_block(self, traffic: Traffic, queries: Queries) -> SparseHeads:
        kept = {}
        for part in traffic.messages:
            own = part.source == part.to
            columns = {name: column[own] for name, column in part.columns.items()}
            kept[part.channel.name] = Records(part.channel.fields, part.source[own], columns)
        token, written = self.leaving.write(Inbox(traffic.batch, kept))
        values = np.zeros((len(token), self.self_width))
        values[:, : written.shape[1]] = written
        key = token
        if self.hashed:  # a token that keeps nothing still matches the ids of its bucket
            kept_values, values = values, np.zeros((len(queries["token_class"]), self.self_width))
            values[token] = kept_values
            token = np.arange(len(values))
            key = np.where(token < self.cluster.n_machines, token, self.hashed.null)
        return SparseHeads(
            first_head=0,
            n_heads=1,
            **queries,
            key_head=np.zeros(len(token), np.int64),
            key_token=token,
            K=key[:, None].astype(np.float64),
            V=values,
        )

    def _with_null(
        self, source: Integers, to: Integers, words: Integers, head: Integers, n_tokens: int
    ) -> tuple[Integers, Integers, Integers, Integers]:
        """Add a message to NULL for every token and head without one."""
        assert self.hashed is not None
        idle = np.ones((self.n_messages, n_tokens), bool)
        idle[head, source] = False
        idle_head, token = np.nonzero(idle)
        to_null = np.full(len(token), self.hashed.null)
        nothing = np.zeros((len(token), words.shape[1]), np.int64)
        nothing[:, 0] = to_null
        return (
            np.concatenate([source, token]),
            np.concatenate([to, to_null]),
            np.concatenate([words, nothing]),
            np.concatenate([head, idle_head]),
        )

    def _coded_blocks(
        self, traffic: Traffic, queries: Queries, budget_bytes: int
    ) -> Iterator[SparseHeads]:
        """The heads in blocks; messages are numbered in the order of channels and emission."""
        assert self.code is not None
        assert self.assignment is not None
        source, to, words = self.messages.pack(traffic)
        head = self.assignment.head(source, Records.of(source).rank)
        if self.hashed:
            words = np.concatenate([to[:, None], words], axis=1)
            if self.hashed.null_is_heard:
                source, to, words, head = self._with_null(
                    source, to, words, head, len(queries["token_class"])
                )
        order = np.lexsort((source, head))
        source, to, words, head = source[order], to[order], words[order], head[order]
        bytes_a_message = 8 * (self.code.width + 4)
        first_head = 0
        while first_head < self.n_messages:
            low = int(np.searchsorted(head, first_head))
            reach = low + max(1, budget_bytes // bytes_a_message)
            end_head = (
                self.n_messages if reach >= len(head) else max(int(head[reach]), first_head + 1)
            )
            high = int(np.searchsorted(head, end_head))
            part = slice(low, high)
            yield SparseHeads(
                first_head=1 + first_head,
                n_heads=end_head - first_head,
                **queries,
                key_head=head[part] - first_head,
                key_token=source[part],
                K=to[part, None].astype(np.float64),
                V=self.code.encode(source[part], words[part]),
            )
            first_head = end_head


class _Receive(Combine):
    """The fold of a routing layer: decode what every class received and put its inbox together."""

    def __init__(self, layer: RouteLayer, n_tokens: int) -> None:
        self._layer = layer
        self._n_tokens = n_tokens
        self._kept = Inbox(np.zeros(0, np.int64), {})
        self._received: list[tuple[Integers, Integers, Integers, Integers]] = []

    def absorb(self, block: object, answer: object) -> None:
        assert isinstance(block, SparseHeads)
        assert isinstance(answer, SparseAnswer)
        layer = self._layer
        if block.first_head == 0:
            if layer.hashed:
                layer.hashed.refuse_far_pairs(block)
            machine, values = answer.query_class, answer.mean[answer.which]
            self._kept = layer.leaving.read(machine, values, machine)
            return
        heard = layer.heard(block, answer)
        self._received.append((heard.machine, heard.emission, heard.source, heard.words))

    def finish(self) -> Rows:
        layer = self._layer
        inbox = self._inbox()
        if layer.is_last:
            return output_rows(layer.protocol, layer.cluster, inbox, self._n_tokens)
        return rows_of(self._n_tokens, *layer.leaving.write(inbox))

    def _inbox(self) -> Inbox:
        """Merge kept and received records into the canonical order (source, emission)."""
        layer = self._layer
        nothing = np.zeros(0, np.int64)
        width = layer.messages.shape.words
        parts = self._received or [(nothing, nothing, nothing, nothing.reshape(0, width))]
        machine, place, source, words = (
            np.concatenate(arrays) for arrays in zip(*parts, strict=True)
        )
        unpacked = layer.messages.unpack(words, place) if width else {}
        records = {}
        for channel in layer.channels:
            kept = self._kept[channel.name]
            if channel.name not in unpacked:
                records[channel.name] = kept
                continue
            message, rank, columns = unpacked[channel.name]
            owner = np.concatenate([kept.machine, machine[message]])
            sender = np.concatenate([kept.machine, source[message]])
            emission = np.concatenate([kept.rank, rank])
            order = np.lexsort((emission, sender, owner))
            merged = {
                name: np.concatenate([kept[name], columns[name]])[order] for name in channel.fields
            }
            self._check_received(channel, owner[sender != owner])
            records[channel.name] = Records(channel.fields, owner[order], merged)
        inbox = Inbox(asking(layer.cluster, layer.is_last), records)
        self._check_held(inbox)
        return inbox

    def _check_received(self, channel: Channel, owner: Integers) -> None:
        """Reject a machine that received more records of a channel than the protocol declares."""
        counts = np.bincount(owner, minlength=self._layer.cluster.n_machines)
        if channel.per_receiver is not None and counts.max() > channel.per_receiver:
            machine = int(np.argmax(counts > channel.per_receiver))
            raise ChannelExceeded(
                f"layer {self._layer.round + 1}: machine {machine} receives {counts[machine]} "
                f"records on channel {channel.name!r}; it declares {channel.per_receiver}",
                round=self._layer.round,
                machine=machine,
                channel=channel.name,
            )

    def _check_held(self, inbox: Inbox) -> None:
        """Reject a machine that received more than its memory holds."""
        cluster = self._layer.cluster
        held = inbox.held_words(cluster.n_machines)
        joint = self._layer.protocol.joint_limit(self._layer.round, cluster)
        if held.max() > cluster.memory_words:
            machine = int(np.argmax(held > cluster.memory_words))
            raise MemoryExceeded(
                f"layer {self._layer.round + 1}: machine {machine} would hold {held[machine]} "
                f"words; local memory is {cluster.memory_words}",
                round=self._layer.round,
                machine=machine,
                words=int(held[machine]),
                limit=cluster.memory_words,
            )
        layer = f"layer {self._layer.round + 1}"
        check_joint_limit(held, joint, layer, self._layer.round)
