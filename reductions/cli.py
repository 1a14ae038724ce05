"""The command ``anna-mpc``: argparse here, each command in its own file, imported when it runs."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from reductions.registry import names

DESCRIPTION = (
    "Testbed for the theory of massively parallel computation and attention: simulate MPC "
    "protocols under their limits, compile them to transformers, certify every claim."
)

BENCHMARKS = ("routing", "k-hop", "attention", "exact-match", "certify")


ATTENTION = (
    "softmax", "exact-match", "anna", "low-rank", "elu", "performer", "reformer", "sparse-low-rank",
)  # fmt: skip


class UsageError(Exception):
    """Bad usage, a malformed file or an impossible size; one line that says what to change."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see {self.prog} --help)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status.

    Returns
    -------
    int
        0 when nothing failed, 1 when a check failed, 2 for bad usage, a malformed file or an
        impossible size, 130 when interrupted.

    Examples
    --------
    >>> main(["certify", "match2", "--n", "8", "--json"])  # doctest: +ELLIPSIS
    {"schema": ...
    0
    """
    try:
        options = parser().parse_args(arguments)
        status = int(options.run(options))
        sys.stdout.flush()
        return status
    except UsageError as error:
        _complain(str(error))
        return 2
    except KeyboardInterrupt:
        _complain("interrupted")
        return 130
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # the reader left; what it read was right
            return 0
        _complain(f"cannot write the output: {error.strerror}")
        return 2


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = _Parser(prog="anna-mpc", description=DESCRIPTION)
    top.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_certify(commands)
    _add_simulate(commands)
    _add_sweep(commands)
    _add_list(commands)
    _add_attention(commands)
    _add_bench(commands)
    return top


def _complain(message: str) -> None:
    """Print one line on standard error, over a progress line if there is one."""
    clear = "\r" + " " * 79 + "\r" if sys.stderr.isatty() else ""
    print(f"{clear}anna-mpc: {message}", file=sys.stderr)


class _Version(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> NoReturn:
        from importlib.metadata import version

        print(f"anna-mpc {version('anna-mpc')}")
        parser.exit()


def _add_certify(commands: argparse._SubParsersAction[_Parser]) -> None:
    command = commands.add_parser(
        "certify",
        help="run both sides of a theorem and compare them with an oracle and with their bounds",
    )
    command.set_defaults(run=_certify)
    command.add_argument(
        "task",
        type=certifiable,
        metavar="TASK",
        help=f"{', '.join(names('task'))}, an algorithm (see anna-mpc list), or module:name of a "
        "protocol or algorithm of your own",
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
    command.add_argument("--code", default="syndrome", help="syndrome, disjunct or repetition")
    command.add_argument(
        "--heads", default="emission", help="emission: by order; spread: few messages meet (w.h.p.)"
    )
    command.add_argument(
        "--attention", default="ema", help="ema: exact match; anna: by hashing as well"
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
    source.add_argument("--input", metavar="FILE", help="a word a line; - reads standard input")
    source.add_argument(
        "--graph",
        metavar="FILE",
        help="an edge 'u v' or 'u v weight' a line; - reads standard input",
    )
    command.add_argument("--words", action="store_true", help="with --text: a token a word")
    back = command.add_mutually_exclusive_group()
    back.add_argument("--no-back", action="store_true", help="leave the way back out")
    command.add_argument("--out", metavar="FILE", help="write the output, one word a line")
    command.add_argument("--side", choices=("mpc", "transformer", "lsh"), help="what --out writes")
    command.add_argument("--explain", metavar="ROW", help="print the derivation of one row")
    command.add_argument("--json", action="store_true", help="print one JSON object")


def _add_simulate(commands: argparse._SubParsersAction[_Parser]) -> None:
    command = commands.add_parser("simulate", help="run an algorithm under the limits of the model")
    command.set_defaults(run=_simulate)
    algorithms = names("algorithm")
    command.add_argument(
        "algorithm", choices=algorithms, metavar="ALGORITHM", help=", ".join(algorithms)
    )
    command.add_argument("--n", type=size, help="words or vertices of the seeded input (1024)")
    source = command.add_mutually_exclusive_group()
    source.add_argument("--input", metavar="FILE", help="a word a line; - reads standard input")
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


def _add_sweep(commands: argparse._SubParsersAction[_Parser]) -> None:
    command = commands.add_parser(
        "sweep", help="resources of an algorithm against N, epsilon and diameter"
    )
    command.set_defaults(run=_sweep)
    algorithms = names("algorithm")
    command.add_argument(
        "algorithm", choices=algorithms, metavar="ALGORITHM", help=", ".join(algorithms)
    )
    command.add_argument(
        "--n",
        type=sizes,
        default=sizes("2^6..2^12"),
        help="words or vertices: 2^10..2^20 doubles, or a list",
    )
    command.add_argument(
        "--diameter", type=sizes, help="of graphs, such as 4,16,64: caterpillars of n vertices"
    )
    command.add_argument("--epsilon", help="exponents, separated by commas")
    command.add_argument("--gamma", help="machines P = c_p N^(1+gamma-epsilon)")
    command.add_argument("--seed", type=seeds, default=[0], help="a seed, or a range such as 0..4")
    command.add_argument(
        "--out", metavar="FILE", help="write .csv, .parquet, .tex, .md, or draw .svg, .png, .pdf"
    )
    command.add_argument(
        "--format", choices=("text", "csv", "latex", "markdown"), default="text", help="(text)"
    )
    command.add_argument("--json", action="store_true", help="print one JSON object")


def _add_list(commands: argparse._SubParsersAction[_Parser]) -> None:
    command = commands.add_parser("list", help="tasks, algorithms, mechanisms, codes, reductions")
    command.set_defaults(run=_list)
    command.add_argument("--json", action="store_true", help="print one JSON object")


def _add_attention(commands: argparse._SubParsersAction[_Parser]) -> None:
    command = commands.add_parser(
        "attention", help="run one head, check it against its definition, time it"
    )
    command.set_defaults(run=_attention)
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


def _add_bench(commands: argparse._SubParsersAction[_Parser]) -> None:
    command = commands.add_parser("bench", help="time against references in the same run")
    command.set_defaults(run=_bench)
    command.add_argument("name", choices=BENCHMARKS, metavar="NAME", help=", ".join(BENCHMARKS))
    command.add_argument("--max-n", type=size, help="leave out cases of more messages or tokens")
    command.add_argument("--repeats", type=size, default=7, help="timed runs of each (7)")
    command.add_argument("--json", action="store_true", help="print one JSON object")


def _certify(options: argparse.Namespace) -> int:
    from reductions.commands.certify import run

    return run(options)


def _attention(options: argparse.Namespace) -> int:
    from reductions.commands.attention import run

    return run(options)


def _list(options: argparse.Namespace) -> int:
    from reductions.commands.listing import run

    return run(options)


def _simulate(options: argparse.Namespace) -> int:
    from reductions.commands.simulate import run

    return run(options)


def _sweep(options: argparse.Namespace) -> int:
    from reductions.commands.sweep import run

    return run(options)


def _bench(options: argparse.Namespace) -> int:
    from reductions.commands.bench import run

    return run(options)


def certifiable(text: str) -> str:
    """Read what is to be certified: a task, an algorithm, or ``module:name``.

    Examples
    --------
    >>> certifiable("k-hop"), certifiable("columnsort"), certifiable("my.module:MyProtocol")
    ('k-hop', 'columnsort', 'my.module:MyProtocol')
    """
    known = (*names("task"), *names("algorithm"))
    module, colon, name = text.partition(":")
    if text in known or (colon and name and all(part.isidentifier() for part in module.split("."))):
        return text
    raise argparse.ArgumentTypeError(
        f"{text!r} is unknown; choose from {', '.join(known)}, or give module:name"
    )


def sizes(text: str) -> list[int]:
    """Read a list of sizes, or a range a..b that doubles from a to at most b.

    Examples
    --------
    >>> sizes("2^4..2^6"), sizes("10,30")
    ([16, 32, 64], [10, 30])
    """
    first, dots, last = text.partition("..")
    if not dots:
        return [size(part) for part in text.split(",")]
    low, high = size(first), size(last)
    if not 1 <= low <= high:
        raise argparse.ArgumentTypeError(f"{text!r} is no range: write the smaller size first")
    return [low << shift for shift in range((high // low).bit_length())]


def seeds(text: str) -> list[int]:
    """Read a seed, or a range a..b of seeds, both ends included.

    Examples
    --------
    >>> seeds("3"), seeds("0..2")
    ([3], [0, 1, 2])
    """
    first, dots, last = text.partition("..")
    if not dots:
        return [size(text)]
    low, high = size(first), size(last)
    if low > high or high - low >= 10**6:
        raise argparse.ArgumentTypeError(f"{text!r} is no range: write the smaller seed first")
    return list(range(low, high + 1))


def size(text: str) -> int:
    """Read a size: an integer, or a power such as 2^20.

    Examples
    --------
    >>> size("2^10"), size("1000")
    (1024, 1000)
    """
    base, power, exponent = text.partition("^")
    try:
        if power and not 0 <= int(exponent) < 64:
            raise ValueError
        value = int(base) ** int(exponent) if power else int(base)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no whole number such as 1000 or 2^10"
        ) from None
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative; give 0 or more")
    if value >= 2**63:
        raise argparse.ArgumentTypeError(f"{text[:40]} is 2^63 or more; give a smaller number")
    return value
