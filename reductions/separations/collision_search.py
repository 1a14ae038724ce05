"""Search for two inputs with the same messages of a model and different answers of a task.

Prefixes are put into buckets by what the layers send across the cut. By counting (`state_counting`)
a bucket must hold two as soon as there are more prefixes than messages; a birthday finds them long
before. Nothing is assumed of the model but what it sends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from reductions.arrays import Integers
from reductions.constructions.one_way_messages import Told
from reductions.separations.indistinguishable import Oracle, TwoInputs
from reductions.separations.one_way import SameMessages, Tell


def same_messages(
    task: str,
    tell: Tell,
    oracle: Oracle,
    prefixes: Iterable[Integers],
    suffixes: Sequence[Integers],
) -> SameMessages | None:
    """Return the first two prefixes with equal messages and different answers after a suffix.

    Parameters
    ----------
    tell : callable
        int64[N] words -> `Messages` across the cut behind the prefix.
    oracle : callable
        int64[N] words -> answers; that of the last token counts.
    prefixes : iterable of int64[n]
        Of one length.
    suffixes : sequence of int64[N - n]

    Returns
    -------
    SameMessages or None
        None if no two of the prefixes serve.

    Notes
    -----
    One run of the model per prefix; for two prefixes with equal messages up to two runs of the
    oracle per suffix.
    """
    buckets: dict[Told, list[Integers]] = {}
    for prefix in prefixes:
        told = tell(np.concatenate([prefix, suffixes[0]])).layers
        bucket = buckets.setdefault(told, [])
        for earlier in bucket:
            for suffix in suffixes:
                first, second = (np.concatenate([each, suffix]) for each in (earlier, prefix))
                answers = [np.asarray(oracle(words))[-1] for words in (first, second)]
                if not np.array_equal(answers[0], answers[1]):
                    inputs = TwoInputs(task, first, second, len(first) - 1)
                    return SameMessages(inputs, len(prefix))
        bucket.append(prefix)
    return None


def same_boards(
    task: str, tell: Tell, oracle: Oracle, inputs: Iterable[Integers]
) -> TwoInputs | None:
    """Return two inputs with equal messages over all tokens, and a token with two answers.

    The token has the same word in both, so it holds the same row in the end: it knows its place,
    its word and the boards.

    Parameters
    ----------
    task, oracle
        As of `same_messages`.
    tell : callable
        int64[N] words -> `Messages` of all N tokens.
    inputs : iterable of int64[N]
    """
    buckets: dict[Told, list[Integers]] = {}
    for second in inputs:
        bucket = buckets.setdefault(tell(second).layers, [])
        for first in bucket:
            answers = [np.asarray(oracle(words)) for words in (first, second)]
            tokens = np.flatnonzero((first == second) & (answers[0] != answers[1]))
            if len(tokens):
                return TwoInputs(task, first, second, int(tokens[0]))
        bucket.append(second)
    return None


def drawn_prefixes(
    n_letters: int, length: int, count: int, *, seed: int = 0
) -> Iterator[NDArray[np.int64]]:
    """Draw different prefixes of letters below n_letters, uniformly; all if they are few."""
    count = min(count, n_letters**length)
    rng = np.random.default_rng(seed)
    seen: set[bytes] = set()
    while len(seen) < count:
        prefix = rng.integers(0, n_letters, length)
        if prefix.tobytes() not in seen:
            seen.add(prefix.tobytes())
            yield prefix
