"""Cells of lower bounds on depth: what too few layers cannot do, and on which conjecture.

A layer that machines simulate in q rounds carries a bound on rounds over to depth. q is read off a
transformer that is made a protocol here; the depths of built transformers are set beside the bound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from anna_model import Anna
from anna_model.fixed_point.attention import Precision
from anna_model.fixed_point.grid import Grid
from anna_model.lsh import Hyperplane
from reductions.attention_to_mpc import anna_to_mpc
from reductions.certify.full_information import FULL_DEGREE_ROUNDS
from reductions.constructions.sum import sum_transformer
from reductions.problems.connectivity import CONNECTIVITY
from reductions.problems.cycle_counting import CYCLE_COUNTING
from reductions.separations.cell import Cell, counted
from reductions.separations.lower_bounds import (
    CONNECTIVITY_ROUNDS,
    CYCLE_ROUNDS,
    DepthLowerBound,
    LayerSimulation,
    TwoSides,
    graph_sides,
    k_hop_sides,
    simulation_of,
)

TOKENS = 64
MEMORY_WORDS = 48
HOPS = (2, 4, 8, 16, 32)
VERTICES = (16, 32, 64)


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


def full_degree(task: str, architecture: str, simulation: LayerSimulation) -> Cell:
    """Return the cell of a task of which one word of output depends on all of the input."""
    depth = DepthLowerBound(FULL_DEGREE_ROUNDS, simulation)
    least = depth.value(TOKENS)
    return Cell(
        task=task,
        architecture=architecture,
        status="fails",
        n=TOKENS,
        depth=least - 1,
        width=None,
        statement=f"fewer than {counted(least, 'layer')}, on machines of "
        f"{simulation.memory_words} words",
        certificate=depth.explain(),
        proved=least >= 1,
        bound=f"L >= (ceil(log_s N) - 1) / q, q = {simulation.rounds_a_layer} rounds per layer",
        source=FULL_DEGREE_ROUNDS.source,
    )


@dataclass(frozen=True)
class Conditional:
    """The cells of a bound that rests on a conjecture, beside the depths of built transformers.

    Parameters
    ----------
    sides : callable
        () -> TwoSides: the bound, and depths at sizes that double.
    """

    sides: Callable[[], TwoSides]

    def __call__(self, task: str, architecture: str, simulation: LayerSimulation) -> Cell:
        """Return the cell of a task and an architecture whose layers can be simulated."""
        sides = self.sides()
        bound, depth = sides.lower, DepthLowerBound(sides.lower, simulation)
        pairs = zip(sides.sizes, sides.depths, strict=True)
        beside = ", ".join(f"{built} at {size}" for size, built in pairs)
        is_logarithmic = len(set(sides.layers_a_doubling)) == 1
        return Cell(
            task=task,
            architecture=architecture,
            status="conditional",
            n=0,
            depth=None,
            width=None,
            statement=f"fewer than {depth.layers} layers, up to the constant c; {bound.regime}",
            certificate=f"if the {bound.assumption}; q = {simulation.rounds_a_layer} rounds per "
            f"layer were counted on a built protocol; layers of built transformers: {beside}",
            proved=simulation.rounds_a_layer > 0 and is_logarithmic,
            bound=depth.explain(),
            source=f"{bound.source}; {simulation.source}",
        )


k_hop_depth = Conditional(lambda: k_hop_sides(1024, HOPS))
connectivity_depth = Conditional(
    lambda: graph_sides(CONNECTIVITY, CONNECTIVITY_ROUNDS, VERTICES, "2/3")
)
cycle_depth = Conditional(lambda: graph_sides(CYCLE_COUNTING, CYCLE_ROUNDS, VERTICES, "2/3"))
