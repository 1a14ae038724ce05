"""What every query of a run really averaged: attention matrices and buckets, head by head.

Axes: N tokens. Matrices are written out, N x N per head: for looking at runs, not for running them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anna_model.frozen_arrays import FloatArray, FrozenArrays
from anna_model.heads import DenseHeads, HeadBlock
from anna_model.mechanisms.mechanism import Mechanism
from anna_model.rows import Rows
from anna_model.transformer import Transformer


@dataclass(frozen=True, eq=False)
class HeadPattern(FrozenArrays):
    """One head of one layer in one run.

    Parameters
    ----------
    layer, head : int
        Counted from 0.
    weights : float64[N, N]
        Row i: how token i weighs the tokens; a zero row where it has no query or nothing matches.
    statistics : dict of str to float
        What the mechanism states of its buckets; empty if it has none.

    Examples
    --------
    >>> HeadPattern(0, 2, np.eye(3), {}).weights.shape
    (3, 3)
    """

    layer: int
    head: int
    weights: FloatArray
    statistics: dict[str, float]

    def __post_init__(self) -> None:
        n_tokens = len(self._freeze("weights", np.float64, (None, None)))
        self._freeze("weights", np.float64, (n_tokens, n_tokens))


def attention_patterns(transformer: Transformer, rows: Rows) -> Iterator[HeadPattern]:
    """Run a transformer and give the pattern of every head, layer after layer.

    Parameters
    ----------
    transformer : Transformer
    rows : Rows
        N = n_tokens.

    Yields
    ------
    HeadPattern
        The weights are the mechanism's definition, from the same queries and keys.

    Raises
    ------
    ValueError
        As `Transformer.forward`.

    Notes
    -----
    One forward pass, whose blocks are kept, then O(N^2 m_qk) per head, and O(l N^2) for ANNA.

    Examples
    --------
    >>> from anna_model import ExactMatch, HeadMaps, RowwiseLayer
    >>> head = HeadMaps(lambda i, X: 0 * X, lambda i, X: X % 2, lambda i, X: X, 1, 1)
    >>> even = Transformer((RowwiseLayer(ExactMatch(), (head,)),), n_tokens=3)
    >>> (pattern,) = attention_patterns(even, Rows.from_dense(np.array([[2.0], [3.0], [4.0]])))
    >>> pattern.weights[0].tolist()
    [0.5, 0.0, 0.5]
    """
    blocks: list[tuple[int, HeadBlock]] = []
    transformer.forward(rows, trace=lambda layer, block, _: blocks.append((layer, block)))
    for layer, block in blocks:
        for head in range(block.n_heads):
            yield head_pattern(transformer, layer, block, head)


def head_pattern(transformer: Transformer, layer: int, block: HeadBlock, head: int) -> HeadPattern:
    """Return the pattern of one head of a block of a run.

    Parameters
    ----------
    block : DenseHeads or SparseHeads
        As the trace of `Transformer.forward` gives it.
    head : int
        Counted from the first head of the block.
    """
    mechanism = transformer.layers[layer].mechanism_for(block)
    Q, K, weights = _head(mechanism, block, head)
    statistics = dict(mechanism.bucket_statistics(Q, K))
    return HeadPattern(layer, block.first_head + head, weights, statistics)


def _head(
    mechanism: Mechanism, block: HeadBlock, head: int
) -> tuple[NDArray[Any], NDArray[Any], FloatArray]:
    """Return queries, keys and the weights between all tokens of one head of a block."""
    if isinstance(block, DenseHeads):
        Q, K = block.Q[head], block.K[head]
        return Q, K, mechanism.weights(Q, K)
    query_class, Q = block.queries_of(head)
    token, K, _ = block.keys_of(head)
    weights = np.zeros((block.n_tokens, block.n_tokens))
    if len(Q) and len(K):
        row_of_class = np.full(block.n_tokens + 1, -1)  # the last entry serves class -1
        row_of_class[query_class] = np.arange(len(query_class))
        row = row_of_class[block.token_class]
        asks = np.flatnonzero(row >= 0)
        weights[np.ix_(asks, token)] = mechanism.weights(Q, K)[row[asks]]
    return Q, K, weights
