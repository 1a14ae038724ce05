"""The table task x architecture: every cell with the check behind it, run when the table is made.

A cell holds because a construction of the registry was built and equals its oracle on seeded inputs
with different answers, with depth and width within its bounds; it fails because a model that is an
instance of a general line was refuted by two inputs; it is conditional where the lower bound names
a conjecture; what is left is open here. A task and an architecture may have several rows: k-hop
fails for low-rank attention at every token, and holds, wider, at the last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from reductions.constructions.model import ModelSolver
from reductions.problems.connectivity import CONNECTIVITY
from reductions.problems.cycle_counting import ONE_OR_TWO_CYCLES
from reductions.problems.definitions import INDUCTION_HEADS, MATCH2, SUM
from reductions.problems.exact import FalseCertificate
from reductions.problems.k_hop import K_HOP_PROBLEM
from reductions.problems.problem import Instance, Problem, Shape
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
from reductions.separations.one_layer import BY_HASHING, BY_SOFTMAX, EXACT_MATCH, one_layer
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

INPUTS, SEEDS = 3, 64
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Separated:
    """What the table says of a task beside its constructions.

    Parameters
    ----------
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


one_layers = tuple(partial(one_layer, kind=kind) for kind in (EXACT_MATCH, BY_HASHING, BY_SOFTMAX))
SEPARATED = (
    Separated(K_HOP_PROBLEM, (fixed_chunks, recurrent, low_rank), k_hop_depth),
    Separated(MATCH2, (fixed_chunks, *sets(MATCH2_SETS))),
    Separated(INDUCTION_HEADS, (fixed_chunks, recurrent, low_rank, boards, *one_layers)),
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
    said, instances = separated(task), seeded(task)
    cells = []
    for construction in constructions_of(name):
        cells += cells_of(construction, instances)
    cells += [cell for refute in said.refutations if (cell := refute(task)) is not None]
    if said.depth is not None:
        cells += [said.depth(name, *one) for one in simulations().items()]
    known = {cell.architecture for cell in cells}
    cells += [open_cell(name, each) for each in ARCHITECTURES if each not in known]
    return sorted(cells, key=lambda cell: ARCHITECTURES.index(cell.architecture))


def seeded(task: Problem) -> tuple[Instance, ...]:
    """Return the inputs that constructions of a task are run on: one shape, different answers.

    Three, of which two differ in the last answer where the task has that.

    Raises
    ------
    FalseCertificate
        64 seeds give no two inputs of one shape with different answers.
    """
    drawn = [task.random["uniform"](separated(task).words, seed) for seed in range(SEEDS)]
    first = drawn[0].shape
    alike = [each for each in drawn if _kind(each.shape) == _kind(first)]
    answers = [task.expected(each) for each in alike]
    differ = [n for n, each in enumerate(answers) if not np.array_equal(each, answers[0])]
    if not differ:
        raise FalseCertificate(f"{task.name}: {len(alike)} inputs with the same answers")
    at_the_end = [n for n in differ if answers[n][-1] != answers[0][-1]]
    other = [*at_the_end, *differ][0]  # some constructions answer for the last word only
    others = [n for n in range(1, len(alike)) if n != other][: INPUTS - 2]
    chosen = [alike[n] for n in (0, other, *others)]
    largest = max(each.shape.largest_word for each in chosen)
    return tuple(replace(each, largest_word=largest) for each in chosen)


def _kind(shape: Shape) -> object:
    """All of a shape but the largest word, which is raised to that of all."""
    return shape.n_words, dict(shape.parameters), shape.graph


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
