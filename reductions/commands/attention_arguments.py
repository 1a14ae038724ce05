"""Arguments of ``anna-mpc attention``."""

from __future__ import annotations

from reductions.commands.lazy import Commands, command_of
from reductions.commands.values import size

ATTENTION = (
    "softmax", "exact-match", "anna", "low-rank", "elu", "performer", "reformer", "sparse-low-rank",
)  # fmt: skip


def add(commands: Commands) -> None:
    """Add the command to the parser of all commands."""
    command = commands.add_parser(
        "attention", help="run one head, check it against its definition, time it"
    )
    command.set_defaults(run=command_of("reductions.commands.attention"))
    command.add_argument(
        "mechanism", choices=ATTENTION, metavar="MECHANISM", help=", ".join(ATTENTION)
    )
    command.add_argument("--n", type=size, help="queries and keys of the seeded input (1024)")
    command.add_argument("--width", type=size, help="width of queries, keys and values (64)")
    command.add_argument("--clusters", type=size, default=32, help="clusters of the input (32)")
    command.add_argument("--spread", type=float, default=0.1, help="noise around a centre (0.1)")
    for part in ("queries", "keys", "values"):
        command.add_argument(f"--{part}", metavar="FILE", help="a matrix as .npy, a row a token")
    command.add_argument("--seed", type=size, default=0, help="of input and mechanism (0)")
    command.add_argument("--beta", type=float, default=1.0, help="multiplies inner products (1)")
    command.add_argument("--causal", action="store_true", help="query i sees the keys up to i")
    command.add_argument("--float32", action="store_true", help="compute in float32")
    command.add_argument(
        "--family",
        choices=("cross-polytope", "gaussian-cross-polytope", "hyperplane", "p-stable"),
        default="cross-polytope",
        help="of the hash functions of anna (cross-polytope)",
    )
    command.add_argument("--tables", type=size, default=8, help="l, tables of anna (8)")
    command.add_argument("--hashes", type=size, default=1, help="z, hashes of a table (1)")
    command.add_argument("--cell", type=float, default=1.0, help="cell width of p-stable (1)")
    command.add_argument("--algorithm", type=int, choices=(1, 2), default=1, help="of anna (1)")
    command.add_argument(
        "--distance", type=float, metavar="R", help="check the definition of ANNA: near is within R"
    )
    command.add_argument("--ratio", type=float, default=2.0, help="far is beyond ratio * R (2)")
    command.add_argument("--features", type=size, default=64, help="random features (64)")
    command.add_argument("--codes", type=size, default=16, help="hash codes to sort by, even (16)")
    command.add_argument("--chunk", type=size, default=64, help="rows of a sorted chunk (64)")
    command.add_argument("--rounds", type=size, default=1, help="rounds of Reformer (1)")
    command.add_argument("--repeats", type=size, default=5, help="timed runs (5)")
    command.add_argument("--out", metavar="FILE", help="write the output as .npy")
    command.add_argument("--json", action="store_true", help="print one JSON object")
