"""Numbers as files store them, and the error of a file that does not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
BFLOAT16 = "bfloat16"


class WeightsFileError(ValueError):
    """A file that cannot be read as named arrays; the message says what to change."""


def numbers_of(data: bytes | memoryview, dtype: str) -> Array:
    """Return bytes as numbers, read-only; the upper halves of float32 as those."""
    found = np.frombuffer(data, "<u2" if dtype == BFLOAT16 else dtype)
    if dtype == BFLOAT16:
        found = (found.astype(np.uint32) << 16).view(np.float32)
    found.setflags(write=False)
    return found
