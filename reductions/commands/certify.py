"""``anna-mpc certify TASK``: read the input, run task or algorithm, print the certificate."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from mpc_sim import InputError, MPCError, ShapeError
from mpc_sim.inputs.instances import Sequence, integers
from reductions.commands.files import (
    printable,
    read_lines,
    read_text,
    refuse_size,
    write_text,
)
from reductions.commands.tables import print_certificate, progress_line
from reductions.commands.usage import UsageError
from reductions.mpc_to_anna.codes import CodeDomainError, CodeOverload

if TYPE_CHECKING:
    from anna_model.lsh import Family
    from reductions.certify.certificate import Certificate
    from reductions.mpc_to_anna.options import CompilerOptions
    from reductions.problems.algorithm import Words

    Write = Callable[[Words], str]

DEFAULT_N = 256
MOST_BACK = {"k-hop": 64, "match2": 256, "sum": 256, "induction-heads": 256}
"""Up to so many tokens the way back is taken unless it is left out."""

BYTES_A_TOKEN = 4096  # beside the values of the init layer: a row of block words for each token


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
    from reductions.commands.certify_algorithm import certify_by_name
    from reductions.commands.certify_construction import certify_construction, task_of
    from reductions.commands.certify_task import CERTIFY_TASK
    from reductions.mpc_to_anna.hashed_ids import FarCollision

    options.task = task_of(options.task)
    otherwise = certify_construction if "/" in options.task else certify_by_name
    try:
        certify = (_TASKS | CERTIFY_TASK).get(options.task, otherwise)
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


def compiler_options(options: argparse.Namespace) -> CompilerOptions:
    """Read the options of the compiler."""
    from reductions.mpc_to_anna.options import CompilerOptions

    return CompilerOptions(
        options.code,
        options.heads,
        options.attention,
        options.failure,
        options.seed,
        options.fan_out,
        options.hashes,
        _family(options.family),
    )


def _family(name: str | None) -> Family | None:
    from anna_model.lsh import CrossPolytope, Hyperplane, PStable

    families: dict[str, Callable[[], Family]] = {
        "hyperplane": Hyperplane,
        "gaussian-cross-polytope": lambda: CrossPolytope("gaussian"),
        "p-stable": lambda: PStable(1.0),
    }
    return families[name]() if name else None


def there_and_back(
    options: argparse.Namespace, is_affordable: bool, certify: Callable[[bool], Certificate]
) -> Certificate:
    """Certify with the way back where it was asked for, or is affordable and not left out.

    What was not asked for and does not fit is left out, with a remark.
    """
    from reductions.certify.way_back import NoWayBack

    if options.back or (is_affordable and not options.no_back):
        try:
            return certify(True)
        except NoWayBack as error:
            if options.back:
                raise
            certificate = certify(False)
            return replace(certificate, remarks=(*certificate.remarks, str(error)))
    return certify(False)


def _k_hop(options: argparse.Namespace) -> tuple[Certificate, Write]:
    from reductions.constructions.k_hop import certify_k_hop

    epsilon, gamma = options.epsilon or "2/3", options.gamma or "0"
    if options.n is not None:
        refuse_size(options.n, BYTES_A_TOKEN, epsilon, gamma)
    if options.modulus is not None:
        raise UsageError("--modulus is for match2")
    sequence = read_sequence(options)
    refuse_size(len(sequence), BYTES_A_TOKEN, epsilon, gamma)
    certificate = there_and_back(
        options,
        len(sequence) <= MOST_BACK["k-hop"],
        lambda back: certify_k_hop(
            sequence,
            4 if options.k is None else options.k,
            epsilon,
            gamma,
            options=compiler_options(options),
            precision=options.precision,
            back=back and (options.buckets or "sorted"),
            progress=progress_line(),
        ),
    )
    letters = ("none", *(printable(letter) for letter in sequence.alphabet))
    return with_seed(certificate, options), lettered(letters)


def read_sequence(options: argparse.Namespace) -> Sequence:
    """Read the letters that the options name, or draw them."""
    if options.graph is not None:
        raise UsageError(f"{options.task} takes a text: give --text FILE or --input FILE")
    if options.text is not None:
        text = read_text(options.text)
        return Sequence.of(text.split() if options.words else text)
    if options.input is not None:
        lines = (line.strip() for line in read_lines(options.input))
        return Sequence.of(line for line in lines if line)
    n = DEFAULT_N if options.n is None else options.n
    refuse_size(n, BYTES_A_TOKEN)
    return Sequence.random(n, seed=options.seed)


def _match2(options: argparse.Namespace) -> tuple[Certificate, Write]:
    from reductions.constructions.match2 import certify_match2
    from reductions.problems.words import random_numbers

    if options.k is not None:
        raise UsageError("--k is for k-hop")
    if options.epsilon or options.gamma:
        raise UsageError("--epsilon and --gamma are for protocols; leave them out")
    refuse_compiler_options(options)
    if options.n is not None:
        refuse_size(options.n, BYTES_A_TOKEN)  # its heads are 1 wide: no rows of blocks
    if options.text is not None or options.graph is not None:
        raise UsageError("match2 takes numbers: give --input FILE with one integer a line")
    if options.input is not None:
        numbers = integers(read_lines(options.input), options.input)
        modulus = read_modulus(options.modulus, len(numbers))
    else:
        n = DEFAULT_N if options.n is None else options.n
        modulus = read_modulus(options.modulus, n)
        numbers = random_numbers(n, modulus, seed=options.seed)
    certificate = there_and_back(
        options,
        len(numbers) <= MOST_BACK["match2"],
        lambda back: certify_match2(numbers, modulus, back=back, progress=progress_line()),
    )
    return with_seed(certificate, options), lettered(("0", "1"))


def refuse_compiler_options(options: argparse.Namespace) -> None:
    """Refuse what says how a protocol is compiled, where none is.

    Raises
    ------
    UsageError
    """
    if options.precision:
        raise UsageError("--precision is for protocols; leave it out")
    if options.buckets:
        raise UsageError("--buckets is for protocols; leave it out")
    names = options.code, options.heads, options.attention
    numbers = options.family, options.hashes, options.fan_out
    if names != ("syndrome", "emission", "both") or numbers != (None, None, None):
        raise UsageError(
            "--code, --heads, --attention, --family, --hashes and --fan-out are for protocols; "
            "leave them out"
        )


def read_modulus(given: int | None, n: int) -> int:
    """Return the modulus that is given, or the default for n numbers."""
    from reductions.problems.words import default_modulus

    if given == 0:
        raise UsageError("--modulus 0: choose it at least 1")
    return default_modulus(n) if given is None else given


_TASKS = {"k-hop": _k_hop, "match2": _match2}


def with_seed(certificate: Certificate, options: argparse.Namespace) -> Certificate:
    """Note the seed of the input, where it was drawn."""
    drawn = options.text is None and options.input is None and options.graph is None
    assert isinstance(certificate.parameters, dict)
    certificate.parameters["seed"] = options.seed if drawn else None
    return certificate


def lettered(letters: tuple[str, ...]) -> Write:
    """Write output words one a line, in the alphabet of the input."""
    return lambda output: "".join(f"{letters[word]}\n" for word in output.tolist())


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
