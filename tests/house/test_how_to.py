"""The how-to pages: every file that they show is written, its commands and tests run."""

from __future__ import annotations

import importlib
import re
import shlex
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from reductions.cli import main
from reductions.testing import assert_conforms
from repository import ROOT

PAGE = (ROOT / "docs" / "how-to" / "own-protocol.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


FILES = {
    block.split("\n", 1)[0].removeprefix("# "): block
    for block in blocks("python")
    if block.startswith("# ")
}
COMMANDS = [line.removeprefix("$ ") for line in "".join(blocks("console")).splitlines()]


@pytest.fixture(autouse=True)
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The files of the page, in a folder that is imported from."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    for name in FILES:
        sys.modules.pop(name.removesuffix(".py"), None)


def test_the_page_shows_these_files_and_commands() -> None:
    assert list(FILES) == ["bfs.py", "test_bfs.py", "rises.py"]
    assert [f"anna-mpc {verb} bfs:Levels --n 64" for verb in ("simulate", "certify")] == COMMANDS
    lines = FILES["bfs.py"].partition("@dataclass")[2].splitlines()
    assert len([line for line in lines if line.strip()]) <= 42


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_runs(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(shlex.split(command)[1:]) == 0
    assert "PASS" in capsys.readouterr().out


def test_its_test_passes_and_notices_a_wrong_level() -> None:
    module = importlib.import_module([*FILES][1].removesuffix(".py"))
    module.test_levels()
    path = [0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0]
    with pytest.raises(AssertionError, match="oracle: by the oracle"):
        assert_conforms(module.Levels(2), path, oracle=module.oracle, codes=())


def test_the_columns_are_a_protocol() -> None:
    rises = importlib.import_module("rises").Rises()
    words = [3, 5, 5, 2, 4, 9, 9, 1, 7, 8]
    expected = [0, *(int(b > a) for a, b in pairwise(words))]
    assert_conforms(rises, words, oracle=lambda _: expected)
