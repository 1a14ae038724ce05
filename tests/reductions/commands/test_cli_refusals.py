"""The command line refuses what it must in one line, and writes files whole or not at all."""

from __future__ import annotations

import os
import re
import resource
import stat
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import reductions.certify.run
import reductions.constructions.direct
import reductions.problems.definitions
import reductions.problems.k_hop
from cases.command_line import (
    ROWS,
    SMALL_ROWS,
    Anna,
    Run,
    anna_command,  # noqa: F401
    faults,
    one_error_line,
    plain_surroundings,  # noqa: F401
    words_of,
)
from reductions import Bound
from reductions.constructions.match2 import match2_bounds

COMMAND = str(Path(sys.executable).parent / "anna-mpc")
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|9[0-7]|4[0-8])(?:;\d+)*m")


# --- exit statuses ---


def off_by_one(oracle: Callable[..., Any]) -> Callable[..., Any]:
    """An oracle that is wrong about the last word."""

    def wrong(*arguments: Any) -> Any:
        words = oracle(*arguments)
        words[-1] += 1
        return words

    return wrong


@pytest.mark.parametrize("task", ROWS)
def test_a_wrong_word_fails(anna: Anna, monkeypatch: pytest.MonkeyPatch, task: str) -> None:
    module = {"k-hop": reductions.problems.k_hop, "match2": reductions.problems.definitions}[task]
    name = f"{task.replace('-', '_')}_oracle"
    monkeypatch.setattr(module, name, off_by_one(getattr(module, name)))
    run = anna("certify", task, "--n", 16, "--json")
    assert (run.status, run.json["ok"], faults(run.json)) == (1, False, [])
    failed = {check["name"]: check for check in run.json["checks"] if check["status"] == "FAIL"}
    assert set(failed) == {name for name in SMALL_ROWS[task] if name.startswith("output-")}
    assert {check["measured"] for check in failed.values()} == {1}
    shown = anna("certify", task, "--n", 16)
    assert shown.status == 1
    assert re.search(r"output-transformer +1 of 16 differ .*FAIL", shown.out)
    assert shown.out.splitlines()[-1].startswith("FAIL")


def test_a_bound_too_small_by_one_fails(anna: Anna, monkeypatch: pytest.MonkeyPatch) -> None:
    def small(*sizes: int) -> tuple[Bound, ...]:
        bounds = match2_bounds(*sizes)
        return tuple(
            replace(b, expression=b.expression - int(b.quantity == "heads")) for b in bounds
        )

    monkeypatch.setattr(reductions.constructions.direct, "match2_bounds", small)
    run = anna("certify", "match2", "--json")
    assert (run.status, run.json["ok"]) == (1, False)
    assert [c["name"] for c in run.json["checks"] if c["status"] == "FAIL"] == ["heads"]


BAD_USAGE = [
    "",
    "nonsense",
    "certify",
    "certify 3-sum",
    "certify k-hop --no-such-option",
    "certify k-hop --n",
    "certify k-hop --n many",
    "certify k-hop --n 1.5",
    "certify k-hop --n 2^-1",
    "certify k-hop --n -3",
    "certify k-hop --n 0",
    "certify match2 --n 0",
    "certify k-hop --k 2^-1 --n 9",
    "certify k-hop --k -1",
    "certify k-hop --seed -1",
    "certify k-hop --epsilon two",
    "certify k-hop --epsilon 2/0",
    "certify k-hop --epsilon nan",
    "certify k-hop --epsilon 0",
    "certify k-hop --epsilon 11/10",
    "certify k-hop --epsilon 0.123456789",
    "certify k-hop --epsilon 1e9999",
    "certify k-hop --epsilon 1e-9999",
    "certify k-hop --gamma 1e9999",
    "certify k-hop --gamma=-1/2",
    "certify k-hop --words",
    "certify k-hop --side mpc",
    "certify k-hop --side middle --out words.txt",
    "certify k-hop --n 9 --explain nothing",
    "certify k-hop --n 9 --text -",
    "certify k-hop --n 9 --input -",
    "certify k-hop --text - --input -",
    "certify k-hop --modulus 7",
    "certify match2 --text -",
    "certify match2 --modulus 0",
    "certify match2 --modulus 10^18",
    "certify match2 --n 9 --side mpc --out words.txt",
    "certify match2 --n 9 --back --no-back",
    "certify match2 --n 9 --no-back --side back --out words.txt",
    "certify k-hop --n 256 --side back --out words.txt",
    "certify k-hop --n 4096 --back --tokens-per-machine 1",
    "certify k-hop --n 9 --no-back --buckets hashed",
    "certify k-hop --n 9 --no-back --back-memory 64",
    "certify k-hop --n 64 --back --back-memory 1",
    "certify match2 --n 9 --back-memory 64",
    "certify k-hop --n 9 --buckets heaped",
    "certify match2 --n 9 --buckets hashed",
    "certify columnsort --n 4096 --back --tokens-per-machine 1",
    "list tasks",
]


