"""A dense layer given by plain row-wise functions.

Axes: N tokens, d row width, H heads, m_qk query and key width, m value width. A row-wise function
takes the positions int64[N] and the rows float64[N, d] of any tokens and returns one row for each
of them, depending on nothing else; `check_rowwise` tests that. Functions of a module pickle,
lambdas do not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np

from anna_model.answers import Answer, DenseAnswer
from anna_model.frozen_arrays import FloatArray, IntArray
from anna_model.heads import DenseHeads, HeadBlock
from anna_model.mechanisms.mechanism import Mechanism
from anna_model.rows import Rows
from anna_model.transformer import Combine, HeadShape, Layer

RowMap = Callable[[IntArray, FloatArray], Any]
Fold = Callable[[IntArray, FloatArray, FloatArray], Any]


@dataclass(frozen=True)
class HeadMaps:
    """The row-wise maps of one head.

    Parameters
    ----------
    query, key, value : callable
        (position int64[N], X float64[N, d]) -> float64[N, m_qk], float64[N, m_qk], float64[N, m].
    query_width, value_width : int
        m_qk and m.

    Examples
    --------
    The query is the next position, the key the own one, the value the row.

    >>> head = HeadMaps(
    ...     query=lambda i, X: i[:, None] + 1.0, key=lambda i, X: i[:, None], value=lambda i, X: X,
    ...     query_width=1, value_width=2)
    >>> head.query(np.arange(3), np.zeros((3, 2))).T.tolist()
    [[1.0, 2.0, 3.0]]
    """

    query: RowMap
    key: RowMap
    value: RowMap
    query_width: int
    value_width: int


def replace_row(position: IntArray, values: FloatArray, head_outputs: FloatArray) -> FloatArray:
    """Fold of the theory: the new row is the concatenation of what the heads answered."""
    return head_outputs


@dataclass(frozen=True)
class RowwiseLayer(Layer):
    """A layer over dense rows.

    Parameters
    ----------
    mechanism : Mechanism
    head_maps : tuple of HeadMaps
        At least one.
    fold : callable, optional
        (position int64[N], X float64[N, d], head_outputs float64[N, sum of m]) -> float64[N, d'];
        by default `replace_row`. A query without a match gives zeros.
    precision_bits : int, optional
        Bits of a coordinate; by default all of a float64.

    Examples
    --------
    >>> from anna_model import ExactMatch
    >>> head = HeadMaps(lambda i, X: X, lambda i, X: X, lambda i, X: np.ones((len(i), 3)), 1, 3)
    >>> layer = RowwiseLayer(ExactMatch(), (head, head))
    >>> layer.heads, layer.token_width
    ((HeadShape(count=2, query_width=1, value_width=3),), 6)
    """

    mechanism: Mechanism
    head_maps: tuple[HeadMaps, ...]
    fold: Fold = replace_row
    precision_bits: int = 64
    heads: tuple[HeadShape, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.head_maps:
            raise ValueError("a row-wise layer needs at least one head")
        object.__setattr__(self, "heads", tuple(shape for shape, _ in _runs(self.head_maps)))

    def blocks(self, rows: Rows, budget_bytes: int) -> Iterator[HeadBlock]:
        position, values = np.arange(rows.n_tokens), rows.dense()

        def stack(maps: list[RowMap], width: int) -> FloatArray:
            return np.stack([mapped(each, position, values, width=width) for each in maps])

        first = 0
        for shape, run in _runs(self.head_maps):
            numbers = rows.n_tokens * (2 * shape.query_width + shape.value_width)
            at_once = max(1, budget_bytes // max(1, 8 * numbers))
            for low in range(0, shape.count, at_once):
                maps = run[low : low + at_once]
                yield DenseHeads(
                    first + low,
                    stack([each.query for each in maps], shape.query_width),
                    stack([each.key for each in maps], shape.query_width),
                    stack([each.value for each in maps], shape.value_width),
                )
            first += shape.count

    def combine(self, rows: Rows) -> Combine:
        return _Concatenate(self, rows)


class _Concatenate(Combine):
    """Concatenate what the heads answered, then fold."""

    def __init__(self, layer: RowwiseLayer, rows: Rows) -> None:
        self.layer, self.rows = layer, rows
        self.head_outputs = np.empty((rows.n_tokens, layer.token_width))
        self.filled = 0

    def absorb(self, block: HeadBlock, answer: Answer) -> None:
        if not isinstance(answer, DenseAnswer):
            raise TypeError(f"a row-wise layer needs dense blocks, not {type(block).__name__}")
        for values in answer.values:
            self.head_outputs[:, self.filled : self.filled + values.shape[1]] = values
            self.filled += values.shape[1]

    def finish(self) -> Rows:
        position, values = np.arange(self.rows.n_tokens), self.rows.dense()
        return Rows.from_dense(mapped(self.layer.fold, position, values, self.head_outputs))


def mapped(
    function: Callable[..., Any], position: IntArray, *rows: FloatArray, width: int | None = None
) -> FloatArray:
    """Apply a row-wise function and require one float64 row per token.

    Raises
    ------
    ValueError
        Another shape; the error names the function.
    """
    out: FloatArray = np.asarray(function(position, *rows), np.float64)
    if out.ndim != 2 or len(out) != len(position) or width not in (None, out.shape[1]):
        name = getattr(function, "__name__", repr(function))
        raise ValueError(
            f"row-wise function {name} must return shape "
            f"({len(position)}, {'any' if width is None else width}), not {out.shape}"
        )
    return out


def _runs(head_maps: tuple[HeadMaps, ...]) -> Iterator[tuple[HeadShape, list[HeadMaps]]]:
    """Consecutive heads of equal shape."""
    for widths, group in groupby(head_maps, key=lambda head: (head.query_width, head.value_width)):
        run = list(group)
        yield HeadShape(len(run), *widths), run
