"""DIMACS files: ``p edge n m`` with lines ``e u v``, ``p sp n m`` with lines ``a u v weight``.

Vertices are 1 .. n, those without an edge too; ``c`` lines are comments, ``n`` lines, values of
vertices, are passed over.

References
----------
DIMACS Implementation Challenges 2 (1993) and 9 (2006).
"""

from __future__ import annotations

import numpy as np

from mpc_sim.errors import InputError
from mpc_sim.inputs.graphs import MOST_VERTICES, Graph
from mpc_sim.inputs.reading import EdgeParts, Source, ends_from_1, numbered_graph, weights_of
from mpc_sim.inputs.tokens import Tokens, between_blanks

LINES = {"edge": ("e", 3), "edges": ("e", 3), "col": ("e", 3), "sp": ("a", 4)}


def read_dimacs(source: Source) -> Graph:
    """Read a graph with its header; edges that are listed in both directions are one."""
    letter, width, n, m = "", 0, 0, 0
    parts = EdgeParts(source)
    for block in source:
        tokens = between_blanks(block)
        begins = tokens.begins
        heads = tokens.take(begins)
        letters = tokens.text[heads.starts]
        if not n and np.any(letters == ord("p")):
            at = np.flatnonzero(begins)[int(np.argmax(letters == ord("p")))]
            letter, width, n, m = _header(source, tokens, int(at))
        wrong = ~np.isin(letters, [*f"cnp{letter}".encode()]) | (
            (heads.lengths != 1) & (letters != ord("c"))
        )
        if np.any(wrong):
            at = int(np.argmax(wrong))
            raise source.error(
                int(heads.lines[at]),
                f"{heads[at]!r} begins no line of a DIMACS file"
                f"{' after p' if n else ' before its line p'}",
            )
        lines = heads.lines[letters == ord("p")]
        if len(lines) > 1:
            raise source.error(int(lines[1]), "a second line p; give one graph")
        source.pass_over(block, heads.lines[(letters == ord("c")) | (letters == ord("n"))])
        if n:
            edges = np.isin(tokens.lines, heads.lines[letters == ord(letter)])
            _add(source, parts, tokens.take(edges), width, n)
    if not n:
        raise InputError(f"{source.name} has no line 'p edge n m' or 'p sp n m'")
    graph = numbered_graph(parts, n)
    if m not in (source.n_listed, graph.n_edges, 2 * source.n_listed):
        raise InputError(
            f"{source.name} lists {source.n_listed} edges, its line p says {m}; is it cut off?"
        )
    return graph


def _add(source: Source, parts: EdgeParts, tokens: Tokens, width: int, n: int) -> None:
    counts = tokens.per_line
    if np.any(counts != width):
        at = int(np.argmax(counts != width))
        raise source.error(int(tokens.lines[at]), f"{counts[at]} columns; give {width}")
    rows = np.arange(0, len(tokens), width)
    ends = ends_from_1(source, tokens.take(np.sort(np.append(rows + 1, rows + 2))), n)
    weights = weights_of(source, tokens.take(rows + 3)) if width == 4 else None
    parts.add(n, ends.reshape(-1, 2), weights)


def _header(source: Source, tokens: Tokens, at: int) -> tuple[str, int, int, int]:
    words = [tokens[at + place] for place in range(tokens.per_line[at])]
    line = int(tokens.lines[at])
    if len(words) != 4 or not all(word.isascii() and word.isdigit() for word in words[2:]):
        raise source.error(line, f"{' '.join(words)!r}: write 'p edge n m' or 'p sp n m'")
    kind, (n, m) = words[1], map(int, words[2:])
    if kind not in LINES:
        raise source.error(line, f"p {kind} is not read; {', '.join(LINES)} are")
    if not 1 <= n <= MOST_VERTICES:
        raise source.error(line, f"n = {n}: give 1 .. 2^31 vertices")
    letter, width = LINES[kind]
    if source.weighted and width == 3:
        raise InputError(f"{source.name} is 'p {kind}', without weights; give 'p sp'")
    if width == 4:
        source.remark("directions are dropped: arcs (u, v) and (v, u) are one edge")
    return letter, width, n, m
