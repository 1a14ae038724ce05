"""``anna-mpc certify TASK``: arguments, the run, and what is printed and written."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from mpc_sim import InputError, MPCError, ShapeError
from reductions.commands.files import write_text
from reductions.commands.tables import print_certificate
from reductions.commands.usage import UsageError
from reductions.commands.values import certifiable, size
from reductions.registry import names

if TYPE_CHECKING:
    from reductions.certify.certificate import Certificate
    from reductions.commands.certify_inputs import Write


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    command.set_defaults(run=run)
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
        "--text", metavar="FILE", help="one token per character; - reads standard input"
    )
    source.add_argument(
        "--input",
        metavar="FILE",
        help="one word per line, of three-sum a number plus n^3; - reads standard input",
    )
    source.add_argument(
        "--graph",
        metavar="FILE",
        help="one edge 'u v' or 'u v weight' per line; - reads standard input",
    )
    command.add_argument("--words", action="store_true", help="with --text: one token per word")
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


def run(options: argparse.Namespace) -> int:
    """Certify a task; the exit status is 0 if nothing failed and 1 otherwise."""
    if options.words and options.text is None:
        raise UsageError("--words goes with --text FILE")
    if options.buckets and options.no_back:
        raise UsageError("--buckets is of the way back; leave --no-back out")
    if options.side and not options.out:
        raise UsageError("--side goes with --out FILE")
    if options.side == "lsh" and options.attention == "ema":
        raise UsageError("--side lsh is of the run by hashing; leave --attention ema out")
    if options.side == "back" and options.no_back:
        raise UsageError("--side back is of the way back; leave --no-back out")
    if options.n is not None and (options.text or options.input or options.graph):
        raise UsageError(
            "--n is for the seeded input; leave it out with --text, --input or --graph"
        )
    from reductions.commands.certify_cases import (
        CERTIFY_TASK,
        certify_by_name,
        certify_construction,
        task_of,
    )
    from reductions.mpc_to_anna.codes import CodeDomainError, CodeOverload
    from reductions.mpc_to_anna.hashed_ids import FarCollision

    options.task = task_of(options.task)
    otherwise = certify_construction if "/" in options.task else certify_by_name
    try:
        certify = CERTIFY_TASK.get(options.task, otherwise)
        certificate, write = certify(options)
    except (InputError, ShapeError, CodeDomainError) as error:
        raise UsageError(str(error)) from None
    except (MPCError, CodeOverload, FarCollision) as error:
        print(f"anna-mpc: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    row = None
    if options.explain:
        try:
            row = certificate[options.explain]
        except KeyError as error:
            raise UsageError(error.args[0]) from None
    if options.out and not _has_failed(certificate, options.side):
        write_output(options.out, certificate, options.side, write)
    if row is not None:
        print(json.dumps(row.to_json()) if options.json else row.explain())
    elif options.json:
        print(json.dumps(certificate.to_json()))
    else:
        print_certificate(certificate)
    return 0 if certificate.ok else 1


def _has_failed(certificate: Certificate, side: str | None) -> bool:
    """Tell whether a side ran and has no output: its row says so, and there is nothing to write."""
    rows = [check.name for check in certificate.checks]
    return f"output-{side}" in rows and side not in certificate.outputs


def write_output(name: str, certificate: Certificate, side: str | None, write: Write) -> None:
    """Write the output of a side."""
    side = side or next(iter(certificate.outputs))
    if side not in certificate.outputs:
        raise UsageError(f"--side {side}: this run has the sides {', '.join(certificate.outputs)}")
    write_text(name, write(certificate.outputs[side]))
