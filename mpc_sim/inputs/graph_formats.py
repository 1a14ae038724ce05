"""Graphs from files of many formats: which one a file has, by its content, then by its suffix."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePath
from typing import BinaryIO

from mpc_sim.errors import InputError
from mpc_sim.inputs.dimacs import read_dimacs
from mpc_sim.inputs.edge_layout import OTHERS
from mpc_sim.inputs.edge_list import ANY, read_edge_list
from mpc_sim.inputs.graphs import Graph
from mpc_sim.inputs.matrix_market import read_matrix_market
from mpc_sim.inputs.metis import read_metis
from mpc_sim.inputs.pajek import read_pajek
from mpc_sim.inputs.reading import GraphRead, Source
from mpc_sim.inputs.text_blocks import BLOCK_BYTES, text_blocks
from mpc_sim.inputs.through_networkx import read_gml, read_graphml


@dataclass(frozen=True)
class Format:
    """A format of files.

    Parameters
    ----------
    read : callable
        Source -> the graph, and what the format is called in full.
    begins : regular expression, optional
        What no file of another format begins with, comments and blank lines apart.
    """

    read: Callable[[Source], tuple[Graph, str]]
    suffixes: tuple[str, ...] = ()
    begins: re.Pattern[bytes] | None = None


def _named(name: str, read: Callable[[Source], Graph]) -> Callable[[Source], tuple[Graph, str]]:
    return lambda source: (read(source), name)


def _begins(pattern: str) -> re.Pattern[bytes]:
    return re.compile(pattern.encode(), re.IGNORECASE)


PERCENT = r"(?:\s|%[^\n]*\n)*"
FORMATS = {
    "edge-list": Format(lambda source: read_edge_list(source, (None,), True)),
    "csv": Format(lambda source: read_edge_list(source, (*OTHERS, "\t"), True), (".csv",)),
    "tsv": Format(lambda source: read_edge_list(source, ("\t",), True), (".tsv",)),
    "matrix-market": Format(
        _named("matrix-market", read_matrix_market), (".mtx", ".mm"), _begins("%%MatrixMarket")
    ),
    "dimacs": Format(
        _named("dimacs", read_dimacs),
        (".col", ".gr", ".dimacs"),
        _begins(r"(?:\s|c(?:[ \t][^\n]*)?\n)*p[ \t]+[a-z]+[ \t]+[0-9]+[ \t]+[0-9]+[ \t]*\n"),
    ),
    "metis": Format(_named("metis", read_metis), (".graph", ".metis")),
    "gml": Format(
        _named("gml", read_gml),
        (".gml",),
        _begins(r"(?:\s|#[^\n]*\n|(?:creator|version|comment)\b[^\n\[]*\n)*graph\s*\["),
    ),
    "graphml": Format(
        _named("graphml", read_graphml), (".graphml",), _begins(r"\s*(?:<\?xml|<graphml)")
    ),
    "pajek": Format(
        _named("pajek", read_pajek), (".net", ".paj"), _begins(PERCENT + r"\*(?:network|vertices)")
    ),
}


UNREAD = {
    "an adjacency list of networkx": ((".adjlist",), _begins(r"#[^\n]*\n# GMT ")),
    "GEXF": ((".gexf",), _begins(r"\s*(?:<\?xml[^>]*>\s*)?<gexf")),
    "graph6 or sparse6": ((".g6", ".s6"), _begins(">>(?:graph6|sparse6)<<")),
}
"""What would be read as something else: suffixes, and how the files begin."""


def read_graph(
    stream: BinaryIO,
    name: str,
    *,
    input_format: str | None = None,
    weighted: bool = False,
    block_bytes: int = BLOCK_BYTES,
) -> GraphRead:
    """Read a graph as what it is, or refuse it.

    Parameters
    ----------
    stream : binary file
    name : str
        Of the file: for its suffix, errors and remarks.
    input_format : str, optional
        One of ``FORMATS``; by default the content says it, else the suffix, else it is an edge
        list. gzip is unpacked before.
    weighted : bool
        Whether the graph gets weights; an error where the file has none.
    block_bytes : int
        How much is looked at together.

    Raises
    ------
    InputError
        Naming the file and, where there is one, the line.
    """
    if input_format is not None and input_format not in FORMATS:
        raise InputError(f"input format {input_format!r} is unknown; choose {', '.join(FORMATS)}")
    blocks = text_blocks(stream, name, block_bytes)
    first = next(blocks, b"")
    chosen = input_format or _format_of(first, name)
    if input_format is None:
        _refuse_unread(first, name)
    source = Source(name, _again(first, blocks), weighted)
    if chosen is None:
        graph, format = read_edge_list(source, ANY)
    else:
        graph, format = FORMATS[chosen].read(source)
    return source.read(graph, format)


def _again(first: bytes, blocks: Iterator[bytes]) -> Iterator[bytes]:
    return chain([first] if first else [], blocks)


def _format_of(block: bytes, name: str) -> str | None:
    """Return a format by what the file begins with, else by its suffix."""
    for format, one in FORMATS.items():
        if one.begins is not None and one.begins.match(block):
            return format
    suffix = _suffix(name)
    return next((format for format, one in FORMATS.items() if suffix in one.suffixes), None)


def _refuse_unread(block: bytes, name: str) -> None:
    for what, (suffixes, begins) in UNREAD.items():
        if _suffix(name) in suffixes or begins.match(block):
            raise InputError(
                f"{name} is {what}, which is not read; write an edge list or GML, or choose "
                "--input-format"
            )


def _suffix(name: str) -> str | None:
    suffixes = [suffix.lower() for suffix in PurePath(name).suffixes]
    return next((one for one in reversed(suffixes) if one != ".gz"), None)
