"""A routing layer: the row-wise maps run one step of the protocol, the heads deliver its messages.

Axes: P machines, g tokens of a machine, H heads, E messages, k messages of a machine in a round, w
words of a message, b messages that meet in one head.
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
from anna_model.joins.row_join import order_by
from anna_model.lazy_values import SelectedRows
from mpc_sim import Channel, Cluster, Inbox, Protocol, Records
from mpc_sim.protocol import act
from mpc_sim.routing import Traffic, collect
from reductions.arrays import Floats, Integers
from reductions.mpc_to_anna.codes.choice import Code
from reductions.mpc_to_anna.codes.code import CodeDomainError, MessageCode
from reductions.mpc_to_anna.hashed_ids import FarCollision, HashedIds
from reductions.mpc_to_anna.head_assignment import EmissionOrder, HeadAssignment, HeadOrder
from reductions.mpc_to_anna.inbox_rows import RowFormat
from reductions.mpc_to_anna.messages import Heard, Messages, messages_of
from reductions.mpc_to_anna.output_tokens import Queries, queries_of
from reductions.mpc_to_anna.receiving import Receive, Received
from reductions.mpc_to_anna.sending import CodedMessages, Sent, SourceIds
from reductions.mpc_to_anna.token_groups import Memories, TokenGroups


@dataclass(frozen=True)
class RouteLayer(Layer):
    """Round t: the row-wise maps run step t, the heads deliver its messages.

    The tokens of a machine ask for its id in every head (in the last layer every output token for
    its owner). Head 0 carries to each machine what it keeps, from its first token. A machine's
    messages have slots, each a head and one of its tokens (`head_assignment`): there the key is the
    destination, and the value is the message in the code of the layer.

    With a token for every message and one more, one head carries both. The first token of a machine
    sends what is kept in front of a codeword from a source of its own, the others zeros in front of
    a message. The average of n of these is 1/n of what was kept; the decoder says n.

    Where ids are hashed, keys that share a bucket with another id match as well. So a message
    carries its destination as its first word, a token without a message has the key NULL and sends
    a message to NULL, and the receiver drops what is not for it; what is kept has no code, and a
    far collision there raises.

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
    tokens: int = 1
    channels: tuple[Channel, ...] = field(init=False)
    messages: Messages = field(init=False)
    assignment: HeadAssignment | None = field(init=False)
    code: MessageCode | None = field(init=False)

    def __post_init__(self) -> None:
        channels = self.protocol.channels(self.round, self.cluster)
        messages = messages_of(
            channels,
            self.cluster,
            self.partners,
            header=int(self.hashed is not None),
            longest=self.coding.made.longest_of_linear,
        )
        object.__setattr__(self, "channels", channels)
        object.__setattr__(self, "messages", messages)
        object.__setattr__(self, "assignment", self._assign())
        object.__setattr__(self, "code", self._code() if self.assignment else None)

    def _assign(self) -> HeadAssignment | None:
        shape = self.messages.shape
        if not (shape.sent and shape.received):
            return None
        if self.tokens > shape.most:
            return EmissionOrder.in_one_head(shape.received, self.groups)
        return self.order.made.of_round(
            shape.sent,
            shape.received,
            self.groups,
            failure=self.overload,
            seed=self.seed,
            round=self.round,
        )

    def _code(self) -> MessageCode:
        assert self.assignment is not None
        shape = self.messages.shape
        try:
            return self.coding.made.from_options(
                self.assignment.capacity,
                shape.words + int(self.hashed is not None),
                shape.word_bits(self.cluster),
                self.sources.n_ids,
                seed=self.seed,
                failure=self.overload,
            )
        except CodeDomainError as error:
            if self.tokens == 1:
                raise
            few = "fewer tokens per machine let fewer messages meet in a head"
            raise CodeDomainError(f"{error}; {few}") from None

    @property
    def groups(self) -> TokenGroups:
        """Which token acts for which machine."""
        return TokenGroups.of(self.cluster, self.tokens)

    @property
    def hashed(self) -> HashedIds | None:
        """The mechanism, if it hashes ids."""
        return self.mechanism if isinstance(self.mechanism, HashedIds) else None

    @property
    def query_width(self) -> int:
        """Width of an id: its codeword where ids are hashed."""
        return self.hashed.query_width if self.hashed else super().query_width

    @property
    def in_one_head(self) -> bool:
        """Whether one head carries the messages and what is kept."""
        return self.assignment is not None and self.assignment.own

    @property
    def sources(self) -> SourceIds:
        """The numbers of senders: the tokens, or by exact match P times what meets from one."""
        P, shape, own = self.cluster.n_machines, self.messages.shape, int(self.in_one_head)
        if self.hashed:
            n_tokens = self.groups.context_length(self.cluster.n_words)
            return SourceIds(P, n_tokens, True, P * own)
        if self.assignment is not None and self.assignment.names_tokens:
            return SourceIds(P, self.groups.n_acting, True, 0)
        return SourceIds(P, P * min(self.tokens, shape.sent, shape.received) + own, False, own)

    @property
    def n_messages(self) -> int:
        """Heads that carry messages."""
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
        """Width of what is kept: a count per channel, and the words that a machine can keep."""
        declared = sum(channel.per_machine * channel.words for channel in self.channels)
        return len(self.channels) + min(declared, self.cluster.memory_words)

    @property
    def heads(self) -> tuple[HeadShape, ...]:  # type: ignore[override]
        """The self head, and the heads of messages, as wide as their code; or one head."""
        own = HeadShape(1, 1, self.self_width)
        if self.code is None:
            return (own,)
        if self.in_one_head:
            return (HeadShape(1, 1, self.self_width + self.code.width),)
        return (own, HeadShape(self.n_messages, 1, self.code.width))

    @property
    def first_message_head(self) -> int:
        """The number of the first head that carries messages."""
        return 0 if self.in_one_head else 1

    def is_coded(self, block: SparseHeads) -> bool:
        """Whether a block of the layer carries messages."""
        return block.first_head >= self.first_message_head

    @property
    def precision_bits(self) -> int:  # type: ignore[override]
        """Those of a word, one more of 1/n of it, or of a coded message where that takes more."""
        own = self.cluster.word_bits + int(self.in_one_head)
        return max(own, self.code.precision_bits if self.code else 0)

    def blocks(self, rows: Rows, budget_bytes: int) -> Iterator[SparseHeads]:
        sent = Sent.joined(self._sent(memory) for memory in self.groups.memories(rows))
        queries = queries_of(self.cluster, self.groups, rows.n_tokens, self.is_last)
        if not self.in_one_head:
            yield self._self_block(sent, queries)
        if self.code is not None:
            yield from self._coded_blocks(sent, queries, budget_bytes)

    def combine(self, rows: Rows) -> Combine:
        return Receive(self, rows.n_tokens)

    def received(self, block: SparseHeads, answer: SparseAnswer) -> Received:
        """Decode what a block of message heads was answered; what is for others is dropped.

        Raises
        ------
        FarCollision
            What another machine keeps was heard as well.
        """
        assert self.code is not None
        assert self.assignment is not None
        front = self.self_width if self.in_one_head else 0
        decoded = self.code.decode(answer.mean[:, front:], self.sources.likely)
        count = np.bincount(decoded.which, minlength=len(answer.mean))
        kept = np.rint(count[:, None] * answer.mean[:, :front])[answer.which]
        first = np.cumsum(count) - count
        heard = count[answer.which]
        pair = np.repeat(np.arange(len(heard)), heard)
        rank = np.arange(len(pair)) - np.repeat(np.cumsum(heard) - heard, heard)
        message = first[answer.which][pair] + rank
        machine = answer.query_class[pair]
        head = answer.head[pair] + block.first_head - self.first_message_head
        ids, words = decoded.source[message], np.take(decoded.words, message, axis=0)
        mine = ids >= self.sources.n_own
        if self.hashed:
            is_own, words = words[:, 0] == machine, words[:, 1:]
            foreign = int(np.count_nonzero(~mine & ~is_own))
            if foreign:
                raise FarCollision(foreign, self.hashed.hashes)
            mine &= is_own
        if not mine.all():
            machine, head, ids, words = machine[mine], head[mine], ids[mine], words[mine]
        source, number = self.sources.read(ids)
        place = head * self.tokens + number
        if self.sources.of_tokens:
            place = self.assignment.emission(source, place)
        return Received(Heard(machine, head, source, words, place), answer.query_class, kept)

    def restore(self, block: SparseHeads, mean: Floats, bits: int) -> Floats:
        """Return averages as they were before they were rounded to so many leading digits."""
        if self.code is None or not self.is_coded(block):
            return mean
        front = self.self_width if self.in_one_head else 0
        coded = self.code.restore(np.ascontiguousarray(mean[:, front:]), bits)
        if not front:
            return coded
        count = np.bincount(self.code.decode(coded).which, minlength=len(mean))[:, None]
        own = np.rint(count * mean[:, :front]) / np.maximum(count, 1)
        return np.concatenate([own, coded], axis=1)

    def _sent(self, memory: Memories) -> Sent:
        """Run the step on all machines; a machine without a row has an empty inbox."""
        cluster, machines = self.cluster, np.arange(self.cluster.n_machines)
        inbox = self.arriving.read(memory.machines, memory.values, machines)
        outbox = act(self.protocol, self.round, inbox, cluster)
        label = self.protocol.label(self.round, cluster)
        traffic = collect(outbox, self.channels, machines, cluster, round=self.round, label=label)
        traffic.check_senders()
        keeper, kept = self._kept(traffic)
        if self.assignment is None:
            sent = Sent.without_messages(keeper, kept)
        else:
            source, to, words = self.messages.pack(traffic)
            slot = self.assignment.slot(source, Records.of(source).rank)
            head, role = np.divmod(slot, self.tokens)
            if self.hashed:
                words = np.concatenate([to[:, None], words], axis=1)
            token, ids = source + cluster.n_machines * role, self.sources.of(source, to, head, role)
            sent = Sent(keeper, kept, head, token, ids, to, words)
        return sent.taken(memory.holds)

    def _kept(self, traffic: Traffic) -> tuple[Integers, Floats]:
        """Return the machines that keep something, and its rows, float64[A, self_width]."""
        kept = {}
        for part in traffic.messages:
            own = part.source == part.to
            columns = {name: column[own] for name, column in part.columns.items()}
            kept[part.channel.name] = Records(part.channel.fields, part.source[own], columns)
        keeper, written = self.leaving.write(Inbox(traffic.batch, kept))
        values = np.zeros((len(keeper), self.self_width))
        values[:, : written.shape[1]] = written
        return keeper, values

    def _self_block(self, sent: Sent, queries: Queries) -> SparseHeads:
        token, row = sent.keeper, np.arange(len(sent.keeper))
        key = token
        if self.hashed:  # a token that keeps nothing still matches the ids of its bucket
            token = np.arange(len(queries["token_class"]))
            row = np.full(len(token), -1)
            row[sent.keeper] = np.arange(len(sent.keeper))
            key = np.where(token < self.cluster.n_machines, token, self.hashed.null)
        return SparseHeads(
            first_head=0,
            n_heads=1,
            **queries,
            key_head=np.zeros(len(token), np.int64),
            key_token=token,
            K=key[:, None].astype(np.float64),
            V=SelectedRows(sent.kept, row),
        )

    def _with_own(self, sent: Sent) -> tuple[Sent, Integers]:
        """Add a message of every machine to itself, by its first token: what it keeps goes there.

        Returns
        -------
        Sent
        int64[E]
            The row of what is kept, for each of its messages; -1 for those to others.
        """
        assert self.code is not None
        own = sent.keeper
        row = np.arange(len(own))
        if self.hashed:  # a token that keeps nothing still matches the ids of its bucket
            own = np.arange(self.cluster.n_machines)
            row = np.full(len(own), -1)
            row[sent.keeper] = np.arange(len(sent.keeper))
        words = np.zeros((len(own), self.code.n_words), np.int64)
        if self.hashed:
            words[:, 0] = own
        added = np.zeros_like(own), own, self.sources.own(own), own, words
        both = (np.concatenate(pair) for pair in zip(added, sent[2:], strict=True))
        row = np.concatenate([row, np.full(len(sent.to), -1)])
        return Sent(sent.keeper, sent.kept, *both), row

    def _coded_blocks(
        self, sent: Sent, queries: Queries, budget_bytes: int
    ) -> Iterator[SparseHeads]:
        """The heads of messages in blocks."""
        assert self.code is not None
        kept_row = np.full(len(sent.to), -1)
        if self.in_one_head:
            sent, kept_row = self._with_own(sent)
        if self.hashed and self.hashed.null_is_heard:
            n_tokens = len(queries["token_class"])
            sent = sent.with_null(self.n_messages, n_tokens, self.hashed.null)
            kept_row = np.pad(kept_row, (0, len(sent.to) - len(kept_row)), constant_values=-1)
        order = order_by(sent.token, sent.head)
        head = sent.head[order]
        n_fit = max(1, budget_bytes // (8 * (self.code.width + 4)))
        first = 0
        while first < self.n_messages:
            low = int(np.searchsorted(head, first))
            reach = low + n_fit
            end = self.n_messages if reach >= len(head) else max(int(head[reach]), first + 1)
            part = order[low : int(np.searchsorted(head, end))]
            own = SelectedRows(sent.kept, kept_row[part]) if self.in_one_head else None
            yield SparseHeads(
                first_head=self.first_message_head + first,
                n_heads=end - first,
                **queries,
                key_head=sent.head[part] - first,
                key_token=sent.token[part],
                K=sent.to[part, None].astype(np.float64),
                V=CodedMessages(
                    self.code, sent.source[part], np.take(sent.words, part, axis=0), own
                ),
            )
            first = end
