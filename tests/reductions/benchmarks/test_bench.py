"""``anna-mpc bench``: its rows, what it says without polars, what it refuses."""

from __future__ import annotations

import json
import threading
from typing import Any
from unittest import mock

import numpy as np
import pytest

from reductions.benchmarks import attention, certify, exact_match, k_hop, routing, timing
from reductions.benchmarks.timing import Row, interleaved
from reductions.cli import main

NO_POLARS = "polars is not installed: the rows against it are left out (extra: bench)"
REFERENCES = {
    "int64 argsort and index",
    "NumPy 16-bit radix argsort and take",
    "copy of destinations and columns",
}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    cases = (routing.Messages(500, 20, 2), routing.Messages(10**5, 10**5, 1))
    monkeypatch.setattr(routing, "CASES", cases)
    forwards = tuple(attention.Forward(n, tables=2, m=8) for n in (64, 128))
    monkeypatch.setattr(attention, "CASES", forwards)
    monkeypatch.setattr(exact_match, "CASES", (exact_match.Keys(99), exact_match.Keys(99, 7)))
    monkeypatch.setattr(k_hop, "CASES", (k_hop.Hops(64, 4), k_hop.Hops(128, 4)))
    monkeypatch.setattr(certify, "CASES", (certify.Compiled(64, 4), certify.Compiled(128, 4)))


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["bench", *arguments, "--json", "--repeats", "2"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    found: dict[str, Any] = json.loads(out)
    return found


def test_whoever_spins_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "MOST_PAUSES", 5)
    assert timing.wait_until_idle()
    done = threading.Event()

    def spin() -> None:
        while not done.is_set():
            pass

    thread = threading.Thread(target=spin)
    thread.start()
    try:
        assert not timing.wait_until_idle()
    finally:
        done.set()
        thread.join()


def check_rows(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        assert set(row) == {"case", "ours_s", "reference", "reference_s", "ratio"}
        assert min(row["ours_s"], row["reference_s"]) > 0
        assert row["ratio"] == pytest.approx(row["reference_s"] / row["ours_s"])


def test_routing_rows(capsys: pytest.CaptureFixture[str]) -> None:
    found = report(capsys, "routing")
    check_rows(found["rows"])
    assert len({row["case"] for row in found["rows"]}) == 2
    named = {row["reference"] for row in found["rows"]}
    assert named - {routing.POLARS} == REFERENCES
    assert found["notes"] == ([] if routing.POLARS in named else [NO_POLARS])


def test_without_polars_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    with (
        mock.patch.object(routing, "find_spec", return_value=None),
        mock.patch("reductions.commands.bench.find_spec", return_value=None),
    ):
        found = report(capsys, "routing", "--max-n", "1000")
        assert {row["reference"] for row in found["rows"]} == REFERENCES
        assert found["notes"] == [NO_POLARS]
        assert main(["bench", "routing", "--max-n", "1000", "--repeats", "1"]) == 0
        assert "polars is not installed" in capsys.readouterr().out


def test_k_hop_rows(capsys: pytest.CaptureFixture[str]) -> None:
    found = report(capsys, "k-hop", "--max-n", "2^6")
    check_rows(found["rows"])
    assert {row["case"] for row in found["rows"]} == {str(k_hop.Hops(64, 4))}
    assert [row["reference"] for row in found["rows"]] == [one.name for one in k_hop.REFERENCES]


def test_certify_rows(capsys: pytest.CaptureFixture[str]) -> None:
    found = report(capsys, "certify", "--max-n", "2^6")
    check_rows(found["rows"])
    assert [row["reference"] for row in found["rows"]] == [certify.SIMULATION]
    (note,) = found["notes"]
    assert note.startswith("k-hop, n = 64, k = 4: the busiest layer touches")


def test_a_smaller_reference_is_scaled() -> None:
    half = k_hop.Reference("half", k_hop.double_in_numpy, n=32)
    seconds = {k_hop.OURS: 1.0, "half": 3.0}
    with (
        mock.patch.object(k_hop, "REFERENCES", (half,)),
        mock.patch.object(k_hop, "interleaved", return_value=seconds),
    ):
        assert k_hop.k_hop_rows([k_hop.Hops(64, 4)], 1) == [
            Row(str(k_hop.Hops(64, 4)), 1.0, "half", 6.0)
        ]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["nothing"], "invalid choice"),
        (["routing", "--repeats", "0"], "at least once"),
        (["k-hop", "--max-n", "3"], "leaves no case; the smallest has 64"),
        (["routing", "--max-n", "many"], "no whole number"),
    ],
)
def test_refusals(arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", *arguments]) == 2
    assert text in capsys.readouterr().err


def test_medians_are_of_timed_turns_only() -> None:
    turns: list[str] = []
    seconds = interleaved({name: lambda name=name: turns.append(name) for name in "ab"}, 2)  # type: ignore[misc]
    assert "".join(turns) == "aabb" * 3
    assert set(seconds) == {"a", "b"}


@pytest.mark.parametrize("case", [routing.Messages(300, 7, 3), routing.Messages(70000, 70000, 1)])
def test_canary_a_wrong_contestant_is_not_timed(case: routing.Messages) -> None:
    assert routing.OURS in routing.contestants(case)
    with (
        mock.patch.object(np, "take", lambda column, order: np.sort(column)),
        pytest.raises(AssertionError, match="radix disagree"),
    ):
        routing.contestants(case)


def test_canary_a_wrong_k_hop_is_not_timed() -> None:
    wrong = k_hop.Reference("wrong", lambda letters, task: letters)
    with (
        mock.patch.object(k_hop, "REFERENCES", (wrong,)),
        pytest.raises(AssertionError, match="wrong disagree"),
    ):
        k_hop.k_hop_rows([k_hop.Hops(64, 4)], 1)


def test_exact_match_rows(capsys: pytest.CaptureFixture[str]) -> None:
    found = report(capsys, "exact-match")
    check_rows(found["rows"])
    assert {row["case"] for row in found["rows"]} == {"99 distinct keys", "99 keys in 7 groups"}
    named = {row["reference"] for row in found["rows"]}
    missing = {note.split()[0] for note in found["notes"]}
    assert named | missing == {"NumPy unique and bincount", *exact_match.FRAMES}
    assert not named & missing


def test_exact_match_disagreement_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Canary: a reference that answers otherwise stops the benchmark."""
    with pytest.raises(AssertionError, match="exact match and wrong disagree"):
        exact_match._agree(np.zeros(3), np.array([0, 0, 1e-6]), "wrong")


def test_attention_rows(capsys: pytest.CaptureFixture[str]) -> None:
    found = report(capsys, "attention")
    check_rows(found["rows"])
    named = {row["reference"] for row in found["rows"]}
    assert {attention.ALGORITHM_2, attention.NUMPY, attention.PRODUCTS} <= named
    growth = [row for row in found["rows"] if row["reference"].startswith(attention.PER_TOKEN)]
    (ours,) = {row["ours_s"] for row in found["rows"] if row["case"] == found["rows"][0]["case"]}
    assert [row["reference_s"] for row in growth] == [2 * ours]
    assert (attention.TORCH in named) == (found["notes"] == [])
