"""Every bound on the machines is met by a named input, at three sizes, or marked not tight.

One less would then be broken, so no bound can grow without a test that fails.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from reductions.bounds import Check
from reductions.certify import How, certify
from reductions.certify.run import simulate
from reductions.mpc_to_anna.options import CompilerOptions
from reductions.problems.broadcast import BROADCAST
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.registry import names, solver

POINTS = 3
EMA = CompilerOptions(attention="ema")  # type: ignore[arg-type]
WORST: dict[str, dict[str, tuple[int, ...]]] = {
    "k-hop": {"one letter": (12, 27), "two in turn": (20,)},
    "three-sum": {"all zero": (12, 343, 500, 512)},
    "connectivity": {"empty": (8,), "blocks": (16, 28)},
    "one-vs-two-cycle": {"triangles": (28, 32), "one in order": (64,)},
    "broadcast": {"sorted": (12, 16, 20)},
    "converge-cast": {"sorted": (12, 16, 20)},
    "aggregate": {"sorted": (12, 16, 20)},
    "prefix-sum": {"sorted": (12, 16, 20)},
    "columnsort": {"sorted": (500, 512, 729)},
    "selection": {"sorted": (500, 512, 729)},
    "sample-sort": {"sorted": (12, 16, 20)},
    "multi-search": {"sorted": (500, 512, 729)},
    "remove-duplicates": {"sorted": (500, 512, 729)},
    "reduce-by-key": {"sorted": (125, 216, 256)},
    "equi-join": {"one heavy key": (16, 20, 30)},
    "boolean-circuit": {"all equal": (500, 512, 729)},
    "list-ranking": {"sorted": (12, 16, 20)},
    "connectivity-log-diameter": {"empty": (8, 12, 16)},
    "spanning-forest": {"blocks": (8, 12, 16)},
    "minimum-spanning-forest": {"blocks": (8, 16, 24, 64), "star": (24,)},
    "cycle-counting": {"triangles": (28, 32), "one in order": (64,)},
    "bipartiteness": {"empty": (8, 12, 16), "even cycle": (125, 140, 160)},
    "minimum-spanning-forest-filtering": {"complete": (20, 40, 48)},
    "maximal-matching": {"star": (12, 16, 20)},
    "maximal-independent-set": {"complete": (20, 24, 32)},
    "triangle-count": {"star": (16,), "complete": (40, 64)},
    "matrix-product": {"identity": (48, 60, 64)},
}
"""By problem: named inputs, and at which N (of graphs: how many vertices) they are the worst."""


def checks(chosen: ProtocolSolver, name: str, n: int) -> tuple[Check, ...]:
    given = chosen.hard[name](n)
    return simulate(chosen, given, chosen.cluster(given)).certificate.checks


def met(rows: list[Check]) -> Counter[str]:
    """At how many points each bound was met."""
    return Counter(row.name for row in rows if row.measured == row.bound)


def loose(chosen: ProtocolSolver, problem: str) -> set[str]:
    """The bounds that their named inputs do not meet at three points."""
    rows = [
        row
        for name, sizes in WORST[problem].items()
        for n in sizes
        for row in checks(chosen, name, n)
        if row.is_tight is not None
    ]
    hits = met(rows)
    return {row.name for row in rows if hits[row.name] < POINTS}


def test_every_algorithm_has_worst_inputs() -> None:
    assert WORST.keys() == {
        name for name in names("problem") if isinstance(solver(name), ProtocolSolver)
    }


@pytest.mark.parametrize("problem", WORST)
def test_a_bound_is_met_at_three_points_or_marked(problem: str) -> None:
    chosen = solver(problem)
    assert loose(chosen, problem) == set(chosen.not_tight)


def test_canary_a_bound_that_is_one_too_large() -> None:
    def larger(n: int, cluster: Any) -> Any:
        return tuple(
            replace(bound, expression=bound.expression + int(bound.quantity == "local_memory"))
            for bound in BROADCAST.bounds(n, cluster)
        )

    assert loose(replace(BROADCAST, bounds=larger), "broadcast") == {"local_memory"}


@pytest.mark.parametrize(
    ("problem", "inputs", "sizes"),
    [
        ("list-ranking", ["cycle"], (16, 24, 64)),
        ("k-hop", ["halves", "no repeats"], (40, 56, 100, 128)),
    ],
)
def test_bounds_on_layers_are_met(problem: str, inputs: list[str], sizes: tuple[int, ...]) -> None:
    """By default options; k-hop has closed forms of its own."""
    chosen, rows = solver(problem), list[Check]()
    for n in sizes:
        at_n = dict[str, Check]()
        for name in inputs:
            given = chosen.problem.inputs(n, seed=1)[name]
            how = How(options=EMA, cluster=chosen.cluster(given))
            for row in certify(problem, given, how).checks:
                if row.is_tight and row.measured == row.bound:
                    at_n[row.name] = row
        rows += at_n.values()
    expected = {"layers", "heads", "head_width", "code_width", "token_width", "query_width"}
    hits = met(rows)
    for name in expected | {"precision_bits", "context_length"}:
        assert hits[name] >= POINTS, name
