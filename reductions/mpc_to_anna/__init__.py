"""Theorem 4.1: a protocol of R rounds becomes a transformer of R + 1 layers."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reductions.mpc_to_anna.compile import (
        CompiledProtocol as CompiledProtocol,
        compile_protocol as compile_protocol,
    )

_HOME = {
    "CompiledProtocol": "compile",
    "compile_protocol": "compile",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"reductions.mpc_to_anna.{_HOME[name]}"), name)
    raise AttributeError(f"module 'reductions.mpc_to_anna' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
