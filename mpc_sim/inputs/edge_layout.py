"""How an edge list is laid out: what separates its columns, and which of them are ends and weights.

It is chosen by the first lines, and holds for all: a line that is laid out otherwise is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mpc_sim.inputs.rows import Row, RowError, is_comment, split_row

Separator = str | None
LOOKED_AT = 200
OTHERS = (",", ";", "|")
SOURCES = {
    *("source", "sourceid", "src", "from", "fromnode", "fromnodeid", "fromid", "node1", "nodea"),
    *("vertex1", "id1", "tail", "start"),
}
TARGETS = {
    *(
        "target",
        "targetid",
        "tgt",
        "dst",
        "dest",
        "destination",
        "to",
        "tonode",
        "tonodeid",
        "toid",
    ),
    *("node2", "nodeb", "vertex2", "id2", "head", "end"),
}
WEIGHTS = {"weight", "weights", "cost", "distance", "length", "capacity", "value"}
NUMBERS = re.compile(r"[0-9.]+(?:[ \t,;|]+[0-9.]+)+")


@dataclass(frozen=True)
class Columns:
    """Which columns of a wide line are the ends and the weight, and how many there are."""

    source: int
    target: int
    weight: int | None
    width: int

    @classmethod
    def plain(cls, width: int) -> Columns:
        """``u v`` or ``u v weight``."""
        return cls(0, 1, 2 if width == 3 else None, width)


def header(names: Sequence[str]) -> Columns | None:
    """Return the columns that a line names, None where it is no header."""
    if any(_is_number(name) for name in names):
        return None
    words = [re.sub(r"[ _.:-]", "", name.lower()) for name in names]

    def first(known: set[str]) -> int | None:
        return next((at for at, word in enumerate(words) if word in known), None)

    source, target = first(SOURCES), first(TARGETS)
    if source is None or target is None:
        return None
    return Columns(source, target, first(WEIGHTS), len(words))


def choose_separator(block: bytes, candidates: Sequence[Separator]) -> Separator:
    """Return the separator that lays the first lines out alike, or most of them.

    Tabs are taken where they do, for names hold none. Of others the one that finds weights is
    taken: ``Jon Arryn,Lysa,5`` has a comma between names, ``p|q from 0`` has blanks.

    Raises
    ------
    RowError
        Two of them do.
    """
    if len(candidates) == 1:
        return candidates[0]
    lines = []
    for line in block.decode().split("\n"):
        if line.strip() and not is_comment(line):
            lines.append(line)
        if len(lines) == LOOKED_AT:
            break
    layouts = [_Layout.of(lines, separator) for separator in candidates]
    fitting = [layout for layout in layouts if layout.fits]
    if fitting and fitting[0].separator == "\t":
        return "\t"
    if fitting:
        best = max(fitting, key=lambda layout: layout.width)
        rivals = [one for one in fitting if one.width == best.width and one is not best]
        rivals += [one for one in layouts[: layouts.index(best)] if one.has_names and not one.fits]
        others = [one.separator for one in rivals]
        if best.separator is None:
            others += [mark for mark in OTHERS if best.always & {mark}]
        if others:
            raise RowError(
                f"{lines[0][:60]!r} may be split at {_shown(others[0])} or at "
                f"{_shown(best.separator)}; put names in quotes, or choose --input-format"
            )
        return best.separator
    return max(layouts, key=lambda layout: (layout.rank, layout.separator is None)).separator


def _shown(separator: Separator) -> str:
    return "blanks" if separator is None else repr(separator)


@dataclass(frozen=True)
class _Layout:
    """How the first lines look when they are split at a separator."""

    separator: Separator
    has_names: bool = False
    fits: bool = False
    rank: tuple[int, bool, int] = (0, False, 0)
    width: int = 0
    always: frozenset[str] = frozenset()
    """Separators that stand in a name of every edge, outside of quotes."""

    @classmethod
    def of(cls, lines: list[str], separator: Separator) -> _Layout:
        rows = [row for row in (_row(line, separator) for line in lines) if row is not None]
        wide = [row for row in rows if len(row.columns) > 1]
        if not wide:
            return cls(separator)
        found = header(wide[0].columns)
        columns = found or Columns.plain(len(wide[0].columns))
        edges = wide if found is None else wide[1:]
        named = [
            row
            for row in edges
            if len(row.columns) == columns.width and _has_names(row, columns, separator)
        ]
        heavy = [row for row in named if _has_weight(row, columns)]
        n_lone = sum(len(row.columns) == 1 and _is_lone(row) for row in rows)
        has_names = len(named) == len(edges) and n_lone + len(wide) == len(lines)
        n_fitting = n_lone + len(heavy) if found or columns.width <= 3 else 0
        return cls(
            separator,
            has_names,
            has_names and n_fitting == n_lone + len(edges),
            (n_fitting, rows[0] is wide[0], len(wide)),
            columns.width,
            frozenset(mark for mark in OTHERS if all(_holds(row, mark) for row in wide)),
        )


def _row(line: str, separator: Separator) -> Row | None:
    try:
        return split_row(line, separator)
    except RowError:
        return None


def _holds(row: Row, mark: str) -> bool:
    return any(
        mark in column and not quoted
        for column, quoted in zip(row.columns, row.is_quoted, strict=True)
    )


def _is_lone(row: Row) -> bool:
    return row.is_quoted[0] or not any(mark in row.columns[0] for mark in (*OTHERS, " ", "\t"))


def _has_names(row: Row, columns: Columns, separator: Separator) -> bool:
    if columns.width == 3 and columns.weight == 2 and not row.columns[2]:
        return False  # the line ends with a separator
    for at in (columns.source, columns.target):
        name = row.columns[at]
        if not name:
            return False
        if row.is_quoted[at]:
            continue
        if NUMBERS.fullmatch(name) or (separator is None and {name[0], name[-1]} & {*OTHERS}):
            return False
    return True


def _has_weight(row: Row, columns: Columns) -> bool:
    if columns.weight is None:
        return True
    return _is_number(row.columns[columns.weight])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
