"""Graphs that networkx writes in every format it knows, read again: equal, or refused by name.

No difference may be silent: a reader that errs must raise.
"""

from __future__ import annotations

import gzip
import io
import random
from collections.abc import Callable

import networkx as nx
import pytest

from mpc_sim import InputError
from mpc_sim.inputs.graph_formats import FORMATS, GraphRead, read_graph

WORDS = [
    "ann",
    "Bob",
    "#tag",
    "%41",
    "//x",
    "New York",
    "Doe, J",
    'the "x"',
    "é",
    "日本",
    "a;b",
    "p|q",
]
WORDS += ["none", "from", "target", "1.5", "-3", "007", "{x}", "'q'", "c", "p", "*star", "e", "a'b"]
Edges = list[tuple[str, str, int]]
Graph = nx.Graph


def drawn(rng: random.Random) -> Graph:
    """A graph on numbers, words or both, some of its vertices alone; every edge has a weight."""
    n = rng.randint(1, 12)
    if rng.random() < 0.4:
        names = [str(number) for number in rng.sample(range(40), n)]
    else:
        names = rng.sample(WORDS + [f"v{at}" for at in range(9)], n)
    graph = nx.Graph()
    graph.add_nodes_from(names)
    for _ in range(rng.randint(0, 2 * n)):
        u, v = rng.choice(names), rng.choice(names)
        if u != v:
            graph.add_edge(u, v, weight=rng.choice([0, 1, 7, 10**6, 2**40]))
    return graph


def bytes_of(write: Callable[..., object], *given: object, **options: object) -> bytes:
    file = io.BytesIO()
    write(*given, file, **options)
    return file.getvalue()


def cell(rng: random.Random, name: str, separator: str, quotes: bool) -> str:
    """A column of an edge list: in quotes where it must be, or may be."""
    must = any(mark in name for mark in (separator, '"', ",", ";", "|", " ")) or not name.strip()
    if quotes and (must or rng.random() < 0.3):
        doubled = name.replace('"', '""')
        return f'"{doubled}"'
    return name


def edge_list(rng: random.Random, graph: Graph) -> tuple[bytes, str]:
    """An edge list by hand: separator, quotes, header, comments, line breaks, encoding, mark."""
    separator = rng.choice([" ", "\t", ",", ";", "|", ", ", "  "])
    quotes, weighted = rng.random() < 0.7, rng.random() < 0.5
    quotes |= any(mark in name for name in graph for mark in ' ,;|"')  # else it is another graph
    rows = []
    for u, v, weight in graph.edges(data="weight"):
        shown = [cell(rng, name, separator, quotes) for name in (u, v)]
        rows.append(separator.join([*shown, *([str(weight)] if weighted else [])]))
    rows += [cell(rng, name, separator, quotes) for name in nx.isolates(graph)]
    if rng.random() < 0.3 and separator != " ":
        rows.insert(0, separator.join(["source", "target", *(["weight"] if weighted else [])]))
    if rng.random() < 0.4:
        rows.insert(
            rng.randint(0, len(rows)), rng.choice(["# a comment", "% one", "// x", "#", ""])
        )
    text = rng.choice(["\n", "\r\n", "\r"]).join(rows) + rng.choice(["", "\n"])
    encoding = rng.choice(
        ["utf-8", "utf-8-sig", "utf-16", "latin-1" if "日" not in text else "utf-8"]
    )
    return text.encode(encoding), rng.choice([".txt", ".csv", ".tsv", ".edges", ""])


def by_number(rng: random.Random, graph: Graph) -> tuple[bytes, str]:
    """A file of a graph on 1 .. n in a format that networkx does not write."""
    n, m = graph.number_of_nodes(), graph.number_of_edges()
    edges = list(graph.edges(data="weight"))
    kind = rng.choice(["mtx", "col", "gr", "graph"])
    comments = rng.randint(0, 2)
    if kind == "mtx":
        symmetry = rng.choice(["general", "symmetric"])
        lines = [f"%%MatrixMarket matrix coordinate integer {symmetry}", *["% x"] * comments]
        lines += [f"{n} {n} {m}", *(f"{max(u, v)} {min(u, v)} {w}" for u, v, w in edges)]
    elif kind == "graph":
        lines = [*["% x"] * comments, f"{n} {m} 1"]
        for u in range(1, n + 1):
            lines.append(" ".join(f"{v} {data['weight']}" for v, data in graph[u].items()))
    else:
        lines = [*["c x"] * comments, f"p {'edge' if kind == 'col' else 'sp'} {n} {m}"]
        lines += [f"e {u} {v}" if kind == "col" else f"a {u} {v} {w}" for u, v, w in edges]
    return "\n".join([*lines, ""]).encode(), f".{kind}"


