"""Graphs from text: one line per edge, names or numbers as vertices, weights if any."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mpc_sim.errors import InputError
from mpc_sim.inputs.graphs import Graph

COMMENTS = ("#", "%")


def read_edge_list(lines: Iterable[str], name: str, weighted: bool | None = None) -> Graph:
    """Read a graph, one edge per line: ``u v``, or ``u v weight``; a single name is a lone vertex.

    Columns are separated by white space, or by commas. Blank lines and lines that begin with ``#``
    or ``%`` are passed over. Vertices are numbered in the order in which they occur. Of equal edges
    one stays, with the least weight; loops are dropped, their vertex is not.

    Parameters
    ----------
    lines : iterable of str
    name : str
        Of the file, for errors.
    weighted : bool, optional
        Whether edges have a third column, an integer in 0 .. 2**62 - 1; by default the first edge
        says so for all.

    Raises
    ------
    InputError
        Naming the file and the line.
    """
    number: dict[str, int] = {}
    ends: list[int] = []
    weights: list[int] = []
    for at, line in enumerate(lines, 1):
        text = line.strip() if at > 1 else line.lstrip("\ufeff").strip()
        if not text or text.startswith(COMMENTS):
            continue
        columns = text.split() if "," not in text else _between_commas(text, name, at)
        if len(columns) == 1:
            number.setdefault(columns[0], len(number))
            continue
        if weighted is None and len(columns) in (2, 3):
            weighted = len(columns) == 3
        if len(columns) != (3 if weighted else 2):
            wanted = "'u v weight'" if weighted else "'u v'"
            raise InputError(
                f"{name}, line {at} has {len(columns)} columns; write {wanted}, as for all edges, "
                "or a single vertex"
            )
        ends.append(number.setdefault(columns[0], len(number)))
        ends.append(number.setdefault(columns[1], len(number)))
        if weighted:
            weights.append(_weight(columns[2], name, at))
    if not number:
        raise InputError(f"{name} holds no vertex; write one edge 'u v' per line")
    listed = np.array(ends, np.int64).reshape(-1, 2)
    return Graph.of(len(number), listed, weights if weighted else None, number)


def _between_commas(text: str, name: str, line: int) -> list[str]:
    columns = [column.strip() for column in text.split(",")]
    if any(len(column.split()) != 1 for column in columns):
        raise InputError(
            f"{name}, line {line}: {text[:40]!r} has a column that is empty or holds a space; "
            "separate columns by commas or by spaces"
        )
    return columns


def _weight(text: str, name: str, line: int) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 19 or int(text) >= 2**62:
        raise InputError(
            f"{name}, line {line}: weight {text[:40]!r} is no integer in 0 .. 2**62 - 1; "
            "scale and round it"
        )
    return int(text)
