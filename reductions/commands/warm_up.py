"""``anna-mpc warm-up``: compile all loops, so that no later command waits for it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from itertools import product
from pkgutil import walk_packages

import numpy as np

from anna_model.mechanisms import Anna
from reductions.commands.hash_families import HashFamily
from reductions.commands.tables import progress_line

ROWS, WIDTHS, TABLES = 2**12, (8, 16, 32, 64, 128, 256), 32
"""So many numbers are hashed by loops, not by NumPy; some widths have loops of their own."""


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Import the loops that have one signature, and call the others on both kinds of numbers."""
    from reductions.certify.compiling import compile_seconds

    line, steps = progress_line(), list(_steps())
    for number, step in enumerate(steps, 1):
        step()
        if line is not None:
            line("warm-up", number, len(steps))
    seconds = compile_seconds()
    print(f"compiled all loops in {seconds:.1f} s" if seconds else "all loops were compiled")
    return 0


def _steps() -> Iterator[Callable[[], object]]:
    for package in ("mpc_sim", "anna_model", "reductions"):
        for module in walk_packages(import_module(package).__path__, f"{package}."):
            if ".kernels." in module.name:
                yield partial(import_module, module.name)
    for family, width, kind in product(HashFamily, WIDTHS, (np.float32, np.float64)):
        yield partial(_attend, family, width, kind)


def _attend(family: HashFamily, width: int, kind: type) -> None:
    rows: np.ndarray = np.random.default_rng(0).standard_normal((ROWS, width)).astype(kind)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    Anna(family.made(1.0), hashes=2, tables=TABLES, seed=0).apply(rows, rows, rows)
