"""The butterfly as a plain function of one machine."""

from __future__ import annotations

from mpc_sim.local_step import Memory, Row, Twin, per_machine
from mpc_sim.stages.butterfly import Butterfly, Groups
from twins.broadcast import Left
from twins.scan import combine


def butterfly_twin(stage: Butterfly) -> Twin:
    """Return the twin of a butterfly over records of one word.

    Examples
    --------
    >>> from mpc_sim.stages.operations import Addition
    >>> butterfly_twin(Butterfly(Addition(), ("word",))).shape.channel
    'records'
    """

    def total(memory: Memory, elements: list[Row]) -> Row:
        met = stage.operation.identity
        for element in elements:
            met = combine(stage.operation, met, element)
        return met

    def step(round: int, memory: Memory) -> None:
        groups = stage.groups(memory.cluster)
        if memory.machine >= groups.n_leaves:
            return
        known = total(memory, memory["total" if round else stage.channel])
        above = group_of(groups, round + 1, memory.machine)
        beside = [
            members
            for members in members_of(groups, round)
            if group_of(groups, round + 1, members[0]) == above
        ]
        here = next(at for at, members in enumerate(beside) if memory.machine in members)
        size, place = len(beside[here]), memory.machine - beside[here][0]
        for at, members in enumerate(beside):
            for to, machine in enumerate(members):
                asked = to if to < size else (at - here - 1) % len(beside) % size
                if asked == place:
                    memory.send("total", machine, *known)

    def finish(memory: Memory) -> Left:
        groups = stage.groups(memory.cluster)
        known = total(memory, memory["total" if groups.levels else stage.channel])
        return {"word": (stage.operand, [known] if memory.machine < groups.n_leaves else [])}

    return per_machine(stage, step, finish)


def members_of(groups: Groups, level: int) -> list[range]:
    """Return the machines of every group of a level.

    Examples
    --------
    >>> members_of(Groups((5, 2, 1)), 1)
    [range(0, 2), range(2, 5)]
    """
    count, n_leaves = groups.counts[level], groups.n_leaves
    return [range(g * n_leaves // count, (g + 1) * n_leaves // count) for g in range(count)]


def group_of(groups: Groups, level: int, machine: int) -> int:
    """Return the group that a machine lies in.

    Examples
    --------
    >>> [group_of(Groups((5, 2, 1)), 1, machine) for machine in range(5)]
    [0, 0, 1, 1, 1]
    """
    return next(g for g, members in enumerate(members_of(groups, level)) if machine in members)