@pytest.mark.parametrize("line", BAD_USAGE)
@pytest.mark.parametrize("as_json", [False, True], ids=["table", "json"])
def test_bad_usage_is_one_line(
    anna: Anna, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, line: str, as_json: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    run = anna(*line.split(), *["--json"] * (as_json and " " in line), stdin="a\n")
    assert run.status == 2
    assert one_error_line(run)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("out", "err"),
    [("", ""), ("x", "anna-mpc: no\n"), ("", "anna-mpc: no\nmore\n"), ("", "error: no\n")],
)
def test_canary_one_error_line(out: str, err: str) -> None:
    assert not one_error_line(Run(2, out, err))
    assert one_error_line(Run(2, "", "anna-mpc: no\n"))


@pytest.mark.parametrize(
    ("task", "option", "content"),
    [
        ("k-hop", "--text", None),
        ("k-hop", "--text", b""),
        ("k-hop", "--text", b"ab\xff\xfe"),
        ("k-hop", "--input", None),
        ("k-hop", "--input", b"\n \n"),
        ("match2", "--input", None),
        ("match2", "--input", b""),
        ("match2", "--input", b"# nothing\n"),
        ("match2", "--input", b"12\nseven\n"),
        ("match2", "--input", b"12\n-7\n"),
        ("match2", "--input", b"1.5\n"),
        ("match2", "--input", b"1 2\n"),
        ("match2", "--input", b"9007199254740992\n"),
        ("match2", "--input", b"1" * 100),
        ("match2", "--input", b"1" * 5000),
    ],
)
def test_bad_files_are_one_line(
    anna: Anna, tmp_path: Path, task: str, option: str, content: bytes | None
) -> None:
    path = tmp_path / "words.txt"
    if content is not None:
        path.write_bytes(content)
    run = anna("certify", task, option, path)
    assert run.status == 2
    assert one_error_line(run)
    folder = anna("certify", task, option, tmp_path)
    assert folder.status == 2
    assert one_error_line(folder)


def test_bad_lines_are_named(anna: Anna) -> None:
    run = anna("certify", "match2", "--input", "-", stdin="# numbers\n12\n\nseven\n")
    assert "line 4" in run.err
    assert "seven" in run.err


@pytest.mark.parametrize("task", ROWS)
def test_interrupted(anna: Anna, monkeypatch: pytest.MonkeyPatch, task: str) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(reductions.certify.run, "certify_case", interrupt)
    run = anna("certify", task, "--json")
    assert run.status == 130
    assert one_error_line(run)


# --- sizes that cannot fit ---


@pytest.mark.parametrize(
    "line",
    [
        "k-hop --n 1000000000000000000",
        "k-hop --n 10^18",
        "match2 --n 10^18",
        "k-hop --n 10^18 --epsilon 1/10",
        "k-hop --n 10^400",
        "match2 --n 99^4096",
        "k-hop --n 256 --gamma 6",
        "k-hop --n 256 --gamma 100",
    ],
)
def test_what_cannot_fit_is_refused_before_allocating(anna: Anna, line: str) -> None:
    anna("certify", line.split()[0], "--n", 4)  # imports are no part of it
    tracemalloc.start()
    try:
        run = anna("certify", *line.split())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert run.status == 2
    assert one_error_line(run)
    assert re.search(r"--n|--gamma|gamma|word_bits", run.err)
    assert peak < 2**20


def test_a_million_numbers_of_match2_are_not_refused(anna: Anna) -> None:
    """One head of width 1: nothing of the size of a block stands beside a number."""
    run = anna("certify", "match2", "--n", 10**6, "--no-back", "--json")
    assert (run.status, run.json["ok"]) == (0, True)


def test_canary_traced_memory(anna: Anna) -> None:
    tracemalloc.start()
    try:
        assert anna("certify", "match2", "--n", 2**16).status == 0
        assert tracemalloc.get_traced_memory()[1] > 2**20
    finally:
        tracemalloc.stop()


