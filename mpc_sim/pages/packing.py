"""Arrays of words as text: the bytes that they need, deflated, in base64.

Byte k of all words lies before byte k + 1 of any. Where words need one byte and a half, the upper
bytes repeat, and deflate finds that only if they are neighbours.
"""

from __future__ import annotations

import base64
import zlib
from typing import TypedDict

import numpy as np

from mpc_sim.records import Words


class Packed(TypedDict):
    """An array in JSON: its length, the bytes of a word, and the deflated bytes in base64.

    Examples
    --------
    >>> sorted(pack(np.array([1, 2])))
    ['bytes', 'data', 'size']
    """

    size: int
    bytes: int
    data: str


def pack(words: Words) -> Packed:
    r"""Pack words of any shape, row after row; ``unpack`` in grid.js is its inverse.

    Parameters
    ----------
    words : int64[any]
        Not negative.

    Returns
    -------
    Packed
        At most 4/3 (b n + b n / 1000 + 20) characters of data for n words of b bytes.

    Raises
    ------
    ValueError
        If a word is negative.

    Examples
    --------
    >>> packed = pack(np.array([1, 2, 300]))
    >>> packed["size"], packed["bytes"], zlib.decompress(base64.b64decode(packed["data"]))
    (3, 2, b'\x01\x02,\x00\x00\x01')
    """
    flat = np.ascontiguousarray(words, np.int64).reshape(-1)
    if flat.min(initial=0) < 0:
        raise ValueError(f"words are not negative, but one is {flat.min()}")
    n_bytes = max(1, -(-int(flat.max(initial=0)).bit_length() // 8))
    planes = flat.astype("<i8").view(np.uint8).reshape(-1, 8).T[:n_bytes]
    data = base64.b64encode(zlib.compress(planes.tobytes(), 9)).decode()
    return {"size": len(flat), "bytes": n_bytes, "data": data}
