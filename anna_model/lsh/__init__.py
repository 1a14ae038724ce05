"""Families of locality-sensitive hash functions, each with its collision probability."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anna_model.lsh.cross_polytope import CrossPolytope as CrossPolytope
    from anna_model.lsh.family import Family as Family, HashFunctions as HashFunctions
    from anna_model.lsh.hyperplane import Hyperplane as Hyperplane
    from anna_model.lsh.numpy_family import NumpyFamily as NumpyFamily
    from anna_model.lsh.p_stable import PStable as PStable

_HOME = {
    "CrossPolytope": "cross_polytope",
    "Family": "family",
    "HashFunctions": "family",
    "Hyperplane": "hyperplane",
    "NumpyFamily": "numpy_family",
    "PStable": "p_stable",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"anna_model.lsh.{_HOME[name]}"), name)
    raise AttributeError(f"module 'anna_model.lsh' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
