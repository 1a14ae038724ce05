"""Pajek files: ``*Vertices n`` with labels, then edges, arcs or lists of them.

Vertices are called by their labels where all have one of their own, else by their numbers 1 .. n.
Coordinates and other attributes are left out.

References
----------
Batagelj, Mrvar, Pajek: Program for Analysis and Visualization of Very Large Networks, manual.
"""

from __future__ import annotations

from array import array

import numpy as np

from mpc_sim.errors import InputError
from mpc_sim.inputs.graphs import MOST_VERTICES, Graph
from mpc_sim.inputs.reading import EdgeParts, Source, cut, ends_from_1, numbered_graph, weights_of
from mpc_sim.inputs.rows import RowError, split_row
from mpc_sim.inputs.tokens import of_rows

PAIRS, LISTS = ("*edges", "*arcs"), ("*edgeslist", "*arcslist")
Line = tuple[int, tuple[str, ...]]


def read_pajek(source: Source) -> Graph:
    """Read one network; an edge or arc is ``u v [weight]``, a line of a list ``u v w ..``."""
    n, section, labels = 0, "", dict[int, str]()
    parts, given = EdgeParts(source), array("b")
    for block in source:
        pairs, weights = list[Line](), list[Line]()
        for at, line in enumerate(block.decode().split("\n")):
            text = line.strip()
            if not text:
                continue
            if text.startswith("%"):
                source.pass_over(block, np.array([at]))
                continue
            try:
                columns = split_row(text, None).columns
            except RowError as error:
                raise source.error(at, str(error)) from None
            if text.startswith("*"):
                section = columns[0].lower()
                if section == "*network":
                    source.pass_over(block, np.array([at]))
                elif section == "*vertices":
                    n = _vertices(source, at, columns, n)
                elif section not in (*PAIRS, *LISTS) or not n:
                    raise source.error(
                        at,
                        f"{cut(text)!r}: after *Vertices n, *Edges, *Arcs, *Edgeslist and "
                        "*Arcslist are read",
                    )
                if section.startswith("*arcs"):
                    source.remark("directions are dropped: arcs (u, v) and (v, u) are one edge")
            elif section == "*vertices":
                _label(source, at, columns, n, labels)
            elif section in PAIRS:
                if len(columns) < 2:
                    raise source.error(at, f"{cut(text)!r} is no edge; write 'u v' or 'u v weight'")
                pairs.append((at, columns[:2]))
                given.append(len(columns) > 2)
                if len(columns) > 2:
                    weights.append((at, columns[2:3]))
            elif section in LISTS:
                pairs += [(at, (columns[0], other)) for other in columns[1:]]
                given.extend([0] * len(columns[1:]))
            else:
                raise source.error(at, f"{cut(text)!r} stands before *Vertices n")
        heavy = weights_of(source, of_rows(weights)) if weights else None
        if source.weighted and len(weights) < len(pairs):
            raise source.error(pairs[0][0], "an edge without a weight; the problem needs them")
        if pairs:
            ends = ends_from_1(source, of_rows(pairs), n).reshape(-1, 2)
            parts.add(n, ends, heavy)
    if not n:
        raise InputError(f"{source.name} has no line '*Vertices n'")
    if 0 < sum(given) < len(given) and not source.weighted:
        source.remark("some edges have weights and some have none")
    if len(labels) == n == len(set(labels.values())):
        return parts.graph(n, [labels[vertex] for vertex in range(n)])
    if labels:
        source.remark("vertices are called by number, as labels are missing or repeated")
    return numbered_graph(parts, n)


def _vertices(source: Source, at: int, columns: tuple[str, ...], n: int) -> int:
    if n:
        raise source.error(at, "a second *Vertices; give one network in a file")
    if len(columns) != 2 or not _is_number(columns[1]) or not 1 <= int(columns[1]) <= MOST_VERTICES:
        raise source.error(at, f"{' '.join(columns)!r}: write '*Vertices n', of one kind")
    return int(columns[1])


def _label(
    source: Source, at: int, columns: tuple[str, ...], n: int, labels: dict[int, str]
) -> None:
    number = columns[0]
    if not _is_number(number) or not 1 <= int(number) <= n:
        raise source.error(at, f"{cut(number)!r} is no vertex; vertices are 1 .. {n}")
    if len(columns) > 1:
        labels[int(number) - 1] = columns[1]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()
