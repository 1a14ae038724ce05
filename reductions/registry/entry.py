"""An entry of the registry."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

Family = Literal["problem", "solver", "mechanism", "code", "reduction", "theorem"]


@dataclass(frozen=True)
class Entry:
    """One thing that the project offers or claims.

    Parameters
    ----------
    family : str
        problem, solver (a further way of solving one), mechanism, code, reduction, or theorem for a
        claim that is no construction.
    name : str
        Its identifier.
    statement : str
        What is claimed, in one line.
    source : str
        Where it is proved.
    home : str
        ``module:attribute``.
    test : str
        ``tests/file.py::function``, one of the default suite that asserts the claim on runs; empty
        where there is none, and the claim is UNVERIFIED.
    notebook : str
        File name of the notebook that shows it, if one does.

    Examples
    --------
    >>> from reductions.registry import find
    >>> entry = find("problem", "columnsort")
    >>> entry.load().name, entry.file
    ('columnsort', 'reductions/problems/columnsort.py')
    """

    family: Family
    name: str
    statement: str
    source: str
    home: str
    test: str = ""
    notebook: str = ""

    @property
    def file(self) -> str:
        """The file of the home, from the root of the tree."""
        return f"{self.home.partition(':')[0].replace('.', '/')}.py"

    @property
    def status(self) -> str:
        """``checked`` in every run of the default suite, or ``UNVERIFIED``."""
        return "checked" if self.test else "UNVERIFIED"

    def load(self) -> Any:
        """Import the object that the entry names."""
        module, attribute = self.home.split(":")
        return getattr(import_module(module), attribute)
