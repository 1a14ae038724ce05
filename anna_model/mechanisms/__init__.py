"""Attention mechanisms: each with its definition (`weights`) and its fast path (`apply`)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anna_model.mechanisms.anna import Anna as Anna
    from anna_model.mechanisms.argmax import Argmax as Argmax
    from anna_model.mechanisms.exact_match import ExactMatch as ExactMatch
    from anna_model.mechanisms.low_rank import (
        EluPlusOne as EluPlusOne,
        FeatureMap as FeatureMap,
        LowRank as LowRank,
        PositiveRandomFeatures as PositiveRandomFeatures,
        Raw as Raw,
    )
    from anna_model.mechanisms.mapped import (
        InnerProductToAngle as InnerProductToAngle,
        Mapped as Mapped,
        UnitNorm as UnitNorm,
    )
    from anna_model.mechanisms.mechanism import Attended as Attended, Mechanism as Mechanism
    from anna_model.mechanisms.reformer import Reformer as Reformer
    from anna_model.mechanisms.softmax import Softmax as Softmax
    from anna_model.mechanisms.sorted_chunks import (
        AngularCodes as AngularCodes,
        Codes as Codes,
        GivenCodes as GivenCodes,
    )
    from anna_model.mechanisms.sparse_low_rank import SparseLowRank as SparseLowRank

_HOME = {
    "AngularCodes": "sorted_chunks",
    "Anna": "anna",
    "Argmax": "argmax",
    "Attended": "mechanism",
    "Codes": "sorted_chunks",
    "EluPlusOne": "low_rank",
    "ExactMatch": "exact_match",
    "FeatureMap": "low_rank",
    "GivenCodes": "sorted_chunks",
    "InnerProductToAngle": "mapped",
    "LowRank": "low_rank",
    "Mapped": "mapped",
    "Mechanism": "mechanism",
    "PositiveRandomFeatures": "low_rank",
    "Raw": "low_rank",
    "Reformer": "reformer",
    "Softmax": "softmax",
    "SparseLowRank": "sparse_low_rank",
    "UnitNorm": "mapped",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"anna_model.mechanisms.{_HOME[name]}"), name)
    raise AttributeError(f"module 'anna_model.mechanisms' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
