"""One line of an edge list: its columns, quotes, and the attributes that networkx writes last.

A column that begins with ``"`` ends with one; two of them inside are one. A quote elsewhere is a
letter.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import Any

ATTRIBUTES = re.compile(r"\{\s*(?:['\"].*)?\}\s*$")
BLANK = " \t\v\f"
BLANKS = re.compile(f"[{BLANK}]+")
MARKERS = ("#", "%", "//")


class RowError(Exception):
    """A line that cannot be split; the message says why."""


@dataclass(frozen=True)
class Row:
    """Columns of a line, whether each was quoted, and attributes."""

    columns: tuple[str, ...]
    is_quoted: tuple[bool, ...]
    attributes: dict[str, Any]


def split_row(line: str, separator: str | None) -> Row:
    """Split a line at a separator, or at blanks where it is None."""
    attributes: dict[str, Any] = {}
    around = BLANK if separator is None else BLANK.replace(separator, "")
    if "{" in line and (found := ATTRIBUTES.search(line)) is not None:
        before = line[: found.start()]
        cut = before.rstrip(around) if separator is None else before.rstrip(around)[:-1]
        if cut != before and (separator is None or before.rstrip(around).endswith(separator)):
            line, attributes = cut, _attributes(found[0])
    columns, quoted, at = list[str](), list[bool](), 0
    line = line.strip(around)
    while True:
        is_quoted = line.startswith('"', at)
        if is_quoted:
            column, at = _quoted(line, at)
        else:
            end = _next(line, separator, at)[0]
            column, at = line[at:end].rstrip(BLANK), end
            if re.search(f'[{BLANK}]"', column):
                raise RowError(
                    f"a quote stands inside {column[:60]!r}; put the whole name in quotes"
                )
        columns.append(column)
        quoted.append(is_quoted)
        end, after = _next(line, separator, at)
        if is_quoted and line[at:end].strip(BLANK):
            raise RowError(f"text follows a closing quote in {line[:60]!r}")
        if end == len(line) == after:
            return Row(tuple(columns), tuple(quoted), attributes)
        at = after


def _next(line: str, separator: str | None, at: int) -> tuple[int, int]:
    """Return where the next separator begins and ends, blanks after it included."""
    if separator is None:
        found = BLANKS.search(line, at)
        return (len(line), len(line)) if found is None else found.span()
    end = line.find(separator, at)
    if end < 0:
        return len(line), len(line)
    after = end + 1
    while after < len(line) and line[after] in BLANK and line[after] != separator:
        after += 1
    return end, after


def _quoted(line: str, at: int) -> tuple[str, int]:
    end = at + 1
    while True:
        end = line.find('"', end)
        if end < 0:
            raise RowError(f"a quote is not closed on its line: {line[at : at + 60]!r}")
        if not line.startswith('""', end):
            return line[at + 1 : end].replace('""', '"'), end + 1
        end += 2


def _attributes(text: str) -> dict[str, Any]:
    try:
        found = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        found = None
    if not isinstance(found, dict):
        raise RowError(f"the attributes {text[:60]!r} are no Python literal")
    return {str(name): value for name, value in found.items()}


def is_comment(line: str) -> bool:
    """Return whether a marker begins the line that stands alone, or a blank follows it."""
    text = line.strip(BLANK) + " "
    return any(text.startswith(marker) and text[len(marker)] in BLANK for marker in MARKERS)
