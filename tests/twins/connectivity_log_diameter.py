"""Look-ups and components by capped balls as plain functions of one machine."""

from __future__ import annotations

from functools import partial

import numpy as np

from mpc_sim.algorithms.connectivity_log_diameter import FileBalls, Join, Relabel, Unite, is_leader
from mpc_sim.local_step import Memory, Row, Twin, per_machine
from mpc_sim.protocol import Protocol
from mpc_sim.stages.contraction import EDGE
from mpc_sim.stages.first_of_run import FIELDS
from mpc_sim.stages.look_up import ScanItems, SendAnswers, SortItems
from mpc_sim.stages.repeat import Repeat
from mpc_sim.stages.smallest_neighbours import BALL, FileNeighbours, SendNeighbours
from mpc_sim.stages.waiting import share
from twins.blocks import Twins, twin_of
from twins.broadcast import Left, local_twin
from twins.columnsort import columnsort_stage_twin
from twins.contraction import CONTRACTION, kept, names
from twins.scan import scan_twin


def send_answers_twin(stage: SendAnswers) -> Twin:
    """Return the twin of ``SendAnswers``."""
    number, each = stage.home

    def step(round: int, memory: Memory) -> None:
        for key, asker, value, run, first in memory["records"]:
            answer = first if run == key else value
            if asker and answer:
                home = (asker - 1) // (each * share(number, memory.cluster))
                memory.send("answer", home, asker, answer)
        for wait in stage.waits:
            for row in memory[wait.channel]:
                memory.keep(wait.channel, *row)

    def finish(memory: Memory) -> Left:
        return {**kept(memory), "answer": (("asker", "value"), memory["answer"])}

    return per_machine(stage, step, finish)


def file_neighbours(memory: Memory) -> Left:
    """Make both half-edges of every edge."""
    rows: list[Row] = []
    for _, left, right in memory["edge"]:
        rows += [(left, right, 1), (right, left, 1)]
    return {**kept(memory), "records": (FIELDS, rows)}


def send_neighbours_twin(stage: SendNeighbours) -> Twin:
    """Return the twin of ``SendNeighbours``."""

    def step(round: int, memory: Memory) -> None:
        for own, member, _, run, _, last, met in memory["records"]:
            if run != own or (last != member and met < stage.most):
                home = (own - 1) // share(stage.shape.n_vertices, memory.cluster)
                memory.send("ball", home, own, member)
        for wait in stage.waits:
            for row in memory[wait.channel]:
                memory.keep(wait.channel, *row)

    def finish(memory: Memory) -> Left:
        return {**kept(memory), "ball": (BALL, sorted(memory["ball"]))}

    return per_machine(stage, step, finish)


def _others(pairs: list[Row]) -> dict[int, list[int]]:
    """Return the members of every ball but its owner, in order."""
    met: dict[int, set[int]] = {}
    for own, member in pairs:
        met.setdefault(own, set()).add(member)
    return {own: sorted(met[own] - {own}) for own in sorted(met)}


def file_balls(stage: FileBalls, memory: Memory) -> Left:
    """File every ball, and ask for those of its members."""
    entries: list[Row] = []
    own_asks: list[Row] = []
    asks: list[Row] = []
    for own, others in _others(memory["ball"]).items():
        for place, member in enumerate(others):
            entries.append((own * stage.ball + place, 0, member))
            own_asks.append((own * stage.ball + place, own, 0))
            asks += [(member * stage.ball + at, own, 0) for at in range(stage.ball - 1)]
    return {**kept(memory), "records": (FIELDS, entries + own_asks + asks)}


def unite(stage: Unite, memory: Memory) -> Left:
    """Keep the smallest of all that a label was told."""
    rows: list[Row] = []
    for own, others in _others(memory["answer"]).items():
        rows += [(own, member) for member in others[: stage.ball - 1]]
    return {**kept(memory), "ball": (BALL, rows)}


def join(stage: Join, memory: Memory) -> Left:
    """Join labels, and let edges ask."""

    def leads(label: int) -> bool:
        return bool(is_leader(stage.seed, stage.phase, np.array([label]), stage.ball)[0])

    balls, rows, parents = _others(memory["ball"]), list[Row](), list[Row]()
    of_machine = names(memory, stage.shape.n_vertices)
    for name, (parent,) in zip(of_machine, memory["parent"], strict=True):
        ball = [name, *balls.get(name, [])]
        if not stage.is_last:
            ball = [] if leads(name) else [label for label in ball if leads(label)]
        joined = min(ball, default=name)
        rows.append((name, 0, joined))
        parents.append((joined if joined != name else parent,))
    rows += [(left, 2 * edge + 1, 0) for edge, left, _ in memory["edge"]]
    rows += [(right, 2 * edge + 2, 0) for edge, _, right in memory["edge"]]
    return {"parent": (("parent",), parents), "records": (FIELDS, rows)}


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
    >>> from mpc_sim.inputs.graphs import GraphShape
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
    SendAnswers: send_answers_twin,
    FileNeighbours: lambda stage: local_twin(stage, file_neighbours),
    SendNeighbours: send_neighbours_twin,
    FileBalls: lambda stage: local_twin(stage, partial(file_balls, stage)),
    Unite: lambda stage: local_twin(stage, partial(unite, stage)),
    Join: lambda stage: local_twin(stage, partial(join, stage)),
    Relabel: lambda stage: local_twin(stage, relabel),
}
