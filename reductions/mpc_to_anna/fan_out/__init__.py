"""The fan-out reduction: any protocol as one in which every machine has few partners per round."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOME = {
    "BoundedFanOut": "bounded",
    "FanOutOverload": "partners",
    "PartnerRun": "partners",
    "bounded_fan_out": "bounded",
    "fan_out_bounds": "bounds",
    "fan_out_cluster": "bounded",
    "fan_out_of_exponent": "exponent",
    "most_partners": "partners",
    "partners_of_exponent": "digits",
    "run_with_partners": "partners",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"reductions.mpc_to_anna.fan_out.{_HOME[name]}"), name)
    raise AttributeError(f"module 'reductions.mpc_to_anna.fan_out' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
