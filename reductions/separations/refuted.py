"""What cells of failures share: the oracle on words, and a claim that is checked into a cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

from mpc_sim.inputs.graphs import Graph
from reductions.arrays import Integers
from reductions.problems.problem import Instance, Problem
from reductions.separations.cell import Cell, Shown, counted
from reductions.separations.indistinguishable import (
    FalseCertificate,
    Oracle,
    TwoInputs,
    WordFunction,
)
from reductions.separations.one_way import SameMessages, Tell, refute_across


def oracle_of(task: Problem, instance: Instance) -> Oracle:
    """Return the oracle of a task on words, for inputs of the shape of an instance."""

    def oracle(words: Integers) -> Integers:
        if instance.graph is None:
            return task.expected(Instance(words, instance.parameters))
        n = instance.graph.n_vertices
        graph = Graph(n, words[n:].reshape(-1, 2))
        return task.expected(Instance(words, graph=graph))

    return oracle


@dataclass(frozen=True, kw_only=True)
class Refuted:
    """A model that a cell refutes, and the general bound that it is a case of.

    Parameters
    ----------
    architecture, depth, width, statement, bound, hypothesis, shown, source, has, needs
        As of `Cell`.
    """

    architecture: str
    depth: int
    width: int
    statement: str
    bound: str = ""
    hypothesis: str = ""
    shown: Shown = "proved here"
    source: str = ""
    has: int | None = None
    needs: int | None = None


def refuted(
    claim: TwoInputs,
    check: Callable[[], object],
    model: Refuted,
    *,
    also: bool = True,
    remark: str = "",
) -> Cell:
    """Check a claim and return its cell; the cell of a false claim records that.

    A model that is no instance of the general line beside it is not proved either.

    Parameters
    ----------
    check : callable
        Runs the check, and returns what was found or raises `FalseCertificate`.
    also : bool
        Whether other checks passed.
    remark : str
        Put behind what was found.
    """
    try:
        found, proved = f"{check()}{remark}", also
    except FalseCertificate as error:
        found, proved = str(error), False
    cell = Cell(
        task=claim.task,
        status="fails",
        n=len(claim.first),
        certificate=found,
        proved=proved,
        inputs=claim,
        **asdict(model),
    )
    return replace(cell, proved=proved and cell.is_instance)


def across(
    claim: SameMessages | None,
    tell: Tell,
    run: WordFunction,
    oracle: Oracle,
    model: Refuted,
) -> Cell | None:
    """Check that messages and outputs agree and return the cell; None where nothing was found.

    Parameters
    ----------
    claim : SameMessages or None
    tell, run, oracle
        As of `refute_across`.
    """
    if claim is None or model.has is None:
        return None
    bits = model.has // sum(tell(claim.inputs.first).words)
    return refuted(
        claim.inputs,
        lambda: refute_across(tell, run, oracle, claim, bits=bits),
        model,
        remark=f"; {counted(sum(tell(claim.inputs.first).words), 'equal word')} across the cut",
    )
