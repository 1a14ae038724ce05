"""Affine maps of rows, in float64 or, rounded to grids, with sums that are exact.

A product of matrices is a sum whose order the library chooses by the shape of the batch, so the
last bits of a row may depend on the other rows. Where weights and rows are rounded to grids so
coarse that every possible sum stays below 2^53 steps, no order matters.

Axes: N rows, n numbers in, m numbers out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anna_model.fixed_point.grid import MOST_BITS, Grid, GridOverflow
from anna_model.frozen_arrays import FloatArray


@dataclass(frozen=True, eq=False)
class Affine:
    """x -> x weight + bias, or a normalised row times weight plus bias.

    Parameters
    ----------
    weight : float64[n, m]
        Or float64[n] of a norm.
    bias : float64[m]
    """

    weight: FloatArray
    bias: FloatArray

    def map(self, x: FloatArray) -> FloatArray:
        """Return x weight + bias, float64[N, m]."""
        mapped: FloatArray = x @ self.weight + self.bias
        return mapped

    def normalise(self, x: FloatArray, epsilon: float) -> FloatArray:
        """Return the rows with mean 0 and variance 1, times weight plus bias, float64[N, n]."""
        centred = x - x.mean(axis=1, keepdims=True)
        variance = (centred * centred).mean(axis=1, keepdims=True)
        normalised: FloatArray = centred / np.sqrt(variance + epsilon) * self.weight + self.bias
        return normalised


@dataclass(frozen=True, eq=False)
class ExactAffine(Affine):
    """An affine map of weights on a grid that rounds the rows it maps, so that sums are exact.

    Parameters
    ----------
    weight, bias : arrays
        Rounded when made, the weight to ``weights``, the bias to the grid of the products.

    Raises
    ------
    GridOverflow
        A weight lies beyond its grid, or a sum could reach 2^53 steps. Later, from `map`, a number
        of a row lies beyond ``activations``.
    """

    weights: Grid
    activations: Grid

    def __post_init__(self) -> None:
        fraction = self.weights.fraction_bits + self.activations.fraction_bits
        weight = self.weights.round(self.weight)
        bias = Grid(MOST_BITS, fraction).integers(self.bias)
        steps = np.abs(self.weights.integers(weight))
        fits = len(steps) * 2 ** (self.weights.bits - 1) < 2**63
        columns = steps.sum(axis=0, dtype=np.int64 if fits else object).astype(object)
        most = columns * (2 ** (self.activations.bits - 1) - 1) + np.abs(bias).astype(object)
        if max(most, default=0) >= 2**MOST_BITS:
            raise GridOverflow(
                f"sums of {len(weight)} products of {self.weights.bits} and "
                f"{self.activations.bits} bits may reach 2^{MOST_BITS} steps; take fewer bits"
            )
        object.__setattr__(self, "weight", weight)
        object.__setattr__(self, "bias", np.ldexp(bias.astype(np.float64), -fraction))

    def map(self, x: FloatArray) -> FloatArray:
        return super().map(self.activations.round(x))
