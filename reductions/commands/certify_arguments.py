"""Arguments of ``anna-mpc certify``."""

from __future__ import annotations

from reductions.commands.lazy import Commands, command_of
from reductions.commands.values import certifiable, size
from reductions.registry import names


def add(commands: Commands) -> None:
    """Add the command to the parser of all commands."""
    command = commands.add_parser(
        "certify",
        help="run both sides of a theorem and compare them with an oracle and with their bounds",
    )
    command.set_defaults(run=command_of("reductions.commands.certify"))
    command.add_argument(
        "task",
        type=certifiable,
        metavar="TASK",
        help=f"{', '.join(names('task'))}, a construction such as k-hop/softmax, an algorithm (see "
        "anna-mpc list), or module:name of a protocol or algorithm of your own",
    )
    command.add_argument(
        "--n", type=size, help="tokens, words or vertices of the seeded input (256; algorithms 64)"
    )
    command.add_argument("--k", type=size, help="hops (4)")
    command.add_argument("--modulus", type=size, help="modulus of match2 (n + 5)")
    command.add_argument(
        "--epsilon", help="local memory s = c_s N^epsilon (2/3 or the algorithm's)"
    )
    command.add_argument("--gamma", help="machines P = c_p N^(1+gamma-epsilon) (0)")
    command.add_argument(
        "--seed",
        type=size,
        default=0,
        help="of the seeded input and of what the compiler draws (0)",
    )
    command.add_argument(
        "--code",
        default="syndrome",
        help="syndrome, disjunct, repetition, or printed: the rows of Lemma B.4, for small inputs",
    )
    command.add_argument(
        "--heads", default="emission", help="emission: by order; spread: few messages meet (w.h.p.)"
    )
    command.add_argument(
        "--attention",
        default="both",
        help="ema: exact match; anna: by hashing as well, with its resources; both: by hashing as "
        "well, with the resources of exact match (both)",
    )
    command.add_argument(
        "--family",
        choices=("hyperplane", "gaussian-cross-polytope", "p-stable"),
        help="of the hash functions of anna (hyperplane)",
    )
    command.add_argument(
        "--hashes", type=size, metavar="Z", help="hashes of anna (Theorem 3.4: all ids stay apart)"
    )
    command.add_argument(
        "--fan-out",
        metavar="RHO",
        help="at most N^RHO partners a machine and round, all for one in one message (as it is)",
    )
    command.add_argument(
        "--failure", default="1/100", help="most that spread heads may fail with (1/100)"
    )
    command.add_argument(
        "--precision", action="store_true", help="measure precision_bits by runs on fewer bits"
    )
    source = command.add_mutually_exclusive_group()
    source.add_argument(
        "--text", metavar="FILE", help="a token a character; - reads standard input"
    )
    source.add_argument(
        "--input",
        metavar="FILE",
        help="a word a line, of three-sum a number plus n^3; - reads standard input",
    )
    source.add_argument(
        "--graph",
        metavar="FILE",
        help="an edge 'u v' or 'u v weight' a line; - reads standard input",
    )
    command.add_argument("--words", action="store_true", help="with --text: a token a word")
    back = command.add_mutually_exclusive_group()
    back.add_argument(
        "--back",
        action="store_true",
        help="simulate the transformer on machines again (k-hop to 64 tokens, other tasks to 256)",
    )
    back.add_argument("--no-back", action="store_true", help="leave the way back out")
    command.add_argument(
        "--buckets",
        choices=("sorted", "hashed"),
        help="of the way back of a protocol: sorted, or on hashed meta machines, in fewer rounds "
        "w.h.p. (sorted)",
    )
    command.add_argument("--out", metavar="FILE", help="write the output, one word a line")
    command.add_argument(
        "--side", choices=("mpc", "transformer", "lsh", "back"), help="what --out writes"
    )
    command.add_argument("--explain", metavar="ROW", help="print the derivation of one row")
    command.add_argument("--json", action="store_true", help="print one JSON object")
