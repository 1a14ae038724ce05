"""Attention mechanisms: each with its definition (`weights`) and its fast path (`apply`)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anna_model.mechanisms.anna import Anna as Anna
    from anna_model.mechanisms.exact_match import ExactMatch as ExactMatch
    from anna_model.mechanisms.mechanism import Attended as Attended, Mechanism as Mechanism

_HOME = {
    "Anna": "anna",
    "Attended": "mechanism",
    "ExactMatch": "exact_match",
    "Mechanism": "mechanism",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"anna_model.mechanisms.{_HOME[name]}"), name)
    raise AttributeError(f"module 'anna_model.mechanisms' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
