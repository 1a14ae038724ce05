"""Graphs by construction: seeded random ones, and those that are hard for an algorithm."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mpc_sim.errors import InputError
from mpc_sim.inputs.graphs import Graph
from mpc_sim.records import Words


def random_graph(n: int, m: int, *, seed: int) -> Graph:
    """Draw a graph uniformly among those of n vertices and m edges."""
    most = n * (n - 1) // 2
    if not 0 <= m <= most:
        raise InputError(f"m = {m}: a graph of {n} vertices has 0 .. {most} edges")
    rng = np.random.default_rng(seed)
    if 4 * m >= most:
        chosen = rng.permutation(most)[:m]
        return Graph(n, np.stack(np.triu_indices(n, 1), axis=1)[chosen])
    codes = np.zeros(0, np.int64)
    while len(codes) < m:
        one, other = rng.integers(0, n, 2 * m), rng.integers(0, n - 1, 2 * m)
        other += other >= one
        codes = np.append(codes, np.minimum(one, other) * n + np.maximum(one, other))
        _, first = np.unique(codes, return_index=True)
        codes = codes[np.sort(first)]
    return Graph(n, np.stack(np.divmod(codes[:m], n), axis=1))


def path(n: int) -> Graph:
    """Return the path 0 - 1 - .. - (n - 1)."""
    return Graph(n, np.stack([np.arange(n - 1), np.arange(1, n)], axis=1))


def cycle(n: int) -> Graph:
    """Return the cycle of n vertices, the path if n < 3."""
    return Graph.of(n, np.stack([np.arange(n), (np.arange(n) + 1) % n], axis=1))


def two_cycles(n: int) -> Graph:
    """Return two cycles of floor(n / 2) and ceil(n / 2) vertices."""
    half = n // 2
    first = np.stack([np.arange(half), (np.arange(half) + 1) % max(half, 1)], axis=1)
    rest = np.arange(n - half)
    second = half + np.stack([rest, (rest + 1) % (n - half)], axis=1)
    return Graph.of(n, np.concatenate([first, second]))


def star(n: int) -> Graph:
    """Return the star with centre 0."""
    return Graph(n, np.stack([np.zeros(n - 1, np.int64), np.arange(1, n)], axis=1))


def complete(n: int) -> Graph:
    """Return the complete graph."""
    return Graph(n, np.stack(np.triu_indices(n, 1), axis=1))


def complete_bipartite(left: int, right: int) -> Graph:
    """Return the graph of all edges between the first ``left`` vertices and the others."""
    ends = [np.repeat(np.arange(left), right), np.tile(left + np.arange(right), left)]
    return Graph(left + right, np.stack(ends, axis=1))


def power_law(n: int, m: int, *, seed: int, exponent: float = 0.7) -> Graph:
    """Draw m pairs, vertex i with a probability in proportion to (i + 1)^-exponent; at most m stay.

    Degrees fall as a power; a few vertices have very many neighbours.

    References
    ----------
    Chung, Lu, Connected components in random graphs with given expected degree sequences, Annals of
    Combinatorics 6 (2002).
    """
    weight = (np.arange(n) + 1.0) ** -exponent
    ends = np.random.default_rng(seed).choice(n, (m, 2), p=weight / weight.sum())
    return Graph.of(n, ends)


def caterpillar(n: int, diameter: int) -> Graph:
    """Return the tree of n vertices with this diameter: a path, and leaves evenly along it.

    N does not depend on the diameter, so the graphs show what the diameter changes.

    Raises
    ------
    InputError
        If there is no such tree: diameters go from 2 to n - 1.
    """
    if not 2 <= diameter <= n - 1:
        raise InputError(f"diameter = {diameter}: a tree of {n} vertices has one in 2 .. {n - 1}")
    spine = diameter - 1
    leaves = np.arange(spine, n)
    at = (leaves - spine) % spine
    at[1] = spine - 1  # the other end needs a leaf before the middle gets any
    edges = np.stack([np.arange(spine - 1), np.arange(1, spine)], axis=1)
    return Graph(n, np.concatenate([edges, np.stack([at, leaves], axis=1)]))


def karate_club() -> Graph:
    """Return the karate club of Zachary (1977) from networkx: 34 vertices, 78 edges."""
    import networkx

    return Graph.from_networkx(networkx.karate_club_graph())


def shuffled(graph: Graph, *, seed: int) -> Graph:
    """Return the graph with its vertices renumbered and its edges reordered and turned."""
    rng = np.random.default_rng(seed)
    number, order = rng.permutation(graph.n_vertices), rng.permutation(graph.n_edges)
    edges = number[graph.edges[order]]
    turned = rng.random(graph.n_edges) < 0.5
    edges[turned] = edges[turned][:, ::-1]
    names = graph.names
    if names is not None:
        names = tuple(names[old] for old in np.argsort(number))
    weights = None if graph.weights is None else graph.weights[order]
    return Graph(graph.n_vertices, edges, weights, names)


def weighted(graph: Graph, *, seed: int) -> Graph:
    """Return the graph with weights drawn from 1 .. m; some are equal."""
    most = max(graph.n_edges, 1)
    drawn: Words = np.random.default_rng(seed).integers(1, most + 1, graph.n_edges)
    return replace(graph, weights=drawn)
