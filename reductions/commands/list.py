"""``anna-mpc list``: everything in the registry."""

from __future__ import annotations

import argparse
import json

from reductions.registry import ENTRIES


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    command.set_defaults(run=run)
    command.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Print the registry as text or JSON."""
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
            }
            for entry in ENTRIES
        ]
        print(json.dumps({"schema": "anna-mpc/list/1", "entries": rows}))
        return 0
    from rich.table import Table

    from reductions.commands.tables import open_console

    table = Table(box=None, pad_edge=False)
    for heading in ("", "name", "statement", "source"):
        table.add_column(heading, overflow="fold")
    for entry in ENTRIES:
        table.add_row(entry.family, entry.name, entry.statement, entry.source)
    open_console().print(table)
    return 0
