"""Depth against k: a layer a doubling, read off built models, and the command that draws it."""

from __future__ import annotations

import csv
import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import oracles
from cases.command_line import (
    Anna,
    anna_command,  # noqa: F401
    plain_surroundings,  # noqa: F401
)
from mpc_sim import InputError
from reductions.constructions.k_hop_softmax import k_hop_softmax
from reductions.constructions.k_hop_tree import k_hop_tree
from reductions.constructions.model import ModelSolver
from reductions.experiments.depth_curve import (
    CHASING,
    CONDITIONAL,
    COUNTING,
    constructions,
    counted_depth,
    depth_row,
    depth_rows,
    layers_a_doubling,
)
from reductions.registry import solver

HOPS = [2**power for power in range(13)]
DOUBLING = ("k-hop/tree", "k-hop/compiled", "k-hop/softmax", "k-hop/causal-softmax")
FIRST = {"k-hop/tree": 2, "k-hop/compiled": 9, "k-hop/softmax": 2, "k-hop/causal-softmax": 2}


@pytest.mark.parametrize("name", DOUBLING)
def test_a_doubling_of_k_is_one_layer_up_to_4096(name: str) -> None:
    construction: ModelSolver = solver(name)
    rows = [depth_row(construction, 2**13, 4, k) for k in HOPS]
    assert [row["layers"] for row in rows] == [FIRST[name] + power for power in range(13)]
    assert layers_a_doubling(rows) == {name: (1,)}
    assert all(row["ok"] for row in rows)


def test_between_powers_of_two_the_depth_is_that_of_the_theorem() -> None:
    softmax: ModelSolver = solver("k-hop/softmax")
    for k in (1, 2, 3, 5, 6, 7, 9, 100, 1023, 1025, 3000):
        floor_log = max(power for power in range(20) if 2**power <= k)
        assert depth_row(softmax, 64, 4, k)["layers"] == floor_log + 2


def test_layers_of_weaker_models_follow_k() -> None:
    rows = list(depth_rows(64, 4, [1, 2, 4, 8, 16]))
    of = {line: [row["layers"] for row in rows if row["line"] == line] for line in
          ("k-hop/recurrent", "k-hop/low-rank", CHASING, CONDITIONAL)}  # fmt: skip
    assert of["k-hop/recurrent"] == [1, 2, 4, 8, 16]
    assert of[CHASING] == []  # four letters are too few for it, and N < k^6 from k = 4 on
    chased = [row["k"] for row in depth_rows(64, 66, [1, 2, 4]) if row["line"] == CHASING]
    assert chased == [1, 2]
    assert of["k-hop/low-rank"] == [2, 3, 5, 9, 17]
    assert of[CONDITIONAL] == [4]  # at k = 16: over 4 letters nothing is said before A k is near N
    many = [row for row in depth_rows(64, 32, [2, 4, 8]) if row["line"] == CONDITIONAL]
    assert [row["layers"] for row in many] == [1, 2, 3]


def test_few_letters_take_two_layers_for_every_k_and_many_are_not_built() -> None:
    scan = constructions_by_name()["k-hop/scan"]
    few = [depth_row(scan, 2**13, 4, k, run=256) for k in HOPS[:8]]
    assert [row["layers"] for row in few] == [2] * 7 + [5]
    assert all(row["ok"] for row in few)
    assert sum(row["compared"] for row in few) > 0
    many = {row["line"] for row in depth_rows(256, 128, [4])}
    assert "k-hop/scan" not in many
    assert "k-hop/compiled" in many


def test_no_construction_is_below_a_bound_that_holds_for_it() -> None:
    for n, letters in ((2**13, 16), (2**13, 64), (512, 8)):
        for k in (1, 4, 16, 64):
            needed = counted_depth(n, letters, k)
            assert (
                needed
                <= depth_row(constructions_by_name()["k-hop/recurrent"], n, letters, k)["layers"]
            )
    assert counted_depth(2**13, 64, 64) > 10  # not empty: a constant times k


def test_a_wrong_model_is_no_ok_row() -> None:
    """The canary: a model of one hop less, and one that is a layer deeper."""
    tree = constructions_by_name()["k-hop/tree"]
    assert depth_row(tree, 64, 4, 4, run=32)["ok"]
    less = replace(tree, build=lambda shape: k_hop_tree(shape.n_words, 4, shape["k"] - 1))
    row = depth_row(less, 64, 4, 4, run=32)
    assert row["differ"] > 0
    assert not row["ok"]
    deeper = replace(tree, build=lambda shape: k_hop_tree(shape.n_words, 4, 2 * shape["k"]))
    assert not depth_row(deeper, 64, 4, 4)["ok"]
    with pytest.raises(InputError, match="two letters"):
        list(depth_rows(64, 1, [1]))


def constructions_by_name() -> dict[str, ModelSolver]:
    return {each.name: each for each in constructions()}


# --- run for real ---


