"""Cells of lower bounds on depth: what too few layers cannot do, and on which conjecture.

A layer that machines simulate in q rounds carries a bound on rounds over to depth. Where the bound
has an unknown constant, q = O(1) is part of it, for layers of the width that is said; the depths
that our protocols compile to are computed and set beside it. Where it has none, q is read off one
transformer that is made a protocol here, and the cell speaks of transformers of its shape alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from anna_model import Anna, Rows, Transformer
from anna_model.fixed_point.attention import Precision
from anna_model.fixed_point.grid import Grid
from anna_model.lsh import Hyperplane
from reductions.attention_to_mpc import anna_to_mpc
from reductions.certify.full_information import FULL_DEGREE_ROUNDS
from reductions.constructions.sum import sum_transformer
from reductions.problems.connectivity import CONNECTIVITY
from reductions.problems.cycle_counting import CYCLE_COUNTING
from reductions.problems.definitions import SUM
from reductions.problems.problem import Instance
from reductions.separations.cell import Cell
from reductions.separations.indistinguishable import TwoInputs, refute
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
from reductions.separations.refuted import Refuted, refuted

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
    """Return the cell of SUM: its degree is full, so rounds, so layers of one shape, are needed.

    The witness is a model of no layer, whose tokens know their own words alone.
    """
    depth, n = DepthLowerBound(FULL_DEGREE_ROUNDS, simulation), simulation.n_tokens
    zeros = np.zeros(n, np.int64)
    last = zeros.copy()
    last[-1] = 1
    claim, none = TwoInputs(task, zeros, last, 0), Transformer((), n)
    rows = depth.rounds
    return refuted(
        claim,
        lambda: refute(
            lambda words: none.forward(Rows.from_dense(words[:, None].astype(float))).dense(),
            lambda words: SUM.expected(Instance(words)),
            claim,
        ),
        Refuted(
            architecture=architecture,
            depth=0,
            width=simulation.width,
            statement="no layer: every token knows its own word alone",
            bound=f"L >= ceil(log_s(N / B)) / q = {rows} / {simulation.rounds_a_layer}",
            hypothesis=f"one shape: {n} tokens, width {simulation.width}, whose layers take "
            f"q = {simulation.rounds_a_layer} rounds on machines of s = "
            f"{simulation.memory_words} words, B = {simulation.block_words} of the input",
            shown="proved in the source",
            source=f"{FULL_DEGREE_ROUNDS.source}; {simulation.source}",
            has=0,
            needs=depth.value,
        ),
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
        beside = ", ".join(f"{layers} at {size}" for size, layers in pairs)
        is_logarithmic = len(set(sides.layers_a_doubling)) == 1
        return Cell(
            task=task,
            architecture=architecture,
            status="conditional",
            n=0,
            depth=None,
            width=None,
            for_width=bound.width,
            statement=f"fewer than {depth.layers} layers, up to the constant c",
            certificate=f"if the {bound.assumption}; a layer takes O(1) rounds at this width; "
            f"layers that our protocols compile to, computed and not built: {beside}",
            proved=is_logarithmic,
            bound=depth.explain(),
            hypothesis=f"{bound.assumption}; {bound.regime}",
            shown="conditional",
            source=f"{bound.source}; {simulation.source}",
        )


k_hop_depth = Conditional(lambda: k_hop_sides(1024, HOPS))
connectivity_depth = Conditional(
    lambda: graph_sides(CONNECTIVITY, CONNECTIVITY_ROUNDS, VERTICES, "2/3")
)
cycle_depth = Conditional(lambda: graph_sides(CYCLE_COUNTING, CYCLE_ROUNDS, VERTICES, "2/3"))
