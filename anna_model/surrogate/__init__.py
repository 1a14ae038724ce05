"""Learned models: training of a differentiable stand-in, transfer of its weights to ANNA.

The attention that is run has no gradient; a stand-in that has one is trained, and its weights are
carried over (arXiv 2509.09001, section 5.3). Training needs the optional extra ``train`` (torch);
reading weights, running them and measuring them does not.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anna_model.surrogate.baselines import (
        guessing_errors as guessing_errors,
        trained_attention as trained_attention,
    )
    from anna_model.surrogate.catalogue import RECIPES as RECIPES
    from anna_model.surrogate.data import Batch as Batch, KHop as KHop, Match2 as Match2
    from anna_model.surrogate.evaluation import (
        Measured as Measured,
        anna_layers as anna_layers,
        measure as measure,
    )
    from anna_model.surrogate.expected import ExpectedCollisions as ExpectedCollisions
    from anna_model.surrogate.learned import Learned as Learned
    from anna_model.surrogate.recipe import (
        Architecture as Architecture,
        CollisionStandIn as CollisionStandIn,
        Recipe as Recipe,
        SoftmaxStandIn as SoftmaxStandIn,
    )
    from anna_model.surrogate.shipped_weights import shipped as shipped, trained_in as trained_in
    from anna_model.surrogate.training import TrainingError as TrainingError, train as train

_HOME = {
    "Architecture": "recipe",
    "Batch": "data",
    "CollisionStandIn": "recipe",
    "ExpectedCollisions": "expected",
    "KHop": "data",
    "Learned": "learned",
    "Match2": "data",
    "Measured": "evaluation",
    "RECIPES": "catalogue",
    "Recipe": "recipe",
    "SoftmaxStandIn": "recipe",
    "TrainingError": "training",
    "anna_layers": "evaluation",
    "guessing_errors": "baselines",
    "measure": "evaluation",
    "shipped": "shipped_weights",
    "train": "training",
    "trained_attention": "baselines",
    "trained_in": "shipped_weights",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"anna_model.surrogate.{_HOME[name]}"), name)
    raise AttributeError(f"module 'anna_model.surrogate' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
