"""An entry of the registry."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Literal

Family = Literal["problem", "solver", "mechanism", "code", "reduction", "theorem"]


@dataclass(frozen=True)
class Entry(ABC):
    """One thing that the project offers or claims: where it lies, what checks it, what shows it.

    Its statement and its source are those of the record that it names, where there is one.

    Parameters
    ----------
    name : str
        Its identifier.
    home : str
        ``module:attribute``.
    test : str
        ``tests/file.py::function``, one of the default suite that asserts the claim on runs; empty
        where there is none, and the claim is UNVERIFIED.
    notebook : str
        File name of the notebook that shows it, if one does.
    family : str
        problem, solver (a further way of solving one), mechanism, code, reduction, or theorem for a
        claim that is no construction.

    Examples
    --------
    >>> from reductions.registry import find
    >>> entry = find("problem", "columnsort")
    >>> entry.load().name, entry.file
    ('columnsort', 'reductions/problems/columnsort.py')
    """

    name: str
    home: str
    test: str = ""
    notebook: str = ""
    family: Family = field(kw_only=True)

    @property
    @abstractmethod
    def statement(self) -> str:
        """What is claimed, in one line."""

    @property
    @abstractmethod
    def source(self) -> str:
        """Where it is proved."""

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


@dataclass(frozen=True)
class OfProblem(Entry):
    """A problem; its home is the way in which it is solved by default."""

    family: Family = field(default="problem", kw_only=True)

    @property
    def statement(self) -> str:
        statement: str = self.load().problem.statement
        return statement

    @property
    def source(self) -> str:
        solver = self.load()
        source: str = solver.problem.source or solver.source
        return source


@dataclass(frozen=True)
class OfSolver(Entry):
    """A further way of solving a problem."""

    family: Family = field(default="solver", kw_only=True)

    @property
    def statement(self) -> str:
        statement: str = self.load().statement
        return statement

    @property
    def source(self) -> str:
        source: str = self.load().source
        return source


@dataclass(frozen=True)
class Claim(Entry):
    """What is claimed of an object that is no record, and so says neither what nor by whom.

    Parameters
    ----------
    states : str
        The statement.
    proved : str
        The source.
    """

    states: str = field(kw_only=True)
    proved: str = field(kw_only=True)

    @property
    def statement(self) -> str:
        return self.states

    @property
    def source(self) -> str:
        return self.proved
