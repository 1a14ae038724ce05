"""A solver without machines: a model of some architecture, with its depth and its width.

Depth counts layers, width the numbers that a token receives from all heads (mH); of a recurrent
model width counts the words of its state. Both are expressions with explicit constants in symbols
that the shape of the input gives. A model is built from the shape alone and given the words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import sympy

from mpc_sim import InputError
from mpc_sim.records import Words
from reductions.bounds import Bound, Kind
from reductions.certify.certificate import Certificate, Recorder
from reductions.certify.run import JUDGE, Case, How, Model
from reductions.certify.runs import Judged
from reductions.certify.way_back import WayBack
from reductions.constructions.word_transformer import WordTransformer
from reductions.mpc_to_anna.compile import CompiledProtocol
from reductions.mpc_to_anna.options import CompilerOptions
from reductions.problems.exact import n_different
from reductions.problems.problem import Instance, Problem, Shape
from reductions.problems.protocol_solver import ProtocolSolver

Architecture = Literal["ANNA", "softmax", "low rank", "recurrent", "Reformer"]
Formula = tuple[sympy.Expr, Mapping[str, int]]
ONE: Formula = (sympy.Integer(1), {})


@dataclass(frozen=True, eq=False, kw_only=True)
class ModelSolver:
    """A model that solves a problem.

    Parameters
    ----------
    name : str
        Unique among all: ``problem/way``.
    architecture : str
        ANNA (exact match included, its case r = 0), softmax, low rank, recurrent or Reformer.
    statement : str
        What it does, in one line.
    source : str
        Paper and theorem.
    build : callable
        Shape -> Model.
    depth, width : callable
        Shape -> (expression, values of its symbols); by default one layer, and one word.
    depth_formula, width_formula : str
        The same in one short line, for tables.
    depth_kind, width_kind : str
        exact or upper; a depth is exact by default, a width upper.
    scored : callable, optional
        int N -> the places of the output that it answers for; all by default.
    is_randomised : bool
        Whether a run may fail, with the failure word in every place.
    claims : callable, optional
        Shape -> claims on all that the model uses; by default on layers and width.
    way_back : callable, optional
        (Model, Instance) -> WayBack: how machines simulate it.
    back_up_to : int
        A certificate takes the way back up to so many words unless it is left out.
    looks_at_pairs : bool
        Whether a layer takes N^2 steps.
    compiles : ProtocolSolver, optional
        The protocol that is compiled; a certificate then runs it as well.
    options : CompilerOptions
        By which it is compiled where none are chosen.
    """

    problem: Problem
    name: str
    architecture: Architecture
    statement: str
    source: str
    build: Callable[[Shape], Model]
    depth: Callable[[Shape], Formula] = lambda shape: ONE
    width: Callable[[Shape], Formula] = lambda shape: ONE
    depth_formula: str = "1"
    width_formula: str = "1"
    depth_kind: Kind = "exact"
    width_kind: Kind = "upper"
    scored: Callable[[int], Any] = lambda n: slice(0, n)
    is_randomised: bool = False
    claims: Callable[[Shape], tuple[Bound, ...]] | None = None
    way_back: Callable[[Any, Instance], WayBack] | None = None
    back_up_to: int = 0
    looks_at_pairs: bool = False
    compiles: ProtocolSolver | None = None
    options: CompilerOptions = field(default_factory=CompilerOptions)

    @property
    def task(self) -> str:
        """The name of the problem."""
        return self.problem.name

    def bounds(self, shape: Shape) -> tuple[Bound, ...]:
        """Return the bounds on layers and on width (the row token_width) for a shape."""
        (depth, depths), (width, widths) = self.depth(shape), self.width(shape)
        return (
            Bound("layers", sympy.sympify(depth), depths, self.depth_kind, self.source),
            Bound("token_width", sympy.sympify(width), widths, self.width_kind, self.source),
        )

    def n_wrong(self, instance: Instance, output: Words) -> int:
        """Return how many of the scored words differ from the oracle's."""
        expected = self.problem.expected(instance)
        places = self.scored(len(expected))
        return n_different(output[places], expected[places])

    def certify(self, case: Case, how: How, name: str) -> Certificate:
        """Build the model, run it on a case, compare with the oracle and with the claims.

        Raises
        ------
        NoWayBack
            The way back was asked for and does not fit; nothing has run.
        """
        instance, shape = case.instance, case.instance.shape
        recorder = Recorder(task=name, parameters=case.shown)
        model = self.build(shape)
        returning = self._returning(model, instance, recorder) if how.back else None
        judged = Judged(
            recorder,
            instance.words,
            lambda found: self.n_wrong(instance, found),
            JUDGE.format(self.problem.judge),
            how.compiler,
            how.progress,
        )
        output = _run(model, instance.words, judged.shown("transformer"))
        scored = output[self.scored(len(output))]
        if len(scored) < len(output):
            recorder.remarks.append(f"answers for {len(scored)} of {len(output)} words")
        recorder.count("transformer", scored, judged.n_wrong(output), judged.judge)
        measured: dict[str, int | None] = asdict(model.resources())
        bounds = self.bounds(shape) if self.claims is None else self.claims(shape)
        if returning is not None:
            offset = getattr(model, "offset", 0)
            measured |= returning.run(replace(judged, words=instance.words + offset))
            bounds = (*bounds, *returning.bounds)
        recorder.measure(bounds, measured)
        return recorder.certificate()

    def _returning(self, model: Model, instance: Instance, recorder: Recorder) -> WayBack:
        if self.way_back is None:
            raise InputError(f"{self.name} has no way back; leave --back out")
        found = self.way_back(model, instance)
        recorder.parameters |= found.parameters
        return found


def _run(model: Model, words: Words, progress: Callable[[int, int], object] | None) -> Words:
    """Run a model, layer by layer where it reports its progress."""
    if progress is None or not isinstance(model, WordTransformer | CompiledProtocol):
        return model.run(words)
    return model.run(words, progress=progress)
