"""Exponents of rounds, memory and machines along a series in which c_s and c_p are held fixed.

A factor that grows along a series hides an exponent: s = c_s N^epsilon with a c_s that goes from 4
to 16 looks like a larger epsilon. So the least factors that fit all points are used for all.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mpc_sim import Cluster, Protocol, ShapeError, fit_cluster
from mpc_sim.inputs.graphs import GraphShape
from mpc_sim.protocol import FACTORS, check_shape
from reductions.experiments.fit import student
from reductions.problems.problem import GRAPH, Shape
from reductions.problems.protocol_solver import ProtocolSolver

LEAST_POINTS = 3
CLOSED = {"k": 4, "diameter_guess": 16}
"""Parameters of a series of closed forms."""

SHARP = 1e-6
"""Two fits that differ by less are the same."""


@dataclass(frozen=True)
class Point:
    """A point of a series, before its machines are known."""

    protocol: Protocol
    n_words: int
    largest_word: int = 0

    @classmethod
    def of(cls, solver: ProtocolSolver, shape: Shape) -> Point:
        """Return what a solver runs on inputs of a shape."""
        return cls(solver.protocol_for(shape), shape.n_words, solver.most_word(shape))

    def cluster(self, epsilon: str, gamma: str, c_s: int, c_p: int) -> Cluster:
        """Return its machines, or reject them."""
        return fit_cluster(
            self.protocol,
            self.n_words,
            epsilon,
            gamma,
            memory_factor=c_s,
            machine_factor=c_p,
            largest_word=self.largest_word,
        )


def held_factors(
    points: Sequence[Point],
    epsilon: str,
    gamma: str,
    *,
    c_s: int | None = None,
    c_p: int | None = None,
) -> tuple[int, int]:
    """Return the least c_s, and then the least c_p, of 1, 2, 4, 8, 16 that fit all points.

    Raises
    ------
    ShapeError
        None does: the error of the last one that was tried.
    """
    last: ShapeError | None = None
    largest_first = sorted(points, key=lambda point: -point.n_words)
    for memory in FACTORS if c_s is None else (c_s,):
        for machines in FACTORS if c_p is None else (c_p,):
            try:
                for point in largest_first:
                    check_shape(point.protocol, point.cluster(epsilon, gamma, memory, machines))
            except ShapeError as error:
                last = error
            else:
                return memory, machines
    assert last is not None
    raise last


@dataclass(frozen=True)
class Growth:
    """A fitted exponent of one quantity beside that of the theory.

    Parameters
    ----------
    slope, margin : float
        Least squares of ln(quantity / law) on ln N, and half its interval of 95 % by Student's t.
    closed : float
        The slope of the closed form at the same N.
    law : str
        What the quantity is divided by.
    """

    quantity: str
    slope: float
    margin: float
    theory: float
    closed: float
    law: str

    @property
    def off(self) -> float:
        """How far the fit is from the theory."""
        return abs(self.slope - self.theory)

    @property
    def reaches(self) -> bool:
        """Whether the interval contains the theory."""
        return self.off <= self.margin + SHARP

    @property
    def holds(self) -> bool:
        """Whether the interval contains the theory, or the closed form gives the same fit."""
        return self.reaches or abs(self.slope - self.closed) <= SHARP

    def is_approached(self, early: Growth, late: Growth) -> bool:
        """Whether the interval contains the theory, or larger N bring the fit nearer to it.

        ``early`` and ``late`` are the fits of the smaller and of the larger half of the sizes: what
        is of lower order or rounded up fades, an exponent that is another does not.
        """
        return self.reaches or late.reaches or late.off < early.off

    def __str__(self) -> str:
        verdict = "PASS" if self.holds else "FAIL"
        over = f" / ({self.law})" if self.law else ""
        return (
            f"{self.quantity}{over}: N^({self.slope:.3f} +- {self.margin:.3f}), closed form "
            f"N^{self.closed:.3f}, theory N^{self.theory:.3f} {verdict}"
        )


def slope(sizes: Sequence[int], values: Sequence[float]) -> tuple[float, float]:
    """Return the slope of ln(value) on ln N, and half its interval of 95 %."""
    x, y = np.log(np.array(sizes, float)), np.log(np.array(values, float))
    x = x - x.mean()
    found = float(x @ y / (x @ x))
    rest = y - y.mean() - found * x
    freedom = len(x) - 2
    error = math.sqrt(max(0.0, float(rest @ rest)) / freedom / float(x @ x))
    return found, student(freedom) * error


def growths(
    solver: ProtocolSolver,
    clusters: Sequence[Cluster],
    measured: Sequence[Mapping[str, int]],
    closed: Sequence[Mapping[str, int]],
    parameters: Mapping[str, Any],
) -> tuple[Growth, ...]:
    """Fit rounds, local memory and machines of a series; nothing where there are too few sizes."""
    sizes = [cluster.n_words for cluster in clusters]
    if len(set(sizes)) < LEAST_POINTS or clusters[0].epsilon is None:
        return ()
    epsilon, gamma = float(clusters[0].epsilon), float(clusters[0].gamma or 0)
    law = solver.law
    scale = [1.0 if law is None else law.size(cluster, parameters) for cluster in clusters]
    ones = [1.0] * len(sizes)
    found = []
    for name, divided, theory, said in (
        ("rounds", scale, 0.0, "" if law is None else law.text.split(" for ")[0]),
        ("local_memory", ones, epsilon, ""),
        ("machines", ones, 1 + gamma - epsilon, ""),
    ):
        of_run = [max(1, row[name]) / by for row, by in zip(measured, divided, strict=True)]
        of_form = [max(1, row[name]) / by for row, by in zip(closed, divided, strict=True)]
        found.append(Growth(name, *slope(sizes, of_run), theory, slope(sizes, of_form)[0], said))
    return tuple(found)


def closed_series(
    solver: ProtocolSolver, sizes: Sequence[int], **factors: int | None
) -> Iterator[tuple[Cluster, dict[str, int]]]:
    """Yield the clusters and the values of all claims of a solver at many N, without a run.

    A graph has as many edges as vertices, and components of diameter 16; k is 4. Words go up to
    2 N^3, as those of 3-SUM.

    Raises
    ------
    ShapeError
        No factors fit all points.
    """
    own = {one.name: CLOSED[one.name] for one in solver.problem.parameters if one.name in CLOSED}
    shapes = [_shape(solver, n) for n in sizes]
    points = [
        Point(
            solver.protocol(shape, **own),
            shape if isinstance(shape, int) else shape.n_words,
            2 * n**3,
        )
        for n, shape in zip(sizes, shapes, strict=True)
    ]
    c_s, c_p = held_factors(points, solver.epsilon, solver.gamma, **factors)
    for shape, point in zip(shapes, points, strict=True):
        cluster = point.cluster(solver.epsilon, solver.gamma, c_s, c_p)
        claims = solver.bounds(shape, cluster, **own)
        yield cluster, {claim.quantity: claim.value for claim in claims}


def _shape(solver: ProtocolSolver, n: int) -> int | GraphShape:
    is_graph = solver.problem.reads == GRAPH
    return GraphShape(n, n, solver.problem.is_weighted) if is_graph else n
