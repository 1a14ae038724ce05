"""The constructive theorems between MPC protocols and ANNA transformers, each with its bounds."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reductions.bounds import Bound as Bound
    from reductions.certify.certificate import Certificate as Certificate
    from reductions.certify.run import How as How
    from reductions.constructions.match2 import match2_transformer as match2_transformer
    from reductions.mpc_to_anna.codes import SyndromeCode as SyndromeCode
    from reductions.mpc_to_anna.compile import (
        CompiledProtocol as CompiledProtocol,
        compile_protocol as compile_protocol,
    )

_HOME = {
    "Bound": "bounds",
    "Certificate": "certify.certificate",
    "CompiledProtocol": "mpc_to_anna.compile",
    "SyndromeCode": "mpc_to_anna.codes",
    "How": "certify.run",
    "compile_protocol": "mpc_to_anna.compile",
    "match2_transformer": "constructions.match2",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"reductions.{_HOME[name]}"), name)
    raise AttributeError(f"module 'reductions' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
