"""Reading inputs and writing outputs of commands; nothing is left half-written."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, cast

from mpc_sim.integers import as_exponent, ceil_power
from mpc_sim.saving.whole_file import replacing
from reductions.certify.host_memory import available_bytes
from reductions.commands.usage import UsageError

BYTES_A_MACHINE = 512


def read_lines(name: str) -> list[str]:
    """Read a file, or standard input for ``-``, as lines of text; only line feeds end a line."""
    lines = read_text(name).split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def content_lines(lines: list[str], name: str) -> tuple[list[str], list[str]]:
    """Return the lines that are content, without blanks around them, and a remark on the others.

    Blank lines are none, and comments: # where a blank or nothing follows it. The lines passed over
    stay as empty ones, so that errors name the right line.
    """
    texts = [line.strip() for line in lines]
    comments = [at for at, text in enumerate(texts) if re.match(r"#(\s|$)", text)]
    if not comments:
        return texts, []
    first = f"line {comments[0] + 1}: {texts[comments[0]][:60]!r}"
    for at in comments:
        texts[at] = ""
    many = "1 comment in" if len(comments) == 1 else f"{len(comments)} comments in"
    said = f"{many} {name} passed over, the first {first}"
    return texts, [said]


@contextmanager
def open_bytes(name: str) -> Iterator[BinaryIO]:
    """Open a file, or standard input for ``-``, to read its bytes."""
    if name == "-" and sys.stdin is None:
        raise UsageError("standard input is closed; give a file")
    try:
        if name != "-":
            with Path(name).open("rb") as file:
                yield file
            return
        stream = getattr(sys.stdin, "buffer", None)
        yield cast(BinaryIO, io.BytesIO(sys.stdin.read().encode()) if stream is None else stream)
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}") from None


def read_text(name: str) -> str:
    """Read a file, or standard input for ``-``.

    Line breaks of other systems are read as line feeds, and a byte order mark is no letter.
    """
    try:
        if name == "-" and sys.stdin is None:
            raise UsageError("standard input is closed; give a file")
        stream = getattr(sys.stdin, "buffer", None)
        if name != "-":
            text = Path(name).read_bytes().decode("utf-8")
        else:
            text = sys.stdin.read() if stream is None else stream.read().decode("utf-8")
    except OSError as error:
        raise UsageError(f"cannot read {name}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{name} is no UTF-8 text: byte {error.start} is damaged") from None
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def write_text(name: str, text: str) -> None:
    """Write a file whole, or leave the old one as it is.

    A pipe or a device is written as it is.
    """
    target = Path(name)
    try:
        if target.exists() and not target.is_file():
            target.write_text(text, encoding="utf-8")
            return
        with replacing(target) as file:
            file.write(text.encode())
    except OSError as error:
        raise UsageError(f"cannot write {name}: {error.strerror}") from None


def make_folder(name: str) -> Path:
    """Make a folder if it is not there."""
    folder = Path(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder {name}: {error.strerror}") from None
    return folder


def printable(letter: str) -> str:
    r"""Write a letter on one line: line breaks and ASCII control characters as escapes.

    In a longer token a backslash is two, so that no two tokens are written alike.
    """
    breaks = letter.splitlines() != [letter] or (letter.isascii() and not letter.isprintable())
    if breaks:
        return letter.encode("unicode_escape").decode("ascii")
    return letter.replace("\\", "\\\\") if len(letter) > 1 else letter


def shown_token(token: str) -> str:
    """Write a token; ``none``, which stands for no token, and what begins with a quote in quotes.

    A quote inside is two.
    """
    text = printable(token)
    is_plain = text != "none" and not (len(text) > 1 and text.startswith('"'))
    return text if is_plain else _in_quotes(text)


def shown_name(name: str) -> str:
    """Write the name of a vertex between blanks, as edge lists have it: in quotes where it must."""
    text = printable(name)
    is_plain = text and not re.search(r"\s", text) and not text.startswith('"')
    return text if is_plain and text not in ("#", "%", "//") else _in_quotes(text)


def _in_quotes(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


def refuse_size(n: int, bytes_a_word: int, epsilon: str = "0", gamma: str = "0") -> None:
    """Refuse, before allocating, an N of 0 or one whose run cannot fit this machine.

    A run takes ``bytes_a_word`` for every input word, and a row for each of N^(1 + gamma - epsilon)
    machines.
    """
    if n < 1:
        raise UsageError(f"--n {n}: an input has at least one word")
    available = available_bytes()
    exponent = min(max(as_exponent(epsilon, "epsilon"), Fraction(0)), Fraction(1))
    more = min(max(as_exponent(gamma, "gamma"), Fraction(0)), Fraction(8))
    machines = ceil_power(n, 1 + more - exponent)
    need = n * bytes_a_word + machines * BYTES_A_MACHINE
    if need > available:
        raise UsageError(
            f"{n} words need about {need / 2**30:.3g} GiB; this machine has "
            f"{available / 2**30:.3g}: choose a smaller --n, --epsilon or --gamma"
        )
