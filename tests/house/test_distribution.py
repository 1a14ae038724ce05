"""What is declared, pinned and packed. Every check is a function with a canary beside it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from repository import ROOT

PACKAGES = ("mpc_sim", "anna_model", "reductions")
PACKED = ("*.py", "py.typed", "*.js", "*.css", "*.json", "*.safetensors")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
PINNED = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]]
DECLARED = [one for extra in PROJECT["optional-dependencies"].values() for one in extra]


def plain(requirement: str) -> str:
    """The normalised name that a requirement or a pin begins with."""
    name = re.match(r"[\w.-]*\w", requirement)
    return re.sub(r"[-_.]+", "-", name[0]).lower() if name else ""


def not_pins(lines: Iterable[str]) -> list[str]:
    """Lines that say anything but one name and one version."""
    return [line for line in lines if not re.fullmatch(r"[A-Za-z0-9][\w.-]*==\d[\w.]*", line)]


def unpinned(requirements: Iterable[str], lines: Iterable[str]) -> list[str]:
    """Requirements whose name no line pins."""
    pinned = {plain(line) for line in lines}
    return [one for one in requirements if plain(one) not in pinned]


def capped(requirements: Iterable[str]) -> list[str]:
    """Requirements that are more than a name and a lower bound."""
    return [one for one in requirements if not re.fullmatch(r"[\w.-]+>=\d[\w.]*", one)]


def to_pack(root: Path) -> set[str]:
    """Every module, type marker, page and weight of the packages, as a wheel names them."""
    folders = [root / package for package in PACKAGES]
    paths = [p for f in folders for pattern in PACKED for p in f.rglob(pattern)]
    return {path.relative_to(root).as_posix() for path in paths}


def misplaced(packed: Iterable[str], expected: set[str]) -> list[str]:
    """What a wheel lacks, and what it holds besides the packages and its own record."""
    kept = {name for name in packed if not re.match(r"anna_mpc-[^/]+\.dist-info/", name)}
    return sorted(kept ^ expected)


def test_constraints_are_pins_of_everything_tested() -> None:
    assert not_pins(CONSTRAINTS) == []
    assert unpinned(PINNED, CONSTRAINTS) == []
    names = [plain(line) for line in CONSTRAINTS]
    assert names == sorted(set(names))


def test_requirements_have_lower_bounds_only() -> None:
    assert capped([*PROJECT["dependencies"], *DECLARED]) == []


def test_wheel_holds_every_module(tmp_path: Path) -> None:
    source, wheels = tmp_path / "source", tmp_path / "wheels"
    source.mkdir()
    for name in ("pyproject.toml", PROJECT["readme"], "LICENSE"):
        shutil.copy(ROOT / name, source)
    for package in PACKAGES:
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, source / package, ignore=ignore)
    options = ["--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "wheel", *options, "-w", str(wheels), str(source)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    (wheel,) = wheels.glob("*.whl")
    assert wheel.name.startswith(f"anna_mpc-{PROJECT['version']}-py3-none-any")
    with zipfile.ZipFile(wheel) as archive:
        assert misplaced(archive.namelist(), to_pack(ROOT)) == []
        (record,) = (n for n in archive.namelist() if n.endswith("entry_points.txt"))
        assert "anna-mpc = reductions.__main__:main" in archive.read(record).decode()


@pytest.mark.parametrize(
    "line",
    [
        "numpy",
        "numpy>=2.0",
        "numpy==2.*",
        "numpy==2.0  # newest",
        "numpy==2.0; python_version < '3.12'",
        "anna-mpc @ here",
        "-e .",
        "",
    ],
)
def test_canary_not_pins(line: str) -> None:
    assert not_pins(["numpy==2.0", line, "Pygments==2.21.0.post1"]) == [line]


def test_canary_unpinned_and_capped() -> None:
    assert unpinned(["numpy>=2.0", "typing-extensions"], ["typing_extensions==4.16.0"]) == [
        "numpy>=2.0"
    ]
    assert capped(["numpy>=2.0", "numpy>=2.0,<3", "numpy==2.0", "numpy"]) == [
        "numpy>=2.0,<3",
        "numpy==2.0",
        "numpy",
    ]


def test_canary_misplaced() -> None:
    expected = {"mpc_sim/__init__.py", "mpc_sim/algorithms/__init__.py"}
    packed = ["mpc_sim/__init__.py", "tests/test_house.py", "anna_mpc-0.1.0.dist-info/RECORD"]
    assert misplaced(packed, expected) == ["mpc_sim/algorithms/__init__.py", "tests/test_house.py"]
