"""The command line refuses what it must, writes what it can, and runs as a real process."""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import pty
import re
import resource
import signal
import stat
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cli_cases import (
    MORE_ROWS,
    ROWS,
    SMALL_ROWS,
    Anna,
    Run,
    anna_command,  # noqa: F401
    faults,
    plain_surroundings,  # noqa: F401
    words_of,
)

import reductions.tasks.k_hop
import reductions.tasks.match2
from mpc_sim import InputError
from reductions import Bound
from reductions.registry import ENTRIES
from reductions.tasks.match2 import match2_bounds

COMMAND = str(Path(sys.executable).parent / "anna-mpc")
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|9[0-7]|4[0-8])(?:;\d+)*m")


def one_error_line(run: Run) -> bool:
    """Whether a run said nothing but one line of the right form, on standard error."""
    return run.out == "" and re.fullmatch(r"anna-mpc: [^\n]+\n", run.err) is not None


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
    module = {"k-hop": reductions.tasks.k_hop, "match2": reductions.tasks.match2}[task]
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

    monkeypatch.setattr(reductions.tasks.match2, "match2_bounds", small)
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
    "certify k-hop --n 4096 --back",
    "certify k-hop --n 9 --no-back --buckets hashed",
    "certify k-hop --n 9 --buckets heaped",
    "certify match2 --n 9 --buckets hashed",
    "certify columnsort --n 4096 --back",
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

    module = {"k-hop": reductions.tasks.k_hop, "match2": reductions.tasks.match2}[task]
    monkeypatch.setattr(module, f"certify_{task.replace('-', '_')}", interrupt)
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
        "simulate cycle_counting --n 2",
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


# --- terminals ---


