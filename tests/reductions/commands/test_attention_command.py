"""``anna-mpc attention``: every mechanism, files in and out, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from anna_model.mechanisms import Attended, Softmax
from reductions.cli import main
from reductions.commands.attention import Head


def report(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 0) -> dict[str, Any]:
    assert main(["attention", *arguments, "--json", "--repeats", "1"]) == status
    out, err = capsys.readouterr()
    assert err == ""
    found: dict[str, Any] = json.loads(out)
    return found


@pytest.mark.parametrize("name", Head)
@pytest.mark.parametrize("more", [[], ["--float32"], ["--causal"]], ids=["", "float32", "causal"])
def test_seeded(name: str, more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    if name == "sparse-low-rank" and more == ["--causal"]:
        assert main(["attention", name, *more]) == 2
        assert "no causal form" in capsys.readouterr().err
        return
    found = report(capsys, name, "--n", "200", "--width", "8", "--beta", "2", *more)
    assert found["schema"] == "anna-mpc/attention/1"
    assert found["ok"]
    assert found["parameters"]["n"] == 200
    wanted = "float32" if more == ["--float32"] and name != "exact-match" else "float64"
    assert found["parameters"]["dtype"] == wanted
    (check,) = found["checks"]
    assert check["status"] == "PASS"
    assert 0 <= check["measured"] <= check["bound"] < 0.1
    assert found["seconds"] > 0


def test_a_large_input_is_unverified(capsys: pytest.CaptureFixture[str]) -> None:
    (check,) = report(capsys, "elu", "--n", "5000", "--width", "4")["checks"]
    assert (check["status"], check["measured"]) == ("UNVERIFIED", None)
    assert main(["attention", "elu", "--n", "5000", "--width", "4"]) == 0
    assert "not written out" in capsys.readouterr().out


def test_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Q, K, V = np.random.default_rng(0).standard_normal((3, 9, 4))
    names = [str(tmp_path / f"{name}.npy") for name in "qkv"]
    for name, part in zip(names, (Q, K, V), strict=True):
        np.save(name, part)
    files = [
        word
        for pair in zip(("--queries", "--keys", "--values"), names, strict=True)
        for word in pair
    ]
    out = tmp_path / "out.npy"
    assert main(["attention", "softmax", *files, "--beta", "0.5", "--out", str(out)]) == 0
    assert "PASS" in capsys.readouterr().out
    np.testing.assert_allclose(np.load(out), Softmax(0.5).weights(Q, K) @ V, rtol=1e-12)
    before = out.read_bytes()
    with mock.patch("pathlib.Path.replace", side_effect=OSError(28, "No space left on device")):
        assert main(["attention", "softmax", *files, "--out", str(out)]) == 2
    assert out.read_bytes() == before
    assert [path.name for path in tmp_path.glob("*.partial")] == []


def test_canary_a_wrong_fast_path_fails(capsys: pytest.CaptureFixture[str]) -> None:
    right = Softmax.apply

    def wrong(self: Softmax, *head: Any) -> Attended:
        values, unmatched = right(self, *head)
        return Attended(values + 1e-9, unmatched)

    with mock.patch.object(Softmax, "apply", wrong):
        found = report(capsys, "softmax", "--n", "50", status=1)
    assert not found["ok"]
    assert found["checks"][0]["status"] == "FAIL"


def test_refusals(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "text.npy"
    text.write_text("no array")
    cut = tmp_path / "cut.npy"
    np.save(cut, np.zeros((4, 4)))
    cut.write_bytes(cut.read_bytes()[:-9])
    names = tmp_path / "names.npy"
    np.save(names, np.array(["a", "b"]))
    objects = tmp_path / "objects.npy"
    np.save(objects, np.array([{}], object), allow_pickle=True)
    nan = tmp_path / "nan.npy"
    np.save(nan, np.full((2, 2), np.nan))
    for arguments, words in (
        (["softmax", "--queries", str(nan)], "give all of --queries, --keys and --values"),
        (["softmax", "--n", "0"], "at least 1"),
        (["softmax", "--beta", "nan"], "beta must be finite"),
        (["softmax", "--repeats", "0"], "at least once"),
        (["reformer", "--codes", "3"], "even number of codes"),
        (["anna", "--tables", "0"], "tables"),
        (["anna", "--distance", "-1"], "at least 0"),
        (["anna", "--family", "p-stable", "--cell", "0"], "w must be positive"),
        (["nothing"], "invalid choice"),
        *(
            (["softmax", "--queries", str(bad), "--keys", str(bad), "--values", str(bad)], words)
            for bad, words in (
                (text, "damaged or no .npy file"),
                (cut, "damaged or no .npy file"),
                (names, "real numbers is needed"),
                (objects, "damaged or no .npy file"),
                (nan, "Q must be finite"),
                (tmp_path / "missing.npy", "No such file"),
            )
        ),
    ):
        assert main(["attention", *arguments]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert words in err
        assert err.count("\n") == 1


def test_buckets_and_constraints_of_anna(capsys: pytest.CaptureFixture[str]) -> None:
    """Tight clusters are met whole; one hash and a fine spread leave violations: the canary."""
    seeded = ["anna", "--n", "120", "--width", "16", "--clusters", "4", "--distance", "0.2"]
    more = ["--tables", "40", "--hashes", "6", "--spread", "0.001", "--ratio", "3"]
    found = report(capsys, *seeded, *more)
    assert [check["name"] for check in found["checks"]] == [
        "output-definition", "far-pairs", "light-pairs", "sums",
    ]  # fmt: skip
    assert {check["measured"] for check in found["checks"][1:]} == {0}
    statistics = found["statistics"]
    assert 1 <= statistics["keys_met_a_table"] <= statistics["largest_bucket"] <= 120
    bad = report(capsys, *seeded, "--tables", "1", "--spread", "0.5", "--ratio", "1.1", status=1)
    counts = {check["name"]: check["measured"] for check in bad["checks"]}
    assert counts["far-pairs"] > 0
    assert main(["attention", *seeded, *more]) == 0
    out = capsys.readouterr().out
    assert "keys a bucket" in out
    assert "far-pairs: 0 violations" in out


@pytest.mark.parametrize("family", ["gaussian-cross-polytope", "hyperplane", "p-stable"])
def test_families(family: str, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = []
    for algorithm in ("1", "2"):
        arguments = ["anna", "--n", "60", "--width", "8", "--family", family, "--hashes", "2"]
        outputs.append(report(capsys, *arguments, "--algorithm", algorithm))
    assert all(found["ok"] for found in outputs)
    assert outputs[0]["statistics"] == outputs[1]["statistics"]
