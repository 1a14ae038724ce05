"""Arguments of ``anna-mpc list``."""

from __future__ import annotations

from reductions.commands.lazy import Commands, command_of


def add(commands: Commands) -> None:
    """Add the command to the parser of all commands."""
    command = commands.add_parser("list", help="tasks, algorithms, mechanisms, codes, reductions")
    command.set_defaults(run=command_of("reductions.commands.listing"))
    command.add_argument("--json", action="store_true", help="print one JSON object")
