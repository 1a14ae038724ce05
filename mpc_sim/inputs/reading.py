"""What a reader of graphs makes: the graph, and what was passed over, counted and quoted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mpc_sim.errors import InputError
from mpc_sim.inputs.graphs import MOST_WEIGHT, Graph, simple
from mpc_sim.inputs.tokens import Tokens, Whole, joined, numbered, whole_numbers
from mpc_sim.inputs.vertex_names import NumberNames, TextNames
from mpc_sim.records import Words
from mpc_sim.strict_arrays import shown

QUOTED = 60


@dataclass(frozen=True, eq=False)
class GraphRead:
    """A graph from a file, and how it was read.

    Parameters
    ----------
    n_passed_over : int
        Lines that are no part of the graph: comments and headers, not blank ones.
    remarks : tuple of str
        What a reader must know: the first one says what was read, and quotes the first line that
        was passed over.
    """

    graph: Graph
    format: str
    n_passed_over: int
    remarks: tuple[str, ...]


@dataclass(eq=False)
class Source:
    """The blocks of a file for a reader, who counts lines and notes what is no part of the graph.

    Parameters
    ----------
    name : str
        Of the file, for errors and remarks.
    blocks : iterator of bytes
        Whole lines each.
    weighted : bool
        Whether the graph gets weights; otherwise those of the file are left out, with a remark.
    """

    name: str
    blocks: Iterator[bytes]
    weighted: bool
    first_line: int = 1
    n_passed: int = 0
    first_passed: str | None = None
    n_loops: int = 0
    n_listed: int = 0
    remarks: list[str] = field(default_factory=list)

    def __iter__(self) -> Iterator[bytes]:
        for block in self.blocks:
            yield block
            self.first_line += block.count(b"\n")

    def error(self, line: int, message: str) -> InputError:
        """Return an error that names a line of the block, counted from 0."""
        return InputError(f"{self.name}, line {self.first_line + line}: {message}")

    def pass_over(self, block: bytes, lines: Words) -> None:
        """Count lines of the block that are no part of the graph."""
        if len(lines) and self.first_passed is None:
            at = int(lines[0])
            self.first_passed = f"line {self.first_line + at}: {quoted(block, at)}"
        self.n_passed += len(lines)

    def remark(self, text: str) -> None:
        """Note something once."""
        if text not in self.remarks:
            self.remarks.append(text)

    def read(self, graph: Graph, format: str) -> GraphRead:
        """Close the record."""
        passed = "no line is passed over"
        if self.n_passed:
            lines = "line is" if self.n_passed == 1 else "lines are"
            passed = f"{self.n_passed} {lines} passed over, the first {self.first_passed}"
        n, m = graph.n_vertices, graph.n_edges
        said = [
            f"{self.name} is read as {format}: {counted(n, 'vertex', 'vertices')}, "
            f"{counted(m, 'edge', 'edges')}; {passed}"
        ]
        if not m:
            said.append(f"the graph of {self.name} has no edge")
        if self.n_loops:
            said.append(f"{counted(self.n_loops, 'loop is', 'loops are')} left out")
        if repeated := self.n_listed - self.n_loops - m:
            which = "the lightest of equal ones stays" if self.weighted else "directions count not"
            said.append(
                f"{counted(repeated, 'repeated edge is', 'repeated edges are')} left out; {which}"
            )
        return GraphRead(graph, format, self.n_passed, (*said, *self.remarks))


@dataclass(eq=False)
class EdgeParts:
    """Edges of a file, block after block: what is repeated inside a block goes at once."""

    source: Source
    ends: list[Whole] = field(default_factory=list)
    weights: list[Words] = field(default_factory=list)

    def add(self, n: int, ends: Whole, weights: Words | None, shift: int = 0) -> None:
        """Add edges of a block; their ends are 0 .. n - 1, and ``shift`` more in the graph."""
        self.source.n_listed += len(ends)
        self.source.n_loops += int(np.count_nonzero(ends[:, 0] == ends[:, 1]))
        chosen = simple(n, ends, weights)
        found = ends[chosen] + shift
        self.ends.append(found.astype(np.uint32) if n + shift < 2**32 else found)
        if weights is not None:
            self.weights.append(weights[chosen])

    def graph(self, n: int, names: Sequence[str], number: Whole | None = None) -> Graph:
        """Return the graph of all edges; ``number`` renames the ends."""
        ends = np.concatenate([np.zeros((0, 2), np.uint32), *self.ends])
        self.ends.clear()
        if number is not None:
            ends = number[ends]
            del number
        weights = None
        if self.source.weighted:
            weights = np.concatenate([np.zeros(0, np.int64), *self.weights])
        return Graph.of(n, ends, weights, names)


@dataclass(eq=False)
class NamedEdges:
    """Edges whose ends are texts, numbered in the order in which they occur."""

    source: Source
    names: list[Tokens] = field(default_factory=list)
    n_names: int = 0
    parts: EdgeParts = field(init=False)

    def __post_init__(self) -> None:
        self.parts = EdgeParts(self.source)

    def add(self, tokens: Tokens, ends: Words, weights: Words | None) -> None:
        """Add the vertices of a block, in its order, and edges: places of both ends among them."""
        ids, first = numbered(tokens.text, tokens.starts, tokens.lengths)
        found = tokens.take(first)
        text = joined(found)
        self.names.append(Tokens(text, first[:0], found.lengths.astype(np.uint32), first[:0]))
        self.parts.add(max(len(first), 1), ids[ends], weights, self.n_names)
        self.n_names += len(first)

    def graph(self) -> Graph:
        """Return the graph; raise where there is no vertex."""
        if not self.n_names:
            raise InputError(f"{self.source.name} holds no vertex; write one edge 'u v' per line")
        text = np.concatenate([found.text for found in self.names])
        lengths = np.concatenate([found.lengths for found in self.names])
        self.names.clear()
        kind: Any = np.int32 if len(text) < 2**31 else np.int64
        starts: Whole = np.cumsum(lengths, dtype=kind) - lengths.astype(kind)
        ids, first = numbered(text, starts, lengths)
        at, sizes = starts[first], lengths[first]
        names = TextNames(Tokens(text, at, sizes, first[:0]))
        del starts, lengths
        return self.parts.graph(len(first), names, ids)


def numbered_graph(parts: EdgeParts, n: int) -> Graph:
    """Return a graph whose vertices the file counts from 1."""
    return parts.graph(n, NumberNames(n))


def ends_from_1(source: Source, tokens: Tokens, n: int) -> Words:
    """Return vertices that a file counts from 1 as 0 .. n - 1."""
    found = whole_numbers(tokens)
    wrong = (found < 1) | (found > n)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise source.error(
            int(tokens.lines[at]), f"{cut(tokens[at])!r} is no vertex; vertices are 1 .. {n}"
        )
    return found - 1


def weights_of(source: Source, tokens: Tokens) -> Words | None:
    """Return weights, int64[T], where the graph gets them; else check that they are numbers."""
    found = whole_numbers(tokens)
    for at in np.flatnonzero((found < 0) | (found > MOST_WEIGHT)).tolist():
        text = tokens[at]
        value = _number(text)
        if value is None:
            raise source.error(
                int(tokens.lines[at]), f"weight {cut(text)!r} is no number; is this a weight?"
            )
        if source.weighted:
            is_exact = isinstance(value, int) or abs(value) < 2**53
            if not 0 <= value <= MOST_WEIGHT or value != int(value) or not is_exact:
                raise source.error(
                    int(tokens.lines[at]),
                    f"weight {cut(text)!r} is no integer in 0 .. {shown(MOST_WEIGHT)}; "
                    "scale and round it",
                )
            found[at] = int(value)
    if source.weighted:
        return found
    if len(tokens):
        source.remark(f"the weights of {source.name} are left out: the problem takes none")
    return None


def _number(text: str) -> float | int | None:
    """Return what a text says, a whole number exactly."""
    try:
        if text.isascii() and "_" not in text:
            whole, _, rest = text.partition(".")
            is_whole = whole.isdigit() and len(whole) < 20 and not rest.strip("0")
            return int(whole) if is_whole else float(text)
    except ValueError:
        pass
    return None


def counted(n: int, one: str, many: str) -> str:
    """Write a number of things."""
    return f"{n} {one if n == 1 else many}"


def quoted(block: bytes, line: int) -> str:
    """Quote a line of a block."""
    return repr(cut(block.split(b"\n", line + 1)[line].decode().strip()))


def cut(text: str) -> str:
    """Return the beginning of a text."""
    return text if len(text) <= QUOTED else text[:QUOTED] + "\u2026"
