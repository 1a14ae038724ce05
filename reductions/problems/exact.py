"""Answers are whole numbers, and compared as whole numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpc_sim import InputError
from mpc_sim.records import Words


class FalseCertificate(InputError):
    """A certificate does not show what it claims; the message says why."""


def whole(answers: Any) -> NDArray[Any]:
    """Return answers as they are, integers of any width.

    Raises
    ------
    FalseCertificate
        They are none: as float64 2^53 and 2^53 + 1 are one number.
    """
    found = np.asarray(answers)
    if found.dtype.kind not in "iu":
        raise FalseCertificate(f"answers are whole numbers, not {found.dtype}; give integers")
    return found


def n_different(answers: Any, expected: Words) -> int:
    """Return how many answers differ from the expected ones, exactly.

    Raises
    ------
    FalseCertificate
        Answers of another type or shape, or none at all.
    """
    found = whole(answers)
    if found.shape != expected.shape or not found.size:
        raise FalseCertificate(
            f"answers of shape {found.shape} for {expected.shape}: give one for every word, and "
            "for one word at least"
        )
    if found.dtype.kind == "u":  # int64 and uint64 meet in float64
        beyond = found > np.uint64(np.iinfo(np.int64).max)
        return int(np.count_nonzero(beyond | (found.astype(np.int64) != expected)))
    return int(np.count_nonzero(found != expected))
