"""Machines against N: what one layer of each mechanism takes when it is simulated.

The plot that motivates the paper. One layer of one head of width 1 over N tokens runs under all
limits on machines of s' = c_b N^gap words, gap = eps' - eps and c_b = 16 (4 for low rank, whose
machines would otherwise hold everything), by softmax (N^2 machines), ANNA with
the z and l that Theorem 3.4 wants for a ratio c, exact match and low rank. Outputs are compared
with the transformer, bit for bit, and every resource with its bound.

    mechanism     machines                                  source
    softmax       N^2                                       SHT24, Theorem 3.4
    ANNA          N^(1 - gap + 3 rho), times the log of l   Theorem 4.2
    exact match   N^(1 - gap)                               Theorem C.1
    low rank      N^(1 - gap), at most N                    Lemma D.2

Axes: N tokens, c ratio of far to near, l tables, z hashes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from anna_model import Anna, ExactMatch, HeadMaps, Mechanism, Rows, RowwiseLayer, Transformer
from anna_model.fixed_point.attention import Precision, RoundedFeatures
from anna_model.fixed_point.grid import Grid
from anna_model.fixed_point.softmax import FixedSoftmax
from anna_model.lsh import Hyperplane
from anna_model.lsh.theorem_3_4 import Parameters, choose_parameters
from anna_model.mechanisms import LowRank
from anna_model.mechanisms.low_rank import EluPlusOne
from mpc_sim import InputError
from mpc_sim.integers import as_exponent
from reductions.arrays import Floats, Integers
from reductions.attention_to_mpc import TransformerProtocol, fit_anna_to_mpc
from reductions.attention_to_mpc.anna_bounds import bounds
from reductions.attention_to_mpc.fit import memory_words
from reductions.attention_to_mpc.low_rank import low_rank_bounds, low_rank_to_mpc
from reductions.attention_to_mpc.softmax import softmax_bounds, softmax_to_mpc
from reductions.bounds import Bound
from reductions.certify.measured import measured_rounds
from reductions.experiments.fit import student

Counted = Literal["softmax", "anna", "exact-match", "low-rank"]
COUNTED: tuple[Counted, ...] = ("softmax", "anna", "exact-match", "low-rank")

NEAR = 0.1
DELTA = 0.1
LARGEST = 2000
MEMORY_FACTORS: dict[Counted, int] = {"softmax": 16, "anna": 16, "exact-match": 16, "low-rank": 4}
"""c_b."""
WORDS = Precision.of(Grid(14, 0))
FEATURES = Grid(bits=13, fraction_bits=6)
SOFTMAX_KEYS = Grid(8, 3)
LEAST_POINTS = 3


@dataclass(frozen=True)
class OnCircle:
    """Unit vectors at angles that the first number of a row picks: by a table, so always alike."""

    turns: int
    shift: int

    def __call__(self, position: Integers, rows: Floats) -> Floats:
        angle = 2 * np.pi * np.arange(self.turns) / self.turns
        table = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        vectors: Floats = table[(np.rint(rows[:, 0]).astype(int) + self.shift) % self.turns]
        return vectors


@dataclass(frozen=True)
class ShiftedResidue:
    """The first number of a row, moved and taken modulo a number, over a power of two."""

    modulus: int
    shift: int
    width: int = 1
    parts: int = 1

    def __call__(self, position: Integers, rows: Floats) -> Floats:
        return (rows[:, :1] + self.shift + np.arange(self.width)) % self.modulus / self.parts


def to_integers(position: Integers, rows: Floats, heard: Floats) -> Floats:
    """Fold: the new row is what was received, rounded half to even."""
    return np.rint(heard)


@dataclass(frozen=True)
class Series:
    """One line of the picture.

    Parameters
    ----------
    mechanism : str
        One of ``COUNTED``.
    gap : Fraction
        eps' - eps.
    ratio : float, optional
        c, for anna.
    """

    mechanism: Counted
    gap: Fraction
    ratio: float | None = None

    def __post_init__(self) -> None:
        if self.mechanism not in COUNTED:
            raise InputError(f"{self.mechanism!r} is unknown; use one of {', '.join(COUNTED)}")
        if (self.ratio is not None) != (self.mechanism == "anna"):
            raise InputError("a ratio c goes with anna, and with nothing else")

    @property
    def name(self) -> str:
        """The name of the line in a legend."""
        return self.mechanism if self.ratio is None else f"{self.mechanism}, c = {self.ratio:g}"

    @property
    def exponent(self) -> float:
        """The exponent of N in the machine count of the theory, logarithms aside."""
        if self.mechanism == "softmax":
            return 2.0
        rho = 0.0 if self.ratio is None else self.parameters(LEAST_POINTS).rho
        return 1 - float(self.gap) + 3 * rho

    def log_factor(self, n_tokens: int) -> float:
        """The logarithm in l, by which counts are divided before a slope is fitted; else 1."""
        return 1.0 if self.ratio is None else 2 * math.log(n_tokens) - math.log(DELTA)

    def parameters(self, n_tokens: int) -> Parameters:
        """Return z and l of Theorem 3.4 for near pairs at 0.1 and far ones at 0.1 c.

        Raises
        ------
        NoParameters
            rho >= 1/3, or too many tables.
        """
        assert self.ratio is not None
        return choose_parameters(n_tokens, NEAR, self.ratio, Hyperplane(), 2, delta=DELTA)

    def transformer(self, n_tokens: int, seed: int = 0) -> Transformer:
        """Return one layer of one head over rows of one number."""
        query, key, width = self._maps(n_tokens)
        head = HeadMaps(query, key, ShiftedResidue(LARGEST, 0), width, 1)
        layer = RowwiseLayer(self._attention(n_tokens, seed), (head,), to_integers)
        return Transformer((layer,), n_tokens)

    def executed(self, n_tokens: int, seed: int = 0) -> TransformerProtocol:
        """Return its protocol on machines of s' = c_b N^gap words.

        Raises
        ------
        ShapeError, GridOverflow
            N does not fit.
        """
        transformer, factor = self.transformer(n_tokens, seed), MEMORY_FACTORS[self.mechanism]
        if self.mechanism in ("anna", "exact-match"):
            return fit_anna_to_mpc(
                transformer, WORDS, self.gap, input_width=1, memory_factor=factor
            )
        words = memory_words(transformer, self.gap, factor)
        if self.mechanism == "softmax":
            return softmax_to_mpc(transformer, WORDS, words, input_width=1)
        precision = Precision(WORDS.rows, FEATURES, WORDS.values)
        return low_rank_to_mpc(transformer, precision, words, input_width=1)

    def _attention(self, n_tokens: int, seed: int) -> Mechanism:
        if self.mechanism == "softmax":
            return FixedSoftmax(SOFTMAX_KEYS, weight_bits=12, largest_logit=4.0)
        if self.mechanism == "low-rank":
            return LowRank(RoundedFeatures(EluPlusOne(), FEATURES))
        if self.mechanism == "exact-match":
            return ExactMatch()
        found = self.parameters(n_tokens)
        return Anna(Hyperplane(), found.hashes, found.tables, seed=seed)

    def _maps(self, n_tokens: int) -> tuple[Any, Any, int]:
        """Return the maps of queries and keys, and their width."""
        if self.mechanism == "anna":
            return OnCircle(360, 0), OnCircle(360, 180), 2
        if self.mechanism == "exact-match":
            return ShiftedResidue(n_tokens // 2 + 1, 0), ShiftedResidue(n_tokens // 3 + 1, 5), 1
        return ShiftedResidue(16, 0, 2, parts=8), ShiftedResidue(13, 5, 2, parts=8), 2


BOUNDS: dict[Counted, Callable[[TransformerProtocol], tuple[Bound, ...]]] = {
    "softmax": softmax_bounds,
    "anna": bounds,
    "exact-match": bounds,
    "low-rank": low_rank_bounds,
}


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
    checks = [bound.check(measured[bound.quantity]) for bound in BOUNDS[series.mechanism](executed)]
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
    line : str
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


def series_of(
    mechanisms: Sequence[str], ratios: Sequence[float], gap: str | float | Fraction = "1/2"
) -> list[Series]:
    """Return the lines of a picture: a mechanism each, anna once for every ratio."""
    exponent, found = as_exponent(gap, "gap"), []
    for mechanism in mechanisms:
        of = ratios if mechanism == "anna" else [None]
        found += [Series(mechanism, exponent, ratio) for ratio in of]  # type: ignore[arg-type]
    return found
