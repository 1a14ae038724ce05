"""Arguments of ``anna-mpc simulate``."""

from __future__ import annotations

from reductions.commands.lazy import Commands, command_of
from reductions.commands.values import size
from reductions.registry import names


def add(commands: Commands) -> None:
    """Add the command to the parser of all commands."""
    command = commands.add_parser("simulate", help="run an algorithm under the limits of the model")
    command.set_defaults(run=command_of("reductions.commands.simulate"))
    algorithms = names("algorithm")
    command.add_argument(
        "algorithm", choices=algorithms, metavar="ALGORITHM", help=", ".join(algorithms)
    )
    command.add_argument("--n", type=size, help="words or vertices of the seeded input (1024)")
    source = command.add_mutually_exclusive_group()
    source.add_argument(
        "--input",
        metavar="FILE",
        help="a word a line, of three-sum a number plus n^3; - reads standard input",
    )
    source.add_argument(
        "--graph",
        metavar="FILE",
        help="an edge 'u v' or 'u v weight' a line, a lone vertex 'u'; - reads standard input",
    )
    command.add_argument("--epsilon", help="local memory s = c_s N^epsilon")
    command.add_argument("--gamma", help="machines P = c_p N^(1+gamma-epsilon)")
    command.add_argument("--seed", type=size, default=0, help="of the seeded input (0)")
    command.add_argument(
        "--charge", action="store_true", help="spread an overfull sending over deliveries, counted"
    )
    command.add_argument("--checkpoint", metavar="DIR", help="save the run there as it goes")
    command.add_argument("--resume", metavar="DIR", help="go on with the run that was saved there")
    command.add_argument(
        "--every", type=float, metavar="SECONDS", help="between checkpoints (one a round)"
    )
    command.add_argument(
        "--out",
        metavar="FILE",
        help="write the output, a word a line; of a graph 'name word' a vertex, and 'u v word' "
        "an edge, with the maximum of its words, where some edge has one that is not 0",
    )
    command.add_argument("--json", action="store_true", help="print one JSON object")
