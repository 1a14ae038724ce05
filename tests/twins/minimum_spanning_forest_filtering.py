"""Minimum spanning forest by filtering as plain functions of one machine."""

from __future__ import annotations

from mpc_sim.algorithms.minimum_spanning_forest_filtering import MergeForests, largest_forest
from mpc_sim.compose import sequence
from mpc_sim.inputs.graphs import GraphShape
from mpc_sim.local_step import Memory, Row, Twin, per_machine
from mpc_sim.protocol import Protocol
from mpc_sim.stages.edge_rows import LoadEdges, MarkEdges, edge_fields
from twins.broadcast import Left
from twins.edge_rows import load_edges_twin, mark_edges_twin


def forest_of(edges: list[Row]) -> list[Row]:
    """Return the edges of the minimum spanning forest, by Kruskal, in the order that they came.

    Examples
    --------
    >>> forest_of([(0, 1, 2, 5), (1, 2, 3, 5), (2, 3, 1, 4)])
    [(0, 1, 2, 5), (2, 3, 1, 4)]
    """
    part: dict[int, set[int]] = {}
    chosen = set()
    for edge in sorted(edges, key=lambda edge: (*edge[3:], edge[0])):
        one, other = (part.setdefault(end, {end}) for end in edge[1:3])
        if one is not other:
            one |= other
            part.update(dict.fromkeys(other, one))
            chosen.add(edge[0])
    return [edge for edge in edges if edge[0] in chosen]


def merge_twin(stage: MergeForests) -> Twin:
    """Return the twin of ``MergeForests``.

    Examples
    --------
    >>> merge_twin(MergeForests(GraphShape(3, 2))).shape.shape.n_edges
    2
    """

    def step(round: int, memory: Memory) -> None:
        reach = stage.tree(memory.cluster).arity ** (round + 1)
        for edge in forest_of(memory["edges"]):
            memory.send("edges", memory.machine - memory.machine % reach, *edge)

    def finish(memory: Memory) -> Left:
        return {"listed": (edge_fields(stage.shape), forest_of(memory["edges"]))}

    return per_machine(stage, step, finish)


def minimum_spanning_forest_filtering_twin(shape: GraphShape) -> Protocol:
    """Return the twin of ``minimum_spanning_forest_filtering(shape)``.

    Examples
    --------
    >>> from mpc_sim import Cluster, Simulation
    >>> cluster = Cluster(n_words=9, memory_words=12, n_machines=2, block_words=5)
    >>> twin = minimum_spanning_forest_filtering_twin(GraphShape(3, 3))
    >>> Simulation(twin, cluster, [0, 1, 2, 0, 1, 1, 2, 2, 0]).run().tolist()
    [0, 0, 0, 1, 1, 1, 1, 0, 0]
    """
    return sequence(
        load_edges_twin(LoadEdges(shape)),
        merge_twin(MergeForests(shape)),
        mark_edges_twin(MarkEdges(shape, largest_forest(shape))),
    )
