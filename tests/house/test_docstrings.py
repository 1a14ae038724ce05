"""Docstrings: examples are executed; what an ``__all__`` names has one, and all has words."""

from __future__ import annotations

import dataclasses
import doctest
import functools
import importlib
import inspect
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

from repository import ROOT

PACKAGES = ("mpc_sim", "anna_model", "reductions")
TORCH = tuple(f"anna_model.surrogate.{name}" for name in ("network", "stand_ins"))
"""Modules whose examples need the extra ``train``."""
MEMBERS = (FunctionType, classmethod, staticmethod, property, functools.cached_property)


def in_tree(root: Path) -> list[str]:
    """Every module below the packages but the kernels, from the file names."""
    paths = (path for package in PACKAGES for path in (root / package).rglob("*.py"))
    names = (path.relative_to(root).with_suffix("").parts for path in paths)
    return sorted(
        ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        for parts in names
        if "kernels" not in parts
    )


def importable() -> Iterator[str]:
    """Every module below the packages but the kernels, as the import system finds them."""
    for package in PACKAGES:
        yield package
        places = importlib.import_module(package).__path__
        for found in pkgutil.walk_packages(places, f"{package}.", onerror=_reraise):
            if "kernels" not in found.name.split("."):
                yield found.name


def _reraise(name: str) -> None:
    raise ImportError(f"{name} cannot be imported")


def run_examples(module: ModuleType) -> tuple[int, str]:
    """Number of failed examples of a module, and the report of them."""
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
    for test in doctest.DocTestFinder().find(module):
        runner.run(test, out=report.append)
    return runner.summarize(verbose=False).failed, "".join(report)


def own_docstring(value: object) -> str:
    """The docstring that was written for a class or function, empty where there is none."""
    doc = inspect.cleandoc(value.__doc__ or "")
    generated = inspect.isclass(value) and doc.startswith(f"{value.__name__}(")
    return "" if generated else doc


def lacking(name: str, value: object) -> list[str]:
    """What the docstrings of a public name lack: text, an example, a method's text.

    Abstract classes and exceptions need no example; a method may inherit its text; plain values
    need nothing.
    """
    if not (inspect.isclass(value) or inspect.isroutine(value) or inspect.ismodule(value)):
        return []
    doc = own_docstring(value)
    faults = [] if doc else [f"{name}: no docstring"]
    exempt = (
        inspect.ismodule(value)
        or inspect.isabstract(value)
        or (inspect.isclass(value) and issubclass(value, BaseException))
    )
    if not exempt and ">>>" not in doc:
        faults.append(f"{name}: no example")
    if inspect.isclass(value):
        own = vars(value).items()
        members = (m for m, raw in own if isinstance(raw, MEMBERS) and not is_default(raw))
        public = (m for m in members if not m.startswith("_"))
        faults += [
            f"{name}.{member}: no docstring"
            for member in public
            if not inspect.getdoc(getattr(value, member))
        ]
    return faults


def is_default(raw: object) -> bool:
    """Whether a member is no method but the default of a field that is called."""
    return getattr(raw, "__name__", "") == "<lambda>"


def own_names(module: ModuleType) -> dict[str, object]:
    """The public functions and classes that a module defines."""
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and getattr(value, "__module__", None) == module.__name__
        and (inspect.isclass(value) or inspect.isfunction(value))
    }


MODULES = in_tree(ROOT)


def test_every_module_is_collected() -> None:
    assert set(PACKAGES) <= set(MODULES)
    assert sorted(importable()) == MODULES


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    if name in TORCH:
        pytest.importorskip("torch", reason="the extra train is not installed")
    failed, report = run_examples(importlib.import_module(name))
    assert failed == 0, report


@pytest.mark.parametrize("name", MODULES)
def test_public_names_are_documented(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} has no docstring"
    exported = {one: getattr(module, one) for one in getattr(module, "__all__", ())}
    faults = [fault for one, value in exported.items() for fault in lacking(one, value)]
    faults += [
        f"{one}: no docstring" for one, v in own_names(module).items() if not own_docstring(v)
    ]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("name", PACKAGES)
def test_packages_declare_their_surface(name: str) -> None:
    assert importlib.import_module(name).__all__


# --- canaries ---


class Bare:
    pass


@dataclasses.dataclass
class Generated:
    size: int


class Speaking(ABC):
    """Says something."""

    @abstractmethod
    def say(self) -> str:
        """What is said."""


class Quiet(Speaking):
    """Says nothing.

    >>> Quiet().say()
    ''
    """

    def say(self) -> str:
        return ""

    def hum(self) -> str:
        return "m"

    @property
    def loudness(self) -> int:
        return 0


class Situation(Exception):
    """Something happened."""


def halve(number: int) -> int:
    """Half of a number, rounded down."""
    return number // 2


@pytest.mark.parametrize(
    ("value", "faults"),
    [
        (Bare, ["x: no docstring", "x: no example"]),
        (Generated, ["x: no docstring", "x: no example"]),
        (halve, ["x: no example"]),
        (Quiet, ["x.hum: no docstring", "x.loudness: no docstring"]),
        (Speaking, []),
        (Situation, []),
        (3, []),
    ],
)
def test_canary_lacking(value: object, faults: list[str]) -> None:
    assert lacking("x", value) == faults


def test_canary_own_names() -> None:
    module = ModuleType("sample")
    exec("class A: size = lambda: 1\ndef f(): pass\ndef _g(): pass\nB = 3", vars(module))
    vars(module)["halve"] = halve
    assert set(own_names(module)) == {"A", "f"}
    assert lacking("x", vars(module)["A"]) == ["x: no docstring", "x: no example"]


def test_canary_examples() -> None:
    module = ModuleType("sample", "Two examples.\n\n>>> 1 + 1\n2\n>>> 1 + 1\n3\n")
    failed, report = run_examples(module)
    assert failed == 1
    assert "Got:\n    2" in report


def test_canary_in_tree(tmp_path: Path) -> None:
    for name in ("mpc_sim/__init__.py", "mpc_sim/kernels/sort.py", "anna_model/lsh/rho.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert in_tree(tmp_path) == ["anna_model.lsh.rho", "mpc_sim"]
