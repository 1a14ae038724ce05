"""The init layer: every machine gathers its block of the input.

Axes: N input words, P machines, block words of input per machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

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
from anna_model.lazy_values import Entries, LazyValues
from mpc_sim import Cluster, Inbox, Protocol, Records
from reductions.arrays import Booleans, Floats, Integers
from reductions.mpc_to_anna.hashed_ids import HashedIds
from reductions.mpc_to_anna.inbox_rows import RowFormat
from reductions.mpc_to_anna.output_tokens import asking, output_rows, queries_of
from reductions.mpc_to_anna.token_groups import TokenGroups

INPUT = RowFormat((("input", ("word",)),))


@dataclass(frozen=True)
class InitLayer(Layer):
    """Machine i gathers its input block: its tokens ask for id i; token j has the key j // block.

    The value of token j is word j in slot j mod block; the average over a block of n words is that
    vector divided by n, which the position determines. With R = 0 every token asks for its own
    block. Where ids are hashed, a token without a word has the key NULL, and no two ids may meet.
    """

    protocol: Protocol
    cluster: Cluster
    is_last: bool
    mechanism: Mechanism = field(default_factory=ExactMatch)
    tokens: int = 1

    @property
    def groups(self) -> TokenGroups:
        """Which token acts for which machine."""
        return TokenGroups.of(self.cluster, self.tokens)

    @property
    def heads(self) -> tuple[HeadShape, ...]:  # type: ignore[override]
        """One head, as wide as a block."""
        return (HeadShape(1, 1, self.cluster.block_words),)

    @property
    def query_width(self) -> int:
        """Width of an id: its codeword where ids are hashed."""
        if isinstance(self.mechanism, HashedIds):
            return self.mechanism.query_width
        return super().query_width

    @property
    def precision_bits(self) -> int:  # type: ignore[override]
        """An average of n <= block words, distinguished from others at distance 1/n."""
        return self.cluster.word_bits + self.cluster.block_words.bit_length()

    def blocks(self, rows: Rows, budget_bytes: int) -> Iterator[SparseHeads]:
        cluster = self.cluster
        token = rows.position
        owner = token // cluster.block_words
        slot, word = token % cluster.block_words, rows.apart().values[:, 0]
        if isinstance(self.mechanism, HashedIds) and self.mechanism.null_is_heard:
            others = np.setdiff1d(np.arange(rows.n_tokens), token)
            token, owner = (
                np.concatenate([token, others]),
                np.append(owner, np.full(len(others), self.mechanism.null)),
            )
            slot, word = np.pad(slot, (0, len(others))), np.pad(word, (0, len(others)))
        yield SparseHeads(
            first_head=0,
            n_heads=1,
            **queries_of(cluster, self.groups, rows.n_tokens, self.is_last),
            key_head=np.zeros(len(token), np.int64),
            key_token=token,
            K=owner[:, None].astype(np.float64),
            V=_InSlots(slot, word, cluster.block_words),
        )

    def combine(self, rows: Rows) -> Combine:
        return _GatherInput(self, rows.n_tokens)


@dataclass(frozen=True, eq=False)
class _InSlots(LazyValues):
    """Every word in its slot of a block, zeros in the others."""

    slot: Integers
    word: Floats
    block_words: int

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.slot), self.block_words

    @property
    def not_zero(self) -> Booleans:
        return np.not_equal(self.word, 0)

    def __getitem__(self, entries: Entries) -> Floats:
        slot = self.slot[entries]
        values = np.zeros((len(slot), self.block_words))
        values[np.arange(len(slot)), slot] = self.word[entries]
        return values

    def group_means(self, group: Integers, n_groups: int) -> Floats:
        """Add the words alone: a block of n words takes n additions."""
        listed = group >= 0
        group, slot, word = group[listed], self.slot[listed], self.word[listed]
        n_places = n_groups * self.block_words
        sums = np.bincount(group * self.block_words + slot, word, n_places)
        count = np.bincount(group, minlength=n_groups)
        return sums.reshape(n_groups, self.block_words) / np.maximum(count, 1)[:, None]


class _GatherInput(Combine):
    def __init__(self, layer: InitLayer, n_tokens: int) -> None:
        self._layer = layer
        self._n_tokens = n_tokens
        self._inbox = Inbox(asking(layer.cluster, layer.is_last), {})

    def absorb(self, block: object, answer: object) -> None:
        assert isinstance(block, SparseHeads)
        assert isinstance(answer, SparseAnswer)
        if isinstance(self._layer.mechanism, HashedIds):
            self._layer.mechanism.refuse_far_pairs(block)
        block_words, n_words = self._layer.cluster.block_words, self._layer.cluster.n_words
        machine = answer.query_class
        count = np.minimum(n_words - machine * block_words, block_words)
        sums = np.rint(answer.mean[answer.which] * count[:, None]).astype(np.int64)
        row = np.repeat(np.arange(len(machine)), count)
        slot = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
        words = Records.of(machine[row], word=sums[row, slot])
        self._inbox = Inbox(self._inbox.machines, {"input": words})

    def finish(self) -> Rows:
        layer = self._layer
        if layer.is_last:
            return output_rows(layer.protocol, layer.cluster, self._inbox, self._n_tokens)
        return layer.groups.rows(self._n_tokens, *INPUT.write(self._inbox))
