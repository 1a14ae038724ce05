"""What every round of a run cost: the ledger, its loads, tables, differences and page."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mpc_sim.ledger.ledger import Ledger as Ledger

_HOME = {
    "Ledger": "ledger",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"mpc_sim.ledger.{_HOME[name]}"), name)
    raise AttributeError(f"module 'mpc_sim.ledger' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
