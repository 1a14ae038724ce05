"""The command line: every promise of the design, in process where a process is not the point."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import oracles
from cases.command_line import (
    BACK,
    MACHINES,
    ROWS,
    SMALL_ROWS,
    Anna,
    anna_command,  # noqa: F401
    faults,
    plain_surroundings,  # noqa: F401
    words_of,
)

PARAGRAPH = """\
The hall was long, and all along the hall hung coats. She tried the first coat, then the next
coat, then the coat after that: no letter. The last coat was the old coat of the old man, and
in the coat was the letter, and in the letter was the key, and the key was for the hall.
"""


def hops(tokens: Sequence[str], k: int) -> list[str]:
    """The k-hop output in the letters of the input."""
    letters = sorted(set(tokens))
    words = oracles.k_hop([letters.index(token) for token in tokens], k)
    return ["none" if word == 0 else letters[word - 1] for word in words]


def partners(numbers: Sequence[int], modulus: int) -> list[str]:
    """Match2 by trying all pairs."""
    return [str(int(any((x + y) % modulus == 0 for y in numbers))) for x in numbers]


# --- the certificate ---


@pytest.mark.parametrize("task", ROWS)
def test_json_is_one_certificate(anna: Anna, task: str) -> None:
    run = anna("certify", task, "--json")
    assert (run.status, run.err) == (0, "")
    assert run.out.endswith("}\n")
    certificate = run.json
    assert faults(certificate) == []
    assert (certificate["task"], certificate["ok"]) == (task, True)
    rows = {check["name"]: check for check in certificate["checks"]}
    assert set(ROWS[task]) <= set(rows)
    assert set(rows) & set(MACHINES) == set(ROWS[task]) & set(MACHINES)
    assert {check["status"] for check in rows.values()} == {"PASS"}
    assert [n for n, check in rows.items() if "compared" in check] == [
        name for name in ROWS[task] if name.startswith(("output-", "isolated", "sides-"))
    ]
    assert {rows[name]["compared"] for name in rows if name.startswith("output-")} == {256}
    assert {"python", "numpy", "anna-mpc"} <= set(certificate["versions"])


def test_defaults_are_those_of_the_design(anna: Anna) -> None:
    given = anna("certify", "k-hop", "--json").json["parameters"]
    expected = {"n": 256, "k": 4, "epsilon": "2/3", "gamma": "0", "seed": 0}
    assert {name: given[name] for name in expected} == expected
    assert {"c_s", "c_p"} <= set(given)


DAMAGES: dict[str, Callable[[Any], object]] = {
    "no schema": lambda c: c.pop("schema"),
    "wrong ok": lambda c: c.update(ok=False),
    "ok is 1": lambda c: c.update(ok=1),
    "seconds as text": lambda c: c.update(seconds="0.1"),
    "no versions": lambda c: c.pop("versions"),
    "nothing compared": lambda c: c["checks"][0].pop("compared"),
    "measured as text": lambda c: c["checks"][1].update(measured="1"),
    "measured is true": lambda c: c["checks"][1].update(measured=True),
    "no bound": lambda c: c["checks"][1].update(bound=None),
    "unknown kind": lambda c: c["checks"][2].update(kind="about"),
    "unknown status": lambda c: c["checks"][2].update(status="MAYBE"),
    "a failure that is ok": lambda c: c["checks"][2].update(status="FAIL"),
    "no source": lambda c: c["checks"][2].pop("source"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_canary_faults(anna: Anna, damage: str) -> None:
    certificate = anna("certify", "match2", "--n", 4, "--json").json
    assert faults(certificate) == []
    DAMAGES[damage](certificate)
    assert len(faults(certificate)) == 1


@pytest.mark.parametrize("task", ROWS)
def test_table_shows_every_row(anna: Anna, task: str) -> None:
    run = anna("certify", task, "--n", 16)
    assert (run.status, run.err) == (0, "")
    *lines, verdict = run.out.splitlines()
    for name in SMALL_ROWS[task]:
        (line,) = (line for line in lines if line.split()[:1] == [name])
        assert re.search(r"\b(exact|upper|whp)\b.*\bPASS\b", line)
    assert re.fullmatch(r"PASS: \d+ checks in \d+\.\d+ s", verdict)
    (head,) = (line.split() for line in lines if line.startswith("quantity"))
    assert head == ["quantity", "measured", "bound", "slack", "kind", "status", "source"]
    assert "seed = 0" in run.out


@pytest.mark.parametrize(
    ("epsilon", "exact"),
    [("0.45", "9/20"), ("1/2", "1/2"), ("0.5", "1/2"), ("0.8", "4/5"), ("1", "1")],
)
def test_epsilon_is_a_fraction_or_a_decimal(anna: Anna, epsilon: str, exact: str) -> None:
    certificate = anna("certify", "k-hop", "--n", 81, "--epsilon", epsilon, "--json").json
    given = certificate["parameters"]
    p, q = map(int, f"{exact}/1".split("/")[:2])
    assert (certificate["ok"], given["epsilon"]) == (True, exact)
    assert given["memory_words"] == given["c_s"] * oracles.ceil_power(81, p, q)


def test_gamma_adds_machines(anna: Anna) -> None:
    run = anna("certify", "k-hop", "--n", 64, "--gamma", "1/3", "--json")
    given = run.json["parameters"]
    assert (run.status, given["gamma"]) == (0, "1/3")
    assert given["n_machines"] == oracles.ceil_power(64, 2, 3, given["c_p"])


def test_seed_is_echoed_and_decides_the_input(anna: Anna, tmp_path: Path) -> None:
    written = []
    for number, seed in enumerate((7, 7, 8)):
        out = tmp_path / str(number)
        run = anna("certify", "k-hop", "--n", 64, "--seed", seed, "--out", out, "--json")
        assert run.json["parameters"]["seed"] == seed
        written.append(words_of(out))
    assert written[0] == written[1] != written[2]


def evaluated(formula: str, substitution: str) -> int:
    """The value of a printed formula, by arithmetic that shares nothing with the bounds."""
    arithmetic = {"Max": max, "Most": max, "Min": min, "ceiling": math.ceil, "floor": math.floor}
    arithmetic["Piecewise"] = lambda *cases: next(value for value, holds in cases if holds)
    pairs = (pair.split(" = ") for pair in substitution.split(", ") if pair)
    return int(eval(formula, arithmetic | {name: int(value) for name, value in pairs}))


@pytest.mark.parametrize("task", ROWS)
@pytest.mark.slow
def test_explain_derives_the_bound(anna: Anna, task: str) -> None:
    base = ("certify", task, "--n", 50)
    checks = {check["name"]: check for check in anna(*base, "--json").json["checks"]}
    for name, check in checks.items():
        if not name.startswith("output-") and name not in ("isolated", "sides-differ"):
            assert evaluated(check["formula"], check["substitution"]) == check["bound"]
    row, run = checks["context_length"], anna(*base, "--explain", "context_length")
    assert (run.status, run.err) == (0, "")
    for part in ("formula", "substitution", "source"):
        assert re.search(rf"^ *{part} +{re.escape(row[part])}$", run.out, re.M)
    assert anna(*base, "--explain", "layers", "--json").json == checks["layers"]


def test_canary_evaluated() -> None:
    assert evaluated("Max(2*B + 1, ceiling(N/B)) + 4**d", "B = 3, N = 25, d = 1") == 13
    assert evaluated("1", "") == 1
    with pytest.raises(NameError):
        evaluated("N + 1", "")


def test_the_way_back_is_taken_where_it_is_affordable(anna: Anna) -> None:
    """By default up to 64 tokens of k-hop and 256 numbers; never with --no-back."""
    back = {"output-back", *BACK}
    for line, is_taken in (
        ("k-hop --n 9", True),
        ("k-hop --n 9 --no-back", False),
        ("k-hop --n 64", True),
        ("k-hop --n 65 --k 1", False),
        ("match2 --n 256", True),
        ("match2 --n 257", False),
        ("match2 --n 300 --back", True),
        ("match2 --n 256 --no-back", False),
        ("columnsort --n 16", False),
        ("columnsort --n 16 --back", True),
    ):
        run = anna("certify", *line.split(), "--json")
        assert run.status == 0
        rows = {check["name"]: check for check in run.json["checks"]}
        assert back & set(rows) == (back if is_taken else set()), line
        if is_taken:
            assert run.json["parameters"]["back_n_machines"] >= rows["back_machines"]["measured"]
            assert rows["back_rounds"]["kind"] == "exact"


@pytest.mark.slow
def test_the_way_back_by_hashing_and_by_every_code(anna: Anna) -> None:
    for option in (
        ("--attention", "anna"),
        ("--attention", "ema"),
        ("--code", "repetition"),
        ("--code", "disjunct"),
        ("--head-order", "spread"),
    ):
        run = anna("certify", "columnsort", "--n", 16, "--back", *option, "--json")
        rows = {check["name"]: check for check in run.json["checks"]}
        assert (run.status, rows["output-back"]["measured"]) == (0, 0), option
        assert rows["sides-differ"]["compared"] == 16 * (3 - (option[1] == "ema"))


@pytest.mark.slow
def test_the_way_back_by_hashed_buckets(anna: Anna) -> None:
    """Two rounds a layer on meta machines, on machines of the same memory: a fourth of 88."""
    by_hashing, by_sorting = (
        anna("certify", "k-hop", "--n", 64, "--buckets", buckets, "--json").json
        for buckets in ("hashed", "sorted")
    )
    found = [{check["name"]: check for check in one["checks"]} for one in (by_hashing, by_sorting)]
    assert [one["output-back"]["measured"] for one in found] == [0, 0]
    assert [one["back_rounds"]["measured"] for one in found] == [22, 88]
    assert [one["back_local_memory"]["kind"] for one in found] == ["whp", "upper"]
    sizes = [one["parameters"]["back_memory_words"] for one in (by_hashing, by_sorting)]
    assert sizes[0] == sizes[1]
    assert by_hashing["parameters"]["back_n_machines"] > 8
    assert any("the way back raises with probability" in one for one in by_hashing["remarks"])


def test_the_way_back_writes_its_own_words(anna: Anna, tmp_path: Path) -> None:
    words = []
    for side in ("mpc", "transformer", "back"):
        out = tmp_path / side
        assert anna("certify", "k-hop", "--n", 40, "--side", side, "--out", out).status == 0
        words.append(words_of(out))
    assert words[0] == words[1] == words[2]


def test_what_does_not_fit_is_left_out_unless_it_was_asked_for(anna: Anna) -> None:
    """A number of 53 bits has no place on a grid with a sign."""
    numbers = f"{2**53 - 1}\n1\n"
    run = anna("certify", "match2", "--input", "-", "--json", stdin=numbers)
    assert run.status == 0
    assert not any(check["name"] == "output-back" for check in run.json["checks"])
    assert run.json["remarks"] == [
        "no way back: 9007199254740991 is beyond a grid of 53 bits with sign"
    ]
    refused = anna("certify", "match2", "--back", "--input", "-", stdin=numbers)
    assert refused.status == 2
    assert refused.err == f"anna-mpc: {run.json['remarks'][0]}\n"


# --- words in, words out ---


@pytest.mark.parametrize(
    ("side", "k"), [(None, 3), ("mpc", 1), ("transformer", 1), ("transformer", 0)]
)
def test_out_by_word(anna: Anna, tmp_path: Path, side: str | None, k: int) -> None:
    text, out = tmp_path / "text.txt", tmp_path / "out.txt"
    text.write_text(PARAGRAPH, encoding="utf-8")
    given = [] if side is None else ["--side", side]
    run = anna("certify", "k-hop", "--text", text, "--words", "--k", k, "--out", out, *given)
    assert (run.status, run.err) == (0, "")
    assert words_of(out) == hops(PARAGRAPH.split(), k)
    assert ("none" in words_of(out)) == (k > 0)


@pytest.mark.parametrize(
    "text", ["aabcbabca", "é\u00a0é\u00a0日é\u00a0é\u00a0é", " ".join(PARAGRAPH.split())]
)
def test_out_by_character(anna: Anna, tmp_path: Path, text: str) -> None:
    out = tmp_path / "out.txt"
    run = anna("certify", "k-hop", "--text", "-", "--k", 2, "--out", out, stdin=text)
    assert run.status == 0
    assert words_of(out) == hops(text, 2)


def test_worked_example(anna: Anna, tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    for k, last in ((1, "b"), (2, "a")):
        anna("certify", "k-hop", "--text", "-", "--k", k, "--out", out, stdin="aabcbabca")
        assert words_of(out)[-1] == last


def test_line_breaks_in_a_text_leave_one_word_a_line(anna: Anna, tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    text = "ab\nab\n\tab\nab\n"
    assert anna("certify", "k-hop", "--text", "-", "--k", 1, "--out", out, stdin=text).status == 0
    escaped = {"\n": "\\n", "\t": "\\t"}
    assert words_of(out) == [escaped.get(letter, letter) for letter in hops(text, 1)]


def test_input_is_a_word_a_line(anna: Anna, tmp_path: Path) -> None:
    words = ["pear", "fig", "pear", "fig", "apple", "pear", "apple", "fig"]
    out = tmp_path / "out.txt"
    lines = "".join(f"{word}\n" for word in words)
    run = anna("certify", "k-hop", "--input", "-", "--k", 1, "--out", out, "--json", stdin=lines)
    assert run.json["parameters"]["n"] == len(words)
    assert run.json["parameters"]["seed"] is None
    assert words_of(out) == hops(words, 1)


def test_match2_reads_and_writes_numbers(anna: Anna, tmp_path: Path) -> None:
    numbers = [0, 36, 5, 37, 1, 74, 100, 5, 2**53 - 1]
    source, out = tmp_path / "numbers.txt", tmp_path / "out.txt"
    source.write_text("# residues\n\n" + "\n".join(map(str, numbers)), encoding="utf-8")
    arguments = ("certify", "match2", "--modulus", 37, "--input", source, "--out", out)
    assert anna(*arguments).status == 0
    assert words_of(out) == partners(numbers, 37)
    assert {"0", "1"} == set(words_of(out))


def test_match2_draws_from_the_seed(anna: Anna, tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    run = anna("certify", "match2", "--n", 64, "--seed", 3, "--out", out, "--json")
    modulus = run.json["parameters"]["modulus"]
    numbers = np.random.default_rng(3).integers(0, modulus, 64).tolist()
    assert (modulus, words_of(out)) == (69, partners(numbers, modulus))