# --- files that cannot be written ---


@contextmanager
def full_disk(free_bytes: int) -> Iterator[None]:
    """Let no file grow beyond some bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (free_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_an_old_file_survives_a_failed_write(anna: Anna, tmp_path: Path) -> None:
    out = tmp_path / "words.txt"
    out.write_text("old\n", encoding="utf-8")
    arguments = ("certify", "match2", "--n", 4096, "--out", out)
    with full_disk(1024):
        run = anna(*arguments)
    assert run.status == 2
    assert one_error_line(run)
    assert words_of(out) == ["old"]
    assert list(tmp_path.iterdir()) == [out]
    assert anna(*arguments).status == 0
    assert len(words_of(out)) == 4096
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("name", ["", "missing/words.txt"])
def test_places_that_take_no_file(anna: Anna, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    run = anna("certify", "match2", "--out", folder / name)
    assert run.status == 2
    assert one_error_line(run)
    assert [path.name for path in tmp_path.rglob("*")] == ["folder"]


@pytest.mark.parametrize("command", ["certify k-hop", "simulate aggregate", "attention softmax"])
def test_a_place_that_takes_no_file_is_refused_before_the_run(
    anna: Anna, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """A long run that cannot leave its words is lost."""

    def long(_: object) -> int:
        raise AssertionError("it ran")

    for module in ("certify", "simulate", "attention"):
        monkeypatch.setattr(f"reductions.commands.{module}.run", long)
    for name, told in (("missing/words.txt", "make it first"), (".", "name a file in it")):
        run = anna(*command.split(), "--out", tmp_path / name)
        assert run.status == 2
        assert one_error_line(run)
        assert told in run.err


@pytest.mark.parametrize(
    "arguments",
    [
        "certify k-hop --n 4 --attention anna --hashes 99999999999 --no-back",
        "attention anna --hashes 99999999999",
        "attention anna --tables 99999999999",
        "attention softmax --n 99999999999",
        "attention softmax --width 99999999999",
        "attention softmax --clusters 9999999999",
        "attention performer --features 99999999999",
        "attention reformer --rounds 99999999999",
        "attention softmax --spread inf",
        "attention anna --n 8 --distance nan",
        "sweep columnsort --seed 0..99999999999",
        "simulate cycle-counting --n 2",
        "sweep depth --n 2^8 --k 2^22",
        "simulate aggregate --n 8 --every 0",
        "simulate aggregate --n 8 --every nan --resume FOLDER",
        "simulate aggregate --n 8 --every 1",
        "certify match2 --n 8 --epsilon 1/3",
        "certify match2 --n 8 --gamma 1",
        "bench routing --max-n 0",
        "experiment match2 --quick --runs 1 --samples 99999999999",
    ],
)
def test_sizes_and_options_that_cannot_be_are_one_line(anna: Anna, arguments: str) -> None:
    run = anna(*arguments.split())
    assert run.status == 2
    assert one_error_line(run)
    assert re.search("choose|finite|give more|goes with|leave them out", run.err)


def test_memory_that_runs_out_is_one_line(anna: Anna, monkeypatch: pytest.MonkeyPatch) -> None:
    def greedy(_: object) -> int:
        raise MemoryError

    monkeypatch.setattr("reductions.commands.simulate.run", greedy)
    run = anna("simulate", "aggregate")
    assert run.status == 2
    assert one_error_line(run)
    assert "choose smaller sizes" in run.err


def test_a_pipe_is_written_and_not_replaced(anna: Anna, tmp_path: Path) -> None:
    """As root the same would replace the null device by a file."""
    out = tmp_path / "pipe"
    os.mkfifo(out)
    reader = os.open(out, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert anna("certify", "match2", "--n", 8, "--out", out).status == 0
        assert stat.S_ISFIFO(out.stat().st_mode)
        assert len(os.read(reader, 100).split()) == 8
    finally:
        os.close(reader)


def test_a_text_is_the_same_from_a_file_and_from_standard_input(anna: Anna, tmp_path: Path) -> None:
    """With the line breaks of another system, and a byte order mark."""
    given, out, text = tmp_path / "text.txt", tmp_path / "words.txt", "\ufeffab\r\nab\r\n"
    given.write_bytes(text.encode())
    for name in (str(given), "-"):
        run = anna("certify", "k-hop/tree", "--k", 1, "--text", name, "--out", out, stdin=text)
        assert run.status == 0
        assert words_of(out) == ["none", "none", "none", "b", "\\n", "a"]
