"""Graphs that networkx reads: GML and GraphML, and what it would pass over in silence, refused."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mpc_sim.errors import InputError
from mpc_sim.inputs.graphs import Graph
from mpc_sim.inputs.reading import Source


def networkx_for(source: Source) -> Any:
    """Return networkx.

    Raises
    ------
    InputError
        It is not installed.
    """
    try:
        import networkx
    except ImportError:
        raise InputError(
            f"{source.name} is read by networkx, which is not installed: pip install networkx, or "
            "write an edge list"
        ) from None
    return networkx


@contextmanager
def parsing(source: Source, format: str) -> Iterator[None]:
    """Refuse what networkx does not read in one line, and remark what it says.

    Its parsers raise errors of every kind on damaged files.
    """
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            yield
        except Exception as error:
            if isinstance(error, InputError):
                raise
            line = " ".join(str(error).split())[:200] or type(error).__name__
            raise InputError(f"{source.name} is no {format} that networkx reads: {line}") from None
    for warning in said:
        source.remark(f"networkx says of {source.name}: {' '.join(str(warning.message).split())}")


def read_gml(source: Source) -> Graph:
    """Read GML: vertices are called by their labels where all have one of their own, else by id."""
    networkx = networkx_for(source)
    text = b"".join(source).decode()
    if len(re.findall(r"(?m)^\s*graph\s*\[", text)) > 1:
        raise InputError(f"{source.name} holds several graphs; give one in a file")
    with parsing(source, "GML"):
        found = networkx.parse_gml(text, label="id")
        for *_, data in found.edges(data=True):
            heavy = data.get("weight")
            if isinstance(heavy, str) and heavy.isascii() and heavy.isdigit():
                data["weight"] = int(heavy)  # networkx writes what has more than 31 bits as text
        labels = {vertex: data.get("label") for vertex, data in found.nodes(data=True)}
        texts = {vertex: str(label) for vertex, label in labels.items() if label is not None}
        if len(labels) == len(texts) == len(set(texts.values())):
            found = networkx.relabel_nodes(found, texts)
    return graph_of(source, found, "weight")


def read_graphml(source: Source) -> Graph:
    """Read GraphML with one graph, without nested ones; vertices are called by their ids."""
    import xml.etree.ElementTree as ElementTree

    networkx = networkx_for(source)
    text = b"".join(source)
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text:
        raise InputError(f"{source.name} declares entities, which are not read; leave <! .. > out")
    with parsing(source, "GraphML"):
        tree = ElementTree.iterparse(io.BytesIO(text), ("end",))
        tags = [element.tag.rpartition("}")[2] for _, element in tree]
        found = networkx.read_graphml(io.BytesIO(text), node_type=str)
    n, m = tags.count("node"), tags.count("edge")
    if tags.count("graph") != 1 or (n, m) != (len(found), found.number_of_edges()):
        raise InputError(
            f"{source.name} has {tags.count('graph')} graphs, {n} nodes and {m} edges, networkx "
            f"reads {len(found)} and {found.number_of_edges()} of them; give one graph, not "
            "nested, with a node for every end"
        )
    return graph_of(source, found, "weight")


def graph_of(source: Source, found: Any, weight: str) -> Graph:
    """Return a graph of networkx, with weights where they are asked for."""
    if not len(found):
        raise InputError(f"{source.name} holds no vertex")
    if found.is_directed():
        source.remark("directions are dropped: edges (u, v) and (v, u) are one")
    try:
        graph = Graph.from_networkx(found, weight if source.weighted else None)
    except InputError as error:
        raise InputError(f"{source.name}: {error}") from None
    source.n_listed = found.number_of_edges()
    source.n_loops = sum(1 for u, v in found.edges() if u == v)
    if not source.weighted and any(weight in data for _, _, data in found.edges(data=True)):
        source.remark(f"the weights of {source.name} are left out: the problem takes none")
    if source.weighted:
        missing = sum(weight not in data for _, _, data in found.edges(data=True))
        if missing:
            raise InputError(f"{source.name}: {missing} edges have no attribute {weight!r}")
    return graph
