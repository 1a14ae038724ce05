"""Message codes for heads that average: an average determines every sender and message."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "CODE_NAMES": "choice",
    "Code": "choice",
    "CodeDomainError": "code",
    "CodeOverload": "code",
    "Decoded": "code",
    "DisjunctCode": "disjunct",
    "MessageCode": "code",
    "PRINTED": "choice",
    "PrintedRepetitionCode": "repetition",
    "RepetitionCode": "repetition",
    "RowCode": "row_code",
    "SyndromeCode": "syndrome",
    "message_code": "choice",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"reductions.mpc_to_anna.codes.{_HOME[name]}"), name)
    raise AttributeError(f"module 'reductions.mpc_to_anna.codes' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
