"""A cell of the table task x architecture: what is claimed, and the check that was just run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from reductions.separations.indistinguishable import TwoInputs

Status = Literal["holds", "fails", "conditional", "open"]
ARCHITECTURES = (
    "ANNA",
    "exact match",
    "direct",
    "softmax",
    "Reformer, fixed chunks",
    "low rank",
    "recurrent",
)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


@dataclass(frozen=True, eq=False, kw_only=True)
class Cell:
    """One row of the table.

    Parameters
    ----------
    task : str
    architecture : str
        Of ARCHITECTURES. ANNA hashes, exact match is its case r = 0, direct are its constructions
        without a protocol.
    status : str
        holds: a model was built and equals the oracle. fails: a model was refuted, or a lower bound
        has no assumption. conditional: a lower bound rests on a conjecture. open: nothing is built
        or refuted here.
    n : int
        Words of the input, 0 where nothing was run.
    depth, width : int or None
        Measured on the model; layers, and words that a token receives or a state holds.
    statement : str
        What is claimed, in one line; of a failure the model that is refuted. A drawn one is a
        member of its family: it shows that no reading of what was sent could be right.
    certificate : str
        What the check found, in one line; empty for open cells.
    proved : bool
        Whether the check passed.
    bound : str
        The general claim that the model is a case of.
    source : str
    inputs : TwoInputs, optional
        Of a failure.
    """

    task: str
    architecture: str
    status: Status
    n: int
    depth: int | None
    width: int | None
    statement: str
    certificate: str
    proved: bool
    bound: str = ""
    source: str = ""
    inputs: TwoInputs | None = None

    @property
    def name(self) -> str:
        """What ``--explain`` calls it: task/architecture."""
        return f"{self.task}/{self.architecture}"

    @property
    def holds(self) -> bool | None:
        """Whether the architecture does the task in this depth and width; None if it is open."""
        return None if self.status == "open" else self.status == "holds"

    def to_json(self) -> dict[str, Any]:
        """Return the row as plain JSON types."""
        row: dict[str, Any] = {
            "task": self.task,
            "architecture": self.architecture,
            "depth": self.depth,
            "width": self.width,
            "holds": self.holds,
            "status": self.status,
            "n": self.n,
            "statement": self.statement,
            "certificate": self.certificate,
            "proved": self.proved,
            "bound": self.bound,
            "source": self.source,
        }
        if self.inputs is not None:
            row["inputs"] = {
                "first": self.inputs.first.tolist(),
                "second": self.inputs.second.tolist(),
                "token": self.inputs.token,
            }
        return row

    def explain(self) -> str:
        """Return all that the cell rests on in lines of text."""
        shown = {
            "claim": self.statement,
            "measured": ""
            if self.depth is None
            else f"depth {self.depth}, width {self.width}, on {self.n} words",
            "certificate": self.certificate,
            "in general": self.bound,
            "source": self.source,
        }
        if self.inputs is not None:
            shown["first"] = " ".join(map(str, self.inputs.first.tolist()))
            shown["second"] = " ".join(map(str, self.inputs.second.tolist()))
        lines = [f"  {name:<12} {text}" for name, text in shown.items() if text]
        return "\n".join([f"{self.name}: {self.status}", *lines])


def open_cell(task: str, architecture: str) -> Cell:
    """Return a cell of which nothing is known here."""
    return Cell(
        task=task,
        architecture=architecture,
        status="open",
        n=0,
        depth=None,
        width=None,
        statement="nothing is built or refuted here",
        certificate="",
        proved=True,
    )
