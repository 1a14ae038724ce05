"""Attention on fixed-point numbers: sums are integers, so that their order and place do not matter.

A fixed-point layer rounds queries, keys and values, the means of its heads, and its new rows. Its
values are multiples of one step; a head adds them as integers, divides the sum once by the count,
in float64, and the mean is rounded to the nearest grid number, halves to the even one. Where a sum
stays below 2^53 steps, however it is put together it is the same float64, so another way to
compute it, on other machines, gives the same bits.

Axes: N tokens, l tables, m value width.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from anna_model.answers import Answer, DenseAnswer, SparseAnswer
from anna_model.fixed_point.grid import MOST_BITS, Grid, GridOverflow
from anna_model.frozen_arrays import FloatArray, IntArray, real_array
from anna_model.heads import DenseHeads, HeadBlock, SparseHeads
from anna_model.mechanisms.low_rank import FeatureMap
from anna_model.mechanisms.matrices import Matrix
from anna_model.mechanisms.mechanism import Mechanism
from anna_model.rows import Rows
from anna_model.transformer import Combine, HeadShape, Layer, Transformer


@dataclass(frozen=True)
class Precision:
    """The grids of a run: of rows, of queries and keys, and of values."""

    rows: Grid
    keys: Grid
    values: Grid

    @classmethod
    def of(cls, grid: Grid) -> Precision:
        """Return one grid for all."""
        return cls(grid, grid, grid)


def steps_on(grid: Grid, numbers: ArrayLike, what: str) -> IntArray:
    """Return numbers as steps of a grid, int64, and reject those that lie between two steps.

    Raises
    ------
    GridOverflow
        A number beyond the grid or between its steps.
    """
    array = real_array(what, numbers)
    try:
        steps = grid.integers(array)
    except GridOverflow as error:
        raise GridOverflow(f"{what}: {error}") from None
    off = np.ldexp(steps.astype(np.float64), -grid.fraction_bits) != array
    if off.any():
        raise GridOverflow(
            f"{what}: {float(array[off].flat[0])!r} is no multiple of the step {grid.step:g}; "
            "round to the grid first (fixed_point), or take a finer one"
        )
    return steps


def mean_of_steps(total: IntArray, count: IntArray, grid: Grid) -> FloatArray:
    """Divide sums of steps by counts, once, in float64: the output of an attention head.

    Parameters
    ----------
    total : int64[E, m]
        Below 2^53 in magnitude.
    count : int64[E]
        A count of 0 gives zeros.
    """
    mean = total.astype(np.float64) / np.maximum(count, 1).astype(np.float64)[:, None]
    mean[count == 0] = 0.0
    scaled: FloatArray = np.ldexp(mean, -grid.fraction_bits)
    return scaled


def require_exact_sums(grid: Grid, n_tokens: int, tables: int) -> None:
    """Reject a grid on which l N values could reach 2^53 steps.

    Raises
    ------
    GridOverflow
    """
    if tables * n_tokens * (2 ** (grid.bits - 1) - 1) >= 2**MOST_BITS:
        most = (2**MOST_BITS // (tables * n_tokens)).bit_length()
        raise GridOverflow(
            f"values of {grid.bits} bits: a sum over {n_tokens} tokens and {tables} "
            f"table{'s' * (tables > 1)} may reach 2^{MOST_BITS} steps; "
            f"give values at most {most} bits"
        )


@dataclass(frozen=True)
class FixedPointLayer(Layer):
    """Another layer on a grid: queries, keys, values, means and new rows are rounded to it."""

    inner: Layer
    grid: Grid
    mechanism: Mechanism = field(init=False)
    heads: tuple[HeadShape, ...] = field(init=False)
    precision_bits: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "mechanism", self.inner.mechanism)
        object.__setattr__(self, "heads", self.inner.heads)
        object.__setattr__(self, "precision_bits", self.grid.bits)

    def mechanism_for(self, block: HeadBlock) -> Mechanism:
        return self.inner.mechanism_for(block)

    @property
    def n_tables(self) -> int:
        return self.inner.n_tables

    def blocks(self, rows: Rows, budget_bytes: int) -> Iterator[HeadBlock]:
        to_grid = self.grid.round
        for block in self.inner.blocks(rows, budget_bytes):
            Q, K, V = to_grid(block.Q), to_grid(block.K), to_grid(block.V[:])
            if isinstance(block, DenseHeads):
                yield DenseHeads(block.first_head, Q, K, V)
                continue
            yield SparseHeads(
                block.first_head,
                block.n_heads,
                block.token_class,
                block.query_head,
                block.query_class,
                Q,
                block.key_head,
                block.key_token,
                K,
                V,
            )

    def combine(self, rows: Rows) -> Combine:
        return _RoundedCombine(self.inner.combine(rows), self.grid)


class _RoundedCombine(Combine):
    """Round the outputs of the heads before another fold takes them, and its rows."""

    def __init__(self, inner: Combine, grid: Grid) -> None:
        self.inner, self.grid = inner, grid

    def absorb(self, block: HeadBlock, answer: Answer) -> None:
        if isinstance(answer, DenseAnswer):
            rounded: Answer = DenseAnswer(self.grid.round(answer.values), answer.unmatched)
        else:
            rounded = SparseAnswer(
                answer.head, answer.query_class, answer.which, self.grid.round(answer.mean)
            )
        self.inner.absorb(block, rounded)

    def finish(self) -> Rows:
        return self.grid.rows(self.inner.finish())


@dataclass(frozen=True)
class RoundedFeatures(FeatureMap):
    """Another feature map of low-rank attention, rounded to a grid."""

    inner: FeatureMap
    grid: Grid

    def __call__(self, rows: Matrix) -> Matrix:
        return self.grid.round(self.inner(rows))

    def n_features(self, width: int) -> int:
        return self.inner.n_features(width)


def fixed_point(transformer: Transformer, grid: Grid) -> Transformer:
    """Return the transformer on a grid: every layer a `FixedPointLayer`.

    Its input rows must lie on the grid (``grid.rows``).
    """
    layers = tuple(FixedPointLayer(layer, grid) for layer in transformer.layers)
    return Transformer(layers, transformer.n_tokens)
