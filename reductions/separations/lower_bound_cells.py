"""Cells of lower bounds on depth: what too few layers cannot do, and on which conjecture.

A layer that machines simulate in q rounds carries a bound on rounds over to depth. q is read off a
transformer that is made a protocol here; the depths of built transformers are set beside the bound.
"""

from __future__ import annotations

from functools import cache

from anna_model import Anna
from anna_model.fixed_point.attention import Precision
from anna_model.fixed_point.grid import Grid
from anna_model.lsh import Hyperplane
from reductions.attention_to_mpc import anna_to_mpc
from reductions.certify.full_information import FULL_DEGREE_ROUNDS, RoundLowerBound
from reductions.constructions.sum import sum_transformer
from reductions.problems.connectivity import CONNECTIVITY
from reductions.problems.cycle_counting import CYCLE_COUNTING
from reductions.separations.cell import Cell, counted
from reductions.separations.lower_bounds import (
    CONNECTIVITY_ROUNDS,
    CYCLE_ROUNDS,
    K_HOP_ROUNDS,
    DepthLowerBound,
    LayerSimulation,
    graph_sides,
    k_hop_sides,
    simulation_of,
)

TOKENS = 64
MEMORY_WORDS = 48
HOPS = (2, 4, 8, 16, 32)
VERTICES = (16, 32, 64)
BOUNDS: dict[str, RoundLowerBound] = {
    "k-hop": K_HOP_ROUNDS,
    "sum": FULL_DEGREE_ROUNDS,
    "connectivity": CONNECTIVITY_ROUNDS,
    "one-vs-two-cycle": CYCLE_ROUNDS,
}


@cache
def simulations() -> dict[str, LayerSimulation]:
    """Return the rounds of a layer of exact match and of ANNA, measured on a built protocol."""
    by_hashing = Anna(Hyperplane(), hashes=2, tables=1, seed=0)
    found = {}
    for name, mechanism, source in (
        ("exact match", None, "Theorem C.1 of arXiv 2509.09001"),
        ("ANNA", by_hashing, "Theorem 4.2 of arXiv 2509.09001"),
    ):
        executed = anna_to_mpc(
            sum_transformer(TOKENS, 2**8, mechanism),
            Precision.of(Grid(16, 0)),
            memory_words=MEMORY_WORDS,
            input_width=1,
        )
        found[name] = simulation_of(executed, source)
    return found


def lower_bound_cells(task: str) -> list[Cell]:
    """Return the cells of the lower bound of a task, none if it has none."""
    bound = BOUNDS.get(task)
    if bound is None:
        return []
    return [_cell(task, name, bound, found) for name, found in simulations().items()]


def _cell(task: str, name: str, bound: RoundLowerBound, simulation: LayerSimulation) -> Cell:
    depth = DepthLowerBound(bound, simulation)
    if bound is FULL_DEGREE_ROUNDS:
        least = depth.value(TOKENS)
        return Cell(
            task,
            name,
            "fails",
            TOKENS,
            least - 1,
            None,
            f"fewer than {counted(least, 'layer')}, on machines of {simulation.memory_words} words",
            depth.explain(),
            least >= 1,
            f"L >= (ceil(log_s N) - 1) / q, q = {simulation.rounds_a_layer} rounds per layer",
            bound.source,
        )
    sizes, depths, logarithmic = _built(task, bound)
    beside = ", ".join(f"{depth} at {size}" for size, depth in zip(sizes, depths, strict=True))
    return Cell(
        task,
        name,
        "conditional",
        0,
        None,
        None,
        f"fewer than {depth.layers} layers, up to the constant c; {bound.regime}",
        f"if the {bound.assumption}; q = {simulation.rounds_a_layer} rounds per layer were counted "
        f"on a built protocol; layers of built transformers: {beside}",
        simulation.rounds_a_layer > 0 and logarithmic,
        depth.explain(),
        f"{bound.source}; {simulation.source}",
    )


def _built(task: str, bound: RoundLowerBound) -> tuple[tuple[int, ...], tuple[int, ...], bool]:
    """Return sizes that double, depths, and whether every doubling adds as many layers."""
    if task == "k-hop":
        sides = k_hop_sides(1024, HOPS)
    else:
        algorithm = CONNECTIVITY if task == "connectivity" else CYCLE_COUNTING
        sides = graph_sides(algorithm, bound, VERTICES, "2/3")
    return sides.sizes, sides.depths, len(set(sides.layers_a_doubling)) == 1
