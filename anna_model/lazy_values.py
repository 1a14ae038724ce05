"""Values that are made when a mechanism asks for them: those of a head are never all stored.

Axes: E entries, D stored rows, m value width.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from anna_model.frozen_arrays import BoolArray, FloatArray, FrozenArrays, IntArray

Entries = slice | IntArray


class LazyValues(ABC):
    """float64[E, m] that is read by entries, ``values[entries]``, and never as a whole."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, int]:
        """(E, m)."""

    @abstractmethod
    def __getitem__(self, entries: Entries) -> FloatArray:
        """Return the values of some entries: C-contiguous float64[any, m]."""

    @property
    @abstractmethod
    def not_zero(self) -> BoolArray:
        """Which entries are no zero rows, bool[E], without their values."""

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def size(self) -> int:
        """Numbers, E m."""
        return self.shape[0] * self.shape[1]


Values = FloatArray | LazyValues


def not_zero(values: Values) -> BoolArray:
    """Return which entries are no zero rows, bool[E].

    Examples
    --------
    >>> not_zero(np.array([[0.0, 2.0], [0.0, 0.0]])).tolist()
    [True, False]
    """
    return values.not_zero if isinstance(values, LazyValues) else (values != 0).any(axis=1)


@dataclass(frozen=True, eq=False)
class SelectedRows(LazyValues, FrozenArrays):
    """Rows of a table, many times if need be, and zero rows.

    Parameters
    ----------
    table : float64[D, m]
    row : int64[E]
        In 0 .. D - 1, or -1 for a row of zeros.

    Examples
    --------
    >>> values = SelectedRows(np.array([[5.0], [7.0]]), np.array([1, -1, 0]))
    >>> values.shape, values[1:].T.tolist()
    ((3, 1), [[0.0, 5.0]])
    """

    table: FloatArray
    row: IntArray

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.row), self.table.shape[1]

    @property
    def not_zero(self) -> BoolArray:
        written = np.append((self.table != 0).any(axis=1), False)  # row -1 is one of zeros
        return written[self.row]

    def __getitem__(self, entries: Entries) -> FloatArray:
        row = self.row[entries]
        values = np.zeros((len(row), self.table.shape[1]))
        values[row >= 0] = self.table[row[row >= 0]]
        return values
