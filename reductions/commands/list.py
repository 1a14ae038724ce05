"""``anna-mpc list``: everything in the registry."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from reductions.commands.usage import UsageError
from reductions.registry import ENTRIES, Entry, canonical, instead

if TYPE_CHECKING:
    from reductions.problems.problem import Problem

FAMILIES = ("problem", "solver")


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    command.set_defaults(run=run)
    command.add_argument(
        "name", nargs="?", help="a problem or problem/way, or any other name: all about it"
    )
    command.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Print the registry, or what has a name, as text or JSON."""
    entries = list(ENTRIES)
    if options.name is not None:
        name = canonical(options.name)
        entries = [one for one in ENTRIES if one.name == name]
        if not entries:
            raise UsageError(
                f"{options.name!r} is unknown; {instead(name, tuple(e.name for e in ENTRIES))}"
            )
    if options.json:
        rows = [
            {
                "family": entry.family,
                "name": entry.name,
                "statement": entry.statement,
                "source": entry.source,
                "file": entry.file,
                "test": entry.test,
                "notebook": entry.notebook,
                "status": entry.status,
                **({} if options.name is None else dict(details(entry))),
            }
            for entry in entries
        ]
        print(json.dumps({"schema": "anna-mpc/list/1", "entries": rows}))
        return 0
    if options.name is not None:
        for entry in entries:
            print(f"{entry.family} {entry.name}: {entry.statement}")
            for what, said in (("source", entry.source), ("file", entry.file), *details(entry)):
                print(f"  {what.replace('_', ' ')}: {said}")
        return 0
    from rich.table import Table

    from reductions.commands.tables import open_console, print_table

    table = Table(box=None, pad_edge=False)
    for heading in ("", "name", "statement", "source"):
        table.add_column(heading, overflow="fold")
    for entry in ENTRIES:
        table.add_row(entry.family, entry.name, entry.statement, entry.source)
    print_table(open_console(), table)
    return 0


def details(entry: Entry) -> list[tuple[str, str]]:
    """Return what a problem takes and writes, by name."""
    problem = getattr(entry.load(), "problem", None) if entry.family in FAMILIES else None
    if problem is None:
        return []
    options = [(f"--{one.name.replace('_', '-')}", one.help) for one in problem.parameters]
    return [("reads", problem.reads), *options, ("written_output", output_layout(problem))]


def output_layout(problem: Problem) -> str:
    """Return what stands on the lines of a written output."""
    from reductions.problems.problem import GRAPH, LETTERS, VERTEX, WORD

    if problem.reads == LETTERS:
        return (
            f"{problem.layout.says}: the letter, none where there is none; where the words are "
            "numbers, the words"
        )
    if problem.reads != GRAPH:
        return problem.layout.says
    vertices = {
        WORD: "'name word' for every vertex",
        VERTEX: "'name name' for every vertex, the second that of the vertex which is its word",
    }.get(problem.on_vertices)
    edges = "'name name word' for every edge, with the largest of its words"
    return ", then ".join(filter(None, (vertices, edges if problem.on_edges else None)))
