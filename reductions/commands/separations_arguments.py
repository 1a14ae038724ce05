"""Arguments of ``anna-mpc separations``."""

from __future__ import annotations

from reductions.commands.lazy import Commands, command_of
from reductions.registry import names


def add(commands: Commands) -> None:
    """Add the command to the parser of all commands."""
    command = commands.add_parser(
        "separations", help="what each architecture can do, built and refuted as the table is made"
    )
    command.set_defaults(run=command_of("reductions.commands.separations"))
    command.add_argument(
        "--task", choices=names("task"), metavar="TASK", help=f"one of {', '.join(names('task'))}"
    )
    command.add_argument(
        "--explain", metavar="CELL", help="print what a cell rests on: a task, or task/architecture"
    )
    command.add_argument("--json", action="store_true", help="print one JSON object")
