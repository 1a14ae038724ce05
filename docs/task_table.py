"""The task table of ``docs/tables.md``: every construction of every task, depth and width.

``python -m docs.task_table docs/tables.md`` brings the table in a file up to date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from docs.theorem_table import with_table
from reductions.constructions.model import ModelSolver
from reductions.problems.problem import Problem
from reductions.registry import names, solver
from reductions.separations.table import compared

TITLE = "task table"
SIZE = 32
HEAD = f"| task | construction | architecture | layers | width mH | at {SIZE} | answers |"


def constructions() -> dict[str, tuple[ModelSolver, ...]]:
    """Return the constructions of every task, in the order of the registry.

    Examples
    --------
    >>> [each.name for each in constructions()["match2"]][:1]
    ['match2/direct']
    """
    loaded = [solver(name) for name in names("solver")]
    return {task: tuple(c for c in loaded if c.task == task) for task in compared()}


def task_table(chosen: Iterable[ModelSolver] | None = None) -> str:
    """Return the table in Markdown.

    The column of a size holds the bounds on layers and width for the uniform input of so many words
    or vertices, as numbers.

    Parameters
    ----------
    chosen : iterable of ModelSolver, optional
        By default all of the registry.

    Examples
    --------
    >>> print(task_table([solver("k-hop/tree")]))
    | task | construction | architecture | layers | width mH | at 32 | answers |
    |---|---|---|---|---|---|---|
    | k-hop | tree | ANNA | 2 + ceil(log2 k) | 2 ceil(log2 N) | 4, 10 | all |
    """
    if chosen is None:
        chosen = [each for found in constructions().values() for each in found]
    rows = [_row(each) for each in chosen]
    return "\n".join([HEAD, "|---" * HEAD.count(" |") + "|", *rows])


def _row(construction: ModelSolver) -> str:
    task: Problem = solver(construction.task).problem
    shape = task.random["uniform"](SIZE, 0).shape
    layers, width = (bound.value for bound in construction.bounds(shape))
    scored = len(range(shape.n_words)[construction.scored(shape.n_words)])
    cells = (
        construction.task,
        construction.name.partition("/")[2],
        construction.architecture,
        construction.depth_formula,
        construction.width_formula,
        f"{layers}, {width}",
        "all" if scored == shape.n_words else f"{scored} of {shape.n_words}",
    )
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        file = Path(name)
        text = file.read_text(encoding="utf-8")
        file.write_text(with_table(text, task_table(), TITLE), encoding="utf-8")
