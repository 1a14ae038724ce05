"""Arrays as they are given, or refused: whole numbers of a shape and range, nothing rounded."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpc_sim.errors import InputError

MOST = 2**63 - 1


def whole_array(
    values: ArrayLike, what: str, shape: tuple[int | None, ...], least: int = 0, most: int = MOST
) -> NDArray[np.int64]:
    """Return what is given as int64, maybe itself; an empty list has every shape without entries.

    Parameters
    ----------
    values : array_like of int
    what : str
        Begins the errors.
    shape : tuple of int or None
        None where any length will do.
    least, most : int
        The range, both ends included.

    Raises
    ------
    InputError
        Other numbers than integers, another shape, or a value out of range.
    """
    wanted = ", ".join("any" if length is None else str(length) for length in shape)
    try:
        found: Any = np.asarray(values)
    except (ValueError, OverflowError):
        raise InputError(f"{what}: rows of different lengths; give shape ({wanted})") from None
    if not found.size and found.ndim == 1:
        found = np.zeros([length or 0 for length in shape], np.int64)
    fits = found.ndim == len(shape) and all(
        length in (None, size) for length, size in zip(shape, found.shape, strict=True)
    )
    if found.dtype.kind not in "iu" or not fits:
        raise InputError(
            f"{what}: {found.dtype} of shape {found.shape}; give integers of shape ({wanted})"
        )
    if found.size and (int(found.min()) < least or int(found.max()) > most):
        raise InputError(
            f"{what}: from {found.min()} to {found.max()}; give {least} .. {shown(most)}"
        )
    return np.asarray(found, np.int64)


def shown(number: int) -> str:
    """Write a number, one below a power of two from 2^16 on as that."""
    bits = number.bit_length()
    return f"2^{bits} - 1" if bits > 16 and number == 2**bits - 1 else str(number)
