"""Maximal matching by filtering: bounds, verifier and hard graphs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import sympy

from mpc_sim import Cluster
from mpc_sim.algorithms.maximal_matching import maximal_matching
from mpc_sim.inputs.graphs import Graph, GraphShape
from mpc_sim.integers import ceil_div
from mpc_sim.records import Words
from reductions.bounds import Bound, Kind
from reductions.problems.dense_graphs import HARD_GRAPHS, dense_graph, fit_dense
from reductions.problems.laws import MATCHED
from reductions.problems.least_phases import least_phases
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.problems.sort_and_scan import Most, values_of

SOURCE = (
    "Lattanzi, Moseley, Suri, Vassilvitskii, SPAA 2011, section on maximal matchings; loads: "
    "Chernoff"
)


def _n_wrong(graph: Graph, output: Words) -> int:
    """Count words that break the form, vertices matched twice, and edges that could be added."""
    n, width = graph.n_vertices, graph.shape.edge_words
    words: list[int] = output.tolist()
    met = [0] * n
    wrong = sum(word != 0 for word in words[:n])
    edges = graph.edges.tolist()
    for at, (one, other) in enumerate(edges):
        marks = words[n + width * at : n + width * (at + 1)]
        wrong += sum(mark not in (0, 1) or mark != marks[0] for mark in marks)
        if marks[0] != 0:
            met[one] += 1
            met[other] += 1
    wrong += sum(times > 1 for times in met)
    wrong += sum(met[one] == met[other] == 0 for one, other in edges)
    return int(wrong)


def _without_weights(make: Callable[[int], Graph], n: int) -> Graph:
    return Graph(n, make(n).edges)


def _oracle(graph: Graph) -> Words:
    """Match greedily in the order of the edges: one maximal matching of several."""
    width = 2 if graph.weights is None else 3
    output = [0] * graph.n_vertices
    taken: set[int] = set()
    for one, other in graph.edges.tolist():
        is_matched = one not in taken and other not in taken
        taken |= {one, other} if is_matched else set()
        output += [int(is_matched)] * width
    return np.array(output, np.int64)


def _bounds(shape: GraphShape, cluster: Cluster) -> tuple[Bound, ...]:
    """K phases; block B, T edges of w words per machine, quota z, h pairs, d dealt to one."""
    n, block, phases, edges, quota, width, pairs, dealt = sympy.symbols(
        "N B K T z w h d", integer=True
    )
    parts, memory, most = cluster.n_input_machines, cluster.memory_words, shape.n_vertices // 2
    held = max(1, ceil_div(shape.n_edges, parts))
    values = values_of(cluster, T=held, w=shape.edge_words, h=max(1, most))
    values["z"] = min(held, (memory - 3 * held - parts) // (2 * parts))
    values["d"] = ceil_div(values["h"], parts)
    values["K"] = least_phases(shape, parts, held, values["z"])
    machines = sympy.ceiling(n / block)
    sample, own = 2 * quota + 1, 3 * edges
    told = own + 1 + 2 * dealt * machines
    rows: list[tuple[str, sympy.Expr, Kind]] = [
        ("rounds", 2 + 3 * phases, "exact"),
        ("local_memory", Most(block, own + sample * machines, own + 1 + 2 * pairs), "upper"),
        (
            "sent_words",
            Most(block, own + sample, own + Most(2 * pairs, machines), told, width * pairs + 1),
            "upper",
        ),
        ("received_words", Most(block, width * edges, sample * machines, 2 * pairs), "upper"),
        ("machines", machines, "exact"),
    ]
    return tuple(Bound(name, formula, values, kind, SOURCE) for name, formula, kind in rows)


MAXIMAL_MATCHING = ProtocolSolver(
    problem=Problem.of_graphs(
        name="maximal-matching",
        statement=(
            "a graph of m = n^(1 + c) edges; out: 1 in the words of every edge of a maximal "
            "matching, 0 elsewhere; 2^word_bits - 1 everywhere with probability at most 1/N"
        ),
        instance=lambda n, seed: dense_graph(n, seed, is_weighted=False),
        hard={name: partial(_without_weights, make) for name, make in HARD_GRAPHS.items()},
        oracle=_oracle,
        largest_word=lambda graph: max(2, len(graph.words)),
        on_vertices="nothing",
        on_edges=True,
        takes_both=True,
        verifier=_n_wrong,
    ),
    regime="s = c_s n^(1 + mu), mu = 1/8 by default; 2 + 3 K rounds, K = O(c / mu) phases",
    source=SOURCE,
    constants=(
        "machine 0 keeps T <= B / 2 + 1 edges of 3 words and takes the quotas of all, which are "
        "more than the mean by a Chernoff bound; the edges fall if the mean exceeds n ln 2 + "
        "ln(2 K N): c_s = 16 at mu = 1/8, 8 at 1/4, 4 at 1/2 are enough, and more saves phases"
    ),
    symbols={
        "K": "phases",
        "z": "sampled edges that a machine may send",
        "w": "words of an edge",
        "h": "pairs of a matching",
        "d": "pairs that a machine is dealt",
    },
    law=MATCHED,
    not_tight=("local_memory", "sent_words", "received_words"),
    protocol=maximal_matching,
    bounds=_bounds,
    is_randomised=True,
    fit=fit_dense,
)
