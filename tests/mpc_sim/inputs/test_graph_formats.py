"""Graph files of every kind: the right graph, or a refusal that names the cause."""

from __future__ import annotations

import gzip
import io
import tracemalloc
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from mpc_sim import InputError
from mpc_sim.inputs.graph_formats import FORMATS, GraphRead, read_graph
from mpc_sim.inputs.graph_instances import random_graph

FILES = Path(__file__).with_name("files")
GML = "graph [\nnode [\nid 0\n]\nnode [\nid 1\n]\nedge [\nsource 0\ntarget 1\n]\n]"


def read(
    text: str | bytes, name: str = "g.txt", weighted: bool = False, **options: object
) -> GraphRead:
    data = text if isinstance(text, bytes) else text.encode()
    return read_graph(io.BytesIO(data), name, weighted=weighted, **options)  # type: ignore[arg-type]


def sizes(found: GraphRead) -> tuple[int, int, int]:
    """Vertices, edges and components."""
    graph = found.graph.to_networkx()
    return len(graph), graph.number_of_edges(), nx.number_connected_components(graph)


@pytest.mark.parametrize(
    ("text", "format", "expected"),
    [
        # a marker that a blank follows begins a comment, and no other
        ("#python #numpy\n#numpy #numba\nrust c", "edge-list", (5, 3, 2)),
        ("%C3%81ed\tBede\nBede\tRome\n%C3%85land\tFinland", "tsv", (5, 3, 2)),
        ("// comment\n1 2", "edge-list", (2, 1, 1)),
        ("#\n% x\n//\n\n1 2", "edge-list", (2, 1, 1)),
        # headers, separators, quotes
        ("source,target\n1,2\n2,3", "csv", (3, 2, 1)),
        ("Source,Target,Type,Id,Label,Weight\n1,2,Undirected,0,,1.0\n", "csv", (2, 1, 1)),
        ("1;2\n2;3", "csv with semicolons", (3, 2, 1)),
        ("1|2\n2|3", "csv with bars", (3, 2, 1)),
        ("1, 2\n2 ,3\n", "csv", (3, 2, 1)),
        ("1 \t2\n2  3\n", "edge-list", (3, 2, 1)),
        ("1\t2\t\n2\t3\t\n", "edge-list", (3, 2, 1)),
        ('"a",b\na,"c"', "csv", (3, 2, 1)),
        ('"a" b\na "c"', "edge-list", (3, 2, 1)),
        ('"Doe, J",5\n"Roe, K",5', "csv", (3, 2, 1)),
        ('"the ""x""",5\n', "csv", (2, 1, 1)),
        ("Jon Arryn,Lysa,5", "csv", (2, 1, 1)),
        ("sp|P1|A\tsp|P2|B\n", "tsv", (2, 1, 1)),
        ("New York\tRome, Italy\n", "tsv", (2, 1, 1)),
        ("a b\nb a\nc c\nlone", "edge-list", (4, 1, 3)),
        # what networkx writes
        ("0 1 {}\n1 2 {}", "edge-list", (3, 2, 1)),
        ("0,1,{'a': 2, 'b': 3}\n", "csv", (2, 1, 1)),
        # marks of byte order, wherever files were joined, and line breaks of other systems
        ("1 2\n\ufeff1 3", "edge-list", (3, 2, 1)),
        ("\ufeff1 2\r\n2 3\r4 5", "edge-list", (5, 3, 2)),
        # formats
        (
            "%%MatrixMarket matrix coordinate pattern symmetric\n4 4 2\n2 1\n4 3",
            "matrix-market",
            (4, 2, 2),
        ),
        ("c x\np edge 5 2\ne 1 2\ne 2 3", "dimacs", (5, 2, 3)),
        ("p sp 4 2\na 1 2 5\na 2 3 6", "dimacs", (4, 2, 2)),
        ('*Vertices 3\n1 "a"\n2 "b"\n3 "c"\n*Edges\n1 2', "pajek", (3, 1, 2)),
        ("*vertices 3\n*arcslist\n1 2 3", "pajek", (3, 2, 1)),
        (GML, "gml", (2, 1, 1)),
        ("\n".join(nx.generate_graphml(nx.path_graph(4))), "graphml", (4, 3, 1)),
    ],
)
def test_the_right_graph(text: str, format: str, expected: tuple[int, int, int]) -> None:
    for data in (text.encode(), gzip.compress(text.encode()), text.encode("utf-16")):
        found = read(data)
        assert found.format == format
        assert sizes(found) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a b\na b c d", "line 2: 4 columns; write 'u v'"),
        ("a b\na b 3", "line 2: 3 columns; write 'u v'"),
        ("a b 3\n# x\na b", "line 3: 2 columns; write 'u v weight'"),
        ("1 2\n2,3", "line 2: '2,3' is one column, as this file separates columns by blanks"),
        ("1,2\n2 3", "line 2: '2 3' is one column, as this file separates columns by ','"),
        ("1 2\n2, 3", "line 2: '2,' is no name of one vertex"),
        ("1 2 0,5", "weight '0,5' is no number"),
        ("1,2 3", "'1,2' is no name of one vertex"),
        ("a,,b", "line 1: the name of a vertex is empty"),
        ("a,b,", "line 1: weight '' is no number"),
        ("1 2 x", "line 1: weight 'x' is no number"),
        ("Smith,J Doe,K", "line 1: .* may be split at ',' or at blanks"),
        ("a,b\n1,2", "line 1: 'a b' seems to be a header"),
        ("from to\nto the", "may be a header or an edge"),
        ("3 2\n2\n1 3\n2", "may be an edge list or a METIS file"),
        ("#a.py x\n# GMT Mon\n# \n0 1 2", "an adjacency list of networkx"),
        ("a\u00a0b c", r"line 1: U\+00A0 is a blank of another kind"),
        ('"a"b c', "line 1: text follows a closing quote"),
        ('x y\n"a,b', "line 2: a quote is not closed"),
        ("# nothing", "holds no vertex"),
        ("", "holds no vertex"),
        ("a b\nb \0c", "byte 6 is 0"),
        (b"a b\nb \xe9\n", "no UTF-8 text: byte 6 is damaged"),
        (gzip.compress(b"a b\n" * 99, mtime=0)[:-9], "damaged gzip file"),
        ("%%MatrixMarket matrix array real general\n2 2\n1\n1", "'array real general' matrices"),
        ("%%MatrixMarket matrix coordinate pattern general\n2 3 1\n1 2", "is 2 x 3"),
        ("%%MatrixMarket matrix coordinate pattern general\n3 3 2\n1 2", "1 entries, .* says 2"),
        ("%%MatrixMarket matrix coordinate pattern general\n3 3 1\n1 4", "line 3: '4' is no ver"),
        ("p edge 3 3\ne 1 2", "lists 1 edges, its line p says 3"),
        ("p edge 3 1\ne 0 2", "line 2: '0' is no vertex; vertices are 1 .. 3"),
        ("p edge 3 1\n1 2", "line 2: '1' begins no line"),
        ("p max 3 1\na 1 2 3", "p max is not read"),
        ("*vertices 2\n1 a\n*matrix\n0 1\n1 0", "'\\*matrix': after"),
        ("*vertices 2\n*edges\n1 3", "'3' is no vertex"),
        ("<?xml version='1.0'?><gexf></gexf>", "is GEXF, which is not read"),
        (">>graph6<<C?", "is graph6 or sparse6, which is not read"),
        ("Doe, J;target", "line 1: .* may be split at ';' or at ','"),
        ("source,target\nlone", "may be a header or an edge, as no edge follows"),
        ('x,"y"\na,the "x"', "line 2: a quote stands inside"),
        ("<?xml version='1.0'?><!DOCTYPE x><graphml/>", "declares entities"),
        ("graph [\nnode [\nid 0\n]\n", "no GML that networkx reads"),
    ],
)
def test_a_refusal_names_the_cause(text: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(text)
    assert "\n" not in str(caught.value)
    assert "g.txt" in str(caught.value)


def test_weights_are_whole_numbers_or_left_out() -> None:
    for text, total in (
        ("1 2 1.0\n2 3 2.0", 3),
        ("u v 7\nv u 4\nv w 0", 4),
        ("Source,Target,Weight\na,b,3\nb,c,4\n", 7),
        ("0 1 {'weight': 3}\n", 3),
        (f"1 2 {2**62 - 2}", 2**62 - 2),
        ("p sp 4 2\na 1 2 5\na 2 3 6", 11),
        ("%%MatrixMarket matrix coordinate real symmetric\n3 3 2\n2 1 1.0\n3 1 4\n", 5),
        ("*vertices 3\n*edges\n1 2 3.0\n2 3 1", 4),
    ):
        found = read(text, weighted=True).graph
        assert found.weights is not None
        assert found.weights.sum() == total
        light = read(text)
        assert light.graph.weights is None
        assert any("left out" in one for one in light.remarks)
    for text, message in (
        ("1 2 1.5", "line 1: weight '1.5' is no integer in 0"),
        ("1 2 -3", "weight '-3' is no integer"),
        ("1 2 nan", "weight 'nan' is no integer"),
        (f"1 2 {2**62 - 1}", "is no integer in 0"),
        ("1 2", "2 columns and no weight"),
        ("p edge 3 1\ne 1 2", "without weights"),
        ("%%MatrixMarket matrix coordinate pattern general\n3 3 1\n1 2", "without weights"),
        ("*vertices 2\n*edges\n1 2", "without a weight"),
        (GML, "attribute 'weight'"),
    ):
        with pytest.raises(InputError, match=message):
            read(text, weighted=True)


def test_metis_by_suffix() -> None:
    """Weights of vertices and edges, comments, a vertex without neighbours; edges at both ends."""
    assert sizes(read("% x\n3 2\n2\n1 3\n2\n", "g.graph")) == (3, 2, 1)
    assert sizes(read("4 1\n2\n1\n\n\n", input_format="metis")) == (4, 1, 3)
    text = "3 2 011 2\n9 9 2 5\n9 9 1 5 3 6\n9 9 2 6\n"
    found = read(text, "g.graph.gz", weighted=True)
    assert found.graph.weights is not None
    assert found.graph.weights.tolist() == [5, 6]
    for text, message in (
        ("3 2\n2\n1 3\n", "2 lines of vertices, its header says 3"),
        ("2 1\n2\n1\n1\n", "more lines than the 2 vertices"),
        ("3 2\n2\n1 3\n1\n", "lists 2 neighbours upwards and 2 downwards"),
        ("2 1 5\n2\n1\n", "the header is 'n m"),
        ("2 1 001\n2 1\n1 4\n", "with one weight"),
        ("1 1\n1\n", "a loop"),
    ):
        with pytest.raises(InputError, match=message):
            read(text, "g.graph", weighted="001" in text)


def test_what_was_read_is_said() -> None:
    found = read("# head\na b\nb a\nc c\n# tail\n")
    assert found.n_passed_over == 2
    assert found.remarks == (
        "g.txt is read as edge-list: 3 vertices, 1 edge; 2 lines are passed over, the first "
        "line 1: '# head'",
        "1 loop is left out",
        "1 repeated edge is left out; directions count not",
    )
    assert "has no edge" in read("a\nb\n").remarks[1]
    assert read("#a b\n").remarks[1].startswith("1 line begins with #")
    assert "directions are dropped" in " ".join(read("p sp 2 1\na 1 2 3\n").remarks)


def test_formats_are_chosen_by_name() -> None:
    with pytest.raises(InputError, match=r"'xls' is unknown; choose edge-list, csv"):
        read("a b", input_format="xls")
    assert sizes(read("3 2\n2\n1 3\n2", input_format="edge-list")) == (3, 2, 1)
    assert list(read("x,y z,w", input_format="edge-list").graph.names or ()) == ["x,y", "z,w"]
    assert {suffix for one in FORMATS.values() for suffix in one.suffixes} >= {".mtx", ".gml"}


def test_vertices_are_numbered_as_they_occur_whatever_the_blocks() -> None:
    lines = [f"v{u}\tname of {v}" for u, v in random_graph(300, 900, seed=0).edges.tolist()]
    expected: dict[str, int] = {}
    for name in "\t".join(lines).split("\t"):
        expected.setdefault(name, len(expected))
    text = "\n".join(lines)
    for block_bytes in (7, 100, 1 << 20):
        found = read(text, block_bytes=block_bytes).graph
        assert list(found.names or ()) == list(expected)
        pairs = [[expected[name] for name in line.split("\t")] for line in lines]
        assert found.edges.tolist() == pairs


def test_a_hundred_thousand_edges() -> None:
    edges = random_graph(50_000, 100_000, seed=0).edges.tolist()
    text = "".join(f"v{u}\tv{v}\n" for u, v in edges)
    assert read(text).graph.n_edges == 100_000


def many_pairs(form: str, n: int, size: int, head: str = "") -> bytes:
    """Random edges from 1 to n in a form, as many as fill some bytes."""
    rng, parts, length = np.random.default_rng(0), [head.encode()], len(head)
    while length < size:
        ends = rng.integers(1, n, (50_000, 2)).tolist()
        parts.append("".join(form.format(u, v) for u, v in ends).encode())
        length += len(parts[-1])
    return b"".join(parts)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "form", "n", "head"),
    [
        ("short.txt", "{} {}\n", 9, ""),
        ("dense.txt", "{} {}\n", 3000, ""),
        ("snap.txt", "{}\t{}\n", 400_000, "# FromNodeId\tToNodeId\n"),
        ("names.csv", "user {},item {}\n", 10**9, ""),
        ("alone.txt", "{}\n", 10**7, ""),
        ("m.mtx", "{} {}\n", 10**6, None),
        ("g.col", "e {} {}\n", 10**6, None),
    ],
)
def test_a_reader_holds_at_most_eight_times_its_file(
    name: str, form: str, n: int, head: str | None
) -> None:
    size = 20 << 20
    data = many_pairs(form, n, size, head or "")
    if head is None:
        m = data.count(b"\n")
        banner = "%%MatrixMarket matrix coordinate pattern general\n" + f"{n} {n} {m}\n"
        data = (banner if name == "m.mtx" else f"p edge {n} {m}\n").encode() + data
    stream = io.BytesIO(data)
    tracemalloc.start()
    try:
        assert read_graph(stream, name).graph.n_vertices > 0
        assert tracemalloc.get_traced_memory()[1] <= 8 * len(data)
    finally:
        tracemalloc.stop()


