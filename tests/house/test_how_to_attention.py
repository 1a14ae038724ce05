"""The page of mechanisms and families of one's own: its files, commands and code run."""

from __future__ import annotations

import re
import runpy
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from anna_model.lsh import Hyperplane
from anna_model.lsh.numpy_family import NumpyFamily, law_of
from mpc_sim.extras import EXTRAS, MissingExtra, needed
from reductions.cli import main
from repository import ROOT

PAGE = (ROOT / "docs" / "how-to" / "own-attention.md").read_text(encoding="utf-8")
FILES = {
    block.split("\n", 1)[0].removeprefix("# "): block
    for block in re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
}
COMMANDS = re.findall(r"^\$ anna-mpc (.*)$", PAGE, re.MULTILINE)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in FILES:
        sys.modules.pop(name.removesuffix(".py"), None)


def test_the_page_shows_these() -> None:
    assert list(FILES) == ["sides.py", "nearest.py", "in_python.py"]
    assert len(COMMANDS) == 3
    for name, most in (("sides.py", 10), ("nearest.py", 12)):
        lines = [line for line in FILES[name].splitlines()[1:] if line.strip()]
        assert len(lines) <= most + (name == "nearest.py")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_runs(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(shlex.split(command)) == 0
    printed = capsys.readouterr().out
    assert "PASS" in printed
    assert "law" in printed or "sides" not in command or command.startswith("certify")


def test_its_code_runs(folder: Path) -> None:
    runpy.run_path(str(folder / "in_python.py"))


def test_a_wrong_law_fails(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "sides.py").write_text(FILES["sides.py"].replace("1 - 2 *", "1 - 3 *"))
    assert main(shlex.split(COMMANDS[0])) == 1
    assert "FAIL law" in capsys.readouterr().out
    right = law_of(Hyperplane(), 6, (0.25, 1.0), seed=0)
    assert all(one.far_off <= 0 for one in right)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("attention sides:Sides", "sides:Sides is a Sides; name a Mechanism"),
        ("attention anna --family nearest:Within", "is a Within; name a Family"),
        ("attention nearest:Without", "has no attribute 'Without'"),
        ("attention nearest:Within --causal", "unexpected keyword argument 'causal'"),
        ("attention nowhere:X", "cannot import nowhere"),
        ("attention sofmax", "did you mean softmax?, or give module:name"),
        ("certify k-hop --n 8 --family nearest:Within", "is a Within; name a Family"),
    ],
)
def test_what_is_none_is_refused_in_one_line(
    arguments: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(shlex.split(arguments)) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line


class NoWhole(NumpyFamily):
    def symbols(self, rows: object, table: object) -> object:
        return np.zeros(3) + 0.5


class Many(NumpyFamily):
    """Symbols of 62 bits, one per distinct row."""

    def symbols(self, rows: np.ndarray, table: np.random.Generator) -> object:  # type: ignore[type-arg]
        return (rows[:, 0] * 2.0**61).astype(np.int64)


def test_symbols_are_whole_numbers_and_stay_apart() -> None:
    with pytest.raises(ValueError, match=r"NoWhole\.symbols returned float64 of shape \(3,\)"):
        NoWhole().sample(1, 1, 1, seed=0).bucket_ids(np.zeros((3, 1)))
    with pytest.raises(ValueError, match="rows must be finite"):
        Many().sample(1, 1, 1, seed=0).bucket_ids([[np.nan]])
    with pytest.raises(ValueError, match=r"Many has no law: give it collision_probability"):
        Many().rho(0.1, 2.0, 1)
    rows = np.linspace(-1, 1, 999)[:, None]
    ids = Many().sample(1, 2, 3, seed=0).bucket_ids(rows)
    assert [len(np.unique(table)) for table in ids.T] == [999, 999]
    assert ids.min() >= 0
    np.testing.assert_array_equal(ids[::7], Many().sample(1, 2, 3, seed=0).bucket_ids(rows[::7]))


# --- optional dependencies ---


@pytest.mark.parametrize("package", EXTRAS)
def test_a_missing_package_names_its_extra(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import tomllib

    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    assert any(one.startswith(f"{package}>") for one in extras[EXTRAS[package]])
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        MissingExtra, match=rf"^this needs {package}.*anna-mpc\[{EXTRAS[package]}\]"
    ):
        needed(package, "this")


def test_pictures_and_the_kit_say_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from reductions.plots.picture import picture
    from reductions.testing import strategies

    for name in ("matplotlib", "matplotlib.style", "hypothesis", "hypothesis.strategies"):
        monkeypatch.setitem(sys.modules, name, None)
    with (
        pytest.raises(MissingExtra, match=r"a picture needs matplotlib.*\[plots\]"),
        picture(tmp_path / "a.svg"),
    ):
        pass
    with pytest.raises(MissingExtra, match=r"needs hypothesis.*\[test\]"):
        strategies._strategies()
