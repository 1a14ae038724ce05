"""Constructions of one layer of exact match, without any protocol."""

from __future__ import annotations

from reductions.constructions.match2 import match2_bounds, match2_transformer, match2_way_back
from reductions.constructions.model import ModelSolver
from reductions.constructions.sum import sum_bounds, sum_transformer
from reductions.constructions.word_transformer import way_back_of_words
from reductions.problems.definitions import MATCH2, SUM

MATCH2_DIRECT = ModelSolver(
    problem=MATCH2,
    name="match2/direct",
    architecture="ANNA",
    statement="query x mod M, key -x mod M, value 1: a match returns 1",
    source="this project: one exact-match head (arXiv 2509.09001)",
    build=lambda shape: match2_transformer(shape.n_words, shape["modulus"]),
    width_kind="exact",
    claims=lambda shape: match2_bounds(shape.n_words, shape["modulus"]),
    way_back=match2_way_back,
    back_up_to=256,
)
SUM_DIRECT = ModelSolver(
    problem=SUM,
    name="sum/direct",
    architecture="ANNA",
    statement="equal keys, values N x: the mean is the sum",
    source="this project: one head of equal keys (arXiv 2509.09001)",
    build=lambda shape: sum_transformer(shape.n_words, shape.largest_word),
    width_kind="exact",
    claims=lambda shape: sum_bounds(shape.n_words, shape.largest_word),
    way_back=way_back_of_words,
    back_up_to=256,
)
