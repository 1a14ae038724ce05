"""The algorithms by contraction as plain functions of one machine."""

from __future__ import annotations

from functools import partial

import numpy as np

from mpc_sim.algorithms.cycle_counting import (
    COUNTS,
    CheckDegrees,
    CountHere,
    Ends,
    WriteCount,
)
from mpc_sim.algorithms.minimum_spanning_forest import HEAVY, Rank, Weigh
from mpc_sim.cluster import failure_word
from mpc_sim.local_step import Memory, Row, Twin, per_machine
from mpc_sim.protocol import Protocol
from mpc_sim.stages.broadcast import Broadcast
from mpc_sim.stages.columnsort import Rename
from mpc_sim.stages.component_labels import LIVE, Ask, Jump, Name, WriteLabels
from mpc_sim.stages.contraction import EDGE, Halves, Hook, is_leader
from mpc_sim.stages.converge_cast import ConvergeCast
from mpc_sim.stages.edges_home import EdgesHome
from mpc_sim.stages.first_of_run import FIELDS, SortShares
from mpc_sim.stages.repeat import Repeat
from mpc_sim.stages.waiting import ScanBeside, Wait, share
from twins.blocks import Twins, twin_of
from twins.broadcast import Left, broadcast_stage_twin, local_twin, n_output
from twins.columnsort import columnsort_stage_twin
from twins.converge_cast import converge_cast_stage_twin
from twins.scan import scan_twin

WAITING = {
    "edge": EDGE,
    "parent": ("parent",),
    "tag": ("tag",),
    "live": LIVE,
    "broken": ("broken",),
}


def kept(memory: Memory) -> dict[str, tuple[tuple[str, ...], list[Row]]]:
    """Return what waits, as it is."""
    return {name: (WAITING[name], memory[name]) for name in memory.records if name in WAITING}


def leads(seed: int, phase: int, label: int) -> bool:
    """Return the coin of one label.

    Examples
    --------
    >>> leads(0, 3, 2)
    True
    """
    return bool(is_leader(seed, phase, np.array([label]))[0])


def names(memory: Memory, n_vertices: int) -> range:
    """Return the names, from 1, of the vertices that live on the machine.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> names(Memory(1, Cluster(n_words=5, memory_words=5, n_machines=2, block_words=3), {}), 5)
    range(4, 6)
    """
    size = share(n_vertices, memory.cluster)
    first = memory.machine * size
    return range(min(first, n_vertices) + 1, min(first + size, n_vertices) + 1)


