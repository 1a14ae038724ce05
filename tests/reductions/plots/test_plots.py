"""Pictures: what they show, that they repeat byte for byte, what they refuse."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mpc_sim import Channel, Cluster, Inbox, Ledger, Outbox, Protocol, Simulation, fit_cluster
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.inspect.message_matrix import message_matrix
from mpc_sim.ledger.loads import RoundLoads
from reductions.plots import (
    SUFFIXES,
    draw_attention,
    draw_depth,
    draw_errors,
    draw_heads,
    draw_loads,
    draw_machines,
    draw_messages,
    draw_sweep,
    shown,
)
from reductions.plots.picture import PALETTE, picture

Draw = Callable[[Path], None]

MACHINES = [
    {"line": line, "n": n, "machines": round(n**power), "exponent": power}
    for line, power in (("softmax", 2), ("ANNA, c = 3", 1.25))
    for n in (64, 256, 128)
]
DEPTH = [{"line": "compiled", "k": 2**j, "layers": 9 + j} for j in range(5)] + [
    {"line": "lower bound", "k": 2**j, "layers": j, "kind": "lower-bound"} for j in range(5)
]
HEADS = [
    {"n": n, "context_length": n * g, "heads": 8 // g, "heads_least": 4 // g, "heads_bound": 9 // g}
    for n in (64, 256)
    for g in (1, 2, 4)
]
ERRORS = [
    {"surrogate": name, "hashes": 1, "tables": tables, "error": 1 / (tables + at)}
    | {"error_low": 0.9 / (tables + at), "error_high": 1.2 / (tables + at)}
    for at, name in enumerate(("softmax", "expected collisions"), start=1)
    for tables in (1, 4, 16)
]
SWEEP = [{"algorithm": "columnsort", "n": n, "rounds": 5, "rounds_bound": 5} for n in (64, 128)]


def simulation(n: int = 64, round: int = 3) -> Simulation:
    protocol = k_hop(4)
    words = np.random.default_rng(0).integers(0, 4, n)
    sim = Simulation(protocol, fit_cluster(protocol, n, "2/3", largest_word=4), words)
    sim.goto(round)
    return sim


def drawings() -> dict[str, Draw]:
    """Every kind of picture, ready to be drawn into a file."""
    sim = simulation()
    weights = np.random.default_rng(1).dirichlet(np.ones(8), 8)
    return {
        "loads": partial(draw_loads, sim.ledger),
        "messages": partial(draw_messages, sim.peek()),
        "attention": partial(draw_attention, weights, np.eye(8)),
        "machines": partial(draw_machines, MACHINES),
        "depth": partial(draw_depth, DEPTH),
        "heads": partial(draw_heads, HEADS),
        "errors": partial(draw_errors, ERRORS, baselines={"guessing": 0.68}),
        "sweep": partial(draw_sweep, SWEEP),
    }


DRAWINGS = drawings()


def drawn(draw: Draw, folder: Path, suffix: str = ".svg") -> bytes:
    """The bytes of a picture, which is all that is left in the folder."""
    folder.mkdir()
    file = folder / f"picture{suffix}"
    draw(file)
    assert [path.name for path in folder.iterdir()] == [file.name]
    return file.read_bytes()


def texts(svg: bytes) -> list[str]:
    """What is written in a picture: the comment beside every text."""
    return re.findall(r"<!-- (.*?) -->", svg.decode())


@pytest.mark.parametrize(
    ("name", "suffix"),
    [*((name, ".svg") for name in DRAWINGS), *(("loads", suffix) for suffix in SUFFIXES[1:])],
)
def test_two_saves_are_equal(name: str, suffix: str, tmp_path: Path) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    draw = DRAWINGS[name]
    first = drawn(draw, tmp_path / "first", suffix)
    with matplotlib.rc_context({"lines.linewidth": 9, "font.size": 5, "svg.hashsalt": "other"}):
        assert drawn(draw, tmp_path / "second", suffix) == first
    assert re.search(rb"20\d\d-\d\d-\d\d|CreationDate|<dc:date>", first) is None


@pytest.mark.slow
def test_saves_of_two_processes_are_equal(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    files = [tmp_path / f"{number}.svg" for number in range(2)]
    for file in files:
        code = (
            "from reductions.plots import draw_depth\n"
            f"draw_depth([{{'k': k, 'layers': k}} for k in (1, 2, 4)], {str(file)!r})"
        )
        subprocess.run([sys.executable, "-c", code], check=True)
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("loads", ["round", "machine", "words of a machine", "s = 64", "sent, most"]),
        ("messages", ["to machine", "from machine", "words (diagonal: kept)"]),
        ("attention", ["softmax", "ANNA", "query (token)", "weight (share of a row)"]),
        ("machines", ["N (tokens)", "softmax (theory: N^2)", "ANNA, c = 3 (theory: N^1.25)"]),
        ("depth", ["k (hops)", "layers (count)", "compiled", "lower bound"]),
        ("heads", ["T (tokens)", "heads (count)", "n = 64", "n = 256"]),
        ("errors", ["tables (count)", "error (share of answers)", "guessing: 0.680"]),
        ("sweep", ["columnsort", "rounds (dashed: bound)"]),
    ],
)
def test_axes_and_lines_are_named(name: str, expected: list[str], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert set(expected) <= set(texts(drawn(DRAWINGS[name], tmp_path / "new")))


def axes_of(monkeypatch: pytest.MonkeyPatch, draw: Draw, file: Path) -> list[Any]:
    """The axes of a figure as it was when it was saved."""
    from matplotlib.figure import Figure

    seen: list[Any] = []
    save = Figure.savefig

    def spy(self: Any, *args: Any, **named: Any) -> None:
        seen.append(self)
        save(self, *args, **named)

    monkeypatch.setattr(Figure, "savefig", spy)
    draw(file)
    return list(seen[0].axes)


@pytest.mark.slow
def test_machines_lie_on_the_slope_of_the_theory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    (axes,) = axes_of(monkeypatch, DRAWINGS["machines"], tmp_path / "a.svg")
    measured, slope, *_ = (line.get_xydata().tolist() for line in axes.lines)
    assert measured == slope == [[64, 4096], [128, 16384], [256, 65536]]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert [line.get_color() for line in axes.lines] == [p for p in PALETTE[:2] for _ in range(2)]


def test_a_slope_that_is_not_the_measured_one_shows(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    rows = [
        {"n": n, "machines": n * n, "exponent": "1", "machines_bound": 2 * n * n} for n in (2, 4)
    ]
    (axes,) = axes_of(monkeypatch, partial(draw_machines, rows), tmp_path / "a.svg")
    lines = [line.get_xydata()[:, 1].tolist() for line in axes.lines]
    assert lines == [[4, 16], [8, 16], [8, 32]]


def test_the_line_of_the_loads_is_at_s(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    sim = simulation()
    above, below, _ = axes_of(monkeypatch, partial(draw_loads, sim.ledger), tmp_path / "a.svg")
    lines = {line.get_label(): line.get_ydata() for line in above.lines}
    assert set(lines[f"s = {sim.cluster.memory_words}"]) == {sim.cluster.memory_words}
    assert list(lines["held, most"]) == [row.max_held_words for row in sim.ledger.rounds]
    assert below.images[0].get_array().shape == (sim.cluster.n_machines, 3)
    assert below.images[0].get_clim() == (0, sim.cluster.memory_words)


def test_errors_have_their_intervals(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (axes,) = axes_of(monkeypatch, DRAWINGS["errors"], tmp_path / "a.svg")
    bars = axes.containers[0].lines[2][0].get_segments()
    expected = [[[row["tables"], row[f"error_{end}"]] for end in ("low", "high")] for row in ERRORS]
    np.testing.assert_allclose(np.array(bars), expected[:3])
    assert axes.get_legend_handles_labels()[1] == [
        "surrogate = softmax",
        "surrogate = expected collisions",
    ]


def test_baselines_are_named_beside_the_picture(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    baselines = {"guessing": 0.5, "exact": 0.001, "stand-in": 0.0}
    draw = partial(draw_errors, ERRORS, baselines=baselines)
    (axes,) = axes_of(monkeypatch, draw, tmp_path / "a.svg")
    named = {text.get_text(): text.xy[1] for text in axes.texts}
    assert named == {"guessing: 0.500": 0.5, "exact: 0.001\nstand-in: 0.000": 0}
    dotted = [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == ":"]
    assert dotted == list(baselines.values())
    window = axes.get_window_extent()
    assert not any(text.get_window_extent().overlaps(window) for text in axes.texts)


def test_many_lines_are_told_apart_and_named_below(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    rows = [{"line": f"way {at}", "k": k, "layers": k + at} for at in range(9) for k in (1, 2)]
    (axes,) = axes_of(monkeypatch, partial(draw_depth, rows), tmp_path / "a.svg")
    (legend,) = axes.figure.legends
    assert axes.get_legend() is None
    assert [text.get_text() for text in legend.get_texts()] == [f"way {at}" for at in range(9)]
    assert not legend.get_window_extent().overlaps(axes.get_window_extent())
    looks = {(line.get_color(), line.get_marker(), line.get_linestyle()) for line in axes.lines}
    assert len(looks) == 9


def test_a_large_heat_map_stays_small(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    rng = np.random.default_rng(0)
    cluster = Cluster(n_words=2**18, memory_words=128, n_machines=4096, block_words=64)
    rounds = [RoundLoads("mix", *rng.integers(0, 128, (3, 4096)), 9) for _ in range(64)]
    ledger = Ledger(cluster, np.full(4096, 64), rounds)
    for suffix in (".svg", ".png"):
        assert len(drawn(partial(draw_loads, ledger), tmp_path / suffix, suffix)) < 10**6


def test_a_notebook_shows_what_a_file_holds(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    saved = drawn(partial(draw_errors, ERRORS, baselines={"guessing": 0.68}), tmp_path / "new")
    picture = shown(draw_errors, ERRORS, baselines={"guessing": 0.68})
    assert picture._repr_svg_().encode() == saved
    assert repr(picture) == "Shown()"


# --- who sends to whom ---


@pytest.mark.parametrize("most_groups", [1, 3, 5, 7, 256])
@pytest.mark.parametrize("round", [0, 2, 6, 7])
def test_a_message_matrix_is_the_sum_of_its_messages(round: int, most_groups: int) -> None:
    traffic = simulation(round=round).peek()
    matrix, size = message_matrix(traffic, most_groups)
    assert size == -(-traffic.cluster.n_machines // most_groups)
    expected = np.zeros_like(matrix)
    for part in traffic.messages:
        for source, to in zip(part.source.tolist(), part.to.tolist(), strict=True):
            expected[source // size, to // size] += max(1, len(part.columns))
    assert matrix.tolist() == expected.tolist()
    assert len(matrix) <= most_groups
    if size == 1:
        assert matrix.sum(axis=1).tolist() == traffic.sent.tolist()
        assert matrix.sum(axis=0).tolist() == traffic.held.tolist()


class Bell(Protocol):
    """Machine 1 tells machine 0 something without a word, which is charged one."""

    def n_rounds(self, cluster: Any) -> int:
        return 1

    def channels(self, round: int, cluster: Any) -> tuple[Channel, ...]:
        return (Channel("bell", (), 1),)

    def step(self, round: int, inbox: Inbox, cluster: Any) -> Outbox:
        outbox = Outbox()
        outbox.send("bell", source=np.array([1]), to=np.array([0]))
        return outbox


def test_a_message_without_words_counts_one() -> None:
    cluster = fit_cluster(Bell(), 4, "1/2", largest_word=3)
    matrix, _ = message_matrix(Simulation(Bell(), cluster, [0, 1, 2, 3]).peek())
    assert matrix.tolist() == [[0, 0], [1, 0]]


# --- refusals ---


@pytest.mark.parametrize("name", DRAWINGS)
def test_another_suffix_is_refused_before_anything_is_drawn(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"in .svg, .png, .pdf, not .xls$"):
        DRAWINGS[name](tmp_path / "picture.xls")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (partial(draw_machines, []), "at least one row"),
        (partial(draw_machines, [{"n": 3}]), "row 0 has no 'machines'"),
        (partial(draw_depth, [{"k": 1, "layers": 2}, {"k": 2}]), "row 1 has no 'layers'"),
        (partial(draw_heads, [{"heads": 1, "context_length": 4}]), "row 0 has no 'heads_least'"),
        (partial(draw_errors, [{"tables_layer_1": 3, "error": 0}]), "row 0 has no 'tables'"),
        (partial(draw_loads, simulation(round=0).ledger), "no round yet"),
        (partial(draw_messages, simulation().peek(), most_groups=0), "one group is the least"),
        (partial(draw_attention, np.eye(2), np.ones(2)), "two matrices of one shape"),
    ],
)
def test_what_cannot_be_drawn_is_refused(draw: Draw, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        draw(tmp_path / "picture.svg")
    assert list(tmp_path.iterdir()) == []


def test_an_old_picture_stays_whole(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    file = tmp_path / "picture.svg"
    file.write_text("old")
    with pytest.raises(RuntimeError, match="while drawing"), picture(file):
        raise RuntimeError("while drawing")
    with pytest.raises(OSError, match="part"):
        draw_depth(DEPTH, tmp_path / "no folder" / "picture.svg")
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["picture.svg"]
