"""Constructions of one layer of exact match, without any protocol."""

from __future__ import annotations

import sympy

from reductions.constructions.match2 import match2_transformer
from reductions.constructions.model import Construction, Formula
from reductions.constructions.sum import sum_transformer

ONE: Formula = (sympy.Integer(1), {})

MATCH2_DIRECT = Construction(
    task="match2",
    name="match2/direct",
    architecture="ANNA",
    statement="query x mod M, key -x mod M, value 1: a match returns 1",
    source="one exact-match head (arXiv 2509.09001)",
    build=lambda shape: match2_transformer(shape.n_words, shape["modulus"]),
    depth=lambda shape: ONE,
    width=lambda shape: ONE,
    depth_formula="1",
    width_formula="1",
    width_kind="exact",
)
SUM_DIRECT = Construction(
    task="sum",
    name="sum/direct",
    architecture="ANNA",
    statement="equal keys, values N x: the mean is the sum",
    source="one head of equal keys (arXiv 2509.09001)",
    build=lambda shape: sum_transformer(shape.n_words, shape.largest_word),
    depth=lambda shape: ONE,
    width=lambda shape: ONE,
    depth_formula="1",
    width_formula="1",
    width_kind="exact",
)
