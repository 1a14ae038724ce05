"""``anna-mpc bench NAME``: timings against references, interleaved in one process."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from reductions.benchmarks import attention, certify, exact_match, k_hop, routing
from reductions.benchmarks.timing import Row, keep_freed_memory
from reductions.certify.versions import versions
from reductions.choice import Choice
from reductions.commands.tables import open_console, print_table, progress_line
from reductions.commands.usage import UsageError
from reductions.commands.values import size


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    command.set_defaults(run=run)
    command.add_argument(
        "name", choices=tuple(Benchmark), metavar="NAME", help=", ".join(Benchmark)
    )
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
    suite = Benchmark(options.name).made
    cases = _cases(suite, options)
    rows = suite.rows(cases, options.repeats, progress=progress_line())
    notes = [*_missing(suite), *suite.notes(cases)]
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
    console = open_console()
    print_table(console, table)
    for note in notes:
        console.print(f"note: {note}", soft_wrap=True)


def _cases(suite: Suite, options: argparse.Namespace) -> list[Any]:
    """Return the cases of a benchmark that are wanted.

    Raises
    ------
    UsageError
        There is none.
    """
    sizes = [getattr(case, suite.size) for case in suite.cases]
    most = max(sizes) if options.max_n is None else options.max_n
    if most < min(sizes):
        raise UsageError(f"--max-n {most} leaves no case; the smallest has {min(sizes)}")
    return [case for case, n in zip(suite.cases, sizes, strict=True) if n <= most]


def _missing(suite: Suite) -> list[str]:
    """Say which references are not installed."""
    return [
        f"{reference} is not installed: the rows against it are left out (extra: bench)"
        for reference in suite.references
        if find_spec(reference) is None
    ]


@dataclass(frozen=True)
class Suite:
    """A benchmark.

    Parameters
    ----------
    module : module
        Its ``CASES`` are what is timed.
    size : str
        The attribute of a case that ``--max-n`` bounds.
    rows : callable
        (cases, repeats, progress) -> rows.
    references : tuple of str
        Modules whose rows are left out where they are not installed.
    notes : callable
        Cases -> what else is said.
    """

    module: ModuleType
    size: str
    rows: Callable[..., list[Row]]
    references: tuple[str, ...] = ()
    notes: Callable[[list[Any]], list[str]] = lambda cases: []

    @property
    def cases(self) -> Sequence[Any]:
        """The cases, as they are when they are asked for."""
        cases: Sequence[Any] = self.module.CASES
        return cases


class Benchmark(Choice):
    """The benchmarks by name."""

    made: Suite

    ROUTING = "routing", Suite(routing, "n_rows", routing.routing_rows, ("polars",))
    K_HOP = "k-hop", Suite(k_hop, "n", k_hop.k_hop_rows)
    ATTENTION = (
        "attention",
        Suite(attention, "n_tokens", attention.attention_rows, ("torch",)),
    )
    EXACT_MATCH = (
        "exact-match",
        Suite(exact_match, "n", exact_match.exact_match_rows, exact_match.FRAMES),
    )
    CERTIFY = (
        "certify",
        Suite(certify, "n", certify.certify_rows, notes=certify.work_notes),
    )
