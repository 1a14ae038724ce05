"""A mutant: one fault in one file, named, with the tests that must notice it.

The tables ``*.toml`` beside this file hold them, a room each. Every fault was chosen because the
program can behave differently with it; one that cannot says why in ``equivalent``.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Mutant:
    """A fault.

    Parameters
    ----------
    name : str
    file : str
        Path in the repository.
    find, replace : str
        What occurs exactly once in the file, and what takes its place.
    broken : str
        What is wrong with it, in one line.
    tests : tuple of str
        Files of tests, or tests in them.
    room : str
        The table that it stands in.
    equivalent : str
        Why no test can notice it; such a mutant does not count.
    plain : bool
        Whether its tests run uncompiled: far quicker than compiling for few small arrays.
    """

    name: str
    file: str
    find: str
    replace: str
    broken: str
    tests: tuple[str, ...]
    room: str
    equivalent: str = ""
    plain: bool = False

    def text(self, root: Path) -> str:
        """Return the text of the file with the fault.

        Raises
        ------
        ValueError
            What is to be replaced does not occur exactly once, or the result does not compile.
        """
        found = (root / self.file).read_text(encoding="utf-8")
        times = found.count(self.find)
        if times != 1:
            raise ValueError(f"{self.file} holds {self.find!r} {times} times, not once")
        text = found.replace(self.find, self.replace)
        try:
            compile(text, self.file, "exec")
        except SyntaxError as error:
            raise ValueError(f"{self.file} does not compile: {error}") from None
        return text

    @property
    def is_compiled(self) -> bool:
        """Whether the fault lies in a kernel, whose compiled form may be kept from before."""
        return "/kernels/" in self.file


def mutants() -> list[Mutant]:
    """Return the mutants of all tables, by room and then in the order of the table."""
    found = []
    for table in sorted(HERE.glob("*.toml")):
        rows = tomllib.loads(table.read_text(encoding="utf-8"))["mutant"]
        for row in rows:
            found.append(Mutant(**row | {"tests": tuple(row["tests"])}, room=table.stem))
    return found
