"""The forward pass by the definition of attention: every weight written out, nothing hashed.

It shares the row-wise maps and the folds with the fast path, and no step of its attention; so it is
the reference for `Transformer.forward`, layer by layer, on small contexts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from anna_model.answers import Answer, DenseAnswer, SparseAnswer
from anna_model.frozen_arrays import FloatArray
from anna_model.heads import DenseHeads, HeadBlock, SparseHeads
from anna_model.mechanisms.mechanism import Mechanism
from anna_model.rows import Rows
from anna_model.transformer import Transformer, declared_blocks, require_context


def definition_forward(
    transformer: Transformer,
    rows: Rows,
    null_key: ArrayLike,
    nobody_query: ArrayLike,
    *,
    budget_bytes: int = 2**28,
) -> tuple[Rows, ...]:
    """Run all layers by the definition and return the rows after each.

    Parameters
    ----------
    transformer : Transformer
    rows : Rows
    null_key, nobody_query : float64[m_qk] or float
        The key of a token without a key and the query of one without a query, in sparse blocks.
    budget_bytes : int
        As in `Transformer.forward`.

    Returns
    -------
    tuple of Rows
        One per layer.

    Raises
    ------
    ValueError
        null_key equals a query or nobody_query a key; rows of another context length; a causal
        mechanism and a sparse block.

    Notes
    -----
    Cost O(N**2 (m_qk + m)) per head, memory O(h N (m_qk + m) + N**2) for a block of h heads.

    Examples
    --------
    >>> from anna_model import ExactMatch, HeadMaps, RowwiseLayer
    >>> head = HeadMaps(lambda i, X: X + 1, lambda i, X: X, lambda i, X: X**2, 1, 1)
    >>> T = Transformer((RowwiseLayer(ExactMatch(), (head,)),), n_tokens=3)
    >>> rows = Rows.from_dense(np.array([[2.0], [1.0], [3.0]]))
    >>> (last,) = definition_forward(T, rows, null_key=-1.0, nobody_query=-2.0)
    >>> last.dense().T.tolist()
    [[9.0, 4.0, 0.0]]
    """
    after: list[Rows] = []
    for index, layer in enumerate(transformer.layers):
        require_context(transformer, rows)
        combine = layer.combine(rows)
        for block in declared_blocks(index, layer, rows, budget_bytes):
            mechanism = layer.mechanism_for(block)
            answer = answer_by_definition(mechanism, block, null_key, nobody_query)
            combine.absorb(block, answer)
        rows = combine.finish()
        after.append(rows)
    return tuple(after)


def answer_by_definition(
    mechanism: Mechanism, block: HeadBlock, null_key: ArrayLike, nobody_query: ArrayLike
) -> Answer:
    """Answer a block from `weights` alone, a sparse one through its dense expansion.

    Parameters
    ----------
    block : DenseHeads or SparseHeads
    null_key, nobody_query : float64[m_qk] or float
        See `SparseHeads.dense`.

    Returns
    -------
    DenseAnswer or SparseAnswer
        The form of the block. Classes without a token receive nothing.
    """
    dense = block if isinstance(block, DenseHeads) else block.dense(null_key, nobody_query)
    values = np.empty((dense.n_heads, dense.n_tokens, dense.value_width))
    unmatched = np.empty((dense.n_heads, dense.n_tokens), bool)
    for head in range(dense.n_heads):
        weights = mechanism.weights(dense.Q[head], dense.K[head])
        values[head] = weighted_values(weights, dense.V[head])
        unmatched[head] = (weights == 0).all(axis=1)
    answer = DenseAnswer(values, unmatched)
    if isinstance(block, DenseHeads):
        return answer
    if mechanism.causal:
        raise ValueError("a causal mechanism cannot answer a sparse block: give it a dense one")
    return _by_class(block, answer)


def weighted_values(weights: FloatArray, V: FloatArray) -> FloatArray:
    """Return weights @ V, rows of equal weights as a sum divided once.

    Parameters
    ----------
    weights : float64[N_q, N_k]
    V : float64[N_k, m]

    Returns
    -------
    float64[N_q, m]

    Notes
    -----
    1/n is not a float unless n is a power of two, so a product with the rounded weight
    is not the mean. A row whose n non-zero weights are all the float nearest 1/n is therefore read
    as the mean that it stands for: the sum of the values, exact for integers below 2**53 in any
    order, divided once.
    """
    out: FloatArray = weights @ V
    seen = weights != 0
    count = seen.sum(axis=1, keepdims=True)
    uniform = (seen.any(axis=1)) & (weights == seen / np.maximum(count, 1)).all(axis=1)
    out[uniform] = seen[uniform].astype(np.float64) @ V / count[uniform]
    return out


def _by_class(block: SparseHeads, answer: DenseAnswer) -> SparseAnswer:
    """Return the answer of a class, that of its first token; its tokens have equal queries."""
    query_class, token = np.unique(block.token_class, return_index=True)
    query_class, token = query_class[query_class >= 0], token[query_class >= 0]
    which_class, head = np.nonzero(~answer.unmatched[:, token].T)
    return SparseAnswer(
        head,
        query_class[which_class],
        np.arange(len(head)),
        answer.values[head, token[which_class]],
    )
