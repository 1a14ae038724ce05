"""The command line on a terminal, in a real process, and the commands that only print."""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

import reductions.certify.run
import reductions.constructions.match2
from cases.command_line import (
    MORE_ROWS,
    ROWS,
    Anna,
    Run,
    anna_command,  # noqa: F401
    faults,
    one_error_line,
    plain_surroundings,  # noqa: F401
)
from mpc_sim import InputError
from reductions.certify.run import How
from reductions.registry import ENTRIES
from reductions.separations.table import compared

COMMAND = str(Path(sys.executable).parent / "anna-mpc")
COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|9[0-7]|4[0-8])(?:;\d+)*m")


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
    def stop(case: object, solver: object, how: How, name: str) -> None:
        assert how.progress is not None
        for done in (1, 2):
            time.sleep(0.15)
            how.progress("transformer", done, 3)
        raise error

    monkeypatch.setattr(reductions.certify.run, "certify_case", stop)
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
    assert {"k-hop", "match2"} <= {one["name"] for one in entries if one["family"] == "problem"}
    for one in entries:
        assert one["statement"]
        assert one["source"]
        assert one["name"] in shown.out


def test_every_problem_with_several_solvers_is_certified_here() -> None:
    assert sorted(compared()) == sorted([*ROWS, *MORE_ROWS])


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


@pytest.mark.parametrize("line", ["--help", "--version", "certify --help"])
def test_what_only_prints_is_light(line: str) -> None:
    assert loaded_by(*line.split()) == set()


def test_canary_loaded_by() -> None:
    assert {"numpy", "rich"} <= loaded_by("list")


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
