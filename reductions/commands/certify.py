"""``anna-mpc certify TASK``: read the input, run the task, print the certificate."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from mpc_sim import InputError, ShapeError
from mpc_sim.instances import Sequence, integers
from mpc_sim.integers import as_exponent, ceil_power
from reductions.cli import UsageError
from reductions.codes import CodeDomainError

if TYPE_CHECKING:
    from reductions.bounds import Check
    from reductions.certificate import Certificate

DEFAULT_N = 256
BYTES_A_TOKEN = 4096  # beside the values of the init layer: a row of block words for each token
COLOURS = {"PASS": "green", "FAIL": "bold red", "UNVERIFIED": "yellow"}


def run(options: argparse.Namespace) -> int:
    """Certify a task; the exit status is 0 if nothing failed and 1 otherwise."""
    if options.words and options.text is None:
        raise UsageError("--words goes with --text FILE")
    if options.side and not options.out:
        raise UsageError("--side goes with --out FILE")
    if options.n is not None and (options.text or options.input):
        raise UsageError("--n is for the seeded input; leave it out with --text or --input")
    try:
        if options.n is not None:
            refuse_size(options.n, options.epsilon)
        certificate, letters = _TASKS[options.task](options)
    except (InputError, ShapeError, CodeDomainError) as error:
        raise UsageError(str(error)) from None
    if options.out:
        write_output(options.out, certificate, options.side, letters)
    if options.explain:
        try:
            row = certificate[options.explain]
        except KeyError as error:
            raise UsageError(error.args[0]) from None
        print(json.dumps(row.to_json()) if options.json else row.explain())
    elif options.json:
        print(json.dumps(certificate.to_json()))
    else:
        print_certificate(certificate)
    return 0 if certificate.ok else 1


def refuse_size(n: int, epsilon: str) -> None:
    """Refuse, before allocating, an N of 0 or one whose run cannot fit this machine."""
    if n < 1:
        raise UsageError(f"--n {n}: an input has at least one word")
    available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    exponent = as_exponent(epsilon, "epsilon")
    need = n * (BYTES_A_TOKEN + 8 * ceil_power(n, min(max(exponent, Fraction(0)), Fraction(1))))
    if need > available:
        raise UsageError(
            f"--n {n} needs about {need / 2**30:.3g} GiB; this machine has "
            f"{available / 2**30:.3g}: choose a smaller --n or --epsilon"
        )


def read_lines(name: str) -> list[str]:
    """Read a file, or standard input for ``-``, as lines of text."""
    return read_text(name).splitlines()


def read_text(name: str) -> str:
    """Read a file, or standard input for ``-``."""
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is no UTF-8 text: byte {error.start} is damaged") from None


def _k_hop(options: argparse.Namespace) -> tuple[Certificate, tuple[str, ...]]:
    from reductions.tasks.k_hop import certify_k_hop

    if options.modulus is not None:
        raise UsageError("--modulus is for match2")
    if options.text is not None:
        text = read_text(options.text)
        sequence = Sequence.of(text.split() if options.words else text)
    elif options.input is not None:
        lines = (line.strip() for line in read_lines(options.input))
        sequence = Sequence.of(line for line in lines if line)
    else:
        sequence = Sequence.random(options.n or DEFAULT_N, seed=options.seed)
    refuse_size(len(sequence), options.epsilon)
    certificate = certify_k_hop(
        sequence, options.k, options.epsilon, options.gamma, progress=progress_line()
    )
    return _with_seed(certificate, options), ("none", *sequence.alphabet)


def _match2(options: argparse.Namespace) -> tuple[Certificate, tuple[str, ...]]:
    from reductions.tasks.match2 import certify_match2, default_modulus, random_numbers

    if options.text is not None:
        raise UsageError("match2 takes numbers: give --input FILE with one integer a line")
    if options.input is not None:
        numbers = integers(read_lines(options.input), options.input)
        modulus = options.modulus or default_modulus(len(numbers))
    else:
        n = options.n or DEFAULT_N
        modulus = options.modulus or default_modulus(n)
        numbers = random_numbers(n, modulus, seed=options.seed)
    certificate = certify_match2(numbers, modulus, progress=progress_line())
    return _with_seed(certificate, options), ("0", "1")


_TASKS = {"k-hop": _k_hop, "match2": _match2}


def _with_seed(certificate: Certificate, options: argparse.Namespace) -> Certificate:
    drawn = options.text is None and options.input is None
    assert isinstance(certificate.parameters, dict)
    certificate.parameters["seed"] = options.seed if drawn else None
    return certificate


def write_output(
    name: str, certificate: Certificate, side: str | None, letters: tuple[str, ...]
) -> None:
    """Write the output words of a side, one a line, in the alphabet of the input."""
    side = side or next(iter(certificate.outputs))
    if side not in certificate.outputs:
        raise UsageError(f"--side {side}: this run has the sides {', '.join(certificate.outputs)}")
    lines = "".join(f"{letters[word]}\n" for word in certificate.outputs[side].tolist())
    try:
        partial = Path(f"{name}.partial")
        partial.write_text(lines, encoding="utf-8")
        partial.replace(name)
    except OSError as error:
        raise UsageError(f"cannot write {name}: {error.strerror}") from None


def print_certificate(certificate: Certificate) -> None:
    """Print the table of a certificate."""
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    listed = ", ".join(f"{name} = {value}" for name, value in certificate.parameters.items())
    console.print(f"[bold]{certificate.task}[/bold]: {listed}", soft_wrap=True)
    for remark in certificate.remarks:
        console.print(f"note: {remark}", soft_wrap=True)
    table = Table(box=None, pad_edge=False)
    for heading in ("quantity", "measured", "bound", "slack", "kind", "status", "source"):
        right = heading in ("measured", "bound", "slack")
        table.add_column(heading, justify="right" if right else "left", no_wrap=heading != "source")
    for check in certificate.checks:
        table.add_row(*_cells(check))
    console.print(table)
    verdict = "PASS" if certificate.ok else "FAIL"
    console.print(
        f"[{COLOURS[verdict]}]{verdict}[/]: {len(certificate.checks)} checks "
        f"in {certificate.seconds:.2f} s"
    )


def _cells(check: Check) -> tuple[str, ...]:
    measured = "-" if check.measured is None else str(check.measured)
    if check.compared is not None:
        measured = f"{measured} of {check.compared} differ"
    slack = "" if check.slack is None else f"{check.slack:.2f}"
    status = f"[{COLOURS[check.status]}]{check.status}[/]"
    return check.name, measured, str(check.bound), slack, check.kind, status, check.source


def progress_line() -> ProgressLine | None:
    """Return a progress line on standard error if that is a terminal, else None."""
    return ProgressLine() if sys.stderr.isatty() else None


class ProgressLine:
    """A line on standard error that is rewritten at most ten times a second."""

    def __init__(self) -> None:
        self._shown = time.monotonic()
        self._width = 0

    def __call__(self, side: str, done: int, total: int) -> None:
        now = time.monotonic()
        if done == total and self._width:
            print("\r" + " " * self._width + "\r", end="", file=sys.stderr, flush=True)
            self._width = 0
        elif now - self._shown > 0.1:
            line = f"{side}: {done} of {total}"
            print(f"\r{line:<{self._width}}", end="", file=sys.stderr, flush=True)
            self._shown, self._width = now, max(self._width, len(line))
