"""``anna-mpc bench NAME``: timings against references, interleaved in one process."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from importlib.util import find_spec

from reductions.benchmarks import attention, certify, exact_match, k_hop, routing
from reductions.benchmarks.timing import Progress, Row, keep_freed_memory
from reductions.certify.versions import versions
from reductions.commands.tables import progress_line
from reductions.commands.usage import UsageError
from reductions.commands.values import size

BENCHMARKS = ("routing", "k-hop", "attention", "exact-match", "certify")


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    command.set_defaults(run=run)
    command.add_argument("name", choices=BENCHMARKS, metavar="NAME", help=", ".join(BENCHMARKS))
    command.add_argument("--max-n", type=size, help="leave out cases of more messages or tokens")
    command.add_argument("--repeats", type=size, default=7, help="timed runs of each (7)")
    command.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Print the rows of a benchmark."""
    if options.repeats < 1:
        raise UsageError("--repeats 0: time every contestant at least once")
    if options.max_n == 0:
        raise UsageError("--max-n 0 leaves no case; choose a larger one")
    keep_freed_memory()
    rows = _BENCHMARKS[options.name](options, progress_line())
    notes = _missing(options.name)
    if options.name == "certify":
        notes += certify.work_notes(_certify_cases(options))
    if options.json:
        report = {
            "schema": "anna-mpc/bench/1",
            "benchmark": options.name,
            "repeats": options.repeats,
            "versions": versions(),
            "rows": [row.to_json() for row in rows],
            "notes": notes,
        }
        print(json.dumps(report))
    else:
        print_rows(rows, notes)
    return 0


def print_rows(rows: list[Row], notes: list[str]) -> None:
    """Print a table of timings in milliseconds."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    table.add_column("case", overflow="fold")
    table.add_column("ours (ms)", justify="right")
    table.add_column("reference", overflow="fold")
    table.add_column("(ms)", justify="right")
    table.add_column("ratio", justify="right")
    before = None
    for row in rows:
        ours = ("", "") if row.case == before else (row.case, f"{1e3 * row.ours_s:.2f}")
        table.add_row(*ours, row.reference, f"{1e3 * row.reference_s:.2f}", f"{row.ratio:.2f}")
        before = row.case
    console = Console(highlight=False)
    console.print(table)
    for note in notes:
        console.print(f"note: {note}", soft_wrap=True)


def _routing(options: argparse.Namespace, progress: Progress | None) -> list[Row]:
    cases = [case for case in routing.CASES if case.n_rows <= (options.max_n or case.n_rows)]
    _refuse_none(options, len(cases), min(case.n_rows for case in routing.CASES))
    return routing.routing_rows(cases, options.repeats, progress=progress)


def _k_hop(options: argparse.Namespace, progress: Progress | None) -> list[Row]:
    cases = [case for case in k_hop.CASES if case.n <= (options.max_n or case.n)]
    _refuse_none(options, len(cases), min(case.n for case in k_hop.CASES))
    return k_hop.k_hop_rows(cases, options.repeats, progress=progress)


def _attention(options: argparse.Namespace, progress: Progress | None) -> list[Row]:
    cases = [case for case in attention.CASES if case.n_tokens <= (options.max_n or case.n_tokens)]
    _refuse_none(options, len(cases), min(case.n_tokens for case in attention.CASES))
    return attention.attention_rows(cases, options.repeats, progress=progress)


def _exact_match(options: argparse.Namespace, progress: Progress | None) -> list[Row]:
    cases = [case for case in exact_match.CASES if case.n <= (options.max_n or case.n)]
    _refuse_none(options, len(cases), min(case.n for case in exact_match.CASES))
    return exact_match.exact_match_rows(cases, options.repeats, progress=progress)


def _certify(options: argparse.Namespace, progress: Progress | None) -> list[Row]:
    return certify.certify_rows(_certify_cases(options), options.repeats, progress=progress)


def _certify_cases(options: argparse.Namespace) -> list[certify.Compiled]:
    cases = [case for case in certify.CASES if case.n <= (options.max_n or case.n)]
    _refuse_none(options, len(cases), min(case.n for case in certify.CASES))
    return cases


def _missing(name: str) -> list[str]:
    """Say which references are not installed."""
    wanted = {
        "routing": ("polars",),
        "exact-match": exact_match.FRAMES,
        "attention": ("torch",),
    }.get(name, ())
    return [
        f"{reference} is not installed: the rows against it are left out (extra: bench)"
        for reference in wanted
        if find_spec(reference) is None
    ]


def _refuse_none(options: argparse.Namespace, n_cases: int, least: int) -> None:
    if not n_cases:
        raise UsageError(f"--max-n {options.max_n} leaves no case; the smallest has {least}")


_BENCHMARKS: dict[str, Callable[[argparse.Namespace, Progress | None], list[Row]]] = {
    "routing": _routing,
    "k-hop": _k_hop,
    "attention": _attention,
    "exact-match": _exact_match,
    "certify": _certify,
}
