"""Tables of checks on a terminal, and the progress line; shared by the commands."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reductions.bounds import Check
    from reductions.certificate import Certificate

COLOURS = {"PASS": "green", "FAIL": "bold red", "UNVERIFIED": "yellow"}


def print_certificate(certificate: Certificate) -> None:
    """Print the table of a certificate."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    listed = ", ".join(f"{name} = {value}" for name, value in certificate.parameters.items())
    console.print(f"[bold]{certificate.task}[/bold]: {listed}", soft_wrap=True)
    for remark in certificate.remarks:
        console.print(f"note: {remark}", soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    for heading in ("quantity", "measured", "bound", "slack", "kind", "status", "source"):
        right = heading in ("measured", "bound", "slack")
        table.add_column(
            heading, justify="right" if right else "left", no_wrap=True, overflow="ellipsis"
        )
    for check in certificate.checks:
        table.add_row(*_cells(check))
    console.print(table)
    verdict = "PASS" if certificate.ok else "FAIL"
    console.print(
        f"[{COLOURS[verdict]}]{verdict}[/]: {len(certificate.checks)} checks "
        f"in {certificate.seconds:.2f} s"
    )


def _cells(check: Check) -> tuple[str, ...]:
    measured = "-" if check.measured is None else str(check.measured)
    if check.compared is not None:
        measured = f"{measured} of {check.compared} differ"
    slack = "" if check.slack is None else f"{check.slack:.2f}"
    status = f"[{COLOURS[check.status]}]{check.status}[/]"
    return check.name, measured, str(check.bound), slack, check.kind, status, check.source


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
        if done == total and self._width:
            print("\r" + " " * self._width + "\r", end="", file=sys.stderr, flush=True)
            self._width = 0
        elif now - self._shown > 0.1:
            line = f"{side}: {done} of {total}"
            print(f"\r{line:<{self._width}}", end="", file=sys.stderr, flush=True)
            self._shown, self._width = now, max(self._width, len(line))
