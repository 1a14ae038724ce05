"""Look-ups and components by capped balls as plain functions of one machine."""

from __future__ import annotations

from functools import partial

import numpy as np

from mpc_sim.algorithms.connectivity_log_diameter import (
    FileBalls,
    FileEdges,
    Join,
    Relabel,
    Unite,
    is_leader,
)
from mpc_sim.algorithms.contraction import EDGE
from mpc_sim.algorithms.first_of_run import FIELDS as TRIPLE
from mpc_sim.algorithms.look_up import ScanItems, SendLists, SortItems, Widen, list_fields
from mpc_sim.algorithms.repeat import Repeat
from mpc_sim.algorithms.twins.blocks import Twins, twin_of
from mpc_sim.algorithms.twins.broadcast import Left, local_twin
from mpc_sim.algorithms.twins.columnsort import columnsort_stage_twin
from mpc_sim.algorithms.twins.contraction import CONTRACTION, kept, names
from mpc_sim.algorithms.twins.scan import scan_twin
from mpc_sim.algorithms.waiting import share
from mpc_sim.per_machine import Memory, PerMachine, Row, per_machine
from mpc_sim.protocol import Protocol


def widen(stage: Widen, memory: Memory) -> Left:
    """Give every record a list."""
    rows: list[Row] = [
        (key, asker, value, *(0,) * (stage.width - 1)) for key, asker, value in memory["records"]
    ]
    return {**kept(memory), "records": (("key", "tag", *list_fields("w", stage.width)), rows)}


def send_lists_twin(stage: SendLists) -> PerMachine:
    """Return the twin of ``SendLists``."""
    number, each = stage.home

    def step(round: int, memory: Memory) -> None:
        for row in memory["records"]:
            if row[1]:
                home = (row[1] - 1) // (each * share(number, memory.cluster))
                memory.send("answer", home, row[1], *row[3 + stage.width :])
        for wait in stage.waits:
            for row in memory[wait.channel]:
                memory.keep(wait.channel, *row)

    def finish(memory: Memory) -> Left:
        answer = (("asker", *list_fields("r", stage.width)), memory["answer"])
        return {**kept(memory), "answer": answer}

    return per_machine(stage, step, finish)


def file_edges(stage: FileEdges, memory: Memory) -> Left:
    """File both ends of every edge, and ask for every vertex."""
    edges = memory["edge"]
    rows: list[Row] = [(left, 0, right) for _, left, right in edges]
    rows += [(right, 0, left) for _, left, right in edges]
    rows += [(name, name, 0) for name in names(memory, stage.shape.n_vertices)]
    return {**kept(memory), "records": (TRIPLE, rows)}


def unite(stage: Unite, memory: Memory) -> Left:
    """Unite the lists of every label."""
    met: dict[int, set[int]] = {}
    for label, *members in memory["answer"]:
        met.setdefault(label, set()).update(members)
    rows: list[Row] = []
    for label in sorted(met):
        ball = (label, *sorted(met[label] - {0, label})[: stage.ball - 1])
        rows.append((*ball, *(0,) * (stage.ball - len(ball))))
    return {**kept(memory), "ball": (list_fields("r", stage.ball), rows)}


def file_balls(stage: FileBalls, memory: Memory) -> Left:
    """File every ball, and ask for those of its members."""
    rows: list[Row] = []
    for ball in memory["ball"]:
        for member in ball:
            if member:
                rows += [(ball[0], 0, member), (member, ball[0], 0)]
    return {**kept(memory), "records": (TRIPLE, rows)}


def join(stage: Join, memory: Memory) -> Left:
    """Join labels, and let edges ask."""

    def leads(label: int) -> bool:
        return bool(is_leader(stage.seed, stage.phase, np.array([label]), stage.ball)[0])

    rows: list[Row] = []
    parents: list[Row] = []
    for (name, *others), (parent,) in zip(memory["ball"], memory["parent"], strict=True):
        ball = [name, *(other for other in others if other)]
        if not stage.is_last:
            ball = [] if leads(name) else [label for label in ball if leads(label)]
        joined = min(ball, default=name)
        rows.append((name, 0, joined))
        parents.append((joined if joined != name else parent,))
    rows += [(left, 2 * edge + 1, 0) for edge, left, _ in memory["edge"]]
    rows += [(right, 2 * edge + 2, 0) for edge, _, right in memory["edge"]]
    return {"parent": (("parent",), parents), "records": (TRIPLE, rows)}


def relabel(memory: Memory) -> Left:
    """Relabel the edges."""
    labels: dict[int, int] = {row[0]: row[1] for row in memory["answer"]}
    halves = sorted(asker for asker in labels if asker % 2)
    edges: list[Row] = [(half // 2, labels[half], labels[half + 1]) for half in halves]
    return {**kept(memory), "edge": (EDGE, [row for row in edges if row[1] != row[2]])}


def connectivity_log_diameter_twin(protocol: Protocol) -> Protocol:
    """Return the twin of the protocol.

    Examples
    --------
    >>> from mpc_sim.algorithms.connectivity_log_diameter import connectivity_log_diameter
    >>> from mpc_sim.graphs import GraphShape
    >>> twin = connectivity_log_diameter_twin(connectivity_log_diameter(GraphShape(3, 0), 1))
    >>> type(twin).__name__
    'Sequence'
    """
    return twin_of(protocol, TWINS, CONTRACTION)


TWINS: Twins = {
    Repeat: lambda stage: Repeat(
        tuple(connectivity_log_diameter_twin(body) for body in stage.bodies)
    ),
    SortItems: columnsort_stage_twin,
    ScanItems: scan_twin,
    Widen: lambda stage: local_twin(stage, partial(widen, stage)),
    SendLists: send_lists_twin,
    FileEdges: lambda stage: local_twin(stage, partial(file_edges, stage)),
    Unite: lambda stage: local_twin(stage, partial(unite, stage)),
    FileBalls: lambda stage: local_twin(stage, partial(file_balls, stage)),
    Join: lambda stage: local_twin(stage, partial(join, stage)),
    Relabel: lambda stage: local_twin(stage, relabel),
}
