"""A cell of the table task x architecture: what is claimed, and the check that was just run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from reductions.separations.indistinguishable import FalseCertificate, TwoInputs

Status = Literal["holds", "fails", "conditional", "open"]
Shown = Literal["run here", "proved here", "proved in the source", "conditional", "open"]
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
    for_width : str
        Of a bound that grows: the width that it holds for.
    has, needs : int or None
        Of a failure: what the model has, and what the general line says that it needs: bits across
        a cut, words that a token can depend on. It is an instance of the line if has < needs.
    statement : str
        What is claimed, in one line; of a failure the model that is refuted. A drawn one is a
        member of its family: it shows that no reading of what was sent could be right.
    certificate : str
        What the check found, in one line; empty for open cells.
    proved : bool
        Whether the check passed.
    bound : str
        The general claim that the model is a case of.
    hypothesis : str
        What the general claim supposes.
    shown : str
        Of the general claim: run here (a construction, on inputs), proved here, proved in the
        source, conditional or open.
    inputs : TwoInputs, optional
        Of a failure.

    Raises
    ------
    FalseCertificate
        A claim without a width: with N heads of width 1 a single layer gathers everything.
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
    hypothesis: str = ""
    shown: Shown = "open"
    source: str = ""
    inputs: TwoInputs | None = None
    for_width: str = ""
    has: int | None = None
    needs: int | None = None

    def __post_init__(self) -> None:
        if self.status != "open" and self.width is None and not self.for_width:
            raise FalseCertificate(f"{self.name}: a cell without a width claims nothing; give one")

    @property
    def is_instance(self) -> bool:
        """Whether a failure is a case of its general line."""
        return self.has is not None and self.needs is not None and self.has < self.needs

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
            "for_width": self.for_width,
            "hypothesis": self.hypothesis,
            "shown": self.shown,
            "has": self.has,
            "needs": self.needs,
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
            "for width": self.for_width,
            "supposes": self.hypothesis,
            "instance": "" if self.has is None else f"has {self.has}, needs {self.needs}",
            "shown": "" if self.status == "open" else self.shown,
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
