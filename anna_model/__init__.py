"""Transformers over attention mechanisms that come with a definition and a fast path."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anna_model.answers import DenseAnswer as DenseAnswer, SparseAnswer as SparseAnswer
    from anna_model.forward_by_definition import definition_forward as definition_forward
    from anna_model.heads import (
        EVERY_HEAD as EVERY_HEAD,
        DenseHeads as DenseHeads,
        SparseHeads as SparseHeads,
    )
    from anna_model.mechanisms.anna import Anna as Anna
    from anna_model.mechanisms.exact_match import ExactMatch as ExactMatch
    from anna_model.mechanisms.mechanism import Mechanism as Mechanism
    from anna_model.patterns import (
        HeadPattern as HeadPattern,
        attention_patterns as attention_patterns,
    )
    from anna_model.rows import Rows as Rows
    from anna_model.rowwise import HeadMaps as HeadMaps, RowwiseLayer as RowwiseLayer
    from anna_model.rowwise_check import NotRowwise as NotRowwise, check_rowwise as check_rowwise
    from anna_model.transformer import (
        Combine as Combine,
        HeadShape as HeadShape,
        Layer as Layer,
        Resources as Resources,
        Transformer as Transformer,
    )

_HOME = {
    "Anna": "mechanisms.anna",
    "EVERY_HEAD": "heads",
    "Combine": "transformer",
    "DenseAnswer": "answers",
    "DenseHeads": "heads",
    "ExactMatch": "mechanisms.exact_match",
    "HeadMaps": "rowwise",
    "HeadPattern": "patterns",
    "HeadShape": "transformer",
    "Layer": "transformer",
    "Mechanism": "mechanisms.mechanism",
    "NotRowwise": "rowwise_check",
    "Resources": "transformer",
    "Rows": "rows",
    "RowwiseLayer": "rowwise",
    "SparseAnswer": "answers",
    "SparseHeads": "heads",
    "Transformer": "transformer",
    "attention_patterns": "patterns",
    "check_rowwise": "rowwise_check",
    "definition_forward": "forward_by_definition",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"anna_model.{_HOME[name]}"), name)
    raise AttributeError(f"module 'anna_model' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
