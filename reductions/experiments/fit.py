"""Exponents of what is measured, fitted with intervals, beside those of the theory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Quantity = Literal["heads", "head_width", "token_width", "context_length"]


@dataclass(frozen=True)
class Exponent:
    """A fitted exponent beside that of the theorem.

    Parameters
    ----------
    quantity : str
    epsilon : Fraction
    variant : str
        One of `VARIANTS`, or fan-out (`fan_out_growth`).
    theory : Fraction
    slope : float
        Least squares, of ln(quantity / f) on ln N.
    low, high : float
        Where the construction puts the slope; `theory` lies between them.
    """

    quantity: Quantity
    epsilon: Fraction
    variant: str
    theory: Fraction
    slope: float
    low: float
    high: float

    @property
    def holds(self) -> bool:
        """Whether the slope lies where the construction puts it, up to float64."""
        margin = 1e-9
        return self.low - margin <= self.slope <= self.high + margin


def slope_within(
    sizes: Sequence[int],
    values: Sequence[float],
    least: NDArray[np.float64],
    most: NDArray[np.float64],
) -> tuple[float, float, float]:
    """Fit the slope of ln(value) on ln N, and say how far deviations can bend it.

    Parameters
    ----------
    sizes : sequence of int
    values : sequence of float
    least, most : float64[sizes]
        Between which ln(value) may deviate from a straight line.

    Returns
    -------
    slope, below, above : float
        The slope lies between that of the line plus ``below`` and that plus ``above``.
    """
    x = np.log(np.array(sizes, float))
    x -= x.mean()
    weights = x / (x @ x)
    ends = weights * least, weights * most
    return (
        float(weights @ np.log(values)),
        float(np.minimum(*ends).sum()),
        float(np.maximum(*ends).sum()),
    )