def edges_home_twin(stage: EdgesHome) -> Twin:
    """Return the twin of ``EdgesHome``, for input that is a graph."""
    n, width, m = stage.shape.n_vertices, stage.shape.edge_words, stage.shape.n_edges

    def step(round: int, memory: Memory) -> None:
        first = memory.machine * memory.cluster.block_words
        for index, (word,) in enumerate(memory["input"], start=first):
            if index >= n:
                memory.send("word", (index - n) // width // share(m, memory.cluster), word)

    def finish(memory: Memory) -> Left:
        words = [word for (word,) in memory["word"]]
        first = memory.machine * share(m, memory.cluster)
        edges: list[Row] = []
        tags: list[Row] = []
        for edge in range(first, first + len(words) // width):
            left, right, *weight = words[(edge - first) * width : (edge - first + 1) * width]
            tags.append((2 * edge,))
            if left != right:
                edges.append((edge, left + 1, right + 1, *weight))
        fields = (*EDGE, "weight")[: 1 + width]
        parents: list[Row] = [(name,) for name in names(memory, n)]
        return {
            "edge": (fields, edges),
            "parent": (("parent",), parents),
            "tag": (("tag",), tags),
        }

    return per_machine(stage, step, finish)


def halves(stage: Halves, memory: Memory) -> Left:
    """Make both half-edges of every live edge."""
    rows: list[Row] = []
    for edge, left, right in memory["edge"]:
        for side, (here, there) in enumerate(((left, right), (right, left))):
            late = stage.prefers_leaders and not leads(stage.seed, stage.phase, there)
            rows.append((here, 2 * edge + side + 2 * stage.shape.n_edges * late, there))
    return {**kept(memory), "records": (FIELDS, rows)}


def hook_twin(stage: Hook) -> Twin:
    """Return the twin of ``Hook``."""
    n, m = stage.shape.n_vertices, stage.shape.n_edges

    def step(round: int, memory: Memory) -> None:
        size = share(m, memory.cluster)
        for wait in stage.waits:
            for row in memory[wait.channel]:
                memory.keep(wait.channel, *row)
        for label, order, other, run, first in memory["records"]:
            choice, half = (other if run != label else first), order % (2 * m)
            joins = not leads(stage.seed, stage.phase, label)
            joins = joins and leads(stage.seed, stage.phase, choice)
            memory.send("half", half // 2 // size, half, choice if joins else label)
            if joins and run != label:
                home = (label - 1) // share(n, memory.cluster)
                memory.send("joined", home, label - 1, choice)
                if stage.has_tags:
                    memory.send("chosen", half // 2 // size, half // 2)

    def finish(memory: Memory) -> Left:
        labels = {row[0]: row[1] for row in memory["half"]}
        live = sorted(half // 2 for half in labels if half % 2 == 0)
        edges: list[Row] = [(edge, labels[2 * edge], labels[2 * edge + 1]) for edge in live]
        joined: dict[int, int] = {vertex + 1: parent for vertex, parent in memory["joined"]}
        left = kept(memory)
        old = zip(names(memory, n), memory["parent"], strict=True)
        left["edge"] = (EDGE, [row for row in edges if row[1] != row[2]])
        left["parent"] = (("parent",), [(joined.get(name, row[0]),) for name, row in old])
        if stage.has_tags:
            chosen = {edge for (edge,) in memory["chosen"]}
            first = memory.machine * share(m, memory.cluster)
            tags = enumerate(memory["tag"], start=first)
            left["tag"] = (("tag",), [(tag + (edge in chosen),) for edge, (tag,) in tags])
        return left

    return per_machine(stage, step, finish)


def ask(stage: Ask, memory: Memory) -> Left:
    """Answer for every vertex, and ask the parent of those that have one."""
    rows: list[Row] = []
    for name, (parent,) in zip(names(memory, stage.n_vertices), memory["parent"], strict=True):
        rows.append((name, 0, parent))
        if parent != name:
            rows.append((parent, name, 0))
    return {**kept(memory), "records": (FIELDS, rows)}


def jump_twin(stage: Jump) -> Twin:
    """Return the twin of ``Jump``."""

    def step(round: int, memory: Memory) -> None:
        for _, name, _, _, first in memory["records"]:
            if name:
                home = (name - 1) // share(stage.n_vertices, memory.cluster)
                memory.send("answer", home, name - 1, first)
        for wait in stage.waits:
            for row in memory[wait.channel]:
                memory.keep(wait.channel, *row)

    def finish(memory: Memory) -> Left:
        told: dict[int, int] = {vertex + 1: parent for vertex, parent in memory["answer"]}
        parents: list[Row] = [(told.get(name, name),) for name in names(memory, stage.n_vertices)]
        return {**kept(memory), "parent": (("parent",), parents)}

    return per_machine(stage, step, finish)


def name_by_root(stage: Name, memory: Memory) -> Left:
    """Group the vertices by root."""
    pairs = zip(names(memory, stage.n_vertices), memory["parent"], strict=True)
    return {**kept(memory), "records": (FIELDS, [(root, name, name) for name, (root,) in pairs])}


def write_labels_twin(stage: WriteLabels) -> Twin:
    """Return the twin of ``WriteLabels``."""
    n, width = stage.shape.n_vertices, stage.shape.edge_words

    def step(round: int, memory: Memory) -> None:
        block = memory.cluster.block_words
        for row in memory["live"]:
            memory.keep("live", *row)
        for root, name, value, run, first in memory["records"]:
            smallest = value if run != root else first
            memory.send("label", (name - 1) // block, name - 1, smallest - 1)
        for (tag,) in memory["tag"] if stage.has_tags else []:
            for index in range(n + tag // 2 * width, n + (tag // 2 + 1) * width if tag % 2 else 0):
                memory.send("chosen", index // block, index)

    def finish(memory: Memory) -> Left:
        words = {row[0]: row[1] for row in memory["label"]}
        words |= {index: 1 for (index,) in (memory["chosen"] if stage.has_tags else [])}
        first = memory.machine * memory.cluster.block_words
        places = range(first, first + n_output(memory))
        rows: list[Row] = [(words.get(index, 0),) for index in places]
        if any(live for (live,) in memory["live"]):
            rows = [(failure_word(memory.cluster),)] * len(rows)
        return {"output": (("word",), rows)}

    return per_machine(stage, step, finish)


def weigh(memory: Memory) -> Left:
    """Make the records that are sorted by weight."""
    rows: list[Row] = [(weight, edge, left, right) for edge, left, right, weight in memory["edge"]]
    return {"parent": (("parent",), memory["parent"]), "records": (HEAVY, rows)}


def rank(stage: Rank, memory: Memory) -> Left:
    """Number the sorted edges."""
    first = memory.machine * share(stage.n_edges, memory.cluster)
    ranked = list(enumerate(memory["records"], start=first))
    return {
        "edge": (EDGE, [(place, left, right) for place, (_, _, left, right) in ranked]),
        "parent": (("parent",), memory["parent"]),
        "tag": (("tag",), [(2 * edge,) for _, (_, edge, _, _) in ranked]),
    }


def ends(memory: Memory) -> Left:
    """Make a record of each end of every edge."""
    rows: list[Row] = [(end,) for _, *both in memory["edge"] for end in both]
    return {**kept(memory), "records": (("end",), rows)}


def check_degrees(stage: CheckDegrees, memory: Memory) -> Left:
    """Note whether the sorted ends of the machine are not those of their places."""
    held, most = share(2 * stage.n_vertices, memory.cluster), 2 * stage.n_vertices
    first = memory.machine * held
    due = [(place // 2 + 1,) for place in range(min(first, most), min(first + held, most))]
    return {**kept(memory), "broken": (("broken",), [(int(due != memory["records"]),)])}


def count_here(stage: CountHere, memory: Memory) -> Left:
    """Sum up the machine."""
    pairs = zip(names(memory, stage.n_vertices), memory["parent"], strict=True)
    roots = sum(name == parent for name, (parent,) in pairs)
    counts: Row = (roots, len(memory["edge"]), memory["broken"][0][0])
    return {"records": (COUNTS, [counts])}


def write_count(stage: WriteCount, memory: Memory) -> Left:
    """Put the number of cycles out for the vertices."""
    ((cycles, live, broken),) = memory["word"]
    first = memory.machine * memory.cluster.block_words
    answer, rest = (0 if broken else cycles), 0
    if live and not broken:
        answer = rest = failure_word(memory.cluster)
    places = range(first, first + n_output(memory))
    rows: list[Row] = [(answer if index < stage.n_vertices else rest,) for index in places]
    return {"output": (("word",), rows)}


def rename_twin(stage: Rename) -> Twin:
    """Return the twin of ``Rename`` for the flag of live edges."""
    return local_twin(stage, lambda memory: {stage.target: (LIVE, memory[stage.source])})


def contraction_twin(protocol: Protocol) -> Protocol:
    """Return the twin of an algorithm by contraction.

    Examples
    --------
    >>> from mpc_sim import Simulation, fit_cluster
    >>> from mpc_sim.algorithms.connectivity import connectivity
    >>> from mpc_sim.inputs.graphs import Graph
    >>> graph = Graph.of(3, [(2, 1)])
    >>> twin = contraction_twin(connectivity(graph.shape))
    >>> cluster = fit_cluster(connectivity(graph.shape), 5, "2/3", largest_word=12)
    >>> Simulation(twin, cluster, graph.words).run().tolist()
    [0, 1, 1, 0, 0]
    """
    return twin_of(protocol, CONTRACTION)


CONTRACTION: Twins = {
    EdgesHome: edges_home_twin,
    Repeat: lambda stage: Repeat(tuple(contraction_twin(body) for body in stage.bodies)),
    Halves: lambda stage: local_twin(stage, partial(halves, stage)),
    Hook: hook_twin,
    Wait: lambda stage: stage,
    SortShares: columnsort_stage_twin,
    ScanBeside: scan_twin,
    ConvergeCast: lambda stage: converge_cast_stage_twin(
        stage, WAITING.get(stage.channel, stage.operand)
    ),
    Broadcast: broadcast_stage_twin,
    Rename: rename_twin,
    Ask: lambda stage: local_twin(stage, partial(ask, stage)),
    Jump: jump_twin,
    Name: lambda stage: local_twin(stage, partial(name_by_root, stage)),
    WriteLabels: write_labels_twin,
    Weigh: lambda stage: local_twin(stage, weigh),
    Rank: lambda stage: local_twin(stage, partial(rank, stage)),
    Ends: lambda stage: local_twin(stage, ends),
    CheckDegrees: lambda stage: local_twin(stage, partial(check_degrees, stage)),
    CountHere: lambda stage: local_twin(stage, partial(count_here, stage)),
    WriteCount: lambda stage: local_twin(stage, partial(write_count, stage)),
}
