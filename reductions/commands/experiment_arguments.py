"""Arguments of ``anna-mpc experiment``."""

from __future__ import annotations

from reductions.commands.lazy import Commands, command_of
from reductions.commands.values import size

NAMES = ("match2", "induction", "k-hop")


def add(commands: Commands) -> None:
    """Add the command to the parser of all commands."""
    command = commands.add_parser(
        "experiment", help="run trained weights by hashing: figure 1 of the paper, and past it"
    )
    command.set_defaults(run=command_of("reductions.commands.experiment"))
    command.add_argument("name", choices=NAMES, metavar="NAME", help=", ".join(NAMES))
    command.add_argument("--quick", action="store_true", help="a coarse grid and fewer runs")
    command.add_argument("--runs", type=size, help="draws of the hash functions (10; quick 3)")
    command.add_argument("--samples", type=size, help="instances of the test (the paper's)")
    command.add_argument("--seed", type=size, default=0, help="of instances and hashes (0)")
    command.add_argument(
        "--weights", metavar="DIR", help="weights that --train left there, in place of the shipped"
    )
    command.add_argument(
        "--train",
        metavar="MODEL",
        help="first train this model into --weights, or go on where it stopped (extra: train)",
    )
    command.add_argument("--steps", type=size, help="train for at most so many steps")
    command.add_argument(
        "--out", metavar="FILE", help="write .csv, .parquet, .tex, .md, or draw .svg, .png, .pdf"
    )
    command.add_argument("--json", action="store_true", help="print one JSON object")
