"""METIS files: a header ``n m [fmt [ncon]]``, then the neighbours of a vertex on each line.

``fmt`` has three digits: sizes of vertices, weights of vertices (``ncon`` each), weights of edges.
Sizes and weights of vertices are left out, with a remark. Lines that begin with % are comments; a
blank line is a vertex without neighbours.

References
----------
Karypis, METIS 5.1 manual, section 4.1.1.
"""

from __future__ import annotations

import numpy as np

from mpc_sim.errors import InputError
from mpc_sim.inputs.graphs import MOST_VERTICES, Graph
from mpc_sim.inputs.reading import EdgeParts, Source, ends_from_1, numbered_graph, weights_of
from mpc_sim.inputs.tokens import between_blanks


def read_metis(source: Source) -> Graph:
    """Read a graph; every edge is listed at both of its ends, and counted once in the header."""
    n = m = own = seen = 0
    heavy, listed, heaviness = False, np.zeros(2, np.int64), np.zeros(2, np.int64)
    parts = EdgeParts(source)
    for block in source:
        tokens = between_blanks(block)
        heads = tokens.take(tokens.begins)
        comments = heads.lines[tokens.text[heads.starts] == ord("%")]
        source.pass_over(block, comments)
        tokens = tokens.take(~np.isin(tokens.lines, comments))
        is_vertex = np.ones(block.count(b"\n"), bool)
        is_vertex[comments] = False
        if not n:
            if not len(tokens):
                continue
            line = int(tokens.lines[0])
            n, m, own, heavy = _header(source, [tokens[at] for at in range(tokens.per_line[0])])
            is_vertex[: line + 1] = False
            tokens = tokens.take(tokens.lines > line)
        vertex = seen + np.cumsum(is_vertex) - 1
        place = np.arange(len(tokens)) - np.maximum.accumulate(
            np.where(tokens.begins, np.arange(len(tokens)), 0)
        )
        if len(tokens) and vertex[tokens.lines[-1]] >= n:
            raise source.error(int(tokens.lines[-1]), f"more lines than the {n} vertices")
        seen = min(seen + int(is_vertex.sum()), n)  # blank lines at the end
        is_end = (place >= own) & ((place - own) % (1 + heavy) == 0)
        ends = tokens.take(is_end)
        pairs = np.stack([vertex[ends.lines], ends_from_1(source, ends, n)], axis=1)
        weights = None
        if heavy:
            weights = weights_of(source, tokens.take((place >= own) & ~is_end))
            if weights is not None and len(weights) != len(pairs):
                raise InputError(f"{source.name}: a neighbour has no weight; fmt says that all do")
        for side, is_there in enumerate((pairs[:, 0] < pairs[:, 1], pairs[:, 0] > pairs[:, 1])):
            listed[side] += is_there.sum()
            if weights is not None:
                heaviness[side] += weights[is_there].sum()
        if np.any(pairs[:, 0] == pairs[:, 1]):
            raise InputError(f"{source.name} has a loop; METIS graphs have none")
        parts.add(n, pairs, weights)
    if not n or seen < n:
        raise InputError(f"{source.name} has {seen} lines of vertices, its header says {n}")
    graph = numbered_graph(parts, n)
    # m edges upwards, m downwards and m in all: both are the same.
    if not listed[0] == listed[1] == graph.n_edges == m or heaviness[0] != heaviness[1]:
        raise InputError(
            f"{source.name} lists {listed[0]} neighbours upwards and {listed[1]} downwards, its "
            f"header says {m} edges; write every edge at both of its ends, with one weight"
        )
    source.n_listed = m
    return graph


def _header(source: Source, words: list[str]) -> tuple[int, int, int, bool]:
    """Return n, m, the numbers before the neighbours, and whether edges have weights."""
    shown = " ".join(words)
    digits = words[2].rjust(3, "0") if len(words) > 2 else "000"
    if (
        not 2 <= len(words) <= 4
        or not all(word.isascii() and word.isdigit() and len(word) < 19 for word in words)
        or len(digits) > 3
        or not set(digits) <= {"0", "1"}
    ):
        raise source.error(0, f"the header is 'n m [fmt [ncon]]', not {shown!r}")
    n, m, constraints = int(words[0]), int(words[1]), int(words[3]) if len(words) > 3 else 1
    if not 1 <= n <= MOST_VERTICES:
        raise source.error(0, f"n = {n}: give 1 .. 2^31 vertices")
    own = (digits[0] == "1") + (digits[1] == "1") * constraints
    if own:
        source.remark(f"sizes and weights of the vertices of {source.name} are left out")
    heavy = digits[2] == "1"
    if source.weighted and not heavy:
        raise InputError(f"{source.name} has no weights of edges (fmt {digits}); give fmt 001")
    return n, m, own, heavy
