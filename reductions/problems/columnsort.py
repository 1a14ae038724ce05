"""Columnsort: bounds, oracle and hard inputs."""

from __future__ import annotations

import numpy as np
import sympy

from mpc_sim import Cluster
from mpc_sim.stages.columnsort import columnsort
from reductions.bounds import Bound, Kind
from reductions.problems.broadcast import uniform_words
from reductions.problems.degrees import every_word
from reductions.problems.laws import SORTED
from reductions.problems.least_depths import least_sort
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import HARD_SEQUENCES, ProtocolSolver
from reductions.problems.sort_and_scan import sorted_by, values_of

SOURCE = "this project; Leighton 1985, recursive on columns"


def _bounds(n: int, cluster: Cluster) -> tuple[Bound, ...]:
    """Depth d, longest column r, M machines for the columns, B words of a block."""
    values = values_of(cluster, **sorted_by(least_sort(cluster, n, 1)))
    words, block, depth, column, sorting = sympy.symbols("N B d r M", positive=True, integer=True)
    rows: list[tuple[str, sympy.Expr, Kind]] = [
        ("rounds", 1 + 4**depth, "exact"),
        ("local_memory", sympy.Max(block, column), "upper"),
        ("sent_words", sympy.Max(block, column), "upper"),
        ("received_words", sympy.Max(block, column), "upper"),
        ("machines", sympy.Max(sympy.ceiling(words / block), sorting), "upper"),
    ]
    return tuple(Bound(name, formula, values, kind, SOURCE) for name, formula, kind in rows)


COLUMNSORT = ProtocolSolver(
    problem=Problem.of_words(
        name="columnsort",
        statement="N words; out: the words in increasing order",
        instance=uniform_words,
        hard=HARD_SEQUENCES,
        oracle=np.sort,
        degree=every_word,
    ),
    regime="gamma = 0; depth d for epsilon >= (2/3)^d, 1 + 4^d rounds",
    source=SOURCE,
    constants=(
        "a machine holds one column of r words, r >= 2 (c-1)^2; depth 1 needs 1.26 N^(2/3) words, "
        "so c_s = 2 at epsilon = 2/3"
    ),
    law=SORTED,
    protocol=lambda n: columnsort(),
    bounds=_bounds,
)