def test_networkx_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "networkx", None)
    with pytest.raises(InputError, match="networkx, which is not installed: pip install networkx"):
        read(GML)


def lines_of(name: str) -> list[list[str]]:
    return [line.split() for line in (FILES / name).read_text().splitlines() if line[0] != "%"]


def pairs(name: str, letter: str) -> nx.Graph:
    """The graph of the two columns behind a letter."""
    return nx.Graph([tuple(line[1:3]) for line in lines_of(name) if line[0] == letter])


def test_files_as_they_are_found() -> None:
    """Files after the specifications of their formats, or the habits of who writes them."""
    packed = gzip.decompress((FILES / "interactions.tsv.gz").read_bytes()).decode()
    header, *rows = lines_of("manual.graph")  # a weight, then pairs of neighbour and weight
    metis = nx.Graph([(str(at), end) for at, row in enumerate(rows, 1) for end in row[1::2]])
    assert metis.number_of_edges() == int(header[1])
    for name, expected in (
        ("karate.mtx", nx.karate_club_graph()),
        ("petersen.col", pairs("petersen.col", "e")),
        ("roads.gr", pairs("roads.gr", "a")),
        ("manual.graph", metis),
        ("votes.txt", nx.read_edgelist(FILES / "votes.txt")),
        ("out.brunson", nx.read_edgelist(FILES / "out.brunson", comments="%")),
        ("florentine.gml", nx.read_gml(FILES / "florentine.gml")),
        ("flow.graphml", nx.read_graphml(FILES / "flow.graphml")),
        ("houses.net", nx.Graph(nx.read_pajek(FILES / "houses.net"))),
        ("interactions.tsv.gz", nx.parse_edgelist(packed.splitlines()[1:], data=[("w", int)])),
    ):
        found = read((FILES / name).read_bytes(), name)
        n, m = expected.number_of_nodes(), expected.number_of_edges()
        assert sizes(found) == (n, m, nx.number_connected_components(nx.Graph(expected))), name
        assert found.remarks[0].startswith(f"{name} is read as ")
    found = read((FILES / "gephi.csv").read_bytes(), "gephi.csv", weighted=True)
    assert "Thénardier, Mme" in (found.graph.names or ())
    assert found.graph.weights is not None
    assert found.graph.weights.tolist() == [1, 4, 31, 17, 1, 5]
