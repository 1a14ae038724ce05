"""``anna-mpc sweep exponents``: how rounds, memory and machines of all algorithms grow with N."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mpc_sim import Cluster, InputError, ShapeError
from reductions.commands.row_files import FORMATS, Row, as_text, refuse_suffix, write_rows
from reductions.commands.sweep import refuse_options
from reductions.commands.tables import progress_line
from reductions.commands.usage import UsageError
from reductions.plots import draw_sweep
from reductions.registry import names, solver

if TYPE_CHECKING:
    from reductions.experiments.exponents import Growth
    from reductions.problems.protocol_solver import ProtocolSolver

SCHEMA = "anna-mpc/sweep-exponents/1"
DEFAULT_SIZES = [2**power for power in range(11, 20, 2)]


def run(options: argparse.Namespace) -> int:
    """Fit the closed forms of all algorithms; the exit status is 0 if all are those of the theory.

    The interval of a fit contains the theory, or the larger half of the sizes comes nearer to it.
    """
    from reductions.experiments.exponents import LEAST_POINTS, closed_series

    refuse_options(options, ("diameter", "epsilon", "gamma"), "algorithms")
    refuse_options(options, ("mechanism", "ratio", "gap"), "machines")
    refuse_options(options, ("k", "letters", "run_tokens"), "depth")
    refuse_options(options, ("tokens_per_machine",), "heads")
    sizes = options.n or DEFAULT_SIZES
    sizes, least = sorted(set(sizes)), 2 * LEAST_POINTS - 1
    if len(sizes) < least:
        raise UsageError(f"--n: give {least} sizes or more, both halves need a fit")
    if options.out:
        refuse_suffix(options.out)
    line, rows = progress_line(), list[Row]()
    chosen = [one for name in names("problem") if (one := solver(name).compiles) is not None]
    for number, one in enumerate(chosen, 1):
        if one.fit is not None:
            continue
        try:
            series = list(closed_series(one, sizes, c_s=options.c_s, c_p=options.c_p))
        except (InputError, ShapeError) as error:
            raise UsageError(f"{one.name}: {error}") from None
        clusters, half = [cluster for cluster, _ in series], (len(series) + 1) // 2
        for growth, early, late in zip(
            _fits(one, series), _fits(one, series[:half]), _fits(one, series[-half:]), strict=True
        ):
            rows.append(
                {
                    "algorithm": one.name,
                    "c_s": clusters[0].memory_factor,
                    "c_p": clusters[0].machine_factor,
                    "quantity": growth.quantity,
                    "over": growth.law,
                    "exponent": round(growth.slope, 4),
                    "margin": round(growth.margin, 4),
                    "theory": round(growth.theory, 4),
                    "within": growth.reaches,
                    "of larger N": round(late.slope, 4),
                    "ok": growth.is_approached(early, late),
                }
            )
        if line is not None:
            line("sweep", number, len(chosen))
    ok = all(row["ok"] for row in rows)
    if options.out:
        write_rows(options.out, rows, draw_sweep)
    if options.json:
        print(json.dumps({"schema": SCHEMA, "ok": ok, "sizes": sizes, "rows": rows}))
    elif not options.out:
        is_text = options.format == "text"
        print(as_text(rows, whole=True) if is_text else FORMATS[options.format](rows), end="")
    return 0 if ok else 1


def _fits(
    solver: ProtocolSolver, series: Sequence[tuple[Cluster, Mapping[str, int]]]
) -> tuple[Growth, ...]:
    from reductions.experiments.exponents import CLOSED, growths

    clusters, closed = zip(*series, strict=True)
    return growths(solver, clusters, closed, closed, CLOSED)