def written(rng: random.Random, graph: Graph) -> tuple[bytes, str, bool]:
    """A file with the graph, its suffix, and whether it holds vertices without edges."""
    kind = rng.randrange(20)
    encoding = rng.choice(["utf-8", "utf-16"])
    numbers = nx.convert_node_labels_to_integers(graph, 1)
    if kind == 0:
        delimiter = rng.choice([one for one in " \t,;" if not any(one in name for name in graph)])
        options = {"delimiter": delimiter, "data": rng.choice([True, False, ["weight"]])}
        return bytes_of(nx.write_edgelist, graph, encoding=encoding, **options), ".edgelist", False
    if kind == 1:
        return bytes_of(nx.write_weighted_edgelist, graph, delimiter="\t"), ".txt", False
    if kind == 2:
        return bytes_of(nx.write_adjlist, graph), ".adjlist", True
    if kind == 3:
        return bytes_of(nx.write_multiline_adjlist, graph), ".adjlist", True
    if kind == 4:
        return bytes_of(nx.write_gml, graph), ".gml", True
    if kind == 5:
        return bytes_of(nx.write_graphml_xml, graph), ".graphml", True
    if kind == 6:
        return bytes_of(nx.write_pajek, graph), ".net", True
    if kind == 7:
        return bytes_of(nx.write_gexf, graph), ".gexf", True
    if kind == 8:
        return bytes_of(nx.write_graph6, nx.Graph(numbers)), ".g6", True
    if kind == 9:
        return bytes_of(nx.write_sparse6, nx.Graph(numbers)), ".s6", True
    return *edge_list(rng, graph), True


def named(found: GraphRead) -> Graph:
    graph = found.graph.to_networkx()
    return nx.relabel_nodes(graph, dict(enumerate(found.graph.names or ())))


def same(found: GraphRead, graph: Graph, keeps_lone: bool, weighted: bool) -> bool:
    expected = graph.copy()
    if not keeps_lone:
        expected.remove_nodes_from(list(nx.isolates(graph)))
    got = named(found)
    if set(got) != set(expected) or got.number_of_edges() != expected.number_of_edges():
        return False
    return all(
        expected.has_edge(u, v) and (not weighted or expected[u][v]["weight"] == data["weight"])
        for u, v, data in got.edges(data=True)
    )


def check(seeds: range) -> dict[str, int]:
    """Read what is written for every seed; return how many were read, by format."""
    read: dict[str, int] = {"refused": 0}
    for seed in seeds:
        rng = random.Random(seed)
        graph, keeps_lone = drawn(rng), True
        if rng.random() < 0.15:
            graph = nx.convert_node_labels_to_integers(graph, 1)
            data, suffix = by_number(rng, graph)
            graph = nx.relabel_nodes(graph, str)
        else:
            data, suffix, keeps_lone = written(rng, graph)
        weighted = rng.random() < 0.4
        packed = gzip.compress(data) if rng.random() < 0.2 else data
        try:
            found = read_graph(io.BytesIO(packed), f"g{suffix}", weighted=weighted)
        except InputError:
            read["refused"] += 1
            continue
        assert same(found, graph, keeps_lone, weighted), (seed, data, found.remarks)
        read[found.format] = read.get(found.format, 0) + 1
    return read


def test_no_difference_is_silent() -> None:
    read = check(range(300))
    assert read["refused"] < 200
    assert len(read) >= 7


@pytest.mark.slow
def test_no_difference_is_silent_in_two_thousand_graphs() -> None:
    read = check(range(300, 2300))
    assert min(read[name] for name in FORMATS) > 15


PIECES = [
    b"\n",
    b" ",
    b",",
    b'"',
    b"-1",
    b"9" * 20,
    b"0",
    b"*",
    b"%",
    b"# ",
    b"{",
    b"}",
    b"\t",
    b"1.5",
]
PIECES += [b"\xff", b"\xc3\xa9", b"nan", b"[", b"]", b"<", b">", b"2147483649", b"\xc2\xb2", b"\0"]


def damaged(rng: random.Random, data: bytes) -> bytes:
    """A file with a byte, a piece or its end gone wrong, once or twice."""
    for _ in range(rng.choice([1, 1, 2, 3])):
        at = rng.randint(0, len(data))
        cut = at + rng.choice([0, 0, 1, 20, len(data)])
        data = data[:at] + rng.choice([b"", *PIECES, data[at // 2 : at // 2 + 30]]) + data[cut:]
    return data


@pytest.mark.parametrize(
    "seeds",
    [range(200), pytest.param(range(200, 9000), marks=pytest.mark.slow)],
    ids=["few", "many"],
)
def test_damaged_files_raise_one_line(seeds: range) -> None:
    """Whatever the damage: a graph, or an `InputError` of one line."""
    for seed in seeds:
        rng = random.Random(seed)
        graph = drawn(rng)
        numbers = nx.convert_node_labels_to_integers(graph, 1)
        data, suffix = by_number(rng, numbers) if rng.random() < 0.3 else written(rng, graph)[:2]
        given = io.BytesIO(damaged(rng, data))
        try:
            read_graph(given, f"g{suffix}", block_bytes=rng.choice([16, 200, 1 << 20]))
        except InputError as error:
            message = str(error)
        else:
            message = ""
        assert "\n" not in message, (seed, message)
