"""Spanning forests of a graph: the edges by which labels join, in a contraction by random mates.

Input: a graph as N = n + 2 m words, the vertices 0 .. n - 1 and then both ends of every edge.
Output word v < n is the smallest vertex of the component of v; both words of an edge are 1 if it is
in the forest, else 0. If the phases did not suffice, which has probability at most 1/N, every word
is the failure word.

A label joins another one by an edge between them, and at most once, so the edges chosen never close
a cycle; when no edge is alive they span every component.
"""

from __future__ import annotations

from mpc_sim.algorithms.connectivity import contract_and_label
from mpc_sim.compose import Stages
from mpc_sim.errors import InputError
from mpc_sim.inputs.graphs import GraphShape
from mpc_sim.stages.edges_home import EdgesHome


def spanning_forest(shape: GraphShape, seed: int = 0, phases: int | None = None) -> Stages:
    """Return the protocol that finds a spanning forest.

    Parameters
    ----------
    shape : GraphShape
        Without weights.
    seed : int
        Of the public coins, at least 0.
    phases : int, optional
        As for ``connectivity``.

    Returns
    -------
    Stages
        The rounds of ``connectivity``. One word per edge, ceil(m / P) on a machine, waits as well.

    Raises
    ------
    InputError
        If the graph has weights, or a number is negative.

    References
    ----------
    Reif, Optimal parallel algorithms for graph connectivity, Harvard TR-08-85 (random mates).
    """
    if shape.is_weighted:
        raise InputError("spanning_forest takes no weights; see minimum_spanning_forest")
    return contract_and_label(shape, seed, phases, has_tags=True, read=(EdgesHome(shape),))