class Terminal(io.StringIO):
    """A standard error that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def screen(written: str) -> list[str]:
    """The lines that a terminal shows, blank ones left out: a return goes back to column 0."""
    shown = []
    for line in re.sub("\r+\n", "\n", written).split("\n"):
        cells: dict[int, str] = {}
        for part in line.split("\r"):
            cells |= dict(enumerate(part))
        shown.append("".join(cells[column] for column in sorted(cells)).rstrip())
    return [line for line in shown if line]


def test_canary_screen() -> None:
    assert screen("one\r\ntwo\rsix\r\n\n") == ["one", "six"]
    assert screen("\rmpc: 1 of 2\r           \r") == []
    assert screen("\rmpc: 1 of 2anna-mpc: no\n") == ["mpc: 1 of 2anna-mpc: no"]


@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt(), 130), (InputError("no such number"), 2)], ids=str
)
def test_an_error_replaces_the_progress_line(
    anna: Anna, monkeypatch: pytest.MonkeyPatch, error: BaseException, status: int
) -> None:
    def stop(*_: Any, progress: Callable[[str, int, int], object], **__: Any) -> None:
        for done in (1, 2):
            time.sleep(0.15)
            progress("transformer", done, 3)
        raise error

    monkeypatch.setattr(reductions.tasks.k_hop, "certify_k_hop", stop)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert anna("certify", "k-hop", "--n", 9).status == status
    assert "transformer: " in terminal.getvalue()
    (line,) = screen(terminal.getvalue())
    assert line.startswith("anna-mpc: ")


def test_progress_on_a_terminal_only() -> None:
    terminal, stderr = pty.openpty()
    command = [COMMAND, "certify", "k-hop", "--n", "1024", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr) as process:
        os.close(stderr)
        written = b""
        with suppress(OSError):  # the other side is closed
            while part := os.read(terminal, 4096):
                written += part
        os.close(terminal)
        assert process.stdout
        certificate = json.loads(process.stdout.read())
    assert (process.returncode, faults(certificate)) == (0, [])
    assert re.search(rb"\w+: \d+ of \d+", written)
    assert screen(written.decode()) == []


@pytest.mark.parametrize("line", ["certify match2 --n 9", "list"])
def test_no_color_is_honoured(anna: Anna, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    assert "\x1b" not in anna(*line.split()).out
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert bool(COLOUR.search(anna(*line.split()).out)) == ("certify" in line)
    monkeypatch.setenv("NO_COLOR", "1")
    assert not COLOUR.search(anna(*line.split()).out)


# --- the other commands, and real processes ---


def test_list_has_everything(anna: Anna) -> None:
    shown, listed = anna("list"), anna("list", "--json")
    assert (shown.status, shown.err, listed.status, listed.err) == (0, "", 0, "")
    entries = listed.json["entries"]
    assert [(one["family"], one["name"]) for one in entries] == [
        (entry.family, entry.name) for entry in ENTRIES
    ]
    assert {"k-hop", "match2"} <= {one["name"] for one in entries if one["family"] == "task"}
    for one in entries:
        assert one["statement"]
        assert one["source"]
        assert one["name"] in shown.out


def test_every_task_of_the_list_can_be_certified(anna: Anna) -> None:
    tasks = [
        one["name"] for one in anna("list", "--json").json["entries"] if one["family"] == "task"
    ]
    assert sorted(tasks) == sorted([*ROWS, *MORE_ROWS])


def test_version_and_help(anna: Anna) -> None:
    version = importlib.metadata.version("anna-mpc")
    assert anna("--version") == Run(0, f"anna-mpc {version}\n", "")
    for arguments, word in (((), "certify"), (("certify",), "--epsilon"), (("list",), "--json")):
        run = anna(*arguments, "--help")
        assert (run.status, run.err) == (0, "")
        assert word in run.out


def loaded_by(*arguments: str) -> set[str]:
    """The slow libraries that a process has imported when the command ends."""
    code = (
        "import sys\nfrom reductions.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, check=True, text=True
    )
    return {"numpy", "numba", "sympy", "networkx", "rich"} & set(run.stderr.split())


@pytest.mark.parametrize("line", ["--help", "--version", "certify --help", "list --json"])
def test_what_only_prints_is_light(line: str) -> None:
    assert loaded_by(*line.split()) == set()


def test_canary_loaded_by() -> None:
    assert loaded_by("list") == {"rich"}


@pytest.mark.parametrize(
    ("line", "status"),
    [("certify match2 --n 9 --json", 0), ("certify k-hop --n 10^18", 2), ("--help", 0)],
)
def test_installed_command(line: str, status: int) -> None:
    run = subprocess.run([COMMAND, *line.split()], capture_output=True, check=False, text=True)
    assert run.returncode == status
    assert (run.stderr == "") == (status == 0)
    assert (run.stdout == "") == (status != 0)


def test_installed_command_is_interrupted(tmp_path: Path) -> None:
    text = tmp_path / "text"
    os.mkfifo(text)
    command = [COMMAND, "certify", "k-hop", "--text", str(text)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with (
        subprocess.Popen(command, text=True, **pipes) as process,
        text.open("w"),  # waits until the command reads
    ):
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert process.returncode == 130
    assert one_error_line(Run(130, out, err))


@pytest.mark.parametrize("line", ["certify match2 --n 9", "certify match2 --n 9 --json", "list"])
def test_a_reader_that_left_is_no_failed_check(line: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [COMMAND, *line.split()]
    run = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (run.returncode, run.stderr) == (0, b"")


def test_damaged_text_in_a_plain_locale(tmp_path: Path) -> None:
    out = tmp_path / "words.txt"
    run = subprocess.run(
        [COMMAND, "certify", "k-hop", "--k", "1", "--text", "-", "--out", str(out)],
        input=b"ab\xff\xfeab\xff",
        capture_output=True,
        env={**os.environ, "LC_ALL": "C"},
        check=False,
    )
    assert run.returncode == 2
    assert one_error_line(Run(2, run.stdout.decode(), run.stderr.decode()))
    assert list(tmp_path.iterdir()) == []
