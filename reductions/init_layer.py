"""The init layer: every machine gathers its block of the input.

Axes: N input words, P machines, block words of input a machine.
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
from mpc_sim import Cluster, Inbox, Protocol, Records
from reductions.inbox_rows import RowFormat, rows_of
from reductions.output_tokens import asking, output_rows, queries_of

INPUT = RowFormat((("input", ("word",)),))


@dataclass(frozen=True)
class InitLayer(Layer):
    """Machine i gathers its input block: token i asks for id i; token j answers to j // block.

    The value of token j is word j in slot j mod block; the average over a block of n words is that
    vector divided by n, which the position tells. With R = 0 every token asks for its own block.
    """

    protocol: Protocol
    cluster: Cluster
    is_last: bool
    mechanism: Mechanism = field(default_factory=ExactMatch)

    @property
    def heads(self) -> tuple[HeadShape, ...]:  # type: ignore[override]
        return (HeadShape(1, 1, self.cluster.block_words),)

    @property
    def precision_bits(self) -> int:  # type: ignore[override]
        """An average of n <= block words, told apart from its neighbours at distance 1/n."""
        return self.cluster.word_bits + self.cluster.block_words.bit_length()

    def blocks(self, rows: Rows, budget_bytes: int) -> Iterator[SparseHeads]:
        cluster = self.cluster
        token = rows.position
        values = np.zeros((len(token), cluster.block_words))
        values[np.arange(len(token)), token % cluster.block_words] = rows.values[:, 0]
        yield SparseHeads(
            first_head=0,
            n_heads=1,
            **queries_of(cluster, rows.n_tokens, self.is_last),
            key_head=np.zeros(len(token), np.int64),
            key_token=token,
            K=(token // cluster.block_words)[:, None].astype(np.float64),
            V=values,
        )

    def combine(self, rows: Rows) -> Combine:
        return _GatherInput(self, rows.n_tokens)


class _GatherInput(Combine):
    def __init__(self, layer: InitLayer, n_tokens: int) -> None:
        self._layer = layer
        self._n_tokens = n_tokens
        self._inbox = Inbox(asking(layer.cluster, layer.is_last), {})

    def absorb(self, block: object, answer: object) -> None:
        assert isinstance(answer, SparseAnswer)
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
        return rows_of(self._n_tokens, *INPUT.write(self._inbox))
