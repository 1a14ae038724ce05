"""Arrays that are checked once, when a value is made, and never written again.

Nothing is copied: the caller must not write its arrays again. What is kept is a read-only view.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


class FrozenArrays:
    """Base of frozen dataclasses of arrays: a pickle or copy is made, hence checked, anew."""

    def __reduce__(self) -> tuple[type, tuple[Any, ...]]:
        names = [field.name for field in fields(cast(Any, self))]
        return type(self), tuple(getattr(self, name) for name in names)

    def _freeze(self, name: str, dtype: type, shape: Sequence[int | None]) -> Any:
        """Check one field, replace it by its read-only view and return that."""
        view = read_only(name, getattr(self, name), dtype, shape)
        object.__setattr__(self, name, view)
        return view


def read_only(name: str, array: Any, dtype: type, shape: Sequence[int | None]) -> Any:
    """Check the type, dtype and shape of an array and return a read-only view of it.

    Parameters
    ----------
    name : str
        What the error calls it.
    array : dtype[shape]
    dtype : type
        Required exactly: nothing is converted.
    shape : sequence of int or None
        None accepts any size.

    Raises
    ------
    TypeError
        Not an array, or another dtype.
    ValueError
        Another shape.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array, not {type(array).__name__}")
    if array.dtype != np.dtype(dtype):
        raise TypeError(f"{name} must have dtype {np.dtype(dtype)}, not {array.dtype}")
    if len(shape) != array.ndim or any(
        want is not None and want != got for want, got in zip(shape, array.shape, strict=True)
    ):
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        wanted = f"({wanted},)" if len(shape) == 1 else f"({wanted})"
        raise ValueError(f"{name} must have shape {wanted}, not {array.shape}")
    view = array.view()
    view.setflags(write=False)
    return view


def real_array(name: str, values: ArrayLike) -> FloatArray:
    """Return numbers up to float64 as float64.

    Raises
    ------
    TypeError
        Something else: text, complex numbers, objects, rows of different lengths.
    """
    try:
        array = np.asarray(values)
    except ValueError:
        raise TypeError(f"{name} must hold rows of one length") from None
    if array.size and (array.dtype.kind not in "iuf" or array.dtype.itemsize > 8):
        raise TypeError(f"{name} must hold real numbers up to float64, not {array.dtype}")
    return np.asarray(array, np.float64)


def real_rows(name: str, rows: ArrayLike) -> NDArray[Any]:
    """Return rows as contiguous float32 or float64 [n, width]; a vector is a column.

    Only float32 in the order of the machine stays: integers, float16 and swapped bytes become
    float64. NaN and infinity pass.

    Raises
    ------
    TypeError
        No real numbers up to float64.
    ValueError
        Not one or two axes, or rows of different lengths.
    """
    try:
        array = np.asarray(rows)
    except ValueError:
        raise ValueError(f"{name} must hold rows of one length") from None
    if array.ndim not in (1, 2):
        raise ValueError(f"{name} must have one or two axes, not {array.ndim}")
    if array.dtype.kind not in "iuf" or array.dtype.itemsize > 8:
        raise TypeError(f"{name} must hold real numbers up to float64, not {array.dtype}")
    matrix = array[:, None] if array.ndim == 1 else array
    real = np.float32 if array.dtype == np.float32 and array.dtype.isnative else np.float64
    return np.ascontiguousarray(matrix, dtype=real)


def require_finite(name: str, array: FloatArray) -> None:
    """Reject NaN and infinity.

    Raises
    ------
    ValueError
        It names the first place.
    """
    finite = np.isfinite(array)
    if not finite.all():
        place = tuple(int(i) for i in np.argwhere(~finite)[0])
        where = ", ".join(map(str, place))
        raise ValueError(f"{name} must be finite, but {name}[{where}] is {array[place]}")


def require_range(name: str, array: IntArray, low: int, high: int) -> None:
    """Reject an integer outside low .. high.

    Raises
    ------
    ValueError
        It names the first place.
    """
    if array.size and not (low <= array.min() and array.max() <= high):
        row = int(np.flatnonzero((array < low) | (array > high))[0])
        raise ValueError(f"{name} must lie in {low} .. {high}, but {name}[{row}] is {array[row]}")
