"""How the words of an output are written: as what they stand for, a row of them per line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mpc_sim.records import Words


@dataclass(frozen=True)
class Layout:
    """Lines of an output.

    Parameters
    ----------
    says : str
        What stands on the lines, for ``anna-mpc list NAME``.
    shifts : tuple of int
        Of every word of a row what is taken off, where the row stands for something.
    nothing : str, optional
        What a row is written as whose first word is 0 and stands for nothing: empty for no line;
        None where every row stands for something.
    """

    says: str
    shifts: tuple[int, ...] = (0,)
    nothing: str | None = None

    def lines(self, output: Words) -> Iterator[str]:
        """Yield the lines of an output of numbers; words that fill no row are left out."""
        width = len(self.shifts)
        rows = output[: len(output) // width * width].reshape(-1, width)
        for row in rows.tolist():
            if self.nothing is None or row[0]:
                words = zip(row, self.shifts, strict=True)
                yield " ".join(str(word - shift) for word, shift in words)
            elif self.nothing:
                yield self.nothing


IN_ORDER = Layout("one word on each line, in the order of the input")
"""Of most problems."""
