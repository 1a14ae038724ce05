"""Tables of checks on a terminal, and the progress line; shared by the commands."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from reductions.commands.usage import UsageError

if TYPE_CHECKING:
    from rich.console import Console, JustifyMethod
    from rich.table import Table

    from reductions.bounds import Check
    from reductions.certify.certificate import Certificate

LEAST_WIDTH = 80
HEADINGS = ("quantity", "measured", "bound", "slack", "kind", "status", "source")
COLOURS = {"PASS": "green", "FAIL": "bold red", "UNVERIFIED": "yellow"}


def print_certificate(certificate: Certificate) -> None:
    """Print the table of a certificate."""
    from rich.table import Table
    from rich.text import Text

    console = open_console()
    listed = ", ".join(f"{name} = {value}" for name, value in certificate.parameters.items())
    console.print(Text.assemble((certificate.task, "bold"), f": {listed}"), soft_wrap=True)
    for remark in certificate.remarks:
        console.print(f"note: {remark}", soft_wrap=True, markup=False)
    table = Table(box=None, pad_edge=False)
    for heading in HEADINGS:
        right = heading in ("measured", "bound", "slack")
        table.add_column(
            heading,
            justify="right" if right else "left",
            no_wrap=heading != "source",
            overflow="fold",
            min_width=8 if heading == "source" else None,
        )
    for check in certificate.checks:
        *cells, status, source = _cells(check)
        table.add_row(*map(Text, cells), Text(status, COLOURS[status]), Text(source))
    print_table(console, table)
    for line in _stated(certificate):
        console.print(line, soft_wrap=True)
    if certificate.facts:
        facts = Table(box=None, pad_edge=False)
        for heading in ("fact, no check", "value", "source"):
            justify: JustifyMethod = "right" if heading == "value" else "left"
            is_long = heading == "source"
            facts.add_column(heading, justify=justify, no_wrap=not is_long, overflow="fold")
        for fact in certificate.facts:
            facts.add_row(fact.name, str(fact.value), fact.source)
        print_table(console, facts)
    verdict = "PASS" if certificate.ok else "FAIL"
    compiled = certificate.compile_seconds
    after = f", after {compiled:.2f} s of compilation (once per machine)" if compiled else ""
    console.print(
        f"[{COLOURS[verdict]}]{verdict}[/]: {len(certificate.checks)} checks "
        f"in {certificate.seconds:.2f} s{after}"
    )


def _stated(certificate: Certificate) -> list[str]:
    """Return a line for all that a paper states of rows, with the constants of the bounds."""
    rows: dict[str, list[str]] = {}
    for check in certificate.checks:
        if check.paper is not None:
            constant = "" if check.constant is None else f" {check.constant:.3g}"
            said = f"{check.paper.text}, {check.paper.theorem}"
            rows.setdefault(said, []).append(f"{check.name}{constant}")
    return [f"constants of {said}: {', '.join(found)}" for said, found in rows.items()]


def explained(certificate: Certificate, name: str | None) -> Check | None:
    """Return the row that is to be explained.

    Raises
    ------
    UsageError
        There is none of that name.
    """
    try:
        return None if name is None else certificate[name]
    except KeyError as error:
        raise UsageError(error.args[0]) from None


def open_console() -> Console:
    """Return a console on standard output that reports a reader who left, as ``print`` does."""
    from rich.console import Console

    class Reporting(Console):
        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    console = Reporting(highlight=False)
    console.width = max(console.width, LEAST_WIDTH)
    return console


def print_table(console: Console, table: Table) -> None:
    """Print a table at least as wide as its columns need; a narrower terminal breaks the lines."""
    from rich.measure import Measurement

    anything = console.options.update(max_width=10**4)
    console.width = max(console.width, Measurement.get(console, anything, table).minimum)
    console.print(table)


def _cells(check: Check) -> tuple[str, ...]:
    measured = "-" if check.measured is None else str(check.measured)
    if check.compared is not None:
        measured = f"{measured} of {check.compared} differ"
    slack = "" if check.slack is None else f"{check.slack:.2f}"
    kind = f"{check.kind}, not tight" if check.is_tight is False else check.kind
    return (
        *(check.name, measured, str(check.bound), slack, kind, check.status),
        check.source,
    )


def progress_line() -> ProgressLine | None:
    """Return a progress line on standard error if that is a terminal, else None."""
    return ProgressLine() if sys.stderr.isatty() else None


class ProgressLine:
    """A line on standard error that is rewritten at most ten times a second."""

    def __init__(self) -> None:
        self._shown = time.monotonic()
        self._width = 0

    def __call__(self, side: str, done: int, total: int) -> None:
        now = time.monotonic()
        if done == total:  # nothing is left on the screen, however long the last part took
            if self._width:
                print("\r" + " " * self._width + "\r", end="", file=sys.stderr, flush=True)
            self._width = 0
        elif now - self._shown > 0.1:
            line = f"{side}: {done} of {total}"
            print(f"\r{line:<{self._width}}", end="", file=sys.stderr, flush=True)
            self._shown, self._width = now, max(self._width, len(line))
