"""Does a layer look at one row at a time? Tokens may meet in the attention only.

The rows of some tokens are kept and the others dropped or shuffled; what the layer makes of a kept
row must stay the same, bit for bit. A layer that passes may still be wrong; one that fails is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from anna_model.answers import Answer
from anna_model.frozen_arrays import BoolArray, FloatArray
from anna_model.heads import DenseHeads, HeadBlock, SparseHeads
from anna_model.rows import Rows
from anna_model.transformer import Layer

BUDGET_BYTES = 2**28


class NotRowwise(ValueError):
    """A query, key, value or new row of a token depends on the rows of other tokens.

    Attributes
    ----------
    layer : str
    what : str
        "query", "key", "value" or "new row".
    token : int
    head : int or None
        None for a new row.
    """

    def __init__(self, layer: str, what: str, token: int, head: int | None = None) -> None:
        super().__init__(layer, what, token, head)
        self.layer, self.what, self.token, self.head = layer, what, token, head

    def __str__(self) -> str:
        where = "" if self.head is None else f", head {self.head}"
        whose = f"layer {self.layer}{where}: the {self.what} of token {self.token}"
        return f"{whose} depends on other rows"


def check_rowwise(
    layer: Layer,
    rows: Rows,
    rng: np.random.Generator,
    *,
    trials: int = 8,
    fold: bool = True,
    name: str | None = None,
) -> None:
    """Check on random subsets of tokens that queries, keys, values and the fold are row-wise.

    Parameters
    ----------
    layer : Layer
    rows : Rows
        Representative rows; with all of them equal nothing can be seen.
    rng : numpy.random.Generator
    trials : int
        Random subsets; the other rows are dropped and shuffled by turns.
    fold : bool
        Also check the fold, with the answers of the undisturbed rows. Tokens of a query class are
        then kept together.
    name : str, optional
        What the error calls the layer; by default its class.

    Raises
    ------
    NotRowwise
        It names layer, head and token.

    Notes
    -----
    Head by head in O(N (m_qk + m)) memory; all answers of the layer are kept when
    `fold` is checked.

    Examples
    --------
    >>> from anna_model import ExactMatch, HeadMaps, RowwiseLayer
    >>> left_key = HeadMaps(lambda i, X: X, lambda i, X: np.roll(X, 1), lambda i, X: X, 1, 1)
    >>> rows = Rows.from_dense(np.arange(1.0, 6.0)[:, None])
    >>> layer = RowwiseLayer(ExactMatch(), (left_key,))
    >>> check_rowwise(layer, rows, np.random.default_rng(0), name="A")
    Traceback (most recent call last):
        ...
    anna_model.rowwise_check.NotRowwise: layer A, head 0: the key of token 0 depends on other rows
    """
    name = type(layer).__name__ if name is None else name
    rows = rows.apart()
    answers = _answers(layer, rows) if fold else []
    new_rows = _fold(layer, rows, answers) if fold else rows
    for trial in range(trials):
        kept = rng.random(rows.n_tokens) < rng.random()
        _compare_heads(name, layer, rows, _disturb(rows, kept, rng, drop=trial % 2 == 0), kept)
        if fold:
            kept = _close_under_classes(kept, answers)
            disturbed = _disturb(rows, kept, rng, drop=trial % 2 == 0)
            again = _fold(layer, disturbed, answers)
            changed = _bits_differ(*_equally_wide(new_rows.dense(), again.dense()))
            _reject(name, "new row", changed & _same_row(rows, kept))


class _HeadRows(NamedTuple):
    """One head, written out for every token; the masks say what is there, the rest is zero."""

    has_query: BoolArray
    Q: FloatArray
    has_key: BoolArray
    K: FloatArray
    V: FloatArray


def _compare_heads(name: str, layer: Layer, rows: Rows, disturbed: Rows, kept: BoolArray) -> None:
    same = _same_row(rows, kept)
    pairs = zip(_each_head(layer, rows), _each_head(layer, disturbed), strict=True)
    for head, (old, new) in enumerate(pairs):
        query = (old.has_query != new.has_query) | _bits_differ(old.Q, new.Q)
        key = (old.has_key != new.has_key) | _bits_differ(old.K, new.K)
        _reject(name, "query", query & same, head)
        _reject(name, "key", key & same, head)
        _reject(name, "value", _bits_differ(old.V, new.V) & same, head)


def _each_head(layer: Layer, rows: Rows) -> Iterator[_HeadRows]:
    for block in layer.blocks(rows, BUDGET_BYTES):
        for head in range(block.n_heads):
            if isinstance(block, DenseHeads):
                every = np.ones(block.n_tokens, bool)
                yield _HeadRows(every, block.Q[head], every, block.K[head], block.V[head])
            else:
                yield _sparse_head(block, head)


def _sparse_head(block: SparseHeads, head: int) -> _HeadRows:
    n_tokens = block.n_tokens
    query_class, queries = block.queries_of(head)
    token, keys, values = block.keys_of(head)
    has_query, has_key = np.zeros(n_tokens + 1, bool), np.zeros(n_tokens, bool)
    Q = np.zeros((n_tokens + 1, block.query_width))  # by class; the last row serves class -1
    K, V = np.zeros((n_tokens, block.query_width)), np.zeros((n_tokens, block.value_width))
    has_query[query_class], Q[query_class] = True, queries
    has_key[token], K[token], V[token] = True, keys, values
    return _HeadRows(has_query[block.token_class], Q[block.token_class], has_key, K, V)


def _answers(layer: Layer, rows: Rows) -> list[tuple[HeadBlock, Answer]]:
    return [(block, layer.mechanism.answer(block)) for block in layer.blocks(rows, BUDGET_BYTES)]


def _fold(layer: Layer, rows: Rows, answers: list[tuple[HeadBlock, Answer]]) -> Rows:
    combine = layer.combine(rows)
    for block, answer in answers:
        combine.absorb(block, answer)
    return combine.finish()


def _disturb(rows: Rows, kept: BoolArray, rng: np.random.Generator, *, drop: bool) -> Rows:
    """Drop the rows that are not kept, or shuffle them among themselves."""
    if drop:
        return rows.restrict(np.flatnonzero(kept))
    others = np.flatnonzero(~kept[rows.position])
    values = rows.values.copy()
    values[others] = values[rng.permutation(others)]
    return Rows(rows.n_tokens, rows.position, values)


def _same_row(rows: Rows, kept: BoolArray) -> BoolArray:
    """Tokens whose row no disturbance touches: those kept, and those that were zero rows before."""
    same = np.ones(rows.n_tokens, bool)
    same[rows.position] = kept[rows.position]
    return same


def _close_under_classes(kept: BoolArray, answers: list[tuple[HeadBlock, Answer]]) -> BoolArray:
    """Keep whole query classes: a fold may read one row for all tokens of a class."""
    while True:
        before = kept
        for block, _ in answers:
            if isinstance(block, SparseHeads):
                touched = np.zeros(block.n_tokens + 1, bool)
                touched[block.token_class[kept]] = True
                touched[-1] = False  # tokens without a query form no class
                kept = kept | touched[block.token_class]
        if (kept == before).all():
            return kept


def _equally_wide(left: FloatArray, right: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Pad with zeros: a row may be stored without its last zeros."""
    d = max(left.shape[1], right.shape[1])
    return (
        np.pad(left, ((0, 0), (0, d - left.shape[1]))),
        np.pad(right, ((0, 0), (0, d - right.shape[1]))),
    )


def _bits_differ(left: FloatArray, right: FloatArray) -> BoolArray:
    bits_left, bits_right = (np.ascontiguousarray(x).view(np.uint64) for x in (left, right))
    differ: BoolArray = (bits_left != bits_right).any(axis=1)
    return differ


def _reject(name: str, what: str, wrong: BoolArray, head: int | None = None) -> None:
    if wrong.any():
        raise NotRowwise(name, what, int(np.argmax(wrong)), head)
