"""Machines against N: what one layer of each mechanism takes when it is simulated.

The plot that motivates the paper. One layer of one head of width 1 over N tokens runs under all
limits on machines of s' = c_b N^gap words, gap = eps' - eps and c_b = 16 (4 for low rank), by every
mechanism of `mechanism_series`. Outputs are compared with the transformer, bit for bit, and every
resource with its bound.

Axes: N tokens, c ratio of far to near.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anna_model import Rows
from reductions.certify.measured import measured_rounds
from reductions.experiments.fit import student
from reductions.experiments.mechanism_series import (
    COUNTED as COUNTED,
    LARGEST,
    LEAST_POINTS,
    Series as Series,
    series_of as series_of,
)


def count(series: Series, n_tokens: int, seed: int = 0) -> dict[str, Any]:
    """Run one point under all limits and return a row: sizes, resources with bounds, whether equal.

    Parameters
    ----------
    seed : int
        Of the input and of the hash functions.

    Raises
    ------
    ShapeError, GridOverflow, NoParameters
        N does not fit.
    MPCError
        A limit of the model is broken.
    """
    started = time.perf_counter()
    executed = series.executed(n_tokens, seed)
    drawn = np.random.default_rng(seed).integers(0, LARGEST, (n_tokens, 1))
    rows = Rows.from_dense(drawn.astype(float))
    simulation = executed.simulation(rows, keep_bytes=0)
    found = executed.rows(simulation.run()).dense()
    expected = executed.transformer.forward(rows).dense()
    measured = measured_rounds(simulation.ledger)
    checks = [bound.check(measured[bound.quantity]) for bound in series.bounds(executed)]
    layer = executed.transformer.layers[0]
    row: dict[str, Any] = {
        "line": series.name,
        "mechanism": series.mechanism,
        "ratio": series.ratio,
        "n": n_tokens,
        "gap": str(series.gap),
        "seed": seed,
        "tables": layer.n_tables,
        "exponent": round(series.exponent, 4),
        "memory_words": executed.cluster.memory_words,
        "n_machines": executed.cluster.n_machines,
    }
    for check in checks:
        row[check.name], row[f"{check.name}_bound"] = check.measured, check.bound
    row["equal"] = found.tobytes() == expected.tobytes()
    row["ok"] = row["equal"] and all(check.status == "PASS" for check in checks)
    row["seconds"] = round(time.perf_counter() - started, 4)
    return row


def counts(
    series: Iterable[Series], sizes: Sequence[int], seeds: Sequence[int] = (0,)
) -> Iterator[dict[str, Any]]:
    """Return `count` of every series at every size and seed, one after the other."""
    for one in series:
        for n_tokens in sizes:
            for seed in seeds:
                yield count(one, n_tokens, seed)


@dataclass(frozen=True)
class Slope:
    """A fitted exponent of the machine count, with its interval, beside that of the theory.

    Parameters
    ----------
    slope, margin : float
        Least squares, and half the interval of 95 % by Student's t. The slope is that of
        ln(machines / log factor) on ln N.
    theory : float
        Counts may grow more slowly.
    """

    line: str
    slope: float
    margin: float
    theory: float

    @property
    def holds(self) -> bool:
        """Whether the interval reaches down to the exponent of the theory, up to float64."""
        return self.slope - self.margin <= self.theory + 1e-9


def slope_of(series: Series, rows: Sequence[dict[str, Any]]) -> Slope | None:
    """Fit the exponent of a series to its rows; None where there are fewer than three sizes."""
    mine = [row for row in rows if row["line"] == series.name]
    if len({row["n"] for row in mine}) < LEAST_POINTS:
        return None
    x = np.log([float(row["n"]) for row in mine])
    y = np.log([row["machines"] / series.log_factor(row["n"]) for row in mine])
    x = x - x.mean()
    slope = float(x @ y / (x @ x))
    rest = y - y.mean() - slope * x
    freedom = len(mine) - 2
    error = math.sqrt(float(rest @ rest) / freedom / float(x @ x))
    return Slope(series.name, slope, student(freedom) * error, series.exponent)
