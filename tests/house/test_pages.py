"""Saved pages: one file that asks nobody, small, written whole, readable by any eye."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from cases.pages import Parsed, data_of, finished, outward, random_ledger, unpacked
from mpc_sim import InputError, Ledger
from mpc_sim.errors import LedgerError
from mpc_sim.ledger.loads import RoundLoads
from mpc_sim.pages import Page, html_page, pack
from mpc_sim.pages.html import asset
from mpc_sim.saving.whole_file import whole_file

MEGABYTE = 10**6


@given(st.lists(st.integers(0, 2**62)))
def test_packed_words_come_back(words: list[int]) -> None:
    assert unpacked(dict(pack(np.array(words, np.int64)))) == words


def test_negative_words_are_refused() -> None:
    with pytest.raises(ValueError, match="words are not negative, but one is -3"):
        pack(np.array([1, -3]))


def test_a_ledger_page_holds_every_load(tmp_path: Path) -> None:
    ledger = finished().ledger
    ledger.save_html(tmp_path / "loads.html", title="k-hop")
    html = (tmp_path / "loads.html").read_text(encoding="utf-8")
    page, data = Parsed(html), data_of(html)
    assert page.parts["pre"] == str(ledger)
    assert page.parts["title"] == "k-hop"
    assert data["steps"][1:] == [f"round {i}: {label}" for i, label in enumerate(ledger.labels)]
    expected = {
        "words held": [ledger.input_held, *ledger.held],
        "words sent": [0 * ledger.input_held, *ledger.sent],
        "words received": [0 * ledger.input_held, *ledger.received],
    }
    assert [grid["name"] for grid in data["grids"]] == list(expected)
    for grid in data["grids"]:
        assert grid["limit"] == ledger.cluster.memory_words
        values = np.array(unpacked(grid["values"])).reshape(grid["rows"], grid["columns"])
        assert np.array_equal(values, np.array(expected[grid["name"]]))
    lines = str(ledger).split("\n")[3 : 3 + len(ledger.rounds)]
    assert [row[:5] for row in data["numbers"][1:]] == [line.split()[-5:] for line in lines]


def test_a_page_asks_nobody() -> None:
    assert outward(html_of(finished().ledger)) == []


def html_of(ledger: Ledger) -> str:
    from mpc_sim.ledger.page import ledger_page

    return html_page(ledger_page(ledger, "loads", ("held",)))


def test_canary_outward() -> None:
    good = html_of(finished().ledger)
    for harm in (
        '<img src="/a.png">',
        '<link rel="stylesheet" href="a.css">',
        "<script>fetch ('a')</script>",
        "<style>p { background: url('a.png') }</style>",
        "<script>import('./a.js')</script>",
    ):
        assert len(outward(good.replace("</body>", f"{harm}</body>"))) == 1
    assert outward(good.replace("default-src 'none'", "default-src *")) == ["no policy"]


def test_labels_cannot_leave_their_place() -> None:
    label = '</script><script>alert("x")</script>'
    ledger = finished().ledger
    ledger.rounds[0] = RoundLoads(**{**vars(ledger.rounds[0]), "label": label})
    html = html_of(ledger)
    assert data_of(html)["steps"][1] == f"round 0: {label}"
    assert [tag for tag, _ in Parsed(html).tags].count("script") == 2


def test_4096_machines_and_64_rounds_take_less_than_a_megabyte(tmp_path: Path) -> None:
    path = tmp_path / "loads.html"
    random_ledger(4096, 64, most=64).save_html(path)  # three loads that nothing compresses
    assert path.stat().st_size < MEGABYTE
    random_ledger(4096, 64, most=2**16 - 1).save_html(path, loads=("held",))
    assert path.stat().st_size < 0.75 * MEGABYTE


def test_equal_ledgers_make_equal_files(tmp_path: Path) -> None:
    for name in ("a.html", "b.html"):
        finished().ledger.save_html(tmp_path / name)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "b.html"]


def test_unknown_loads_and_folders_are_refused(tmp_path: Path) -> None:
    ledger = finished().ledger
    with pytest.raises(InputError, match="'sent', 'received', 'held', one or more; not 'kept'"):
        ledger.save_html(tmp_path / "a.html", loads=("held", "kept"))
    with pytest.raises(InputError, match="one or more; not none"):
        ledger.save_html(tmp_path / "a.html", loads=())
    with pytest.raises(LedgerError, match=r"a\.html cannot be written: No such file"):
        ledger.save_html(tmp_path / "none" / "a.html")
    assert list(tmp_path.iterdir()) == []


def test_what_fails_on_the_way_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text("old")

    def half() -> None:
        with whole_file(path, LedgerError) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        half()
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["a.html"]


def test_an_empty_ledger_has_a_page() -> None:
    sim = finished()
    data = data_of(html_of(Ledger(sim.cluster, sim.ledger.input_held)))
    assert (data["steps"], data["grids"][0]["rows"]) == (["input"], 1)


# --- colours ---


def channels(colour: str) -> np.ndarray[Any, Any]:
    """Linear red, green and blue of a colour #rrggbb."""
    coded = np.array([int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    return np.where(coded <= 0.04045, coded / 12.92, ((coded + 0.055) / 1.055) ** 2.4)


def lightness(linear: np.ndarray[Any, Any]) -> float:
    """L* of a colour, 0 to 100."""
    luminance = float(np.clip(linear, 0, 1) @ [0.2126, 0.7152, 0.0722])
    return 116 * float(np.cbrt(luminance)) - 16 if luminance > 0.008856 else 903.3 * luminance


# What is left of red, green and blue without the long, middle or short cones: Machado, Oliveira
# and Fernandes 2009, severity 1. The last is an eye without any.
EYES = {
    "any": np.eye(3),
    "protan": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deutan": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritan": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
    "grey": np.tile([0.2126, 0.7152, 0.0722], (3, 1)),
}


def scale() -> list[str]:
    found = re.search(r"const SCALE = (\[[^\]]*\]);", asset("grid.js"))
    assert found
    colours: list[str] = json.loads(found[1])
    return colours


def disordered(colours: list[str], least: float = 8.0) -> list[str]:
    """Eyes to which a colour is not darker than the one before by ``least`` of L*."""
    return [
        eye
        for eye, seen in EYES.items()
        if any(
            lightness(seen @ channels(one)) - lightness(seen @ channels(other)) < least
            for one, other in pairwise(colours)
        )
    ]


def test_every_eye_sees_the_scale_in_order() -> None:
    assert disordered(["#ffffff", *scale()]) == []


def test_canary_disordered() -> None:
    assert set(disordered(["#ff0000", "#00ff00"])) == set(EYES)
    assert "protan" in disordered(["#ff8080", "#e02020", "#a00000", "#8a0000"])
    assert disordered(scale()[::-1])


def test_a_bare_page_is_whole() -> None:
    page = Page("<b>", ("a & b",), "round", "machine", 1, ("input",), (), ((),), "<pre>")
    html = html_page(page)
    assert outward(html) == []
    assert "&lt;b&gt;" in html
    assert "a &amp; b" in html
    assert Parsed(html).parts["pre"] == "<pre>"
