"""The message codes by name."""

from __future__ import annotations

from reductions.mpc_to_anna.codes.code import CodeDomainError, MessageCode
from reductions.mpc_to_anna.codes.disjunct import DisjunctCode
from reductions.mpc_to_anna.codes.repetition import RepetitionCode
from reductions.mpc_to_anna.codes.syndrome import SyndromeCode

CODE_NAMES = ("syndrome", "disjunct", "repetition")
PRINTED = "printed"
"""The repetition code with the rows that Lemma B.4 prints, order b^4; for few messages only."""


def message_code(
    name: str, capacity: int, n_words: int, word_bits: int, n_sources: int, *, seed: int = 0
) -> MessageCode:
    """Build a message code by its name.

    Parameters
    ----------
    name : str
        One of CODE_NAMES, or PRINTED.
    capacity, n_words, word_bits, n_sources : int
        As in `MessageCode`.
    seed : int
        Used by the repetition code alone, however many its rows.

    Raises
    ------
    CodeDomainError
        The name is unknown, or the code rejects the parameters.

    Examples
    --------
    >>> [message_code(name, 4, 2, 16, 64).width for name in CODE_NAMES]
    [14, 220, 1285]
    >>> message_code(PRINTED, 4, 2, 16, 64).width
    16290
    """
    match name:
        case "syndrome":
            return SyndromeCode(capacity, n_words, word_bits, n_sources)
        case "disjunct":
            return DisjunctCode(capacity, n_words, word_bits, n_sources)
        case "repetition" | "printed":
            return RepetitionCode(
                capacity,
                n_words,
                word_bits,
                n_sources,
                seed=seed,
                choice="printed" if name == PRINTED else "sufficient",
            )
    known = ", ".join((*CODE_NAMES, PRINTED))
    raise CodeDomainError(f"code {name!r} is unknown; use one of {known}")
