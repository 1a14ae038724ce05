"""Drawn functions that store their directions: a symbol from scalar products."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anna_model.frozen_arrays import FloatArray, read_only
from anna_model.lsh.family import HashFunctions, Matrix
from anna_model.lsh.small_batches import SMALL_BATCH, hash_projected as hash_small_batch

SIGN, ARGMAX, FLOOR = "sign", "argmax", "floor"
_KINDS = (SIGN, ARGMAX, FLOOR)


@dataclass(frozen=True, eq=False)
class Projections(HashFunctions):
    """Functions of the scalar products of a row and stored directions.

    Parameters
    ----------
    directions : float64[l, z, k, m]
        k directions per function.
    offsets : float64[l, z]
    kind : str
        "sign" (k = 1): 0 where the product is at least 0, else 1. "argmax": 2 c, plus 1 where it is
        negative, for the product c of largest magnitude. "floor" (k = 1): the floor of
        product + offset, in float64.

    Notes
    -----
    A row costs O(l z k m), summed coordinate by coordinate in the dtype of the rows.
    """

    directions: FloatArray
    offsets: FloatArray
    kind: str

    def __post_init__(self) -> None:
        n_tables, n_hashes = self.directions.shape[:2]
        self._freeze("directions", np.float64, (n_tables, n_hashes, None, self.m))
        self._freeze("offsets", np.float64, (n_tables, n_hashes))
        self._freeze("times", np.uint64, (None, n_hashes))
        self._freeze("plus", np.uint64, (len(self.times),))
        if self.kind not in _KINDS:
            raise ValueError(f"kind must be one of {', '.join(_KINDS)}, not {self.kind}")

    @property
    def tables(self) -> int:
        """Tables, l."""
        return len(self.directions)

    def _kernel(self, n_rows: int) -> Any:
        if n_rows * self.directions.size <= SMALL_BATCH:
            return hash_small_batch
        from anna_model.kernels.hashing import hash_projected

        return hash_projected

    def _arguments(self, dtype: np.dtype[Any], first: int, last: int) -> tuple[object, ...]:
        drawn = self.directions[first:last]
        n_tables, n_hashes, each, _ = drawn.shape
        each = _up_to_4(each) if self.kind == ARGMAX else 1
        directions: NDArray[Any] = np.zeros((n_tables, n_hashes, each, _up_to_4(self.m)), dtype)
        directions[:, :, : drawn.shape[2], : self.m] = drawn
        flat: NDArray[Any] = np.zeros(
            (n_tables, _up_to_4(n_hashes * each), _up_to_4(self.m)), dtype
        )
        flat[:, : n_hashes * each] = directions.reshape(n_tables, n_hashes * each, -1)
        offsets = self.offsets[first:last].astype(dtype)
        return flat, offsets, _KINDS.index(self.kind)

    def _rows(self, rows: Matrix) -> Matrix:
        if self.kind != FLOOR or rows.dtype == np.float64:
            return rows
        wide: Matrix = read_only("rows", rows.astype(np.float64), np.float64, rows.shape)
        return wide


def _up_to_4(size: int) -> int:
    return -(-size // 4) * 4
