"""Maximal independent set: bounds, verifier and hard graphs."""

from __future__ import annotations

import numpy as np
import sympy

from mpc_sim import Cluster
from mpc_sim.algorithms.maximal_independent_set import LARGEST_STATE, maximal_independent_set
from mpc_sim.inputs.graph_instances import (
    complete,
    complete_bipartite,
    cycle,
    path,
    power_law,
    random_graph,
    shuffled,
    star,
    two_cycles,
)
from mpc_sim.inputs.graphs import Graph, GraphShape
from mpc_sim.integers import ceil_div
from mpc_sim.records import Words
from reductions.bounds import Bound
from reductions.problems.laws import LUBY
from reductions.problems.least_depths import least_tree, share
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.problems.sort_and_scan import Most, bounds_table, sizes

SOURCE = "this project; Luby 1986; half of the edges go in a phase: Metivier et al. 2011"


def _instance(n: int, seed: int) -> Graph:
    """Four edges per vertex, at random."""
    return random_graph(n, min(4 * n, n * (n - 1) // 2), seed=seed)


def _n_wrong(graph: Graph, output: Words) -> int:
    """Count what breaks independence or maximality, and words that are no answer."""
    n = graph.n_vertices
    words: list[int] = output.tolist()
    wrong = sum(word not in (0, 1) for word in words[:n]) + sum(word != 0 for word in words[n:])
    covered = [word == 1 for word in words[:n]]
    for u, v in graph.edges.tolist():
        wrong += words[u] == 1 and words[v] == 1
        covered[u] = covered[u] or words[v] == 1
        covered[v] = covered[v] or words[u] == 1
    return wrong + covered.count(False)


def _oracle(graph: Graph) -> Words:
    """One right output, of a greedy pass; others are right as well."""
    chosen = np.zeros(graph.shape.n_words, np.int64)
    neighbours: list[list[int]] = [[] for _ in range(graph.n_vertices)]
    for u, v in graph.edges.tolist():
        neighbours[u].append(v)
        neighbours[v].append(u)
    for v, around in enumerate(neighbours):
        chosen[v] = int(not chosen[around].any())
    return chosen


def _bounds(shape: GraphShape, cluster: Cluster) -> tuple[Bound, ...]:
    """Of m edges E meet on a machine, a run goes on into F, K phases; C and D rounds of the end.

    a and b are the children of machine 0 in the converge-cast and in the broadcast.
    """
    n, block, depth, column, sorting, held, levels, others = sympy.symbols(
        "N B d r M T L q", integer=True
    )
    joined, edges, followers, phases = sympy.symbols("m E F K", integer=True)
    up, down, heard, told = sympy.symbols("C D a b", integer=True)
    total, m, tree = shape.n_words, shape.n_edges, least_tree(cluster, 1)
    values = sizes(cluster, total, sort=2, scan=(3, 1))
    slots, run = values["T"], min(shape.n_vertices - 1, m)
    values["F"] = min(ceil_div(total, slots) - 1, ceil_div(run, slots))
    values |= {"m": m, "E": share(m, cluster), "K": (m * total - 1).bit_length() if m else 0}
    values |= {"C": tree.levels, "a": max(1, tree.children(1))}
    values |= {"D": tree.levels, "b": max(1, tree.children(tree.levels))}
    scan, ending = 3 * held + 1 + others, block + Most(heard, told)
    formulas = {
        "rounds": 6 + 4**depth + 2 * levels + 6 * phases + up + down,
        "local_memory": Most(
            2 * block, 2 * column, scan, 2 * held + 6 * edges + 1, 5 * held + 1,
            4 * held + followers + 2, ending,
        ),
        "sent_words": Most(
            2 * block, 2 * column, scan, 5 * held + 1, 2 * held + 6 * edges + 1,
            4 * held + followers + 2, ending,
        ),
        "received_words": Most(
            2 * column, 2 * held, others, 6 * edges, 3 * held, followers, block, heard, told
        ),
        "machines": Most(
            sympy.ceiling(n / block), sorting, sympy.ceiling(n / held),
            sympy.ceiling(joined / edges),
        ),
    }  # fmt: skip
    return bounds_table(formulas, values, SOURCE)


MAXIMAL_INDEPENDENT_SET = ProtocolSolver(
    problem=Problem.of_graphs(
        name="maximal-independent-set",
        statement=(
            "a graph; out: 1 for the vertices of a maximal independent set, else 0, 0 for edges; "
            "2^word_bits - 1 everywhere if vertices are undecided, with probability at most 1/N"
        ),
        instance=_instance,
        hard={
            "star": lambda n: shuffled(star(n), seed=1),
            "path": path,
            "cycle": lambda n: shuffled(cycle(n), seed=1),
            "two cycles": two_cycles,
            "complete": lambda n: complete(min(n, 60)),
            "bipartite": lambda n: complete_bipartite(
                min((n + 1) // 2, 8), n - min((n + 1) // 2, 8)
            ),
            "power law": lambda n: power_law(n, 4 * n, seed=1),
            "no edges": lambda n: Graph(n, np.zeros((0, 2), np.int64)),
        },
        oracle=_oracle,
        largest_word=lambda graph: max(graph.shape.n_words, LARGEST_STATE),
        verifier=_n_wrong,
    ),
    regime="gamma = 0, epsilon >= 1/2; 6 ceil(log2(m N)) rounds and a sort",
    source=SOURCE,
    constants=(
        "a half-edge is 4 words and receives 1: 5 T + 1; F <= n / T machines vote; the sort needs "
        "2 * 1.26 N^(2/3) words at depth 1: c_s = 4 at epsilon = 2/3, 8 at 1/2 at depth 1 while N "
        "is small"
    ),
    symbols={
        "m": "edges",
        "E": "edges that meet on a machine",
        "F": "machines into which the half-edges of one vertex go on",
        "K": "phases",
        "C": "levels of the converge-cast",
        "D": "levels of the broadcast",
        "a": "children of machine 0 in the converge-cast",
        "b": "children of machine 0 in the broadcast",
    },
    law=LUBY,
    protocol=maximal_independent_set,
    bounds=_bounds,
    epsilon="2/3",
    is_randomised=True,
)
