"""The message codes by name."""

from __future__ import annotations

from typing import Never

from reductions.choice import Choice
from reductions.mpc_to_anna.codes.code import CodeDomainError, MessageCode
from reductions.mpc_to_anna.codes.disjunct import DisjunctCode
from reductions.mpc_to_anna.codes.repetition import PrintedRepetitionCode, RepetitionCode
from reductions.mpc_to_anna.codes.syndrome import SyndromeCode


class Code(Choice):
    """A message code that the compiler offers.

    Examples
    --------
    >>> Code("printed").made(3, 2, 8, 10).rows
    730
    """

    SYNDROME = "syndrome", SyndromeCode
    DISJUNCT = "disjunct", DisjunctCode
    REPETITION = "repetition", RepetitionCode
    PRINTED = "printed", PrintedRepetitionCode

    made: type[MessageCode]

    @classmethod
    def _missing_(cls, value: object) -> Never:
        raise CodeDomainError(f"code {value!r} is unknown; use one of {', '.join(cls)}")


PRINTED = Code.PRINTED
"""The repetition code with the rows that Lemma B.4 prints, order b^4; for few messages only."""
CODE_NAMES = tuple(code for code in Code if code is not PRINTED)


def message_code(
    name: str, capacity: int, n_words: int, word_bits: int, n_sources: int, *, seed: int = 0
) -> MessageCode:
    """Build a message code by its name.

    Parameters
    ----------
    name : str
        A `Code`, or its name.
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
    return Code(name).made.from_options(capacity, n_words, word_bits, n_sources, seed=seed)
