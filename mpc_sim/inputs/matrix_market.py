"""Matrix Market files: the graph of a square sparse matrix, an edge for every entry.

References
----------
Boisvert, Pozo, Remington, The Matrix Market Exchange Formats, NISTIR 5935 (1996).
"""

from __future__ import annotations

import numpy as np

from mpc_sim.errors import InputError
from mpc_sim.inputs.graphs import MOST_VERTICES, Graph
from mpc_sim.inputs.reading import EdgeParts, Source, ends_from_1, numbered_graph, weights_of
from mpc_sim.inputs.tokens import between_blanks

VALUES = {"pattern": 0, "real": 1, "integer": 1}
SYMMETRIES = ("general", "symmetric", "skew-symmetric")
BANNER = "%%matrixmarket"


def read_matrix_market(source: Source) -> Graph:
    """Read ``%%MatrixMarket matrix coordinate``; entry (i, j) joins i and j, counted from 1."""
    n = entries = found = 0
    width = None
    parts = EdgeParts(source)
    for block in source:
        tokens = between_blanks(block)
        if width is None:
            width = _banner(source, block)
        begins = np.flatnonzero(tokens.begins)
        comments = tokens.lines[begins[tokens.text[tokens.starts[begins]] == ord("%")]]
        is_banner = comments + source.first_line == 1
        source.pass_over(block, comments[~is_banner])
        tokens = tokens.take(~np.isin(tokens.lines, comments))
        if not n and len(tokens):
            n, entries = _size(source, [tokens[at] for at in range(tokens.per_line[0])])
            tokens = tokens.take(tokens.lines > tokens.lines[0])
        counts = tokens.per_line
        if np.any(counts != 2 + width):
            at = int(np.argmax(counts != 2 + width))
            raise source.error(int(tokens.lines[at]), f"{counts[at]} columns; give {2 + width}")
        rows = np.arange(0, len(tokens), 2 + width)
        ends = ends_from_1(source, tokens.take(np.sort(np.append(rows, rows + 1))), n)
        weights = weights_of(source, tokens.take(rows + 2)) if width else None
        if not width and source.weighted:
            raise InputError(f"{source.name} is a pattern, without weights; give a real matrix")
        parts.add(n or 1, ends.reshape(-1, 2), weights)
        found += len(rows)
    if found != entries or not n:
        raise InputError(f"{source.name} has {found} entries, its size line says {entries}")
    return numbered_graph(parts, n)


def _banner(source: Source, block: bytes) -> int:
    """Return how many values an entry has."""
    words = block.split(b"\n", 1)[0].decode().lower().split()
    form = words + [""] * 5
    if form[0] != BANNER or form[1] != "matrix":
        raise source.error(0, "write %%MatrixMarket matrix coordinate .. first")
    if form[2] != "coordinate" or form[3] not in VALUES or form[4] not in SYMMETRIES:
        raise source.error(
            0,
            f"'{' '.join(words[2:])}' matrices are not read; write coordinate, one of "
            f"{', '.join(VALUES)}, one of {', '.join(SYMMETRIES)}",
        )
    if form[4] == "general":
        source.remark("directions are dropped: entries (i, j) and (j, i) are one edge")
    return VALUES[form[3]]


def _size(source: Source, words: list[str]) -> tuple[int, int]:
    if len(words) != 3 or not all(word.isascii() and word.isdigit() for word in words):
        raise source.error(0, f"the size line is 'rows columns entries', not {' '.join(words)!r}")
    rows, columns, entries = map(int, words)
    if rows != columns or not 1 <= rows <= MOST_VERTICES:
        raise InputError(
            f"{source.name} is {rows} x {columns}: the matrix of a graph is square, with a row "
            "per vertex"
        )
    return rows, entries
