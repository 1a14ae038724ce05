"""Connected components of a graph by random-mate contraction, O(log n) sorts.

Input: a graph as N = n + 2 m words, the vertices 0 .. n - 1 and then both ends of every edge.
Output word v < n is the smallest vertex of the component of v; the words of edges are 0. If the
phases did not suffice, which has probability at most 1/N, every word is the failure word.
"""

from __future__ import annotations

from mpc_sim.compose import Stages, sequence
from mpc_sim.errors import InputError
from mpc_sim.inputs.graphs import GraphShape
from mpc_sim.protocol import Protocol
from mpc_sim.stages.component_labels import label_components
from mpc_sim.stages.contraction import contraction, n_phases, waiting
from mpc_sim.stages.edges_home import EdgesHome


def connectivity(shape: GraphShape, seed: int = 0, phases: int | None = None) -> Stages:
    """Return the protocol that labels connected components.

    Parameters
    ----------
    shape : GraphShape
        Without weights.
    seed : int
        Of the public coins, at least 0.
    phases : int, optional
        t; by default the least with min(n, 2 m) (3/4)^t / 2 <= 1/N, about 3.48 ln(n N). Fewer make
        a failure likelier, never an output wrong.

    Returns
    -------
    Stages
        With S = 2 + 4^d + 2 L rounds of a sort, a scan and the way home (each stage with its own d
        and L): 1 + t S for the contraction, a converge-cast and a broadcast, and (ceil(log2 t) + 1)
        S for the labels. The largest sort is of 2 m or 2 n records of 3 words; gamma = 0, and depth
        2 serves epsilon >= 1/2.

    Raises
    ------
    InputError
        If the graph has weights, or a number is negative.

    References
    ----------
    Reif, Optimal parallel algorithms for graph connectivity, Harvard TR-08-85 (random mates);
    Karloff, Suri, Vassilvitskii, SODA 2010 (contraction in MapReduce).
    """
    if shape.is_weighted:
        raise InputError("connectivity takes no weights; leave them out")
    return contract_and_label(shape, seed, phases, has_tags=False, read=(EdgesHome(shape),))


def contract_and_label(
    shape: GraphShape,
    seed: int,
    phases: int | None,
    *,
    has_tags: bool,
    read: tuple[Protocol, ...],
    prefers_leaders: bool = True,
    write: Protocol | None = None,
) -> Stages:
    """Return the protocol that reads edges, contracts them, and writes labels.

    ``write`` is the last stage, as `label_components` takes it.

    Raises
    ------
    InputError
        If a number is negative.
    """
    t = checked_phases(shape, seed, phases)
    stages = read
    if t:
        waits = waiting(shape, has_tags)
        stages += (contraction(shape, seed, t, prefers_leaders=prefers_leaders, waits=waits),)
    return sequence(*stages, label_components(shape, t, has_tags, write))


def checked_phases(shape: GraphShape, seed: int, phases: int | None) -> int:
    """Return the phases that a contraction takes: those given, or as many as 1/N needs.

    Raises
    ------
    InputError
        If a number is negative.
    """
    if min(seed, 0 if phases is None else phases) < 0:
        raise InputError(f"seed = {seed}, phases = {phases}: give numbers of at least 0")
    if not shape.n_edges:
        return 0
    return n_phases(shape) if phases is None else phases
