"""The task table of the page is the registry, and its short formulas are the bounds."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest

from docs.task_table import TITLE, constructions, task_table
from docs.theorem_table import with_table
from reductions.constructions.model import ModelSolver
from reductions.registry import names, solver
from repository import ROOT

PAGE = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")
TABLE = task_table()
OF_A_PLAN = [name for name in names("solver") if name.endswith(("/compiled", "/scan"))]
"""Their depth follows a plan of sorts and trees, their width the widest round."""


def evaluated(formula: str, **values: int) -> int:
    """A short formula as a number: ``2 ceil(log2 N)`` is 2 * ceil(log2(N))."""
    main = formula.partition(", ")[0]
    main = re.sub(r"log2 (\w)", r"log2(\1)", main)
    main = re.sub(r"log_B N", "log2(N) / log2(B)", main)
    main = re.sub(r"(\b[A2]\b) (?=ceil)", r"\1 * ", main)
    return int(eval(main, {"ceil": math.ceil, "floor": math.floor, "log2": math.log2}, values))


def test_the_page_shows_the_registry() -> None:
    shown = with_table(PAGE, TABLE, TITLE)
    assert shown == PAGE, "run: python -m docs.task_table docs/tables.md"


def test_every_construction_is_shown_once() -> None:
    table = TABLE.splitlines()
    for task, found in constructions().items():
        assert found, task
        for each in found:
            way = each.name.partition("/")[2]
            assert sum(line.startswith(f"| {task} | {way} |") for line in table) == 1
    assert len(table) == 2 + len(names("solver"))


@pytest.mark.parametrize("name", [name for name in names("solver") if name not in OF_A_PLAN])
def test_a_short_formula_is_the_bound(name: str) -> None:
    construction: ModelSolver = solver(name)
    task = solver(construction.task).problem
    for n in (9, 64, 100):
        shape = task.random["uniform"](n, 0).shape
        for k in (1,) if construction.task == "induction-heads" else (1, 2, 3, 4, 5, 8, 100):
            given = replace(shape, parameters=dict(shape.parameters) | {"k": k})
            layers, width = construction.bounds(given)
            letters = shape.largest_word
            values = {"k": k, "N": n, "A": letters, "M": shape.parameters.get("modulus", 0), "B": 4}
            values |= {"S": min(n, math.isqrt(letters * n - 1) + 1) if letters else 1}
            values |= {"p": max(p for p in range(1, 53) if max(letters, 2) ** p <= 2**52)}
            assert evaluated(construction.depth_formula, **values) == layers.value
            assert evaluated(construction.width_formula, **values) == width.value


# --- canaries ---


def test_canary_a_changed_formula_is_found() -> None:
    tree: ModelSolver = solver("k-hop/tree")
    wrong = replace(tree, depth_formula="1 + ceil(log2 k)")
    assert with_table(PAGE, task_table([wrong]), TITLE) != PAGE
    shape = solver("k-hop").problem.random["uniform"](64, 0).shape
    assert evaluated(wrong.depth_formula, k=4) == tree.bounds(shape)[0].value - 1
    with pytest.raises(NameError):
        evaluated("2 + x", k=4)
