"""A construction: how a model of some architecture does a task, with its depth and its width.

Depth counts layers, width the numbers that a token receives from all heads (mH); of a recurrent
model width counts the words of its state. Both are expressions with explicit constants in symbols
that the shape of the input gives. A model is built from the shape alone and given the words.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import sympy

from anna_model.transformer import Resources
from mpc_sim.records import Words
from reductions.bounds import Bound, Kind
from reductions.certify.certificate import Certificate, Progress, Recorder
from reductions.constructions.word_transformer import WordTransformer
from reductions.mpc_to_anna.compile import CompiledProtocol
from reductions.problems.problem import Instance, Shape, Task
from reductions.registry import find

Architecture = Literal["ANNA", "softmax", "low rank", "recurrent", "Reformer"]
Formula = tuple[sympy.Expr, Mapping[str, int]]


class Model(typing.Protocol):
    """What a construction builds: a `Transformer` that takes words, or another model."""

    def run(self, words: Words) -> Words:
        """Return the output words, int64[N], for the N input words."""
        ...

    def resources(self) -> Resources:
        """Return what the model uses, read off the object."""
        ...


@dataclass(frozen=True, eq=False)
class Construction:
    """A way to do a task.

    Parameters
    ----------
    task : str
        Its name in the registry.
    name : str
        Unique among all constructions: ``task/way``.
    architecture : str
        ANNA (exact match included, its case r = 0), softmax, low rank, recurrent or Reformer.
    statement : str
        What it does, in one line.
    source : str
        Paper and theorem.
    build : callable
        Shape -> Model.
    depth, width : callable
        Shape -> (expression, values of its symbols).
    depth_formula, width_formula : str
        The same in one short line, for tables.
    depth_kind, width_kind : str
        exact or upper; a depth is exact by default, a width upper.
    scored : callable, optional
        int N -> the places of the output that it answers for; all by default.
    is_randomised : bool
        Whether a run may fail, with the failure word in every place.
    """

    task: str
    name: str
    architecture: Architecture
    statement: str
    source: str
    build: Callable[[Shape], Model]
    depth: Callable[[Shape], Formula]
    width: Callable[[Shape], Formula]
    depth_formula: str
    width_formula: str
    depth_kind: Kind = "exact"
    width_kind: Kind = "upper"
    scored: Callable[[int], Any] = lambda n: slice(0, n)
    is_randomised: bool = False

    def bounds(self, shape: Shape) -> tuple[Bound, ...]:
        """Return the bounds on layers and on width (the row token_width) for a shape."""
        (depth, depths), (width, widths) = self.depth(shape), self.width(shape)
        return (
            Bound("layers", sympy.sympify(depth), depths, self.depth_kind, self.source),
            Bound("token_width", sympy.sympify(width), widths, self.width_kind, self.source),
        )

    def n_wrong(self, instance: Instance, output: Words) -> int:
        """Return how many of the scored words differ from the oracle's."""
        task: Task = find("task", self.task).load()
        expected = task.oracle(instance)
        places = self.scored(len(expected))
        return int(np.count_nonzero(output[places] != expected[places]))

    def certify(self, instance: Instance, *, progress: Progress | None = None) -> Certificate:
        """Build the model, run it on an instance, compare with the oracle and with the bounds.

        ``progress`` is called with ("transformer", layers done, layers in all).
        """
        shape = instance.shape
        recorder = Recorder(self.name, {"n": shape.n_words, **shape.parameters})
        model = self.build(shape)
        output = _run(model, instance.words, progress)
        scored = output[self.scored(len(output))]
        if len(scored) < len(output):
            recorder.remarks.append(f"answers for {len(scored)} of {len(output)} words")
        recorder.count("transformer", scored, self.n_wrong(instance, output), "oracle of the task")
        resources = model.resources()
        measured = {"layers": resources.layers, "token_width": resources.token_width}
        recorder.measure(self.bounds(shape), measured)
        return recorder.certificate()


def _run(model: Model, words: Words, progress: Progress | None) -> Words:
    """Run a model, layer by layer where it reports its progress."""
    if progress is None or not isinstance(model, WordTransformer | CompiledProtocol):
        return model.run(words)
    return model.run(words, progress=lambda done, total: progress("transformer", done, total))
