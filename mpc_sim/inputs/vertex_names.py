"""Names of vertices without an object each: n texts in one, or the numbers from a first on."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

from mpc_sim.inputs.tokens import Tokens


class _Names(Sequence[str]):
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        return hash(tuple(self))

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[str]: ...
    def __getitem__(self, at: int | slice) -> str | Sequence[str]:
        found = range(len(self))[at]
        return self.name(found) if isinstance(found, int) else tuple(map(self.name, found))

    @abstractmethod
    def name(self, at: int) -> str: ...


@dataclass(frozen=True, eq=False)
class TextNames(_Names):
    """The texts of tokens."""

    tokens: Tokens

    def __len__(self) -> int:
        return len(self.tokens)

    def name(self, at: int) -> str:
        return self.tokens[at]


@dataclass(frozen=True, eq=False)
class NumberNames(_Names):
    """The numbers 1 .. n, as files count that number their vertices."""

    n: int

    def __len__(self) -> int:
        return self.n

    def name(self, at: int) -> str:
        return str(at + 1)
