"""Options that are more than names: what differs between them is said by a class or a record."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Self


class Choice(StrEnum):
    """Names with what they stand for: a subclass lists ``MEMBER = name, class`` or a record.

    Attributes
    ----------
    made : type, or what the subclass says

    Examples
    --------
    >>> class Number(Choice):
    ...     WHOLE = "whole", int
    ...     REAL = "real", float
    >>> Number("real") is Number.REAL, Number.REAL == "real", Number("real").made(1)
    (True, True, 1.0)
    """

    made: Any

    # a call with a name alone finds the member: the default is for type checkers
    def __new__(cls, name: str, made: Any = None) -> Self:
        """Make a member."""
        one = str.__new__(cls, name)
        one._value_, one.made = name, made
        return one
