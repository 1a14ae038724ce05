"""Columns of words: what is one, and what everybody asks of the rows of machines.

Axes: R rows. A column is int64[R]; the rows of a machine are neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mpc_sim.errors import ColumnError

Words = NDArray[np.int64]


def is_integer(value: object) -> bool:
    """Return whether a value is an integer and no truth value."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def rank_in_group(group: Words) -> Words:
    """Number the rows of every group from 0, for rows that lie grouped.

    Parameters
    ----------
    group : int64[R]
        Of every row, say its machine. Equal values are neighbours; the groups may come in any
        order.

    Returns
    -------
    int64[R]

    Notes
    -----
    O(R). ``Records.rank`` is that of the machines.

    Examples
    --------
    >>> import numpy as np
    >>> rank_in_group(np.array([3, 3, 3, 0, 5, 5])).tolist()
    [0, 1, 2, 0, 0, 1]
    """
    n = len(group)
    if n == 0:
        return np.zeros(0, np.int64)
    first = np.empty(n, bool)
    first[0] = True
    np.not_equal(group[1:], group[:-1], out=first[1:])
    starts = np.flatnonzero(first)
    return np.arange(n) - np.repeat(starts, np.diff(starts, append=n))


def first_rows(machine: Words, n_machines: int) -> Words:
    """Return where the rows of every machine begin.

    Parameters
    ----------
    machine : int64[R]
        Of every row; equal values are neighbours, in any order.
    n_machines : int
        P.

    Returns
    -------
    int64[P]
        The first row of a machine, by its id; 0 for machines without any.

    Notes
    -----
    O(R + P).

    Examples
    --------
    >>> import numpy as np
    >>> first_rows(np.array([3, 3, 0, 1, 1]), n_machines=4).tolist()
    [2, 3, 0, 0]
    """
    starts = np.zeros(n_machines, np.int64)
    first = np.flatnonzero(rank_in_group(machine) == 0)
    starts[machine[first]] = first
    return starts


def is_column(array: object) -> bool:
    """Return whether something is int64[R]."""
    return isinstance(array, np.ndarray) and array.dtype == np.int64 and array.ndim == 1


def one_length(of: str, arrays: Mapping[str, Words], *, repeats: bool = False) -> None:
    """Reject columns of different lengths; one value may stand for a column that ``repeats`` it."""
    sizes = {array.shape for array in arrays.values() if array.ndim or not repeats}
    if len(sizes) > 1 or any(len(shape) != 1 for shape in sizes):
        listed = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise ColumnError(f"{of}: columns of different lengths: {listed}")


def as_words(values: ArrayLike, name: str, owner: Words | None = None) -> Words:
    """Return integers as int64[R], or as int64[] where one value is given.

    Parameters
    ----------
    values : array_like
    name : str
        Of the column, for the error.
    owner : int64[R], optional
        The machines of the rows, for the error.

    Raises
    ------
    ColumnError
        If they are no integers, no 64-bit ones, or have two axes.
    """
    try:
        array = np.asarray(values)
    except (TypeError, ValueError, OverflowError):
        array = np.asarray(None)
    if array.ndim > 1:
        fault = f"has the shape {array.shape}; a column has one axis"
    elif (array.dtype.kind in "iuf" and array.size == 0) or array.dtype.kind in "iu":
        if array.dtype != np.uint64 or not array.size or int(array.max()) < 2**63:
            return array.astype(np.int64, copy=False)
        fault = f"holds {int(array.max())}, which is beyond 64-bit signed words"
    else:
        fault = f"has dtype {array.dtype}; words are integers, so round it explicitly"
    machine = None if owner is None or not owner.size else int(owner.flat[0])
    of = "" if machine is None else f", of machine {machine} and others,"
    raise ColumnError(f"{name}{of} {fault}", field=name, machine=machine)


def copied(values: ArrayLike, name: str, owner: Words | None = None) -> Words:
    """Return words that nobody else can write into: a copy, where they are not read-only."""
    words = as_words(values, name, owner)
    base: Any = words
    while isinstance(base, np.ndarray) and not base.flags.writeable:
        base = base.base
    return words if base is None else words.copy()
