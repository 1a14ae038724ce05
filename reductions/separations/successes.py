"""Cells that hold: constructions of the registry, built and run against the oracle just now.

One model is run on several inputs of its shape whose answers differ, so no constant passes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from anna_model import Anna, ExactMatch, RowwiseLayer, Transformer
from anna_model.lsh import PStable
from anna_model.lsh.theorem_3_4 import from_probabilities
from reductions.certify.certificate import Recorder
from reductions.certify.run import Model
from reductions.constructions.model import ModelSolver
from reductions.mpc_to_anna.compile import CompiledProtocol, compile_protocol
from reductions.mpc_to_anna.options import Attention, CompilerOptions
from reductions.mpc_to_anna.route_layer import RouteLayer
from reductions.problems.exact import FalseCertificate
from reductions.problems.problem import Instance
from reductions.separations.cell import Cell

COLUMNS = {"Reformer": "Reformer, fixed chunks"}
"""Of architectures that have another name in the table."""
CELL_WIDTH = 1.0
DELTA = 0.01


def cells_of(construction: ModelSolver, instances: Sequence[Instance]) -> list[Cell]:
    """Build a construction for a shape, run it, and return its cell, or those of ANNA.

    A construction of ANNA runs by exact match and a second time by hashing; one without a protocol
    stands under direct as well.

    Parameters
    ----------
    instances : sequence of Instance
        Of its task and of one shape, with different answers.

    Raises
    ------
    FalseCertificate
        All inputs have the same answers, or an answer of the model is no integer.
    """
    answers = [construction.problem.expected(each) for each in instances]
    scored = [each[construction.scored(len(each))] for each in answers]
    if all(np.array_equal(each, scored[0]) for each in scored):
        raise FalseCertificate(
            f"{construction.name}: {len(scored)} inputs with the same answers, so a constant is "
            "right; give inputs whose answers differ"
        )
    instance = instances[0]
    model = construction.build(instance.shape)
    architecture, hashed = construction.architecture, by_hashing(model, len(instance.words))
    if hashed is None:
        column = COLUMNS.get(architecture, architecture)
        return [_cell(construction, column, model, instances)]
    columns = ["exact match"] if isinstance(model, CompiledProtocol) else ["direct", "exact match"]
    cells = [_cell(construction, column, model, instances) for column in columns]
    return [*cells, _cell(construction, architecture, hashed, instances, exact_sizes=False)]


def by_hashing(model: Model, n_words: int) -> Model | None:
    """Return the same model with hashing in place of exact match; None if it has another kind.

    A compiled protocol is compiled again for codewords of its ids. Keys of a direct construction
    are whole numbers: unequal ones are 1 apart at least, so p-stable functions with the hashes of
    Theorem 3.4 at p1 = 1 distinguish them.
    """
    if isinstance(model, CompiledProtocol):
        route = model.layers[-1]
        if not isinstance(route, RouteLayer):
            return None
        options = CompilerOptions(attention=Attention.ANNA, head_order=route.order)
        return compile_protocol(route.protocol, model.cluster, **options.keywords)
    if not isinstance(model, Transformer):
        return None
    layers = []
    for layer in model.layers:
        if not isinstance(layer, RowwiseLayer) or layer.mechanism != ExactMatch():
            return None
        family = PStable(CELL_WIDTH)
        p2 = family.collision_probability(1.0, layer.query_width)
        found = from_probabilities(n_words, 1.0, p2, DELTA)
        hashing = Anna(family, hashes=found.hashes, tables=found.tables, seed=0)
        layers.append(replace(layer, mechanism=hashing))
    hashed: Model = replace(model, layers=tuple(layers))
    return hashed


def _cell(
    construction: ModelSolver,
    column: str,
    model: Model,
    instances: Sequence[Instance],
    *,
    exact_sizes: bool = True,
) -> Cell:
    """Run a model and compare it with the oracle, and its sizes with the bounds."""
    shape = instances[0].shape
    recorder = Recorder(task=construction.name, parameters={})
    outputs = [model.run(each.words) for each in instances]
    wrong = sum(map(construction.n_wrong, instances, outputs))
    recorder.count("transformer", np.concatenate(outputs), wrong, "oracle")
    resources = model.resources()
    measured = {"layers": resources.layers, "token_width": resources.token_width}
    wanted = ("layers", "token_width") if exact_sizes else ("layers",)
    bounds = tuple(bound for bound in construction.bounds(shape) if bound.quantity in wanted)
    recorder.measure(bounds, measured)
    certificate = recorder.certificate()
    (_, *sizes) = certificate.checks
    n = len(outputs[0])
    places = np.arange(n)[construction.scored(n)]
    within = ", ".join(f"{check.name} {check.measured}, {check.bound} allowed" for check in sizes)
    last = " (the last token)" if len(places) == 1 < n else ""
    return Cell(
        task=construction.task,
        architecture=column,
        status="holds",
        n=shape.n_words,
        depth=resources.layers,
        width=resources.token_width,
        statement=construction.statement,
        certificate=f"{wrong} of {len(places) * len(instances)} words{last} on "
        f"{len(instances)} inputs differ from the oracle; {within}",
        proved=certificate.ok,
        bound=f"depth {construction.depth_formula}, width {construction.width_formula}",
        shown="run here",
        source=construction.source,
    )
