"""The fold of a routing layer: decode what the tokens of a machine received, and make its inbox.

Axes: P machines, E messages.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol as Structure

import numpy as np

from anna_model import Combine, Rows, SparseAnswer, SparseHeads
from anna_model.joins.row_join import order_by
from mpc_sim import Channel, Cluster, Inbox, Protocol, Records
from mpc_sim.errors import ChannelExceeded, MemoryExceeded
from mpc_sim.routing import check_joint_limit
from reductions.arrays import Floats, Integers
from reductions.mpc_to_anna.hashed_ids import HashedIds
from reductions.mpc_to_anna.inbox_rows import RowFormat
from reductions.mpc_to_anna.messages import Heard, Messages
from reductions.mpc_to_anna.output_tokens import asking, output_rows
from reductions.mpc_to_anna.token_groups import TokenGroups


class Received(NamedTuple):
    """What a block of coded heads delivered: messages, and in one head also what machines keep.

    Parameters
    ----------
    machine : int64[A]
    kept : float64[A, m]
        Rows of machines; m is 0 where a head of its own carries them.
    """

    heard: Heard
    machine: Integers
    kept: Floats


class Receiver(Structure):
    """What the fold asks of a `RouteLayer`; see there."""

    @property
    def protocol(self) -> Protocol: ...
    @property
    def cluster(self) -> Cluster: ...
    @property
    def round(self) -> int: ...
    @property
    def is_last(self) -> bool: ...
    @property
    def channels(self) -> tuple[Channel, ...]: ...
    @property
    def messages(self) -> Messages: ...
    @property
    def groups(self) -> TokenGroups: ...
    @property
    def hashed(self) -> HashedIds | None: ...
    @property
    def in_one_head(self) -> bool: ...
    @property
    def leaving(self) -> RowFormat: ...
    def is_coded(self, block: SparseHeads) -> bool: ...
    def received(self, block: SparseHeads, answer: SparseAnswer) -> Received: ...


class Receive(Combine):
    """The fold of a routing layer: decode what every class received and put its inbox together."""

    def __init__(self, layer: Receiver, n_tokens: int) -> None:
        self._layer = layer
        self._n_tokens = n_tokens
        self._kept = Inbox(np.zeros(0, np.int64), {})
        self._heard: list[Heard] = []

    def absorb(self, block: object, answer: object) -> None:
        assert isinstance(block, SparseHeads)
        assert isinstance(answer, SparseAnswer)
        layer = self._layer
        if layer.is_coded(block):
            heard, machine, kept = layer.received(block, answer)
            self._heard.append(heard)
            if not layer.in_one_head:
                return
        else:
            if layer.hashed:
                layer.hashed.refuse_far_pairs(block)
            machine, kept = answer.query_class, answer.mean[answer.which]
        self._kept = layer.leaving.read(machine, kept, machine)

    def finish(self) -> Rows:
        layer = self._layer
        inbox = self._inbox()
        if layer.is_last:
            return output_rows(layer.protocol, layer.cluster, inbox, self._n_tokens)
        return layer.groups.rows(self._n_tokens, *layer.leaving.write(inbox))

    def _inbox(self) -> Inbox:
        """Merge kept and received records into the canonical order (source, emission)."""
        layer = self._layer
        nothing = np.zeros(0, np.int64)
        words = nothing.reshape(0, layer.messages.shape.words)
        parts = self._heard or [Heard(nothing, nothing, nothing, words, nothing)]
        heard = Heard(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))
        unpacked = layer.messages.unpack(heard) if words.shape[1] else {}
        records = {}
        for channel in layer.channels:
            kept = self._kept[channel.name]
            if channel.name not in unpacked:
                records[channel.name] = kept
                continue
            message, rank, columns = unpacked[channel.name]
            owner = np.concatenate([kept.machine, heard.machine[message]])
            sender = np.concatenate([kept.machine, heard.source[message]])
            emission = np.concatenate([kept.rank, rank])
            order = order_by(emission, sender, owner)
            merged = {
                name: np.take(np.concatenate([kept[name], columns[name]]), order)
                for name in channel.fields
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
        layer = self._layer
        joint = layer.protocol.joint_limit(layer.round, cluster)
        check_joint_limit(held, joint, f"layer {layer.round + 1}", layer.round)
