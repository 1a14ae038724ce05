"""Arguments of ``anna-mpc bench``."""

from __future__ import annotations

from reductions.commands.lazy import Commands, command_of
from reductions.commands.values import size

BENCHMARKS = ("routing", "k-hop", "attention", "exact-match", "certify")


def add(commands: Commands) -> None:
    """Add the command to the parser of all commands."""
    command = commands.add_parser("bench", help="time against references in the same run")
    command.set_defaults(run=command_of("reductions.commands.bench"))
    command.add_argument("name", choices=BENCHMARKS, metavar="NAME", help=", ".join(BENCHMARKS))
    command.add_argument("--max-n", type=size, help="leave out cases of more messages or tokens")
    command.add_argument("--repeats", type=size, default=7, help="timed runs of each (7)")
    command.add_argument("--json", action="store_true", help="print one JSON object")
