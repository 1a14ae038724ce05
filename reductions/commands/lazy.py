"""A command is imported when it runs, and not to print help."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[Any]"


def command_of(module: str) -> Callable[[argparse.Namespace], int]:
    """Return a function that imports a module and calls its ``run`` with the options.

    Returns
    -------
    callable
        From the options to the exit status.
    """

    def run(options: argparse.Namespace) -> int:
        return int(import_module(module).run(options))

    return run
