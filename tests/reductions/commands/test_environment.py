"""Machines as people have them: no cache, narrow terminals, other encodings, closed streams."""

from __future__ import annotations

import errno
import importlib.util
import io
import json
import os
import pwd
import re
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from numba.core.caching import CacheImpl, IndexDataCacheFile

from reductions.certify import compiling, host_memory
from reductions.cli import main
from repository import ROOT

ROWS = ["output-transformer", "layers", "token_width"]
COMMAND = ["certify", "sum/low-rank", "--n", "8"]


def test_both_copies_of_the_compiler_are_one() -> None:
    """The two packages never import each other."""
    one, other = (ROOT / package / "kernels/compiled.py" for package in ("mpc_sim", "anna_model"))
    assert one.read_bytes() == other.read_bytes()


LOOP = """
from anna_model.kernels.compiled import njit, types

@njit(types.int64(types.int64), nogil=True)
def twice(x):
    return 2 * x
"""


def loaded(folder: Path) -> ModuleType:
    """Import the loop anew: it is read from the cache, or compiled."""
    spec = importlib.util.spec_from_file_location("loop", folder / "loop.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "loop.py").write_text(LOOP)
    return tmp_path


def hits(folder: Path) -> int:
    module = loaded(folder)
    assert module.twice(21) == 42
    return sum(module.twice.stats.cache_hits.values())


def test_a_cache_is_used(folder: Path) -> None:
    assert [hits(folder), hits(folder)] == [0, 1]


@pytest.mark.parametrize("suffix", ["nbi", "nbc"])
@pytest.mark.parametrize("damage", ["cut", "empty", "a byte", "other", "gone"])
def test_a_damaged_cache_is_no_cache(suffix: str, damage: str, folder: Path) -> None:
    hits(folder)
    (file,) = folder.rglob(f"*.{suffix}")
    data = file.read_bytes()
    middle = len(data) // 2
    if damage == "gone":
        file.unlink()
    else:
        changed = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
        file.write_bytes(
            {"cut": data[:middle], "empty": b"", "a byte": changed, "other": b"text\n" * 99}[damage]
        )
    assert hits(folder) == 0
    assert hits(folder) == 1  # it has been written anew


def test_a_full_disk_and_no_place_at_all(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def full(self: object, path: str) -> Iterator[Any]:
        raise OSError(errno.ENOSPC, "No space left on device")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(IndexDataCacheFile, "_open_for_write", full)
        assert hits(folder) == hits(folder) == 0
    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    assert hits(folder) == 0


def test_compilation_is_counted_and_said_once(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr(compiling, "_COMPILING", fresh := compiling._Compiling())
    monkeypatch.setattr(compiling._LOGGER, "handlers", [fresh])
    hits(folder)
    took = compiling.compile_seconds()
    assert took > 0
    assert capsys.readouterr().err == "compiling (once per machine)\n"
    hits(folder)
    assert compiling.compile_seconds() == took
    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    hits(folder)
    assert compiling.compile_seconds() > took
    assert capsys.readouterr().err == ""


@pytest.mark.slow
def test_after_warm_up_nothing_is_compiled(tmp_path: Path) -> None:
    surroundings = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    shown = []
    for line in ("warm-up", "warm-up", "certify k-hop --n 300 --json", "attention anna --n 4096"):
        run = subprocess.run(
            [sys.executable, "-m", "reductions", *line.split()],
            capture_output=True,
            text=True,
            env=surroundings,
            cwd=ROOT,
            check=True,
        )
        shown.append(run.stdout)
    assert re.fullmatch(r"compiled all loops in \d+\.\d s\n", shown[0])
    assert shown[1] == "all loops were compiled\n"
    assert json.loads(shown[2])["compile_seconds"] == 0


def test_without_numba_one_line_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "from reductions.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, "simulate", "k-hop", "--n", "16"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert run.returncode == 2
    assert run.stderr.splitlines() == [run.stderr.strip()]
    assert run.stderr.strip().endswith("pip install numba")


def printed(
    monkeypatch: pytest.MonkeyPatch, encoding: str, columns: str, command: list[str] = COMMAND
) -> str:
    stream = io.TextIOWrapper(io.BytesIO(), encoding, write_through=True)
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setenv("COLUMNS", columns)
    assert main(command) == 0
    found: io.BytesIO = stream.buffer  # type: ignore[assignment]
    return found.getvalue().decode(encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1", "ascii", "cp437"])
@pytest.mark.parametrize("columns", ["0", "1", "40", "80", "200"])
def test_every_row_has_its_status(
    encoding: str, columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = printed(monkeypatch, encoding, columns).splitlines()
    for row in ROWS:
        (line,) = (line for line in lines if line.startswith(f"{row} "))
        assert " PASS " in line
    assert lines[-1].startswith("PASS: 3 checks")


def test_the_list_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    wide, narrow = (
        printed(monkeypatch, *how, ["list"]) for how in (("utf-8", "200"), ("ascii", "40"))
    )
    assert sorted(set("".join(narrow.split()))) == sorted(set("".join(wide.split())))
    assert "\\u" not in narrow


def test_letters_that_a_terminal_has_not_are_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "t.txt").write_text("\u03b1\u03b2\u03b1\u03b2", encoding="utf-8")
    stream = io.TextIOWrapper(io.BytesIO(), "latin-1", write_through=True)
    monkeypatch.setattr(sys, "stdout", stream)
    assert main(["certify", "k-hop/softmax", "--text", str(tmp_path / "t.txt")]) == 0


def test_closed_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    status = [main(COMMAND), main(["certify", "no-such-thing"])]
    for opened in (sys.stdout, sys.stderr):
        opened.close()
    monkeypatch.undo()
    assert status == [0, 2]


def test_an_interrupt_while_it_is_imported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from reductions.__main__ import main as entry

    def interrupted() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("reductions.cli.main", interrupted)
    assert entry() == 130
    assert capsys.readouterr().err == "anna-mpc: interrupted\n"


def test_memory_where_there_is_no_sysconf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sysconf")
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert host_memory.physical_bytes() == host_memory.UNKNOWN_BYTES


def _other_python() -> str | None:
    """A Python of this version that another user may run."""
    here = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for name in (sys.executable, f"/usr/bin/{here}", f"/usr/local/bin/{here}"):
        if Path(name).exists():
            try:
                subprocess.run([name, "-c", "pass"], user="nobody", check=True, env={})
            except (OSError, subprocess.CalledProcessError):
                continue
            return name
    return None


@pytest.mark.slow
def test_another_user_without_a_home(tmp_path: Path) -> None:
    """In an installation that only root writes to, with and without a named cache."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("needs root to become another user")
    python = _other_python()
    if python is None or Path(pwd.getpwnam("nobody").pw_dir).exists():
        pytest.skip("there is no Python that a user without a home may run")
    paths = os.pathsep.join([str(ROOT), sysconfig.get_path("purelib")])
    for more in ({}, {"NUMBA_CACHE_DIR": "/proc/nowhere"}):
        run = subprocess.run(
            [python, "-m", "reductions", "certify", "k-hop", "--n", "256"],
            user="nobody",
            group="nogroup",
            extra_groups=[],
            env={"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", **more},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        assert "PASS: " in run.stdout
        assert len(run.stderr.splitlines()) <= 1
