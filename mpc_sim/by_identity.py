"""Results that are kept for one and the same object, however deep it is.

A composition has hundreds of stages, and a cache that hashes and compares them all takes longer
than what it saves. Protocols are frozen, so what one and the same object answers stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import Any, TypeVar

R = TypeVar("R")
MOST = 8192


class _Same:
    """Equal to what wraps the same object, which lives as long as this does."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.value is other.value


def by_identity(function: Callable[..., R]) -> Callable[..., R]:
    """Keep what a function returns for the same first argument and equal further ones."""

    @lru_cache(maxsize=MOST)
    def kept(same: _Same, *rest: Hashable) -> R:
        return function(same.value, *rest)

    return lambda value, *rest: kept(_Same(value), *rest)
