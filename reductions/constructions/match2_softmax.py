"""Match2 and SUM by one softmax layer of one head.

Match2: residues are points of a circle, the query is the point of -x and the keys are the points of
all x; keys are the values as well. With beta large, a token receives nearly the key nearest to its
query. The received vector h is a mean of points k_j, so <q, h> = sum_j w_j cos(2 pi d_j / M), d_j
the distance of the residues; it shows whether the distance 0 occurs:

    g = 1 - cos(2 pi / M), the gap;  beta = ln(8 N / g) / g
    a partner:   all others weigh at most N exp(-beta g) = g / 8, so <q, h> >= 1 - 2 g / 8
    no partner:  <q, h> <= 1 - g

and the fold tests <q, h> > 1 - g / 2. In float64 points and products are within 2^-51, logits
within beta 2^-51; for M <= 2^16 that is below g / 2^10 and 2^-17, far within the margin of g / 4.

SUM: logits are equal, so that all weights are exp(0) = 1, and N x is the value: the mean of
integers whose sum is below 2^53 is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, log, pi

import numpy as np
import sympy

from anna_model import HeadMaps, RowwiseLayer
from anna_model.frozen_arrays import FloatArray
from anna_model.mechanisms import Softmax
from mpc_sim import InputError
from mpc_sim.records import Words
from reductions.constructions.match2 import Residue
from reductions.constructions.model import ModelSolver
from reductions.constructions.sum import sum_transformer
from reductions.constructions.word_transformer import WordTransformer
from reductions.problems.definitions import MATCH2, SUM

MOST_RESIDUES = 2**16


@dataclass(frozen=True)
class OnCircle:
    """The row-wise map from a residue to its point on the circle, or to that of its partner."""

    modulus: int
    sign: int

    def __call__(self, position: Words, rows: FloatArray) -> FloatArray:
        """Return float64[A, 2]."""
        angle = Residue(self.modulus, self.sign)(position, rows)[:, 0] * (2 * pi / self.modulus)
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)


@dataclass(frozen=True)
class IsNear:
    """The fold: 1 if what was received lies at the point of the partner, else 0."""

    modulus: int
    gap: float

    def __call__(self, position: Words, rows: FloatArray, heard: FloatArray) -> FloatArray:
        """Return float64[A, 1]."""
        towards = (OnCircle(self.modulus, -1)(position, rows) * heard).sum(axis=1)
        near: FloatArray = (towards > 1 - self.gap / 2).astype(np.float64)
        return near[:, None]


def match2_softmax(n: int, modulus: int, largest_word: int) -> WordTransformer:
    """Return the softmax transformer that computes Match2 on n numbers.

    Parameters
    ----------
    modulus : int
        M, in 1 .. 2^16.

    Raises
    ------
    InputError
        The modulus is out of range.

    References
    ----------
    After Sanford, Hsu, Telgarsky, arXiv 2306.02896, who compute Match2 by one softmax unit.
    """
    if not 1 <= modulus <= MOST_RESIDUES:
        raise InputError(f"modulus = {modulus}: choose it in 1 .. 2**16, which float64 resolves")
    gap = 1 - cos(2 * pi / modulus) if modulus > 1 else 1.0
    point, partner = OnCircle(modulus, 1), OnCircle(modulus, -1)
    head = HeadMaps(partner, point, point, 2, 2)
    layer = RowwiseLayer(Softmax(log(8 * n / gap) / gap), (head,), IsNear(modulus, gap))
    return WordTransformer((layer,), n, largest_word)


MATCH2_SOFTMAX = ModelSolver(
    problem=MATCH2,
    name="match2/softmax",
    architecture="softmax",
    looks_at_pairs=True,
    statement="residues on a circle: is the nearest key at the partner's place",
    source="this project, after Sanford, Hsu, Telgarsky, arXiv 2306.02896",
    build=lambda shape: match2_softmax(shape.n_words, shape["modulus"], shape.largest_word),
    width=lambda shape: (sympy.Integer(2), {}),
    width_formula="2",
    width_kind="exact",
)
SUM_SOFTMAX = ModelSolver(
    problem=SUM,
    name="sum/softmax",
    architecture="softmax",
    looks_at_pairs=True,
    statement="equal logits, values N x: the mean is the sum",
    source="this project: one softmax head of equal keys",
    build=lambda shape: sum_transformer(shape.n_words, shape.largest_word, Softmax()),
    width_kind="exact",
)
