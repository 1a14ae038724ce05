"""``anna-mpc separations``: the table task x architecture, every cell checked as it is printed."""

from __future__ import annotations

import argparse
import json
import time
from typing import TYPE_CHECKING

from reductions.certify.versions import versions
from reductions.commands.tables import open_console, print_table, progress_line
from reductions.commands.usage import UsageError
from reductions.registry import canonical, instead

if TYPE_CHECKING:
    from reductions.separations.cell import Cell

SCHEMA = "anna-mpc/separations/1"
LEAST_ROOM = 24
COLOURS = {"holds": "green", "fails": "red", "conditional": "yellow", "open": "dim"}


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    command.set_defaults(run=run)
    command.add_argument(
        "--task", type=canonical, metavar="PROBLEM", help="one of those that have several solvers"
    )
    command.add_argument(
        "--explain", metavar="CELL", help="print what a cell rests on: a task, or task/architecture"
    )
    command.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Print the table, or what some of its cells rest on."""
    from reductions.separations.table import table

    started = time.perf_counter()
    asked = None if options.explain is None else _asked(options.explain)
    tasks: tuple[str, ...] | None = (_task(options.task),) if options.task else None
    if asked is not None:
        if tasks and tasks != asked[:1]:
            raise UsageError(f"--explain {options.explain} is no cell of --task {options.task}")
        tasks = asked[:1]
    cells = table(tasks, progress=progress_line())
    if asked is not None and len(asked) == 2:
        cells = [cell for cell in cells if cell.architecture == asked[1]]
    unproved = [cell.name for cell in cells if not cell.proved]
    if options.json:
        report = {
            "schema": SCHEMA,
            "ok": not unproved,
            "seconds": time.perf_counter() - started,
            "versions": versions(),
            "rows": [cell.to_json() for cell in cells],
        }
        print(json.dumps(report))
    elif asked is not None:
        print("\n\n".join(cell.explain() for cell in cells))
    else:
        print_cells(cells)
    return 1 if unproved else 0


def _task(name: str) -> str:
    """Read the name of a problem that architectures are compared on."""
    from reductions.separations.table import compared

    if canonical(name) not in compared():
        raise UsageError(f"no task {name!r}; {instead(name, compared())}")
    return canonical(name)


def _asked(cell: str) -> tuple[str, ...]:
    """Read the name of a cell: a task, or task/architecture."""
    from reductions.separations.cell import ARCHITECTURES

    name, slash, architecture = cell.partition("/")
    task = _task(name)
    if not slash:
        return (task,)
    if architecture not in ARCHITECTURES:
        raise UsageError(
            f"no architecture {architecture!r}; {instead(architecture, ARCHITECTURES)}"
        )
    return task, architecture


def print_cells(cells: list[Cell]) -> None:
    """Print a table of cells and how many were checked; certificates where there is room."""
    from rich.markup import escape
    from rich.table import Table

    from reductions.separations.cell import counted

    console = open_console()
    listed = Table(box=None, pad_edge=False)
    headings = ("task", "architecture", "status", "N", "depth", "width", "certificate")
    rows = [_row(cell) for cell in cells]
    taken = sum(2 + max(len(row[at]) for row in [*rows, headings]) for at in range(6))
    room = console.width - taken
    shows_certificates = room >= LEAST_ROOM
    for heading in headings if shows_certificates else headings[:-1]:
        right = heading in ("N", "depth", "width")
        listed.add_column(heading, justify="right" if right else "left", no_wrap=True)
    before = ""
    for cell, (task, architecture, status, *sizes, told) in zip(cells, rows, strict=True):
        colour = COLOURS[cell.status] if cell.proved else "bold red"
        cut = told if len(told) <= room else told[: room - 3] + "..."
        shown = "" if task == before else task
        certificate = [escape(cut)] if shows_certificates else []
        listed.add_row(shown, architecture, f"[{colour}]{status}[/]", *sizes, *certificate)
        before = task
    print_table(console, listed)
    checked = sum(cell.status != "open" and cell.proved for cell in cells)
    left = sum(cell.status == "open" for cell in cells)
    unproved = sum(not cell.proved for cell in cells)
    tail = f", {unproved} UNPROVED" if unproved else ""
    console.print(f"{counted(checked, 'cell')} checked just now, {left} open here{tail}")
    if not shows_certificates:
        console.print("--explain TASK/ARCHITECTURE shows a certificate; a wider terminal shows all")


def _row(cell: Cell) -> tuple[str, ...]:
    sizes = ("" if size is None else str(size) for size in (cell.n or None, cell.depth, cell.width))
    status = cell.status if cell.proved else "UNPROVED"
    return cell.task, cell.architecture, status, *sizes, cell.certificate or cell.statement
