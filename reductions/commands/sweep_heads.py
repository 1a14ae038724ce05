"""``anna-mpc sweep heads``: heads and width of compiled k-hop against the tokens per machine."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from mpc_sim import InputError, ShapeError
from reductions.commands.files import refuse_size
from reductions.commands.inputs import load_solver
from reductions.commands.row_files import FORMATS, Row, as_text, refuse_suffix, write_rows
from reductions.commands.sweep import refuse_options
from reductions.commands.tables import progress_line
from reductions.commands.usage import UsageError
from reductions.plots import draw_heads

SCHEMA = "anna-mpc/sweep-heads/1"
TASK = "k-hop"
DEFAULT_N, DEFAULT_HOPS = 2**10, 16
BYTES_A_TOKEN = 4096
PAPER = "N^(epsilon + delta) in the paper, delta > 0; R + 1 layers here, O(R) there"


def run(options: argparse.Namespace) -> int:
    """Compile and run all rows; the exit status is 0 if outputs and bounds hold and 1 otherwise."""
    from reductions.experiments.head_curve import head_rows, width_growths
    from reductions.mpc_to_anna.codes import CodeDomainError
    from reductions.mpc_to_anna.token_groups import tokens_per_machine

    refuse_options(options, ("diameter", "epsilon", "gamma", "c_s", "c_p"), "algorithms")
    refuse_options(options, ("mechanism", "ratio", "gap"), "machines")
    refuse_options(options, ("letters", "run_tokens"), "depth")
    if len(options.seed) != 1 or (options.k and len(options.k) != 1):
        raise UsageError("--seed, --k: heads are drawn against the context, give one of each")
    sizes, (seed,), (k,) = options.n or [DEFAULT_N], options.seed, options.k or [DEFAULT_HOPS]
    if min(sizes) < 1:
        raise UsageError("--n 0: an input has at least one word")
    refuse_size(max(sizes), BYTES_A_TOKEN)
    if options.out:
        refuse_suffix(options.out)
    solver = load_solver(TASK).compiles
    line, rows = progress_line(), list[Row]()
    given = options.tokens_per_machine.split(",") if options.tokens_per_machine else ()
    try:
        chosen = [tokens_per_machine(one) for one in given]
        instances = [solver.problem.draw(n, seed, k=k) for n in sizes]
        for row in head_rows(solver, instances, chosen):
            rows.append(row)
            if line is not None:
                line("sweep", sizes.index(row["n"]), len(sizes))
    except (InputError, ShapeError, CodeDomainError) as error:
        raise UsageError(str(error)) from None
    ok = all(row["ok"] for row in rows)
    fits = width_growths(rows, solver.epsilon)
    if options.out:
        write_rows(options.out, rows, _draw)
    if options.json:
        found = [{"series": said, **asdict(fit)} for said, fit in fits]
        print(json.dumps({"schema": SCHEMA, "ok": ok, "k": k, "rows": rows, "fits": found}))
    elif not options.out:
        is_text = options.format == "text"
        print(as_text(rows, whole=True) if is_text else FORMATS[options.format](rows), end="")
        if is_text:
            print("".join(f"{said}: {fit}; {PAPER}\n" for said, fit in fits), end="")
    return 0 if ok else 1


def _draw(rows: list[Row], file: str) -> None:
    """Draw of every context the row of fewest heads: fewer tokens per machine than fit waste it."""
    fewest: dict[tuple[int, int], Row] = {}
    for row in sorted(rows, key=lambda row: -int(row["heads"])):
        fewest[row["n"], row["context_length"]] = row
    draw_heads(list(fewest.values()), file)
