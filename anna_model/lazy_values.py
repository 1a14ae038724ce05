"""Values that are made when a mechanism asks for them: those of a head are never all stored.

Axes: E entries, D stored rows, m value width.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from anna_model.frozen_arrays import BoolArray, FloatArray, FrozenArrays, IntArray

Entries = slice | IntArray

PART_BYTES = 2**25
"""Of values that are made at a time."""


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

    def group_means(self, group: IntArray, n_groups: int) -> FloatArray:
        """Mean of the values of every group: their sum in order, divided once by the count.

        Parameters
        ----------
        group : int64[E]
            In 0 .. n_groups - 1, each of them met, or -1: left out.
        n_groups : int

        Returns
        -------
        float64[n_groups, m]

        Notes
        -----
        Memory: n_groups m sums and `PART_BYTES` of values, whatever their number.
        """
        from anna_model.kernels import exact_match as kernels

        mean, count = np.zeros((n_groups, self.shape[1])), np.zeros(n_groups, np.int64)
        step = max(1, PART_BYTES // (8 * max(1, self.shape[1])))
        listed = np.flatnonzero(group >= 0)
        alone = len(listed) == n_groups
        for first in range(0, len(listed), step):
            part = listed[first : first + step]
            if alone:
                mean[group[part]] = self[part]
            else:
                kernels.add_to_groups(group[part], self[part], mean, count)
        if not alone:
            mean /= np.maximum(count, 1)[:, None]
        return mean

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
