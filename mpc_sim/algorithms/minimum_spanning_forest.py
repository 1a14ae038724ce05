"""The minimum spanning forest by Boruvka's contraction with random mates, O(log n) sorts.

Input: a graph with weights as N = n + 3 m words, the vertices 0 .. n - 1 and then (u, v, weight) of
every edge. Output word v < n is the smallest vertex of the component of v; all three words of an
edge are 1 if it is in the forest, else 0. Of edges of equal weight the earlier one counts as
lighter, so there is exactly one minimum spanning forest. If the phases did not suffice, which has
probability at most 1/N, every word is the failure word.

The edges are sorted by weight once, and go by their rank from then on. In a phase every label looks
at the lightest edge that leaves it, which is in the forest (cut property), and joins the label at
its other end if it is no leader and that one is. The choice does not depend on the coins, so a
live label is gone with probability exactly 1/4.
"""

from __future__ import annotations

from dataclasses import dataclass

from mpc_sim.algorithms.connectivity import contract_and_label
from mpc_sim.cluster import Cluster
from mpc_sim.compose import LocalStage, Stages
from mpc_sim.errors import InputError
from mpc_sim.inputs.graphs import GraphShape
from mpc_sim.records import Inbox, Records
from mpc_sim.stages.contraction import EDGE, PARENT
from mpc_sim.stages.edges_home import EdgesHome
from mpc_sim.stages.first_of_run import SortShares
from mpc_sim.stages.waiting import Wait, beside, share

HEAVY = ("weight", "edge", "left", "right")


@dataclass(frozen=True)
class Weigh(LocalStage):
    """Make the records (weight, edge, left, right) that are sorted."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        edges = inbox["edge"]
        records = Records.of(edges.machine, **{name: edges[name] for name in HEAVY})
        return Inbox(inbox.machines, {**inbox.records, "records": records})


@dataclass(frozen=True)
class Rank(LocalStage):
    """Number the sorted edges by rank; the tag of a rank is twice the edge of the input."""

    n_edges: int

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        ranked = inbox["records"]
        rank = ranked.machine * share(self.n_edges, cluster) + ranked.rank
        ends = {name: ranked[name] for name in EDGE[1:]}
        return Inbox(
            inbox.machines,
            {
                "edge": Records.of(ranked.machine, edge=rank, **ends),
                "parent": inbox["parent"],
                "tag": Records.of(ranked.machine, tag=2 * ranked["edge"]),
            },
        )


def minimum_spanning_forest(shape: GraphShape, seed: int = 0, phases: int | None = None) -> Stages:
    """Return the protocol that finds the minimum spanning forest.

    Parameters
    ----------
    shape : GraphShape
        With weights.
    seed : int
        Of the public coins, at least 0.
    phases : int, optional
        As for ``connectivity``.

    Returns
    -------
    Stages
        The rounds of ``connectivity``, and 1 + 4^d for the sort of m edges of 4 words. One word per
        edge, ceil(m / P) on a machine, waits as well.

    Raises
    ------
    InputError
        If the graph has no weights, or a number is negative.

    References
    ----------
    Boruvka 1926 (lightest edges); Reif, Harvard TR-08-85 (random mates); the cut property, as in
    Tarjan, Data structures and network algorithms, SIAM 1983, chapter 6.
    """
    if not shape.is_weighted:
        raise InputError("minimum_spanning_forest needs weights; see spanning_forest")
    waits = (Wait("parent", PARENT, shape.n_vertices),)
    read = (
        EdgesHome(shape),
        Weigh(),
        beside(SortShares(HEAVY, n_items=shape.n_edges), waits),
        Rank(shape.n_edges),
    )
    return contract_and_label(shape, seed, phases, has_tags=True, read=read, prefers_leaders=False)
