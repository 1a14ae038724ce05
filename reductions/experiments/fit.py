"""Exponents of what is measured, fitted with intervals, beside those of the theory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

STUDENT_95 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
    2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
    2.052, 2.048, 2.045,
)  # fmt: skip
"""Two-sided 95 % points of Student's t for 1, 2, ... degrees of freedom."""
Quantity = Literal["heads", "head_width", "token_width", "context_length"]


@dataclass(frozen=True)
class Exponent:
    """A fitted exponent beside that of the theorem.

    Parameters
    ----------
    quantity : str
    variant : str
        One of `VARIANTS`, or fan-out (`fan_out_growth`).
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


def student(freedom: int) -> float:
    """Return the two-sided 95 % point of Student's t; beyond the table from above."""
    return STUDENT_95[min(freedom, len(STUDENT_95)) - 1]
