"""Columnsort as plain functions of one machine."""

from __future__ import annotations

from mpc_sim.local_step import Memory, Twin, per_machine
from mpc_sim.protocol import Protocol
from mpc_sim.stages.columnsort import Columnsort, Rename, SortPlan, columnsort
from twins.blocks import Twins, twin_of
from twins.broadcast import Left, local_twin


def permuted(which: int, rows: int, columns: int, column: int, row: int) -> tuple[int, int]:
    """Return (column, row) after the permutation 0 transpose, 1 untranspose, 2 shift.

    Examples
    --------
    >>> [permuted(0, 8, 2, 0, row) for row in range(4)]
    [(0, 0), (1, 0), (0, 1), (1, 1)]
    """
    slot = column * rows + row
    if which == 0:
        return slot % columns, slot // columns
    if which == 1:
        slot = row * columns + column
        return slot // rows, slot % rows
    half = rows // 2 if columns > 1 else 0
    if slot < rows - half:
        return 0, slot
    column, row = (slot + half) // rows, (slot + half) % rows
    return (column, row) if column < columns else (0, rows - half + row)


def destination(plan: SortPlan, round: int, machine: int, row: int, out: int) -> int:
    """Return where the record of a row goes in a round >= 1, at last ``out`` on a machine.

    Examples
    --------
    >>> from mpc_sim.stages.columnsort import plan_columnsort
    >>> plan = plan_columnsort(1024, max_rows=204, max_machines=21)
    >>> [destination(plan, 1, 0, row, 102) for row in range(4)]
    [0, 1, 2, 3]
    """
    columns = []
    for level in reversed(plan.levels):
        columns.append(machine % level.columns)
        machine //= level.columns
    columns.reverse()
    for at in range(plan.depth - 1, -1, -1):
        level, column = plan.levels[at], columns[at]
        which = (round - 1) // 4 ** (plan.depth - 1 - at) % 4
        if which < 3:
            columns[at], row = permuted(which, level.rows, level.columns, column, row)
            return machine_of(plan, columns[: at + 1], row)
        if column > 0:
            row += column * level.rows - level.shift
        elif row >= level.rows - level.shift:
            row += (level.columns - 1) * level.rows
    return row // out


def machine_of(plan: SortPlan, columns: list[int], row: int) -> int:
    """Return the machine of a row, given the columns of the outer levels.

    Examples
    --------
    >>> from mpc_sim.stages.columnsort import plan_columnsort
    >>> machine_of(plan_columnsort(1024, max_rows=204, max_machines=21), [3], 7)
    3
    """
    machine = 0
    for at, level in enumerate(plan.levels):
        if at < len(columns):
            column = columns[at]
        else:
            column, row = row // level.rows, row % level.rows
        machine = machine * level.columns + column
    return machine


def columnsort_stage_twin(stage: Columnsort) -> Twin:
    """Return the twin of the sort.

    Examples
    --------
    >>> columnsort_stage_twin(Columnsort(("word",))).shape.fields
    ('word',)
    """

    def step(round: int, memory: Memory) -> None:
        plan, cluster = stage.plan(memory.cluster), memory.cluster
        if round == 0:
            first = memory.machine * stage.channels(0, cluster)[0].per_machine
            for slot, record in enumerate(memory["records"], start=first):
                rows = plan.levels[0].rows
                memory.send("records", machine_of(plan, [slot // rows], slot % rows), *record)
            return
        out = stage.leaves(cluster)[0].per_machine
        for row, record in enumerate(sorted(memory["records"])):
            memory.send("records", destination(plan, round, memory.machine, row, out), *record)

    def finish(memory: Memory) -> Left:
        return {"records": (stage.fields, sorted(memory["records"]))}

    return per_machine(stage, step, finish)


def rename_twin(stage: Rename) -> Twin:
    """Return the twin of ``Rename``, for a channel of words.

    Examples
    --------
    >>> rename_twin(Rename("input", "records")).shape.target
    'records'
    """

    def finish(memory: Memory) -> Left:
        return {stage.target: (("word",), memory[stage.source])}

    return local_twin(stage, finish)


SORTING: Twins = {Columnsort: columnsort_stage_twin, Rename: rename_twin}


def columnsort_twin() -> Protocol:
    """Return the twin of ``columnsort()``.

    Examples
    --------
    >>> from mpc_sim import Simulation, fit_cluster
    >>> cluster = fit_cluster(columnsort(), 6, "2/3", largest_word=9)
    >>> Simulation(columnsort_twin(), cluster, [5, 1, 9, 1, 0, 3]).run().tolist()
    [0, 1, 1, 3, 5, 9]
    """
    return twin_of(columnsort(), SORTING)
