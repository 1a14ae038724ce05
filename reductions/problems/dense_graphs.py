"""Dense graphs for filtering: clusters of s = c_s n^(1 + mu) words, instances and hard graphs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

import numpy as np

from mpc_sim import Cluster, Protocol, ShapeError, fit_cluster
from mpc_sim.inputs.graphs import Graph, GraphShape
from mpc_sim.integers import ceil_div, ceil_power
from mpc_sim.protocol import FACTORS, check_shape
from reductions.problems.problem import Shape
from reductions.problems.protocol_solver import ProtocolSolver

MU = Fraction(1, 8)
"""By default memory is c_s n^(9/8)."""


def vertex_cluster(
    protocol: Protocol,
    graph: GraphShape,
    mu: Fraction = MU,
    *,
    memory_factor: int | None = None,
    largest_word: int = 0,
) -> Cluster:
    """Return the cluster of blocks n^(1 + mu) with the least c_s that needs the fewest rounds.

    s = c_s ceil(n^(1 + mu)), P = ceil(N / block). c_s comes from 1, 2, 4, 8, 16.

    Raises
    ------
    ShapeError
        If no c_s is accepted; the error is that of the largest one.
    """
    block = min(ceil_power(graph.n_vertices, 1 + mu), graph.n_words)
    best: tuple[int, Cluster] | None = None
    last_error: ShapeError | None = None
    for factor in FACTORS if memory_factor is None else (memory_factor,):
        try:
            cluster = Cluster(
                n_words=graph.n_words,
                memory_words=max(2, factor * block),
                n_machines=ceil_div(graph.n_words, block),
                block_words=block,
                largest_word=largest_word,
                memory_factor=factor,
            )
            check_shape(protocol, cluster)
        except ShapeError as error:
            last_error = error
            continue
        rounds = protocol.n_rounds(cluster)
        if best is None or rounds < best[0]:
            best = rounds, cluster
    if best is not None:
        return best[1]
    assert last_error is not None
    raise last_error


def fit_dense(
    algorithm: ProtocolSolver, shape: Shape, epsilon: str | None, gamma: str | None
) -> Cluster:
    """Return the cluster of ``MU``, or that of given exponents of N."""
    assert shape.graph is not None
    protocol, largest = algorithm.protocol_for(shape), algorithm.most_word(shape)
    if epsilon is None:
        return vertex_cluster(protocol, shape.graph, largest_word=largest)
    return fit_cluster(protocol, shape.n_words, epsilon, gamma or 0, largest_word=largest)


def dense_graph(n: int, seed: int, *, is_weighted: bool = True) -> Graph:
    """Return a random graph of n vertices with half of all edges; weights 0 .. n - 1, with ties."""
    rng = np.random.default_rng(seed)
    u, v = np.triu_indices(n, 1)
    chosen = np.sort(rng.permutation(len(u))[: len(u) // 2])
    edges = np.stack([u, v], axis=1)[chosen]
    flipped = rng.random(len(edges)) < 0.5
    edges[flipped] = edges[flipped][:, ::-1]
    order = rng.permutation(len(edges))
    weights = rng.integers(0, max(1, n), len(edges))
    return Graph(n, edges[order], weights if is_weighted else None)


def _weighted(n: int, edges: list[tuple[int, int]]) -> Graph:
    """Give edges weights that fall along the list, so that late edges are light."""
    return Graph.of(n, edges, np.arange(len(edges))[::-1])


def _complete(n: int) -> Graph:
    return _weighted(n, [(a, b) for a in range(n) for b in range(a)])


def _two_cycles(n: int) -> Graph:
    half = n // 2
    around = [(at, (at + 1) % half) for at in range(half)]
    rest = n - half
    return _weighted(n, around + [(half + at, half + (at + 1) % rest) for at in range(rest)])


def _power_law(n: int) -> Graph:
    """Every vertex joins one of those before it, chosen among the ends of the edges so far."""
    rng, ends = np.random.default_rng(n), [0]
    edges = []
    for vertex in range(1, n):
        for partner in {ends[int(rng.integers(len(ends)))] for _ in range(4)} - {vertex}:
            edges.append((vertex, partner))
            ends += [vertex, partner]
    return _weighted(n, edges)


HARD_GRAPHS: Mapping[str, Callable[[int], Graph]] = {
    "star": lambda n: _weighted(n, [(0, leaf) for leaf in range(1, n)]),
    "path": lambda n: _weighted(n, [(at, at + 1) for at in range(n - 1)]),
    "cycle": lambda n: _weighted(n, [(at, (at + 1) % n) for at in range(n)]),
    "two cycles": _two_cycles,
    "complete": _complete,
    "bipartite": lambda n: _weighted(n, [(a, b) for a in range(n // 2) for b in range(n // 2, n)]),
    "disconnected": lambda n: _weighted(
        n, [(a, b) for a in range(n) for b in range(a) if (a - b) % 3 == 0]
    ),
    "empty": lambda n: _weighted(n, []),
    "power law": _power_law,
    "all weights equal": lambda n: Graph.of(n, _complete(n).edges, [3] * (n * (n - 1) // 2)),
}
