"""``anna-mpc sweep bounds``: lower and upper sides of tasks, rounds and layers, in one table."""

from __future__ import annotations

import argparse
import json

from mpc_sim import InputError, ShapeError
from reductions.commands.files import refuse_size
from reductions.commands.row_files import FORMATS, Row, as_text, refuse_suffix, write_rows
from reductions.commands.sweep import refuse_options
from reductions.commands.tables import progress_line
from reductions.commands.usage import UsageError
from reductions.plots import SUFFIXES

SCHEMA = "anna-mpc/sweep-bounds/1"
DEFAULT_SIZES = [2**power for power in range(6, 11)]
DEFAULT_HOPS = [2**power for power in range(9)]
SHOWN = ("task", "algorithm", "of", "size", "epsilon", "memory_words", "lower_rounds", "rounds",
         "layers", "a_doubling", "softmax_layers", "anna_layers", "exact_match_layers",
         "low_rank_layers", "shown")  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Build and run the table; the exit status is 1 if a run is below its lower side, else 0."""
    from reductions.experiments.both_sides import LETTERS, both_sides

    refuse_options(options, ("diameter", "gamma", "c_s", "c_p"), "algorithms")
    refuse_options(options, ("mechanism", "ratio", "gap"), "machines")
    refuse_options(options, ("letters", "run_tokens"), "depth")
    refuse_options(options, ("tokens_per_machine",), "heads")
    sizes, hops = options.n or DEFAULT_SIZES, options.k or DEFAULT_HOPS
    refuse_size(max(sizes), 1024)
    if min(sizes) < 3 or min(hops) < 1 or max(hops) > LETTERS:
        raise UsageError(f"--n is at least 3, and --k between 1 and {LETTERS}")
    if options.out:
        refuse_suffix(options.out)
        if options.out.endswith(SUFFIXES):
            raise UsageError("--out: this table is written as .csv, .parquet, .tex or .md")
    line, rows = progress_line(), list[Row]()
    epsilons = options.epsilon.split(",") if options.epsilon else ["1/4", "1/2"]
    try:
        for row in both_sides(sizes, hops, epsilons):
            rows.append(row)
            if line is not None:
                line("sweep", len(rows), (3 * len(epsilons) + 2) * len(sizes) + len(hops))
    except (InputError, ShapeError) as error:
        raise UsageError(str(error)) from None
    ok = all(row["ok"] is not False for row in rows)
    if options.out:
        write_rows(options.out, [_written(row) for row in rows], lambda *_: None)
    if options.json:
        print(json.dumps({"schema": SCHEMA, "ok": ok, "rows": rows}))
    elif not options.out:
        if options.format == "text":
            print(as_text([_cells(row) for row in rows], whole=True), end="")
            print(_conjectures(rows), end="")
        else:
            print(FORMATS[options.format](rows), end="")
    return 0 if ok else 1


def _written(row: Row) -> Row:
    """Let every column have one type: numbers and formulas are both written as text."""
    mixed = [name for name in row if name == "lower_rounds" or name.endswith("_layers")]
    return row | {name: str(row[name]) for name in mixed}


def _cells(row: Row) -> Row:
    """Choose what a terminal shows; what has no value is a dash."""
    return {name: "-" if row[name] is None else row[name] for name in SHOWN}


def _conjectures(rows: list[Row]) -> str:
    """Write a line for every assumption, and one for the runs that are held to a number."""
    held = [row for row in rows if row["ok"] is not None]
    kept = sum(row["ok"] for row in held)
    lines = [f"{kept} of {len(held)} runs take at least the rounds that full information needs"]
    lines += sorted({f"c: of the {row['assumption']}" for row in rows if row["assumption"]})
    return "".join(f"{line}\n" for line in lines)
