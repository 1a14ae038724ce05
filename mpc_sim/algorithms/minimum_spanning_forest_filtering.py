"""Minimum spanning forest of a dense graph by filtering: forests of parts are merged.

Axes: n vertices, m edges of w words, s words of memory, M parts, F the arity of the tree.

An edge that is not in the minimum spanning forest of some part is in no minimum spanning forest of
the whole (it is the largest edge of a cycle). So the edges are cut into M parts of s / w, one
machine each; every machine keeps the forest of its part, at most n - 1 edges, and F of them are
merged on one machine, level by level, until all is on one machine. With s = c_s n^(1 + mu) memory
takes F = s / ((w + 1) (n - 1)), about n^mu c_s / (w + 1) forests, so the edges fall by this factor
every level, and the levels are log_F M <= (c - mu) / mu for m = n^(1 + c), up to constants.

The parts of Lattanzi et al. are random; here they are stretches of the input, the same for every
graph, because the limit n - 1 holds for every part. Nothing is random. Edges are ordered by
(weight, number), which makes the forest unique; without weights by number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpc_sim.cluster import Cluster
from mpc_sim.compose import sequence
from mpc_sim.cost import Cost
from mpc_sim.errors import ShapeError
from mpc_sim.inputs.graphs import GraphShape
from mpc_sim.protocol import Protocol
from mpc_sim.records import Channel, Inbox, Outbox, Records, Words
from mpc_sim.stages.edge_rows import LoadEdges, MarkEdges, edge_fields
from mpc_sim.stages.loads import WithinCost
from mpc_sim.stages.tree import Tree, plan_tree


def largest_forest(shape: GraphShape) -> int:
    """Return the most edges of a forest."""
    return min(shape.n_vertices - 1, shape.n_edges)


@dataclass(frozen=True)
class MergeForests(WithinCost):
    """Replace the edges of every machine by their forest, and merge along a tree.

    It reads channel ``edges`` as :class:`LoadEdges` leaves it and leaves channel ``listed``: the
    forest of all edges, on machine 0.
    """

    shape: GraphShape

    def tree(self, cluster: Cluster) -> Tree:
        """Return the tree over the machines that hold edges, or reject the cluster."""
        forest = max(1, largest_forest(self.shape)) * len(edge_fields(self.shape))
        n_leaves = LoadEdges(self.shape).n_holders(cluster)
        tree = plan_tree(n_leaves, max_arity=cluster.memory_words // forest)
        if tree is None:
            raise ShapeError(
                f"two forests of {self.shape.n_vertices} vertices need {2 * forest} words of local "
                f"memory; s = {cluster.memory_words}: raise c_s",
                memory_words=cluster.memory_words,
            )
        return tree

    def check(self, cluster: Cluster) -> None:
        self.tree(cluster)
        super().check(cluster)

    def n_rounds(self, cluster: Cluster) -> int:
        return self.tree(cluster).levels

    def label(self, round: int, cluster: Cluster) -> str:
        return "filter"

    def cost(self, cluster: Cluster) -> Cost:
        tree = self.tree(cluster)
        return (
            super()
            .cost(cluster)
            .naming(
                forest_edges=largest_forest(self.shape),
                merge_levels=tree.levels,
                merge_children=tree.most_children,
            )
        )

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        most = largest_forest(self.shape)
        others = self.tree(cluster).children(round + 1) - 1
        return (Channel("edges", edge_fields(self.shape), most, others * most),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        tree, edges = self.tree(cluster), inbox["edges"]
        edges = edges.take(in_forest(edges, self.shape.n_vertices))
        outbox = Outbox()
        to = tree.parent(round, edges.machine)
        outbox.send("edges", source=edges.machine, to=to, **edges.columns)
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        edges = inbox["edges"]
        edges = edges.take(in_forest(edges, self.shape.n_vertices))
        return Inbox(inbox.machines, {"listed": edges})


def in_forest(edges: Records, n_vertices: int) -> NDArray[np.bool_]:
    """Return which edges are in the minimum spanning forest of those of their machine.

    Boruvka's algorithm on all machines at once; edges are ordered by (weight, index).
    """
    n_edges = len(edges)
    weight = edges["weight"] if "weight" in edges.columns else np.zeros(n_edges, np.int64)
    order = np.lexsort([edges["index"], weight])
    rank = np.empty(n_edges, np.int64)
    rank[order] = np.arange(n_edges)
    codes = np.stack([edges["u"], edges["v"]]) + edges.machine * n_vertices
    nodes, node = np.unique(codes, return_inverse=True)
    one, other = node.reshape(2, n_edges)
    component: Words = np.arange(len(nodes))
    chosen = np.zeros(n_edges, bool)
    while True:
        left, right = component[one], component[other]
        row = np.flatnonzero(left != right)
        if len(row) == 0:
            return chosen
        lightest = np.full(len(nodes), n_edges)
        np.minimum.at(lightest, left[row], rank[row])
        np.minimum.at(lightest, right[row], rank[row])
        root = np.flatnonzero(lightest < n_edges)
        edge = order[lightest[root]]
        chosen[edge] = True
        component = _merged(component, root, left[edge] + right[edge] - root)


def _merged(component: Words, root: Words, target: Words) -> Words:
    """Return the components after every root is joined to the target of its lightest edge."""
    parent = np.arange(len(component))
    parent[root] = target
    mutual = root[(parent[parent[root]] == root) & (root < parent[root])]
    parent[mutual] = mutual
    while not np.array_equal(parent, parent[parent]):
        parent = parent[parent]
    joined: Words = parent[component]
    return joined


def minimum_spanning_forest_filtering(shape: GraphShape) -> Protocol:
    """Return the protocol that marks the edges of the minimum spanning forest.

    All w output words of an edge are 1 if it is in the forest and 0 otherwise; those of vertices
    are 0. Of edges of equal weight the earlier one counts as lighter.

    Parameters
    ----------
    shape : GraphShape
        With weights or without.

    Returns
    -------
    Protocol
        2 + L rounds, exactly, for a tree of arity at most F = floor(s / ((w + 1) (n - 1))) over
        M = ceil(m / floor(s / w)) machines. After level l at most ceil(M / F^l) (n - 1) edges are
        left.

    References
    ----------
    Lattanzi, Moseley, Suri, Vassilvitskii, Filtering: a method for solving graph problems in
    MapReduce, SPAA 2011, section on spanning trees.
    """
    return sequence(LoadEdges(shape), MergeForests(shape), MarkEdges(shape, largest_forest(shape)))
