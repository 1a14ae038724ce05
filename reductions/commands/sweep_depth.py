"""``anna-mpc sweep depth``: layers of k-hop against k, by every construction, and lower bounds."""

from __future__ import annotations

import argparse
import json

from mpc_sim import InputError, ShapeError
from reductions.commands.files import refuse_size
from reductions.commands.row_files import FORMATS, Row, as_text, refuse_suffix, write_rows
from reductions.commands.sweep import refuse_options
from reductions.commands.tables import progress_line
from reductions.commands.usage import UsageError
from reductions.plots import draw_depth

SCHEMA = "anna-mpc/sweep-depth/1"
DEFAULT_N, DEFAULT_LETTERS, DEFAULT_RUN = 2**13, 16, 256
DEFAULT_HOPS = [2**power for power in range(13)]


def run(options: argparse.Namespace) -> int:
    """Build all models; the exit status is 0 if outputs and bounds hold and 1 otherwise."""
    from reductions.certify.regimes import reach_remarks
    from reductions.experiments.depth_curve import constructions, depth_rows, layers_a_doubling

    refuse_options(options, ("diameter", "epsilon", "gamma", "c_s", "c_p"), "algorithms")
    refuse_options(options, ("mechanism", "ratio", "gap"), "machines")
    refuse_options(options, ("tokens_per_machine",), "heads")
    if options.n is not None and len(options.n) != 1:
        raise UsageError("--n: depth is drawn against k, give one context length")
    if len(options.seed) != 1:
        raise UsageError("--seed: give one seed with depth")
    n = DEFAULT_N if options.n is None else options.n[0]
    letters = DEFAULT_LETTERS if options.letters is None else options.letters
    runs = DEFAULT_RUN if options.run_tokens is None else options.run_tokens
    hops = options.k or DEFAULT_HOPS
    refuse_size(max(n, runs, max(hops)), 1024)
    if options.out:
        refuse_suffix(options.out)
    line, rows = progress_line(), list[Row]()
    total = (len(constructions()) + 3) * len(hops)
    try:
        for row in depth_rows(n, letters, hops, run=runs, seed=options.seed[0]):
            rows.append(row)
            if line is not None:
                line("sweep", len(rows), total)
    except (InputError, ShapeError) as error:
        raise UsageError(str(error)) from None
    ok = all(row["ok"] for row in rows)
    steps = layers_a_doubling(rows)
    remarks = [remark for k in sorted(hops) for remark in reach_remarks(n, k)][:1]
    if options.out:
        write_rows(options.out, rows, _draw)
    if options.json:
        report = {"schema": SCHEMA, "ok": ok, "rows": rows, "layers_a_doubling": steps}
        print(json.dumps(report | {"remarks": remarks}))
    elif not options.out:
        is_text = options.format == "text"
        print(
            as_text(by_hops(rows), whole=True) if is_text else FORMATS[options.format](rows), end=""
        )
        if is_text:
            print("\n".join(f"{name}: {said}" for name, said in _verdicts(rows, steps)))
            print("".join(f"note: {remark}\n" for remark in remarks), end="")
    return 0 if ok else 1


def by_hops(rows: list[Row]) -> list[Row]:
    """Return a row of layers for every k, a column a construction or lower bound; - for none."""
    found: dict[int, Row] = {}
    for row in rows:
        name = row["line"].partition("/")[2]
        if row["kind"] == "lower-bound":
            name = f">= {row['line'].partition(',')[0]}"
        found.setdefault(row["k"], {"k": row["k"]})[name] = row["layers"]
    columns = dict.fromkeys(name for row in found.values() for name in row)
    return [{name: row.get(name, "-") for name in columns} for row in found.values()]


def _verdicts(rows: list[Row], steps: dict[str, tuple[int, ...]]) -> list[tuple[str, str]]:
    """Say of every construction what a doubling of k costs, and what runs have shown."""
    said = []
    for name, found in steps.items():
        own = [row for row in rows if row["line"] == name]
        compared, differ = (sum(row[what] for row in own) for what in ("compared", "differ"))
        verdict = "PASS" if all(row["ok"] for row in own) else "FAIL"
        said.append(
            (
                name,
                f"{_spelled(found)} layers where k doubles; {differ} of {compared} words that "
                f"were run differ {verdict}",
            )
        )
    return said


def _spelled(steps: tuple[int, ...]) -> str:
    """Write the steps of a line: one number where they are all the same."""
    if not steps:
        return "no"
    return f"{steps[0]:+d}" if len(steps) == 1 else f"{steps[0]:+d} to {steps[-1]:+d}"


def _draw(rows: list[Row], file: str) -> None:
    """Draw all lines, those with one layer per hop up to twice the depth of what is compiled."""
    from reductions.experiments.depth_curve import constructions

    compiled = {one.name for one in constructions() if one.compiles is not None}
    top = 2 * max(row["layers"] for row in rows if row["line"] in compiled)
    draw_depth([row for row in rows if 0 < row["layers"] <= top], file)
