"""Cells that hold: constructions of the registry, built and run against the oracle just now."""

from __future__ import annotations

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
from reductions.problems.problem import Instance
from reductions.separations.cell import Cell

COLUMNS = {"Reformer": "Reformer, fixed chunks"}
"""Of architectures that have another name in the table."""
CELL_WIDTH = 1.0
DELTA = 0.01


def cells_of(construction: ModelSolver, instance: Instance) -> list[Cell]:
    """Build a construction for an instance, run it, and return its cell, or those of ANNA.

    A construction of ANNA runs by exact match and a second time by hashing; one without a protocol
    stands under direct as well.

    Parameters
    ----------
    construction : ModelSolver
    instance : Instance
        Of its task.
    """
    model = construction.build(instance.shape)
    architecture, hashed = construction.architecture, by_hashing(model, len(instance.words))
    if hashed is None:
        column = COLUMNS.get(architecture, architecture)
        return [_cell(construction, column, model, instance)]
    columns = ["exact match"] if isinstance(model, CompiledProtocol) else ["direct", "exact match"]
    cells = [_cell(construction, column, model, instance) for column in columns]
    return [*cells, _cell(construction, architecture, hashed, instance, exact_sizes=False)]


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
        options = CompilerOptions(attention=Attention.ANNA, heads=route.order)
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
    instance: Instance,
    *,
    exact_sizes: bool = True,
) -> Cell:
    """Run a model and compare it with the oracle, and its sizes with the bounds."""
    shape = instance.shape
    recorder = Recorder(construction.name, {})
    output = model.run(instance.words)
    recorder.count("transformer", output, construction.n_wrong(instance, output), "oracle")
    resources = model.resources()
    measured = {"layers": resources.layers, "token_width": resources.token_width}
    wanted = ("layers", "token_width") if exact_sizes else ("layers",)
    bounds = tuple(bound for bound in construction.bounds(shape) if bound.quantity in wanted)
    recorder.measure(bounds, measured)
    certificate = recorder.certificate()
    (wrong, *sizes) = certificate.checks
    places = np.arange(len(output))[construction.scored(len(output))]
    within = ", ".join(f"{check.name} {check.measured}, {check.bound} allowed" for check in sizes)
    last = " (the last token)" if len(places) == 1 < len(output) else ""
    return Cell(
        task=construction.task,
        architecture=column,
        status="holds",
        n=shape.n_words,
        depth=resources.layers,
        width=resources.token_width,
        statement=construction.statement,
        certificate=f"{wrong.measured} of {len(places)} words{last} differ from the oracle; "
        f"{within}",
        proved=certificate.ok,
        bound=f"depth {construction.depth_formula}, width {construction.width_formula}",
        source=construction.source,
    )
