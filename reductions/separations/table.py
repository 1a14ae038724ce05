"""The table task x architecture: every cell with the check behind it, run when the table is made.

A cell holds because a construction of the registry was built and equals its oracle on a seeded
input, with depth and width within its bounds; it fails because a model was refuted by two inputs,
or because of a lower bound without assumption; it is conditional where the lower bound names a
conjecture; what is left is open here. A task and an architecture may have several rows: k-hop fails
for low-rank attention at every token, and holds, wider, at the last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from reductions.constructions.model import ModelSolver
from reductions.problems.connectivity import CONNECTIVITY
from reductions.problems.cycle_counting import ONE_OR_TWO_CYCLES
from reductions.problems.definitions import INDUCTION_HEADS, MATCH2, SUM
from reductions.problems.k_hop import K_HOP_PROBLEM
from reductions.problems.problem import Instance, Problem
from reductions.problems.three_sum import THREE_SUM
from reductions.registry import names, solver
from reductions.separations.cell import ARCHITECTURES, Cell, open_cell
from reductions.separations.fixed_chunk_cells import fixed_chunks, fixed_chunks_of_sums
from reductions.separations.lower_bound_cells import (
    connectivity_depth,
    cycle_depth,
    full_degree,
    k_hop_depth,
    simulations,
)
from reductions.separations.lower_bounds import LayerSimulation
from reductions.separations.one_way_cells import boards, low_rank, recurrent, too_early
from reductions.separations.set_cells import (
    MATCH2_SETS,
    THREE_SUM_SETS,
    AskForMember,
    low_rank_reader,
    recurrent_reader,
    set_cell,
)
from reductions.separations.successes import cells_of

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Separated:
    """What the table says of a task beside its constructions.

    Parameters
    ----------
    task : Problem
    refutations : tuple of callable
        Problem -> Cell, or None where nothing was found.
    depth : callable, optional
        (task, architecture, LayerSimulation) -> Cell: a lower bound on depth.
    words : int
        Of the input that constructions are run on, or its vertices.
    """

    task: Problem
    refutations: tuple[Callable[[Problem], Cell | None], ...] = (fixed_chunks,)
    depth: Callable[[str, str, LayerSimulation], Cell] | None = None
    words: int = 48


def sets(family: AskForMember) -> tuple[Callable[[Problem], Cell | None], ...]:
    """Return the refutations of a task that asks whether a number was seen."""
    readers = (recurrent_reader, low_rank_reader)
    return tuple(partial(set_cell, family=family, draw=draw) for draw in readers)


SEPARATED = (
    Separated(K_HOP_PROBLEM, (fixed_chunks, recurrent, low_rank), k_hop_depth),
    Separated(MATCH2, (fixed_chunks, *sets(MATCH2_SETS))),
    Separated(INDUCTION_HEADS, (fixed_chunks, recurrent, low_rank, boards)),
    Separated(SUM, (fixed_chunks_of_sums,), full_degree),
    Separated(THREE_SUM.problem, (fixed_chunks, *sets(THREE_SUM_SETS)), words=16),
    Separated(CONNECTIVITY.problem, (fixed_chunks, too_early), connectivity_depth, words=6),
    Separated(ONE_OR_TWO_CYCLES.problem, (fixed_chunks, too_early), cycle_depth, words=8),
)


def separated(task: Problem) -> Separated:
    """Return what is said of a task; only that fixed chunks fail where it is not listed."""
    return next((one for one in SEPARATED if one.task is task), Separated(task))


def task_cells(name: str) -> list[Cell]:
    """Return the cells of a task, by architecture; open where there is nothing else.

    Parameters
    ----------
    name : str
        Of a task of the registry.
    """
    task: Problem = solver(name).problem
    said, instance = separated(task), seeded(task)
    cells = []
    for construction in constructions_of(name):
        cells += cells_of(construction, instance)
    cells += [cell for refute in said.refutations if (cell := refute(task)) is not None]
    if said.depth is not None:
        cells += [said.depth(name, *one) for one in simulations().items()]
    known = {cell.architecture for cell in cells}
    cells += [open_cell(name, each) for each in ARCHITECTURES if each not in known]
    return sorted(cells, key=lambda cell: ARCHITECTURES.index(cell.architecture))


def seeded(task: Problem) -> Instance:
    """Return the input that constructions of a task are run on."""
    return task.random["uniform"](separated(task).words, 0)


def constructions_of(task: str) -> list[ModelSolver]:
    """Return the constructions of a task in the registry."""
    loaded = [solver(name) for name in names("solver")]
    return [construction for construction in loaded if construction.task == task]


def compared() -> tuple[str, ...]:
    """Return the problems that several architectures solve, in the order of the registry."""
    ways = {name.partition("/")[0] for name in names("solver")}
    return tuple(name for name in names("problem") if name in ways)


def table(tasks: tuple[str, ...] | None = None, *, progress: Progress | None = None) -> list[Cell]:
    """Return the cells of all tasks, checked.

    Parameters
    ----------
    tasks : tuple of str, optional
        By default all of the registry.
    progress : callable, optional
        Called with (task, tasks done, tasks in all).

    Notes
    -----
    Every construction is built and run, and every refutation searched for and checked: seconds.
    """
    chosen = compared() if tasks is None else tasks
    cells = []
    for done, name in enumerate(chosen):
        if progress:
            progress(name, done, len(chosen))
        cells += task_cells(name)
    if progress:
        progress("table", len(chosen), len(chosen))
    return cells
