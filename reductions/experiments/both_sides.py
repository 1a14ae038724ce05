"""Lower and upper sides of tasks in one table: rounds that are needed, rounds and layers in use.

    task                              lower side                     shown
    sum: one copy, all copies,        ceil(log_s(N / B)) rounds      without assumption: every run
    all prefixes                                                     is held to it
    k-hop over many letters           c log k rounds                 under the conjecture on cycles
    connectivity, one cycle or two    c log N rounds                 under the conjecture on cycles

A round bound is a depth bound for every mechanism whose layers can be simulated in q rounds. Up to
a constant c it holds for layers of the width that takes O(1) rounds; with numbers only for the
shape whose q was read off a protocol (`simulation_of`), 256 tokens of one head.

Axes: N input words, B of a machine, s words of local memory, k hops, q rounds per layer.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import sympy

from mpc_sim import Simulation
from reductions.certify.full_information import (
    FULL_DEGREE_ROUNDS,
    RoundLowerBound,
    full_information_rounds,
)
from reductions.experiments.machine_counts import COUNTED, series_of
from reductions.problems.aggregate import AGGREGATE
from reductions.problems.connectivity import CONNECTIVITY
from reductions.problems.converge_cast import CONVERGE_CAST
from reductions.problems.cycle_counting import CYCLE_COUNTING
from reductions.problems.prefix_sum import PREFIX_SUM
from reductions.problems.protocol_solver import ProtocolSolver
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

FULL_DEGREE: tuple[ProtocolSolver, ...] = (CONVERGE_CAST, AGGREGATE, PREFIX_SUM)
LETTERS = 1024
LAYER_TOKENS = 256
RATIO = 20.0
GRAPHS: tuple[tuple[ProtocolSolver, RoundLowerBound], ...] = (
    (CONNECTIVITY, CONNECTIVITY_ROUNDS),
    (CYCLE_COUNTING, CYCLE_ROUNDS),
)


def layer_simulations() -> dict[str, LayerSimulation]:
    """Return a layer of every mechanism that is simulated, over 256 tokens, as a protocol."""
    return {
        one.mechanism.replace("-", "_"): simulation_of(one.executed(LAYER_TOKENS), one.source)
        for one in series_of(COUNTED, [RATIO])
    }


def both_sides(
    sizes: Sequence[int], hops: Sequence[int], epsilons: Sequence[str] = ("1/4", "1/2")
) -> Iterator[dict[str, Any]]:
    """Return the rows of the table, the lower side beside the upper one.

    Parameters
    ----------
    sizes : sequence of int
        Vertices of graphs, words of sums.
    hops : sequence of int
        k.
    epsilons : sequence of str
        Of the sums, which are run; s = c_s N^epsilon.

    Yields
    ------
    dict
        ``rounds`` and ``layers`` of what is built, ``lower_rounds`` as a number or, where a
        constant is unknown, as a formula; ``a_doubling`` are the layers that a doubling of
        ``size`` costs; ``softmax_layers``, ``anna_layers``, ``exact_match_layers`` and
        ``low_rank_layers`` are the depth bounds, None for a shape that was not simulated. ``ok``
        says whether the lower side lies below the upper one, None where it has no value.
    """
    simulations = layer_simulations()
    for algorithm in FULL_DEGREE:
        for epsilon in epsilons:
            for size in sizes:
                yield _sum_row(algorithm, size, epsilon, simulations)
    yield from _rows("k_hop", "k", k_hop_sides(LETTERS, tuple(hops)), simulations)
    for algorithm, lower in GRAPHS:
        sides = graph_sides(algorithm, lower, tuple(sizes), algorithm.epsilon)
        yield from _rows(algorithm.name, "n", sides, simulations)


def _sum_row(
    algorithm: ProtocolSolver, size: int, epsilon: str, simulations: dict[str, LayerSimulation]
) -> dict[str, Any]:
    """Run a sum and hold its rounds to the bound of full information."""
    words = algorithm.instance(size, 0)
    cluster = algorithm.cluster(words, epsilon)
    simulation = Simulation(algorithm.protocol_for(words), cluster, words, keep_bytes=0)
    simulation.run()
    rounds = simulation.ledger.n_rounds
    least = full_information_rounds(size, cluster.memory_words, cluster.block_words)
    depth = {
        f"{name}_layers": DepthLowerBound(FULL_DEGREE_ROUNDS, one).value
        if size == one.n_tokens
        else None
        for name, one in simulations.items()
    }
    return {
        "task": "sum",
        "algorithm": algorithm.name,
        "of": "N",
        "size": size,
        "epsilon": epsilon,
        "memory_words": cluster.memory_words,
        "lower_rounds": least,
        "rounds": rounds,
        "layers": rounds + 1,
        "a_doubling": None,
        **depth,
        "shown": FULL_DEGREE_ROUNDS.shown,
        "assumption": FULL_DEGREE_ROUNDS.assumption,
        "source": FULL_DEGREE_ROUNDS.source,
        "ok": rounds >= least,
    }


def _rows(
    algorithm: str, of: str, sides: TwoSides, simulations: dict[str, LayerSimulation]
) -> Iterator[dict[str, Any]]:
    """Return one row per size, with the layers that a doubling costs."""
    depth = {
        f"{name}_layers": _shown(DepthLowerBound(sides.lower, one).layers)
        for name, one in simulations.items()
    }
    before: tuple[int, int] | None = None
    for size, layers in zip(sides.sizes, sides.depths, strict=True):
        cost = None
        if before is not None and size > before[0] > 0:
            cost = round((layers - before[1]) / math.log2(size / before[0]), 2)
        before = size, layers
        yield {
            "task": sides.lower.task,
            "algorithm": algorithm,
            "of": of,
            "size": size,
            "epsilon": None,
            "memory_words": None,
            "lower_rounds": _shown(sides.lower.rounds),
            "rounds": layers - 1,
            "layers": layers,
            "a_doubling": cost,
            **depth,
            "shown": sides.lower.shown,
            "assumption": sides.lower.assumption,
            "source": sides.lower.source,
            "ok": None,
        }


def _shown(expression: sympy.Expr) -> str:
    return str(expression)
