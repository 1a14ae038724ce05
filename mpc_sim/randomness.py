"""Random words from a counter: a function of (seed, round, machine) and nothing else.

So results do not depend on the order of machines, on batching, or on what ran before. Each word is
the splitmix64 finaliser applied in turn to seed, round, machine and counter.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

RandomWords = NDArray[np.uint64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def random_words(seed: int, round: int, machines: ArrayLike, count: int) -> RandomWords:
    """Draw ``count`` words of 64 uniform bits for every machine.

    Parameters
    ----------
    seed : int
        Public; at least 0.
    round : int
    machines : int[M]
    count : int

    Returns
    -------
    uint64[M, count]

    Raises
    ------
    TypeError
        Machines are no integers.

    References
    ----------
    Steele, Lea, Flood, Fast splittable pseudorandom number generators, OOPSLA 2014 (splitmix64).

    Examples
    --------
    >>> both = random_words(7, 0, [4, 9], 2)
    >>> bool((random_words(7, 0, [9], 2) == both[1]).all()), bool((both[0] != both[1]).all())
    (True, True)
    """
    state = _mix(np.array([seed], np.uint64))
    state = _mix(state ^ np.uint64(round))
    ids = np.asarray(machines)
    if ids.dtype.kind not in "iu" and ids.size:
        raise TypeError(f"machines are integers, not {ids.dtype}")
    of_machine = _mix(state ^ ids.astype(np.uint64))
    return _mix(of_machine[:, None] ^ np.arange(count, dtype=np.uint64))


def random_below(limit: int, words: RandomWords) -> NDArray[np.int64]:
    """Map random words to 0 .. limit - 1; the bias is at most limit / 2^32.

    Parameters
    ----------
    limit : int
        In 1 .. 2^31.
    words : uint64
    """
    high = words >> np.uint64(32)
    return ((high * np.uint64(limit)) >> np.uint64(32)).astype(np.int64)


def _mix(words: RandomWords) -> RandomWords:
    mixed = words + _STEP
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    return cast(RandomWords, mixed ^ (mixed >> np.uint64(31)))
