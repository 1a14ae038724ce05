"""Fixed-point grids: how many bits a coordinate has, and how many a run needs.

A grid of p bits, f of them behind the point, holds the numbers k 2^-f with |k| < 2^(p-1). Up to p =
53 they are floats, and so are their sums below 2^53 steps. Rounding goes to the nearest grid
number, halves to the even one, as np.rint does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from anna_model.frozen_arrays import FloatArray, IntArray, real_array
from anna_model.rows import Rows
from anna_model.transformer import Transformer

MOST_BITS = 53
"""More would not be floats: 2^53 is where neighbouring integers stop being float64 numbers."""


class GridOverflow(ValueError):
    """A number that does not lie on a grid because it is too large."""


@dataclass(frozen=True)
class Grid:
    """Numbers k 2^-f with |k| < 2^(p-1).

    Parameters
    ----------
    bits : int
        p in 2 .. 53, the sign included.
    fraction_bits : int
        f; negative for grids coarser than the integers.

    Raises
    ------
    ValueError
        p out of range.
    """

    bits: int
    fraction_bits: int

    def __post_init__(self) -> None:
        if not 2 <= self.bits <= MOST_BITS:
            raise ValueError(f"a grid has 2 .. {MOST_BITS} bits, not {self.bits}")

    @property
    def step(self) -> float:
        """The distance of two neighbours, 2^-f."""
        return float(np.ldexp(1.0, -self.fraction_bits))

    @property
    def largest(self) -> float:
        """The largest number, (2^(p-1) - 1) 2^-f."""
        return float(2 ** (self.bits - 1) - 1) * self.step

    def integers(self, values: ArrayLike) -> IntArray:
        """Return int64: the number of steps, rounded half to even.

        Raises
        ------
        GridOverflow
            A number beyond the grid, NaN or infinity; it names the first place.
        """
        array = real_array("the numbers", values)
        steps = np.rint(np.ldexp(array, self.fraction_bits))
        with np.errstate(invalid="ignore"):
            outside = ~(np.abs(steps) < 2.0 ** (self.bits - 1))
        if outside.any():
            place = np.unravel_index(int(np.argmax(outside)), array.shape)
            where = ", ".join(str(int(at)) for at in place)
            raise GridOverflow(
                f"the number at [{where}] is {array[place]:g}; a grid of {self.bits} bits with "
                f"{self.fraction_bits} behind the point ends at {self.largest:g}: give it more bits"
            )
        return steps.astype(np.int64)

    def round(self, values: ArrayLike) -> FloatArray:
        """Return float64: the nearest grid numbers.

        Raises
        ------
        GridOverflow
            As `integers`.
        """
        return np.ldexp(self.integers(values).astype(np.float64), -self.fraction_bits)

    def rows(self, rows: Rows) -> Rows:
        """Round every coordinate of rows."""
        return replace(rows, values=self.round(rows.values))


def forward_on_grid(transformer: Transformer, rows: Rows, grid: Grid) -> Rows:
    """Run a transformer whose rows are rounded to a grid, before the first layer and after each.

    Inside a layer numbers are float64: the grid holds what a layer passes on to the next.

    Raises
    ------
    GridOverflow
        A row outgrows the grid; it names the layer.
    """
    try:
        rows = grid.rows(rows)
    except GridOverflow as error:
        raise GridOverflow(f"input rows: {error}") from None
    for index, layer in enumerate(transformer.layers):
        after = Transformer((layer,), transformer.n_tokens).forward(rows)
        try:
            rows = grid.rows(after)
        except GridOverflow as error:
            raise GridOverflow(f"layer {index}: {error}") from None
    return rows
