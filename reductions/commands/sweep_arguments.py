"""Arguments of ``anna-mpc sweep``."""

from __future__ import annotations

from reductions.commands.lazy import Commands, command_of
from reductions.commands.values import seeds, size, sizes
from reductions.registry import names

OTHERS = ("machines", "depth", "bounds")
"""What can be swept and is no algorithm: a command in ``sweep_...``."""


def add(commands: Commands) -> None:
    """Add the command to the parser of all commands."""
    command = commands.add_parser(
        "sweep",
        help="resources of an algorithm, or machines of attention, against N; depth against k",
    )
    command.set_defaults(run=command_of("reductions.commands.sweep"))
    algorithms = names("algorithm")
    command.add_argument(
        "algorithm",
        choices=(*algorithms, *OTHERS),
        metavar="ALGORITHM",
        help=f"{', '.join(algorithms)}; machines: those of softmax, ANNA, exact match and low rank "
        "when they are simulated; depth: layers of k-hop against k, by every construction; "
        "bounds: lower and upper sides of tasks in one table",
    )
    command.add_argument(
        "--n",
        type=sizes,
        help="words or vertices: 2^10..2^20 doubles, or a list (2^6..2^12; machines 2^5..2^9; "
        "depth 2^13 alone)",
    )
    command.add_argument(
        "--diameter", type=sizes, help="of graphs, such as 4,16,64: caterpillars of n vertices"
    )
    command.add_argument("--epsilon", help="exponents, separated by commas")
    command.add_argument("--gamma", help="machines P = c_p N^(1+gamma-epsilon)")
    command.add_argument(
        "--mechanism", help="of machines: some of softmax, anna, exact-match, low-rank (all)"
    )
    command.add_argument("--ratio", help="of machines: c of anna, separated by commas (10,16,20)")
    command.add_argument("--gap", help="of machines: local memory c_b N^gap (1/2)")
    command.add_argument("--k", type=sizes, help="of depth: hops (1..2^12)")
    command.add_argument("--letters", type=size, help="of depth: letters, A (16)")
    command.add_argument(
        "--run",
        dest="run_tokens",
        type=size,
        help="of depth: tokens of the runs that are compared with the oracle, 0 for none (256)",
    )
    command.add_argument("--seed", type=seeds, default=[0], help="a seed, or a range such as 0..4")
    command.add_argument(
        "--out", metavar="FILE", help="write .csv, .parquet, .tex, .md, or draw .svg, .png, .pdf"
    )
    command.add_argument(
        "--format", choices=("text", "csv", "latex", "markdown"), default="text", help="(text)"
    )
    command.add_argument("--json", action="store_true", help="print one JSON object")
