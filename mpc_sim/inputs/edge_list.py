"""Edge lists: an edge ``u v`` or ``u v weight`` on each line, a vertex alone on a line of its own.

Columns stand between blanks, tabs, commas, semicolons or bars, one kind in a file; a column in
``"`` may hold any of them. ``#``, ``%`` or ``//`` begins a comment where a blank or nothing follows
it, so that ``#python`` is a vertex. A first line that names its columns (source, target, weight ..)
is a header. The attributes that networkx writes last, ``{'weight': 3}``, are read. Vertices are
numbered in the order in which they occur. Of equal edges one stays, with the least weight; loops
are dropped, their vertices are not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from mpc_sim.errors import InputError
from mpc_sim.inputs.edge_layout import OTHERS, Columns, Separator, choose_separator, header
from mpc_sim.inputs.graphs import Graph
from mpc_sim.inputs.reading import NamedEdges, Source, cut, quoted, weights_of
from mpc_sim.inputs.rows import RowError, is_comment, split_row
from mpc_sim.inputs.tokens import (
    IS_BLANK,
    Flags,
    Tokens,
    between,
    between_blanks,
    of_rows,
    whole_numbers,
)
from mpc_sim.records import Words

WIDE_BLANK = re.compile(r"[^\S\x00-\x7f]")
FORMATS = {
    None: "edge-list",
    "\t": "tsv",
    ",": "csv",
    ";": "csv with semicolons",
    "|": "csv with bars",
}
ANY: tuple[Separator, ...] = ("\t", *OTHERS, None)


def read_edge_list(
    source: Source, separators: tuple[Separator, ...] = ANY, is_chosen: bool = False
) -> tuple[Graph, str]:
    """Read an edge list; return the format beside the graph.

    Parameters
    ----------
    separators : tuple of str or None
        None stands for blanks; the first that fits is taken.
    is_chosen : bool
        Whether the user says that it is an edge list, and nothing that looks like one.

    Raises
    ------
    InputError
        Naming the file and the line.
    """
    reader = _EdgeList(source, None)
    for block in source:
        if not reader.n_lines:
            try:
                reader.separator = choose_separator(block, separators)
            except RowError as error:
                raise source.error(0, str(error)) from None
        reader.add(block)
    return reader.graph(is_chosen), FORMATS[reader.separator]


@dataclass(eq=False)
class _EdgeList:
    source: Source
    separator: Separator
    edges: NamedEdges = field(init=False)
    columns: Columns | None = None
    header: tuple[str, ...] = ()
    first: list[str] = field(default_factory=list)
    first_line: int = 0
    n_lines: int = 0
    n_tokens: int = 0
    only_numbers: bool = True
    n_marked: int = 0
    first_marked: str = ""

    def __post_init__(self) -> None:
        self.edges = NamedEdges(self.source)

    def add(self, block: bytes) -> None:
        """Add the lines of a block."""
        if self.separator is None and not block.isascii():
            for line, text in enumerate(block.decode().split("\n")):
                if (found := WIDE_BLANK.search(text)) is not None:
                    raise self.source.error(
                        line,
                        f"U+{ord(found[0]):04X} is a blank of another kind; separate "
                        "columns by spaces, tabs or commas",
                    )
        tokens = self._rows(block) if b'"' in block or b"{" in block else self._columns(block)
        if len(tokens) and not self.n_lines:
            tokens = self._first_line(block, tokens)
        counts = tokens.per_line
        if self.columns is None and np.any(counts > 1):
            self.columns = Columns.plain(int(min(counts[np.argmax(counts > 1)], 3)))
        heads = tokens.begins
        self.n_lines += int(np.count_nonzero(heads))
        self.n_tokens += len(tokens)
        self._count_marked(block, tokens.take(heads))
        width = 2 if self.columns is None else self.columns.width
        self._check(tokens, counts, width)
        self._add(tokens, heads, counts, width)

    def _rows(self, block: bytes) -> Tokens:
        """Split the lines of a block that has quotes or attributes."""
        rows, comments = [], []
        for at, line in enumerate(block.decode().split("\n")):
            if is_comment(line):
                comments.append(at)
            elif line.strip():
                try:
                    row = split_row(line, self.separator)
                except RowError as error:
                    raise self.source.error(at, str(error)) from None
                columns = row.columns
                if row.attributes and self.source.weighted and "weight" in row.attributes:
                    columns = (*columns, str(row.attributes["weight"]))
                elif row.attributes:
                    self.source.remark(
                        f"the attributes of edges in {self.source.name} are left out"
                    )
                if len(columns) == 1 and not row.is_quoted[0]:
                    self._check_alone(at, columns[0])
                rows.append((at, columns))
        self.source.pass_over(block, np.array(comments, np.int64))
        return of_rows(rows)

    def _columns(self, block: bytes) -> Tokens:
        """Split the lines of a block without quotes."""
        separator = self.separator
        tokens = between_blanks(block) if separator is None else between(block, separator)
        heads = tokens.take(tokens.begins)
        starts, text = heads.starts, tokens.text
        last = len(text) - 1
        here, after = text[starts], text[np.minimum(starts + 1, last)]
        is_marked = np.isin(here, [*b"#%"]) & IS_BLANK[after]
        third = text[np.minimum(starts + 2, last)]
        is_marked |= (here == ord("/")) & (after == ord("/")) & IS_BLANK[third]
        comments = heads.lines[is_marked]
        self.source.pass_over(block, comments)
        tokens = tokens.take(~np.isin(tokens.lines, comments))
        alone = tokens.take(tokens.per_line == 1)
        inside = _has(alone, np.isin(text, [*b",;| \t"]))
        if inside.any():
            at = int(np.argmax(inside))
            self._check_alone(int(alone.lines[at]), alone[at])
        return tokens

    def _check_alone(self, line: int, text: str) -> None:
        if any(mark in text for mark in ",;| \t"):
            kind = "blanks" if self.separator is None else repr(self.separator)
            raise self.source.error(
                line,
                f"{cut(text)!r} is one column, as this file separates columns by {kind}; "
                "use one separator, and quotes around a name that holds another",
            )

    def _first_line(self, block: bytes, tokens: Tokens) -> Tokens:
        width, line = int(tokens.per_line[0]), int(tokens.lines[0])
        names = [tokens[at] for at in range(width)]
        self.columns = header(names)
        if self.columns is None:
            self.first, self.first_line = names, self.source.first_line + line
            return tokens
        self.source.pass_over(block, tokens.lines[:1])
        used = {self.columns.source, self.columns.target, self.columns.weight}
        left = [name for at, name in enumerate(names) if at not in used]
        if left:
            self.source.remark(f"columns that are left out: {', '.join(left)}")
        self.header = (names[self.columns.source], names[self.columns.target])
        return tokens.take(slice(width, None))

    def _count_marked(self, block: bytes, heads: Tokens) -> None:
        here = heads.text[heads.starts]
        after = heads.text[np.minimum(heads.starts + 1, len(heads.text) - 1)]
        marked = np.isin(here, [*b"#%"]) | ((here == ord("/")) & (after == ord("/")))
        if marked.any():
            line = int(heads.lines[int(np.argmax(marked))])
            self.first_marked = self.first_marked or (
                f"line {self.source.first_line + line}: {quoted(block, line)}"
            )
            self.n_marked += int(np.count_nonzero(marked))

    def _check(self, tokens: Tokens, counts: Words, width: int) -> None:
        """Reject lines of other widths."""
        wrong = (counts != width) & (counts != 1)
        if wrong.any():
            at = int(np.argmax(wrong))
            wanted = "'u v weight'" if width == 3 else "'u v'"
            if self.header:
                wanted = f"{width} columns as the header"
            raise self.source.error(
                int(tokens.lines[at]),
                f"{counts[at]} columns; write {wanted}, as for all edges, or a single vertex",
            )

    def _check_names(self, names: Tokens) -> None:
        """Reject names that are empty, end with a separator, or are numbers with some between."""
        odd = names.lengths == 0
        if odd.any():
            raise self.source.error(
                int(names.lines[int(np.argmax(odd))]), "the name of a vertex is empty"
            )
        marks = np.isin(names.text, [*b",;|"])
        between = marks | IS_BLANK[names.text]
        wide = names.take(_has(names, between))
        odd = ~_has(wide, ~(between | np.isin(wide.text, [*b"0123456789."])))
        if self.separator is None:
            odd |= marks[wide.starts] | marks[wide.starts + wide.lengths - 1]
        if odd.any():
            at = int(np.argmax(odd))
            raise self.source.error(
                int(wide.lines[at]),
                f"{cut(wide[at])!r} is no name of one vertex; separate all columns alike",
            )

    def _add(self, tokens: Tokens, heads: Flags, counts: Words, width: int) -> None:
        columns = self.columns or Columns.plain(2)
        rows = np.flatnonzero(heads & (counts == width))
        if len(rows) and self.source.weighted and columns.weight is None:
            raise self.source.error(
                int(tokens.lines[rows[0]]),
                f"{width} columns and no weight; write 'u v weight', as the problem needs weights",
            )
        is_vertex = counts == 1
        is_vertex[rows + columns.source] = is_vertex[rows + columns.target] = True
        place = np.cumsum(is_vertex) - 1
        ends = np.stack([place[rows + columns.source], place[rows + columns.target]], axis=1)
        vertices = tokens.take(is_vertex)
        self._check_names(vertices)
        weights = None
        if columns.weight is not None:
            weights = weights_of(self.source, tokens.take(rows + columns.weight))
        if self.only_numbers:
            later = vertices
            if self.first and self.n_lines == int(np.count_nonzero(heads)):
                later = vertices.take(slice(min(2, len(self.first)), None))
            self.only_numbers = bool(np.all(whole_numbers(later) >= 0))
        self.edges.add(vertices, ends, weights)

    def graph(self, is_chosen: bool) -> Graph:
        """Return the graph, unless the file may well mean another."""
        name = self.source.name
        words = [word.isascii() and word.isdigit() for word in self.first[:2]]
        if not is_chosen and self.only_numbers and self.n_lines > 1 and len(words) == 2:
            if not any(words):
                raise InputError(
                    f"{name}, line {self.first_line}: {cut(' '.join(self.first))!r} seems to be a "
                    "header; name its columns source,target[,weight], begin it by '# ', or choose "
                    "--input-format"
                )
            n_lines, n_tokens = self.n_lines - 1, self.n_tokens - len(self.first)
            if all(words) and [int(word) for word in self.first[:2]] == [n_lines, n_tokens / 2]:
                raise InputError(
                    f"{name} may be an edge list or a METIS file; choose --input-format edge-list "
                    "or metis"
                )
        if self.n_marked:
            lines = "line begins" if self.n_marked == 1 else "lines begin"
            self.source.remark(
                f"{self.n_marked} {lines} with #, % or // and no blank, and are read as vertices, "
                f"the first {self.first_marked}"
            )
        graph = self.edges.graph()
        if self.header:
            both = next((found for found in graph.names or () if found in self.header), None)
            if both is not None or not self.source.n_listed:
                why = "no edge follows" if both is None else f"{both!r} is a vertex"
                raise InputError(
                    f"{name}: the first line {' '.join(self.header)!r} may be a header or an "
                    f"edge, as {why}; begin it by '# '"
                )
        return graph


def _has(tokens: Tokens, flags: Flags) -> Flags:
    """Return which tokens hold a byte with a flag."""
    at = np.flatnonzero(flags)
    ends = tokens.starts + tokens.lengths
    found: Flags = np.searchsorted(at, tokens.starts) < np.searchsorted(at, ends)
    return found
