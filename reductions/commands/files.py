"""Reading inputs and writing outputs of commands; nothing is left half-written."""

from __future__ import annotations

import os
import sys
from fractions import Fraction
from pathlib import Path

from mpc_sim.integers import as_exponent, ceil_power
from reductions.cli import UsageError


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


def write_text(name: str, text: str) -> None:
    """Write a file under a temporary name and rename it; if that fails the old one stays."""
    partial = Path(f"{name}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(name)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise UsageError(f"cannot write {name}: {error.strerror}") from None


def refuse_size(n: int, bytes_a_word: int, epsilon: str = "0") -> None:
    """Refuse, before allocating, an N of 0 or one whose run cannot fit this machine.

    A run takes ``bytes_a_word`` for every input word, and with ``epsilon`` a row of N^epsilon
    numbers beside it.
    """
    if n < 1:
        raise UsageError(f"--n {n}: an input has at least one word")
    available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    exponent = min(max(as_exponent(epsilon, "epsilon"), Fraction(0)), Fraction(1))
    need = n * (bytes_a_word + 8 * ceil_power(n, exponent))
    if need > available:
        raise UsageError(
            f"--n {n} needs about {need / 2**30:.3g} GiB; this machine has "
            f"{available / 2**30:.3g}: choose a smaller --n or --epsilon"
        )
