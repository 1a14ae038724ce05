"""Hashing of small batches by NumPy, where to compile the loop would take longer than to hash.

The loop is that of `anna_model.kernels.hashing`; scalar products are summed coordinate by
coordinate in both, so bucket ids are equal bit for bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

SMALL_BATCH = 2**21
"""Products of a coordinate and a direction that NumPy takes some milliseconds for."""

Numbers = NDArray[Any]


def hash_projected(
    K: Numbers,
    directions: Numbers,
    offsets: Numbers,
    kind: int,
    times: Numbers,
    plus: Numbers,
    low: int,
    high: int,
    out: Numbers,
) -> int:
    """Do what the loop of that name does; it is asked where a row has to be scaled or refused."""
    from anna_model.kernels import hashing as kernels

    rows, n_hashes = K[low:high], times.shape[1]
    largest = np.abs(rows).max(axis=1, initial=0)
    is_plain = np.isfinite(largest).all()
    if kind != kernels.FLOOR:
        within = (largest >= kernels.SMALL) & (largest <= kernels.LARGE)
        is_plain = bool((within | (largest == 0)).all())
    symbols = np.zeros((len(directions), len(rows), n_hashes))
    if is_plain:
        value = np.zeros((len(directions), len(rows), directions.shape[1]), K.dtype)
        for c in range(rows.shape[1]):
            value += rows[:, c, None] * directions[:, None, :, c]
        symbols = _symbols(value, offsets[:, None], kind, n_hashes)
        is_plain = bool(np.isfinite(symbols).all())
    if not is_plain:
        return int(
            kernels.hash_projected(K, directions, offsets, kind, times, plus, low, high, out)
        )
    code = symbols.astype(times.dtype) @ times.T + plus
    if len(times) == 2:
        upper, lower = code[..., 0] >> kernels.SHIFT_32, code[..., 1] >> kernels.SHIFT_33
        code = (upper << kernels.SHIFT_31 | lower)[..., None]
    out[:, low:high] = code[..., 0].astype(out.dtype)
    return int(kernels.FINE)


def _symbols(value: Numbers, offsets: Numbers, kind: int, n_hashes: int) -> Numbers:
    """Return the symbols of the rows, [l, n, z], from their scalar products; NaN for none."""
    from anna_model.kernels import hashing as kernels

    if kind == kernels.ARGMAX:
        each = value.shape[2] // n_hashes
        products = value[..., : n_hashes * each].reshape(*value.shape[:2], n_hashes, each)
        at = np.abs(products).argmax(axis=3)[..., None]
        found: Numbers = 2 * at + (np.take_along_axis(products, at, axis=3) < 0)
        return found[..., 0]
    value = value[..., :n_hashes]
    if kind == kernels.SIGN:
        return ~(value >= 0)
    cell = np.floor(value + offsets)
    is_cell = (cell >= -kernels.RANGE) & (cell < kernels.RANGE)
    return np.where(is_cell, np.where(cell >= 0, 2 * cell, -2 * cell - 1), np.nan)
