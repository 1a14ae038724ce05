"""The table task x architecture: every cell with the check behind it, run when the table is made.

A cell holds because a construction of the registry was built and equals its oracle on a seeded
input, with depth and width within its bounds; it fails because a model was refuted by two inputs,
or because of a lower bound without assumption; it is conditional where the lower bound names a
conjecture; what is left is open here. A task and an architecture may have several rows: k-hop fails
for low-rank attention at every token, and holds, wider, at the last.
"""

from __future__ import annotations

from collections.abc import Callable

from reductions.constructions.model import ModelSolver
from reductions.problems.problem import Instance, Problem
from reductions.registry import names, solver
from reductions.separations.cell import ARCHITECTURES, Cell, open_cell
from reductions.separations.fixed_chunk_cells import fixed_chunks
from reductions.separations.lower_bound_cells import lower_bound_cells
from reductions.separations.one_way_cells import boards, low_rank, recurrent, too_early
from reductions.separations.successes import cells_of

SIZES = {"three-sum": 16, "connectivity": 6, "one-vs-two-cycle": 8}
WORDS = 48
REFUTATIONS = (fixed_chunks, recurrent, low_rank, boards, too_early)
Progress = Callable[[str, int, int], None]


def task_cells(name: str) -> list[Cell]:
    """Return the cells of a task, by architecture; open where there is nothing else.

    Parameters
    ----------
    name : str
        Of a task of the registry.
    """
    task: Problem = solver(name).problem
    instance = seeded(task)
    cells = []
    for construction in constructions_of(name):
        cells += cells_of(construction, instance)
    cells += [cell for refute in REFUTATIONS if (cell := refute(task)) is not None]
    cells += lower_bound_cells(name)
    known = {cell.architecture for cell in cells}
    cells += [open_cell(name, each) for each in ARCHITECTURES if each not in known]
    return sorted(cells, key=lambda cell: ARCHITECTURES.index(cell.architecture))


def seeded(task: Problem) -> Instance:
    """Return the input that constructions of a task are run on."""
    return task.random["uniform"](SIZES.get(task.name, WORDS), 0)


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
