"""What can go wrong in the model: every limit of the model has its own exception.

The message says which round, step, machine and words; the same numbers are attributes of the
exception, and it survives pickling, so that a run in another process reports as well as one in a
notebook.
"""

from __future__ import annotations

from typing import Any


class MPCError(Exception):
    """Base of all violations of the model.

    Parameters
    ----------
    message : str
        One line.
    **attributes
        Kept in ``details`` and readable as attributes of the exception.

    Examples
    --------
    >>> error = MemoryExceeded("machine 3 would hold 9 words", machine=3, words=9)
    >>> error.machine, error.details
    (3, {'machine': 3, 'words': 9})
    """

    def __init__(self, message: str, **attributes: Any) -> None:
        super().__init__(message)
        self.details = attributes

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["details"][name]
        except KeyError:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}") from None

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), str(self), self.details)


def _rebuild(kind: type[MPCError], message: str, details: dict[str, Any]) -> MPCError:
    return kind(message, **details)


class MemoryExceeded(MPCError):
    """A machine would hold more than s words after a delivery (or with its input)."""


class SendExceeded(MPCError):
    """A machine sends, with what it keeps, more than s words in one round."""


class WordOverflow(MPCError):
    """A word lies outside 0 .. 2**word_bits - 1."""


class ColumnError(WordOverflow, TypeError, ValueError):
    """A column is not of integers, not flat, or not as long as the others."""


class StepError(MPCError):
    """A step returns something else than an Outbox."""


class UnknownMachine(MPCError):
    """A message comes from a machine outside the batch or goes to one that does not exist."""


class ChannelExceeded(MPCError):
    """A machine sends, receives or holds more than the protocol declared."""


class UnknownChannel(MPCError):
    """A protocol uses a channel, or a field of it, that this round did not declare."""


class RoundBudgetExceeded(MPCError):
    """A round beyond the last round of the protocol was requested."""


class ShapeError(MPCError):
    """A protocol has no shape, or the cluster is too small; the message says what to change."""


class InputError(MPCError, ValueError):
    """An input that cannot be read: it is empty, no number, or out of range."""


class OutputError(MPCError):
    """The final output map did not produce the output words in the blocks of the input."""


class LocalityError(MPCError):
    """A step is no function of each machine's own inbox: it reads a neighbour or hidden state."""


class LedgerError(MPCError):
    """A ledger cannot be written, or a file is no ledger that this library can read."""


class CheckpointError(MPCError):
    """A checkpoint cannot be written or read, or it belongs to another protocol or cluster."""