def letters_with_long_chains(n: int, seed: int) -> list[int]:
    """Three letters in turn, whose chain is n - 3 hops long, and then any letters."""
    rng = np.random.default_rng(seed)
    return [*(np.arange(n // 2) % 3).tolist(), *rng.integers(0, 3, n - n // 2).tolist()]


@pytest.mark.parametrize(("n", "k"), [(600, 100), (600, 255), (600, 256)])
def test_softmax_runs_many_hops(n: int, k: int) -> None:
    words = letters_with_long_chains(n, seed=k)
    expected = oracles.k_hop(words, k)
    assert sum(word > 0 for word in expected) > n // 8
    for mask in ("past", "causal"):
        assert k_hop_softmax(n, 3, k, mask=mask).run(words).tolist() == expected  # type: ignore[arg-type]


@pytest.mark.slow
def test_softmax_runs_4096_hops() -> None:
    words = letters_with_long_chains(8192, seed=1)
    expected = oracles.k_hop(words, 4096)
    assert sum(word > 0 for word in expected) > 500
    assert k_hop_softmax(8192, 3, 4096).run(words).tolist() == expected


@pytest.mark.slow
def test_the_tree_runs_4096_hops() -> None:
    words = letters_with_long_chains(2**15, seed=2)
    expected = oracles.k_hop(words, 4096)
    assert sum(word > 0 for word in expected) > 5000
    assert k_hop_tree(2**15, 3, 4096).run(words).tolist() == expected


def test_the_tree_runs_512_hops() -> None:
    words = letters_with_long_chains(2**12, seed=2)
    expected = oracles.k_hop(words, 512)
    assert sum(word > 0 for word in expected) > 1000
    assert k_hop_tree(2**12, 3, 512).run(words).tolist() == expected


# --- the command ---


def test_text_shows_a_column_a_line_and_what_a_doubling_costs(anna: Anna) -> None:
    run = anna("sweep", "depth", "--n", 64, "--k", "1..4", "--letters", 4, "--run", 16)
    assert (run.status, run.err) == (0, "")
    head, *lines = run.out.splitlines()
    names = [each.name.partition("/")[2] for each in constructions()]
    assert head.split()[: 1 + len(names)] == ["k", *names]
    table = [line.split() for line in lines[:3]]
    assert [line[0] for line in table] == ["1", "2", "4"]
    assert [line[1 + names.index("softmax")] for line in table] == ["2", "3", "4"]
    assert "k-hop/compiled: +1 layers where k doubles; 0 of 96 words that were run differ PASS" in (
        lines
    )


def test_json_and_csv_hold_every_row(anna: Anna, tmp_path: Path) -> None:
    out = tmp_path / "rows.csv"
    run = anna("sweep", "depth", "--n", 64, "--k", "2,3", "--letters", 26, "--out", out, "--json")
    found: Any = run.json
    assert (run.status, found["schema"], found["ok"]) == (0, "anna-mpc/sweep-depth/1", True)
    assert len(found["rows"]) == 2 * (len(constructions()) + 2)
    assert {row["line"] for row in found["rows"]} >= {CONDITIONAL, COUNTING, *DOUBLING}
    with out.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["layers"] for row in rows] == [str(row["layers"]) for row in found["rows"]]
    assert found["layers_a_doubling"]["k-hop/tree"] == []


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="needs matplotlib")
def test_a_picture_is_drawn(anna: Anna, tmp_path: Path) -> None:
    out = tmp_path / "depth.svg"
    assert anna("sweep", "depth", "--n", 64, "--k", "1..64", "--run", 0, "--out", out).status == 0
    text = out.read_text(encoding="utf-8")
    assert text.startswith("<?xml")
    assert "k-hop/softmax" in text


def test_a_failed_row_is_exit_1(anna: Anna, monkeypatch: pytest.MonkeyPatch) -> None:
    import reductions.experiments.depth_curve

    right = reductions.experiments.depth_curve.depth_row

    def wrong(*given: Any, **named: Any) -> Any:
        return right(*given, **named) | {"ok": False, "differ": 1}

    monkeypatch.setattr(reductions.experiments.depth_curve, "depth_row", wrong)
    run = anna("sweep", "depth", "--n", 16, "--k", "1", "--json")
    assert (run.status, json.loads(run.out)["ok"]) == (1, False)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("depth --n 4,8", "give one context length"),
        ("depth --seed 0..3", "give one seed"),
        ("depth --epsilon 1/2", "--epsilon is for algorithms"),
        ("depth --gap 1/2", "--gap is for machines"),
        ("depth --k 0", "one hop, or more"),
        ("depth --letters 1 --n 8 --k 1", "two letters"),
        ("depth --n 10^18", "choose a smaller --n"),
        ("columnsort --k 3", "--k is for depth"),
        ("machines --run 3", "--run is for depth"),
        ("depth --out depth.txt", "end the name in one of"),
    ],
)
def test_what_does_not_go_together_is_refused(anna: Anna, line: str, says: str) -> None:
    run = anna("sweep", *line.split())
    assert (run.status, run.out) == (2, "")
    assert run.err.count("\n") == 1
    assert says in run.err


@pytest.mark.skipif(importlib.util.find_spec("polars") is None, reason="needs polars")
def test_parquet_keeps_what_is_no_whole_number(tmp_path: Path) -> None:
    """Whole numbers in the first hundred rows make no column of whole numbers."""
    import polars

    from reductions.commands.row_files import write_rows

    rows = [{"k": k, "layers": k} for k in range(150)] + [{"k": 3, "layers": 1.5}]
    write_rows(str(tmp_path / "rows.parquet"), rows, lambda rows, file: None)
    assert polars.read_parquet(tmp_path / "rows.parquet")["layers"][-1] == 1.5
