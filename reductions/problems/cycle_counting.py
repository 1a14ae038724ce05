"""One cycle or two: instances, bounds and oracle."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import sympy

from mpc_sim import Cluster, InputError
from mpc_sim.algorithms.cycle_counting import cycle_counting
from mpc_sim.inputs.graphs import Graph, GraphShape
from mpc_sim.records import Words
from mpc_sim.stages.contraction import EDGE
from reductions.bounds import Bound
from reductions.problems.contraction import (
    SOURCE,
    SYMBOLS,
    contraction_values,
    largest_word,
    sort_values,
)
from reductions.problems.laws import MATES
from reductions.problems.least_depths import least_sort
from reductions.problems.problem import Instance, Problem
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.problems.sort_and_scan import Most, bounds_table, sorted_by, symbols_of
from reductions.problems.text import text_cycle


def one_or_two_cycles(n: int, seed: int, n_cycles: int | None = None) -> Graph:
    """Return one cycle through all vertices, or two of half the length, in random order.

    Parameters
    ----------
    n : int
        At least 3, and 6 for two cycles; an odd n makes one of them longer.
    n_cycles : int, optional
        1 or 2; by default 1 for an even seed and 2 for an odd one.

    Raises
    ------
    InputError
        There are too few vertices for a cycle.
    """
    if n < 3:
        raise InputError(f"n = {n}: a cycle has at least 3 vertices; choose a larger n")
    order = np.random.default_rng(seed).permutation(n)
    cuts = [0, n] if (n_cycles or 1 + seed % 2) == 1 or n < 6 else [0, n // 2, n]
    rounds = [order[low:high] for low, high in pairwise(cuts)]
    return Graph(n, np.concatenate([np.stack([r, np.roll(r, -1)], axis=1) for r in rounds]))


def _oracle(graph: Graph) -> Words:
    """Walk around every cycle; 0 if some vertex does not have two edges."""
    n = graph.n_vertices
    near: list[list[int]] = [[] for _ in range(n)]
    for low, high in graph.edges.tolist():
        near[low].append(high)
        near[high].append(low)
    cycles = 0
    if all(len(ends) == 2 for ends in near):
        seen = [False] * n
        for start in range(n):
            cycles += not seen[start]
            at = start
            while not seen[at]:
                seen[at] = True
                at = near[at][seen[near[at][0]]]
    return np.append(np.full(n, cycles), np.zeros(2 * graph.n_edges, np.int64))


def _bounds(shape: GraphShape, cluster: Cluster) -> tuple[Bound, ...]:
    """Symbols as in the other contractions; the sort of the ends has depth d0 and columns r0."""
    s = symbols_of("B P V H t C a d0 r0 d1 r1 L1 q1")
    values = dict.fromkeys(vars(s), 0) | contraction_values(shape, cluster, words=3)
    if values["t"]:
        values |= sort_values(cluster, 1, 2 * shape.n_edges, values["V"] + 1)
    values |= sorted_by(least_sort(cluster, 2 * max(1, shape.n_vertices), 1), 0)
    in_phase = sympy.Integer(int(values["t"] > 0))
    sent = [
        Most(s.B, 2 * s.V),
        Most(s.r0, 2 * s.V, s.H) + (1 + len(EDGE)) * s.V,
        in_phase * (3 * Most(2 * s.V, s.r1, s.H) + s.V + 1),
        in_phase * (3 * s.H + 2 * (1 + s.q1) + s.V + 1),
        in_phase * (4 * s.H + s.V + 1),
        3 * s.a,
    ]
    received = [
        2 * s.V,
        Most(s.r0, s.H),
        in_phase * 3 * Most(s.r1, s.H),
        2 * s.q1,
        in_phase * 6 * s.V,
        3 * s.a,
    ]
    formulas = {
        "rounds": 2 + 4**s.d0 + s.t * (2 + 4**s.d1 + 2 * s.L1) + 2 * s.C,
        "local_memory": Most(*sent, in_phase * (7 * s.V + 1)),
        "sent_words": Most(*sent),
        "received_words": Most(*received),
        "machines": s.P,
    }
    return bounds_table(formulas, values, SOURCE)


CYCLE_COUNTING = ProtocolSolver(
    problem=Problem.of_graphs(
        name="cycle-counting",
        statement=(
            "a graph where every vertex has two edges; out: the number of its cycles for every "
            "vertex (0 if some vertex has not two), 0 for edges"
        ),
        instance=one_or_two_cycles,
        hard={
            "one in order": lambda n: Graph.of(n, [(v, (v + 1) % n) for v in range(n)]),
            "strided": lambda n: Graph.of(n, [(v, (v + 3) % n) for v in range(n)]),
            "triangles": lambda n: Graph.of(
                n - n % 3, [(v, v + 1 if v % 3 < 2 else v - 2) for v in range(n - n % 3)]
            ),
            "two edges broken": lambda n: Graph.of(
                n, [(v, (v + 1) % n) for v in range(n - 1)] + [(0, 2)]
            ),
        },
        oracle=_oracle,
        largest_word=largest_word,
    ),
    regime=(
        "gamma = 0, epsilon >= 1/2: O(log n) phases of 2 + 4^d + 2 L rounds; fails with "
        "probability at most 1/N"
    ),
    source=f"{SOURCE}; 1-vs-2-cycle: Yaroslavtsev, Vadapalli, arXiv 1710.01431",
    constants="as connectivity with m = n: c_s = 4 at epsilon = 2/3, up to 16 at 1/2",
    symbols=SYMBOLS,
    law=MATES,
    protocol=cycle_counting,
    bounds=_bounds,
    is_randomised=True,
)
ONE_OR_TWO_CYCLES = replace(
    CYCLE_COUNTING,
    problem=replace(
        CYCLE_COUNTING.problem,
        name="one-vs-two-cycle",
        real={"text": lambda n: Instance.of(text_cycle(n))},
    ),
)
"""The same protocol, for graphs of one or two cycles."""
