"""``anna-mpc sweep exponents``: how rounds, memory and machines of all algorithms grow with N."""

from __future__ import annotations

import argparse
import json

from mpc_sim import InputError, ShapeError
from reductions.commands.row_files import FORMATS, Row, as_text, refuse_suffix, write_rows
from reductions.commands.sweep import refuse_options
from reductions.commands.tables import progress_line
from reductions.commands.usage import UsageError
from reductions.plots import draw_sweep
from reductions.registry import names, solver

SCHEMA = "anna-mpc/sweep-exponents/1"
DEFAULT_SIZES = [2**power for power in range(11, 20, 2)]
OF_VERTICES = "s = c_s n^(1 + mu), no power of N"


def run(options: argparse.Namespace) -> int:
    """Fit the closed forms of all algorithms; the exit status is 0 if all fits hold, else 1."""
    from reductions.experiments.exponents import LEAST_POINTS, closed_series, growths

    refuse_options(options, ("diameter", "epsilon", "gamma"), "algorithms")
    refuse_options(options, ("mechanism", "ratio", "gap"), "machines")
    refuse_options(options, ("k", "letters", "run_tokens"), "depth")
    refuse_options(options, ("tokens_per_machine",), "heads")
    sizes = options.n or DEFAULT_SIZES
    if len(set(sizes)) < LEAST_POINTS:
        raise UsageError(f"--n: give {LEAST_POINTS} sizes or more, a fit needs them")
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
        clusters, closed = zip(*series, strict=True)
        given = {"k": 4, "diameter_guess": 16}
        for growth in growths(one, clusters, closed, closed, given):
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
                    "within": abs(growth.slope - growth.theory) <= growth.margin + 1e-9,
                    "ok": growth.holds,
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
