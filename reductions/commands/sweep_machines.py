"""``anna-mpc sweep machines``: machines and rounds of simulated attention against N."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from anna_model.fixed_point.grid import GridOverflow
from anna_model.lsh.theorem_3_4 import NoParameters
from mpc_sim import InputError, ShapeError
from reductions.certify.host_memory import available_bytes
from reductions.commands.row_files import FORMATS, Row, refuse_suffix, write_rows
from reductions.commands.sweep import refuse_options
from reductions.commands.tables import progress_line
from reductions.commands.usage import UsageError
from reductions.plots import draw_machines

if TYPE_CHECKING:
    from reductions.experiments.machine_counts import Series, Slope

SCHEMA = "anna-mpc/sweep-machines/1"
DEFAULT_SIZES = [2**power for power in range(5, 10)]
DEFAULT_RATIOS = "10,16,20"
SHOWN = ("line", "n", "gap", "seed", "tables", "memory_words", "rounds", "rounds_bound", "machines",
         "machines_bound", "ok")  # fmt: skip
BYTES_A_PAIR = 300
"""Softmax keeps a record of a pair of tokens in an inbox, an outbox and sorted."""


def run(options: argparse.Namespace) -> int:
    """Run all points; the exit status is 0 if outputs, bounds and exponents hold, else 1."""
    from reductions.experiments.machine_counts import COUNTED, count, series_of, slope_of

    refuse_options(options, ("diameter", "epsilon", "gamma", "c_s", "c_p"), "algorithms")
    refuse_options(options, ("k", "letters", "run_tokens"), "depth")
    refuse_options(options, ("tokens_per_machine",), "heads")
    mechanisms = options.mechanism.split(",") if options.mechanism else list(COUNTED)
    sizes, seeds = options.n or DEFAULT_SIZES, options.seed
    if options.out:
        refuse_suffix(options.out)
    if min(sizes) < 1:
        raise UsageError("--n 0: give at least one token")
    line, rows = progress_line(), list[Row]()
    try:
        series = series_of(
            mechanisms, _ratios(options.ratio or DEFAULT_RATIOS), options.gap or "1/2"
        )
        if options.ratio is not None and not any(one.has_ratio for one in series):
            raise UsageError("--ratio is for anna; leave it out")
        _refuse_pairs(series, max(sizes))
        for one in series:
            for n_tokens in sizes:
                for seed in seeds:
                    try:
                        rows.append(count(one, n_tokens, seed))
                    except ShapeError as error:
                        reason = str(error).removesuffix(": raise memory_words")
                        raise UsageError(
                            f"--n {n_tokens}, {one.name}: {reason}: choose a larger --n or --gap"
                        ) from None
                    if line is not None:
                        line("sweep", len(rows), len(series) * len(sizes) * len(seeds))
    except (InputError, ShapeError, GridOverflow, NoParameters) as error:
        raise UsageError(str(error)) from None
    slopes = [found for one in series if (found := slope_of(one, rows)) is not None]
    ok = all(row["ok"] for row in rows) and all(slope.holds for slope in slopes)
    if options.out:
        write_rows(options.out, _with_slopes(rows, slopes), _draw)
    if options.json:
        fits = [_fit(slope) for slope in slopes]
        print(json.dumps({"schema": SCHEMA, "ok": ok, "rows": rows, "fits": fits}))
    elif not options.out:
        is_text = options.format == "text"
        shown = [{name: row[name] for name in SHOWN} for row in rows] if is_text else rows
        print(FORMATS[options.format](shown), end="")
        if is_text:
            print(_fits_text(series, slopes), end="")
    return 0 if ok else 1


def _ratios(text: str) -> list[float]:
    """Read the ratios c of anna."""
    try:
        ratios = [float(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"--ratio {text}: give numbers separated by commas") from None
    if not all(1 < ratio < float("inf") for ratio in ratios):
        raise UsageError(f"--ratio {text}: far is farther than near, so c is above 1")
    return ratios


def _refuse_pairs(series: list[Series], n_tokens: int) -> None:
    """Refuse, before allocating, more pairs of tokens than this machine holds."""
    need, available = BYTES_A_PAIR * n_tokens**2, available_bytes()
    if need > available and (large := [one.name for one in series if one.takes_pairs]):
        raise UsageError(
            f"{large[0]} of {n_tokens} tokens takes {n_tokens}^2 machines, about "
            f"{need / 2**30:.3g} GiB; this machine has {available / 2**30:.3g}: choose a smaller "
            f"--n, or leave {large[0]} out with --mechanism"
        )


def _fit(slope: Slope) -> dict[str, object]:
    return {
        "line": slope.line,
        "slope": slope.slope,
        "margin": slope.margin,
        "theory": slope.theory,
        "holds": slope.holds,
    }


def _with_slopes(rows: list[Row], slopes: list[Slope]) -> list[Row]:
    """Add the fitted exponent of its line, and half its interval, to every row."""
    of = {slope.line: slope for slope in slopes}
    fitted = []
    for row in rows:
        slope = of.get(row["line"])
        found = (None, None) if slope is None else (slope.slope, slope.margin)
        fitted.append(row | dict(zip(("slope", "slope_margin"), found, strict=True)))
    return fitted


def _fits_text(series: list[Series], slopes: list[Slope]) -> str:
    """Write a line of text for every series: the fitted exponent beside that of the theory."""
    of, lines = {slope.line: slope for slope in slopes}, []
    for one in series:
        slope = of.get(one.name)
        if slope is None:
            lines.append(
                f"{one.name}: theory N^{one.exponent:.3f}; three sizes are needed for a fit"
            )
            continue
        verdict = "PASS" if slope.holds else "FAIL"
        lines.append(
            f"{one.name}: machines grow as N^({slope.slope:.3f} +- {slope.margin:.3f}), "
            f"theory N^{slope.theory:.3f} {verdict}"
        )
    return "".join(f"{line}\n" for line in lines)


def _draw(rows: list[Row], file: str) -> None:
    draw_machines(rows, file, beside="rounds")
