"""The lines of machines against N: a layer by every mechanism, and the machines that simulate it.

    mechanism     machines                                  source
    softmax       N^2                                       SHT24, Theorem 3.4
    ANNA          N^(1 - gap + 3 rho), times the log of l   Theorem 4.2
    exact match   N^(1 - gap)                               Theorem C.1
    low rank      N^(1 - gap), at most N                    Lemma D.2

Axes: N tokens, c ratio of far to near, l tables, z hashes.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np

from anna_model import Anna, ExactMatch, HeadMaps, Mechanism, RowwiseLayer, Transformer
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
from reductions.attention_to_mpc import TransformerProtocol, anna_to_mpc
from reductions.attention_to_mpc.anna_bounds import bounds as anna_bounds
from reductions.attention_to_mpc.fit import memory_words
from reductions.attention_to_mpc.low_rank import low_rank_bounds, low_rank_to_mpc
from reductions.attention_to_mpc.softmax import softmax_bounds, softmax_to_mpc
from reductions.bounds import Bound

NEAR = 0.1
DELTA = 0.1
LARGEST = 2000
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
class Series(ABC):
    """One line of the picture: one head of width 1, on machines of s' = c_b N^gap words.

    Parameters
    ----------
    gap : Fraction
        eps' - eps.
    ratio : float, optional
        c, for anna.
    """

    mechanism: ClassVar[str]
    source: ClassVar[str]
    memory_factor: ClassVar[int] = 16
    """c_b."""
    has_ratio: ClassVar[bool] = False
    takes_pairs: ClassVar[bool] = False
    """Whether it takes a machine for every pair of tokens."""

    gap: Fraction
    ratio: float | None = None

    def __post_init__(self) -> None:
        if (self.ratio is not None) != self.has_ratio:
            raise InputError("a ratio c goes with anna, and with nothing else")

    @property
    def name(self) -> str:
        """The name of the line in a legend."""
        return self.mechanism if self.ratio is None else f"{self.mechanism}, c = {self.ratio:g}"

    @property
    def exponent(self) -> float:
        """The exponent of N in the machine count of the theory, logarithms aside."""
        return 1 - float(self.gap)

    def log_factor(self, n_tokens: int) -> float:
        """The logarithm in l, by which counts are divided before a slope is fitted; else 1."""
        return 1.0

    def transformer(self, n_tokens: int, seed: int = 0) -> Transformer:
        """Return one layer of one head over rows of one number."""
        query, key, width = self.maps(n_tokens)
        head = HeadMaps(query, key, ShiftedResidue(LARGEST, 0), width, 1)
        layer = RowwiseLayer(self.attention(n_tokens, seed), (head,), to_integers)
        return Transformer((layer,), n_tokens)

    def executed(self, n_tokens: int, seed: int = 0) -> TransformerProtocol:
        """Return its protocol on machines of s' words.

        Raises
        ------
        ShapeError, GridOverflow
            N does not fit.
        """
        transformer = self.transformer(n_tokens, seed)
        words = memory_words(transformer, self.gap, self.memory_factor)
        return self.protocol(transformer, words)

    def maps(self, n_tokens: int) -> tuple[Any, Any, int]:
        """Return the maps of queries and keys, and their width."""
        return ShiftedResidue(16, 0, 2, parts=8), ShiftedResidue(13, 5, 2, parts=8), 2

    @abstractmethod
    def attention(self, n_tokens: int, seed: int) -> Mechanism:
        """Return the mechanism for N tokens."""

    @abstractmethod
    def protocol(self, transformer: Transformer, words: int) -> TransformerProtocol:
        """Return the protocol of such a transformer on machines of so many words."""

    @staticmethod
    @abstractmethod
    def bounds(executed: TransformerProtocol) -> tuple[Bound, ...]:
        """Return the bounds of that protocol."""


class SoftmaxSeries(Series):
    """Softmax on a grid: a machine for every pair of tokens."""

    mechanism = "softmax"
    source = "arXiv 2402.09268, Theorem 3.4"
    bounds = staticmethod(softmax_bounds)
    exponent = 2.0
    takes_pairs = True

    def attention(self, n_tokens: int, seed: int) -> Mechanism:
        return FixedSoftmax(SOFTMAX_KEYS, weight_bits=12, largest_logit=4.0)

    def protocol(self, transformer: Transformer, words: int) -> TransformerProtocol:
        return softmax_to_mpc(transformer, WORDS, words, input_width=1)


class BucketSeries(Series):
    """A mechanism of buckets: Theorem 4.2, and Theorem C.1 as its case of one table."""

    bounds = staticmethod(anna_bounds)

    def protocol(self, transformer: Transformer, words: int) -> TransformerProtocol:
        return anna_to_mpc(transformer, WORDS, words, input_width=1)


class AnnaSeries(BucketSeries):
    """ANNA with the z and l that Theorem 3.4 wants for near pairs at 0.1 and far ones at 0.1 c."""

    mechanism = "anna"
    source = "arXiv 2509.09001, Theorem 4.2"
    has_ratio = True

    @property
    def exponent(self) -> float:
        return super().exponent + 3 * self.parameters(LEAST_POINTS).rho

    def log_factor(self, n_tokens: int) -> float:
        return 2 * math.log(n_tokens) - math.log(DELTA)

    def parameters(self, n_tokens: int) -> Parameters:
        """Return z and l.

        Raises
        ------
        NoParameters
            rho >= 1/3, or too many tables.
        """
        assert self.ratio is not None
        return choose_parameters(n_tokens, NEAR, self.ratio, Hyperplane(), 2, delta=DELTA)

    def maps(self, n_tokens: int) -> tuple[Any, Any, int]:
        return OnCircle(360, 0), OnCircle(360, 180), 2

    def attention(self, n_tokens: int, seed: int) -> Mechanism:
        found = self.parameters(n_tokens)
        return Anna(Hyperplane(), found.hashes, found.tables, seed=seed)


class ExactMatchSeries(BucketSeries):
    """Exact match of residues."""

    mechanism = "exact-match"
    source = "arXiv 2509.09001, Theorem C.1"

    def maps(self, n_tokens: int) -> tuple[Any, Any, int]:
        return ShiftedResidue(n_tokens // 2 + 1, 0), ShiftedResidue(n_tokens // 3 + 1, 5), 1

    def attention(self, n_tokens: int, seed: int) -> Mechanism:
        return ExactMatch()


class LowRankSeries(Series):
    """Low rank by elu + 1, on machines that would otherwise hold everything."""

    mechanism = "low-rank"
    source = "arXiv 2509.09001, Lemma D.2"
    memory_factor = 4
    bounds = staticmethod(low_rank_bounds)

    def attention(self, n_tokens: int, seed: int) -> Mechanism:
        return LowRank(RoundedFeatures(EluPlusOne(), FEATURES))

    def protocol(self, transformer: Transformer, words: int) -> TransformerProtocol:
        precision = Precision(WORDS.rows, FEATURES, WORDS.values)
        return low_rank_to_mpc(transformer, precision, words, input_width=1)


ALL: tuple[type[Series], ...] = (SoftmaxSeries, AnnaSeries, ExactMatchSeries, LowRankSeries)
COUNTED = tuple(kind.mechanism for kind in ALL)


def series_of(
    mechanisms: Sequence[str], ratios: Sequence[float], gap: str | float | Fraction = "1/2"
) -> list[Series]:
    """Return the lines of a picture: a mechanism each, anna once for every ratio.

    Raises
    ------
    InputError
        A mechanism is unknown, or the gap is no exponent.
    """
    exponent, known, found = as_exponent(gap, "gap"), dict(zip(COUNTED, ALL, strict=True)), []
    for mechanism in mechanisms:
        if mechanism not in known:
            raise InputError(f"{mechanism!r} is unknown; use one of {', '.join(COUNTED)}")
        kind = known[mechanism]
        found += [kind(exponent, ratio) for ratio in (ratios if kind.has_ratio else [None])]
    return found
