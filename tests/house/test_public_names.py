"""Every public name can be imported first, in any order, and is what its page says."""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

PACKAGES = ("mpc_sim", "anna_model", "reductions")
NEEDS_FORK = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
FIRST = """
import importlib, os, sys
import networkx, numba, sympy  # what is ours is imported by the children alone
failed = []
for line in sys.argv[1:]:
    module, name = line.split(":")
    child = os.fork()
    if not child:
        try:
            scope = {}
            exec(f"from {module} import {name}", scope)
            kind = type(scope[name]).__name__
            os._exit(3 if kind == "module" else 0)
        except BaseException:
            os._exit(2)
    failed += [line] * (os.waitpid(child, 0)[1] != 0)
print(*failed)
"""


def fronts() -> Iterator[ModuleType]:
    """Every module that has an ``__all__``."""
    for package in PACKAGES:
        top = importlib.import_module(package)
        found = pkgutil.walk_packages(top.__path__, f"{package}.")
        names = [package, *(one.name for one in found)]
        for module in map(importlib.import_module, names):
            if hasattr(module, "__all__"):
                yield module


PUBLIC = {module.__name__: tuple(module.__all__) for module in fronts()}


def not_importable_first(lines: list[str]) -> list[str]:
    """The lines ``module:name`` that fail, or give a module, as the first import of a process."""
    run = subprocess.run(
        [sys.executable, "-c", FIRST, *lines], capture_output=True, text=True, check=True
    )
    return run.stdout.split()


def shadowed(module: ModuleType) -> list[str]:
    """Public names of a package that a module of the package hides once it is imported."""
    below = {one.name for one in pkgutil.iter_modules(getattr(module, "__path__", ()))}
    return sorted(below & set(module.__all__))


@NEEDS_FORK
@pytest.mark.parametrize("package", PACKAGES)
@pytest.mark.slow
def test_every_name_can_be_imported_first(package: str) -> None:
    lines = [
        f"{module}:{name}"
        for module, names in PUBLIC.items()
        for name in names
        if module.partition(".")[0] == package
    ]
    assert len(lines) >= 9
    assert not_importable_first(lines) == []


@pytest.mark.parametrize("name", PUBLIC)
def test_every_name_is_documented_as_what_it_is(name: str) -> None:
    module = importlib.import_module(name)
    assert shadowed(module) == []
    for public in module.__all__:
        value = getattr(module, public)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__name__ == public
            assert value.__module__.startswith(PACKAGES)


@NEEDS_FORK
def test_canary_a_name_that_is_no_name() -> None:
    lines = ["mpc_sim:Simulation", "mpc_sim:Simulations", "mpc_sim:cluster"]
    assert not_importable_first(lines) == lines[1:]


def test_canary_a_name_that_is_hidden() -> None:
    package = importlib.import_module("mpc_sim")
    front = ModuleType("mpc_sim")
    vars(front).update(__path__=package.__path__, __all__=["Cluster", "cluster"])
    assert shadowed(front) == ["cluster"]
