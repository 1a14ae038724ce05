"""Counting triangles as plain functions of one machine."""

from __future__ import annotations

from mpc_sim.algorithms.triangle_count import (
    KEYS,
    MARKED,
    CountClosed,
    DegreesToHeads,
    FillVertices,
    MakeWedges,
    MarkEdges,
    ScanWedges,
    SortEdges,
    SortWedges,
    TurnUpwards,
    edges_per_machine,
    out_degree,
    triangle_count,
)
from mpc_sim.inputs.graphs import GraphShape
from mpc_sim.local_step import Memory, Row, Twin, per_machine
from mpc_sim.protocol import Protocol
from mpc_sim.stages.broadcast import Broadcast
from mpc_sim.stages.converge_cast import ConvergeCast
from mpc_sim.stages.half_edges import MarkHeads, slots_per_machine
from mpc_sim.stages.runs import EndRuns
from twins.blocks import BLOCKS, Twins, twin_of
from twins.broadcast import Left, broadcast_stage_twin, local_twin, n_output
from twins.columnsort import SORTING, columnsort_stage_twin
from twins.converge_cast import converge_cast_stage_twin
from twins.maximal_independent_set import mark_heads_twin
from twins.remove_duplicates import RUNS
from twins.scan import scan_twin


def degrees_to_heads_twin(stage: DegreesToHeads) -> Twin:
    """Return the twin of ``DegreesToHeads``.

    Examples
    --------
    >>> degrees_to_heads_twin(DegreesToHeads()).shape
    DegreesToHeads()
    """

    def step(round: int, memory: Memory) -> None:
        slots = slots_per_machine(memory.cluster)
        records = enumerate(memory["records"], start=memory.machine * slots)
        for slot, (word, index, _, leader, last) in records:
            memory.keep("records", word, index)
            if last:
                memory.send("degree", (leader - 1) // slots, leader - 1, slot - leader + 1)

    def finish(memory: Memory) -> Left:
        first = memory.machine * slots_per_machine(memory.cluster)
        told = {slot: degree + 1 for slot, degree in memory["degree"]}
        rows: list[Row] = [
            (*record, told.get(slot, 0))
            for slot, record in enumerate(memory["records"], start=first)
        ]
        return {"records": (("word", "index", "degree"), rows)}

    return per_machine(stage, step, finish)


def turn_upwards_twin(stage: TurnUpwards) -> Twin:
    """Return the twin of ``TurnUpwards``.

    Examples
    --------
    >>> turn_upwards_twin(TurnUpwards(GraphShape(4, 3))).shape.shape.n_edges
    3
    """
    n = stage.shape.n_vertices

    def step(round: int, memory: Memory) -> None:
        held = edges_per_machine(stage.shape, memory.cluster)
        for word, index, _, total in memory["records"]:
            if index >= n:
                edge = (index - n) // 2
                memory.send("end", edge // held, edge, total, word)

    def finish(memory: Memory) -> Left:
        ends = sorted(memory["end"])
        rows: list[Row] = [
            (low, high) for (_, _, low), (_, _, high) in zip(ends[::2], ends[1::2], strict=True)
        ]
        return {"records": (("low", "high"), rows)}

    return per_machine(stage, step, finish)


def make_wedges_twin(stage: MakeWedges) -> Twin:
    """Return the twin of ``MakeWedges``.

    Examples
    --------
    >>> make_wedges_twin(MakeWedges(GraphShape(4, 3))).shape.shape.n_vertices
    4
    """

    def step(round: int, memory: Memory) -> None:
        for edge in memory["records"]:
            memory.keep("records", *edge)
            for before in range(1, stage.reach(memory.cluster) + 1):
                if memory.machine >= before:
                    memory.send("after", memory.machine - before, *edge)

    def finish(memory: Memory) -> Left:
        own = memory["records"]
        seen = own + memory["after"]
        rows: list[Row] = [(min(edge), 2 * max(edge)) for edge in own]
        for distance in range(1, out_degree(stage.shape)):
            for (low, one), (vertex, other) in zip(own, seen[distance:], strict=False):
                if vertex == low:
                    rows.append((min(one, other), 2 * max(one, other) + 1))
        return {"records": (KEYS, rows)}

    return per_machine(stage, step, finish)


def mark_edges(memory: Memory) -> Left:
    """Make edges the elements of the scan.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2)
    >>> mark_edges(Memory(0, cluster, {"records": [(2, 6), (2, 7)]}))["records"][1]
    [(2, 6, 3, 3), (2, 7, 0, 0)]
    """
    rows: list[Row] = [
        (x, y, 0, 0) if y % 2 else (x, y, x + 1, y // 2) for x, y in memory["records"]
    ]
    return {"records": (MARKED, rows)}


def count_closed(memory: Memory) -> Left:
    """Count the wedges that the last edge closes.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2)
    >>> count_closed(Memory(0, cluster, {"records": [(2, 7, 0, 0, 3, 3)]}))["count"][1]
    [(1,)]
    """
    rows: list[Row] = [
        (int(y % 2 == 1 and (last_x, last_y) == (x + 1, y // 2)),)
        for x, y, _, _, last_x, last_y in memory["records"]
    ]
    return {"count": (("count",), rows)}


def fill_vertices_twin(stage: FillVertices) -> Twin:
    """Return the twin of ``FillVertices``.

    Examples
    --------
    >>> fill_vertices_twin(FillVertices(GraphShape(4, 3))).shape.shape.n_edges
    3
    """

    def finish(memory: Memory) -> Left:
        first = memory.machine * memory.cluster.block_words
        rows: list[Row] = [
            memory["word"][0] if index < stage.shape.n_vertices else (0,)
            for index in range(first, first + n_output(memory))
        ]
        return {"output": (("word",), rows)}

    return local_twin(stage, finish)


TRIANGLES: Twins = {
    MarkHeads: mark_heads_twin,
    EndRuns: RUNS[EndRuns],
    DegreesToHeads: degrees_to_heads_twin,
    TurnUpwards: turn_upwards_twin,
    SortEdges: columnsort_stage_twin,
    MakeWedges: make_wedges_twin,
    SortWedges: columnsort_stage_twin,
    MarkEdges: lambda stage: local_twin(stage, mark_edges),
    ScanWedges: scan_twin,
    CountClosed: lambda stage: local_twin(stage, count_closed),
    ConvergeCast: lambda stage: converge_cast_stage_twin(stage, ("count",)),
    Broadcast: broadcast_stage_twin,
    FillVertices: fill_vertices_twin,
}


def triangle_count_twin(shape: GraphShape) -> Protocol:
    """Return the twin of ``triangle_count(shape)``.

    Examples
    --------
    >>> from mpc_sim import Simulation, fit_cluster
    >>> from mpc_sim.inputs.graph_instances import complete
    >>> graph = complete(4)
    >>> protocol = triangle_count_twin(graph.shape)
    >>> cluster = fit_cluster(protocol, graph.shape.n_words, "2/3", "1/2", largest_word=40)
    >>> Simulation(protocol, cluster, graph.words).run()[:5].tolist()
    [4, 4, 4, 4, 0]
    """
    return twin_of(triangle_count(shape), TRIANGLES, BLOCKS, SORTING)
