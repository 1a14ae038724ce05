"""What low-rank attention, recurrent models and Reformer with fixed chunks can do, and how wide."""

from __future__ import annotations

from dataclasses import replace
from math import isqrt

import sympy

from reductions.constructions.chunk_sums import ChunkedSum, layers_for
from reductions.constructions.low_rank_boards import low_rank_match2, low_rank_sum
from reductions.constructions.low_rank_k_hop import low_rank_k_hop
from reductions.constructions.model import Formula, ModelSolver
from reductions.constructions.packed_k_hop import Digits, packed_k_hop
from reductions.constructions.recurrent_k_hop import recurrent_k_hop
from reductions.constructions.recurrent_readers import recurrent_match2, recurrent_sum
from reductions.problems.definitions import INDUCTION_HEADS, MATCH2, SUM
from reductions.problems.k_hop import K_HOP_PROBLEM
from reductions.problems.problem import Shape

CHUNK = 4
N, HOPS, LETTERS, MODULUS, BLOCK, DEPTH = sympy.symbols(
    "N k A M S D", integer=True, nonnegative=True
)


def last(n: int) -> slice:
    """Return the place of the one answer of a model that only its last token can give."""
    return slice(n - 1, n)


def _hops(shape: Shape) -> Formula:
    return HOPS, {"k": shape["k"]}


def _hops_and_one(shape: Shape) -> Formula:
    return HOPS + sympy.Min(HOPS, 1), {"k": shape["k"]}


def _table(shape: Shape) -> Formula:
    """One word per letter and one more; no layer, no state."""
    return (LETTERS + 1) * sympy.Min(HOPS, 1), {"A": shape.largest_word, **_hops(shape)[1]}


def _board(shape: Shape) -> Formula:
    n, letters = shape.n_words, shape.largest_word
    block = min(n, isqrt(letters * n - 1) + 1)
    formula = sympy.Max(LETTERS * sympy.ceiling(N / BLOCK) + BLOCK, BLOCK + 1)
    return formula, {"N": n, "A": letters, "S": block}


def _packed(shape: Shape) -> Formula:
    digits = Digits(shape.n_words, shape.largest_word, 1)
    per_word = sympy.Symbol("p", integer=True, positive=True)
    return sympy.ceiling(N / per_word), {"N": shape.n_words, "p": digits.per_word}


def _residues(shape: Shape) -> Formula:
    return MODULUS, {"M": shape["modulus"]}


def _residue_bits(shape: Shape) -> Formula:
    return sympy.ceiling(MODULUS / 62), {"M": shape["modulus"]}


def _log_layers(shape: Shape) -> Formula:
    return DEPTH, {"D": layers_for(shape.n_words, CHUNK)}


def _one_if_any_layer(shape: Shape) -> Formula:
    return sympy.Min(DEPTH, 1), _log_layers(shape)[1]


RECURRENT_K_HOP = ModelSolver(
    problem=K_HOP_PROBLEM,
    name="k-hop/recurrent",
    architecture="recurrent",
    statement="one layer per hop; the state holds, for every letter, what followed it last",
    source="one hop per layer, after the lower bound of arXiv 2402.09268, Corollary 5.2",
    build=lambda shape: recurrent_k_hop(shape.n_words, shape.largest_word, shape["k"]),
    depth=_hops,
    width=_table,
    depth_formula="k",
    width_formula="A + 1",
    width_kind="exact",
)
LOW_RANK_K_HOP = ModelSolver(
    problem=K_HOP_PROBLEM,
    name="k-hop/low-rank",
    architecture="low rank",
    statement="at the last token: one layer per hop writes the block where it lands on the board",
    source="one hop per layer, after the lower bound of arXiv 2402.09268, Corollary 5.3",
    build=lambda shape: low_rank_k_hop(shape.n_words, shape.largest_word, shape["k"]),
    depth=_hops_and_one,
    width=_board,
    depth_formula="k + 1",
    width_formula="A ceil(N / S) + S, S = ceil(sqrt(A N))",
    scored=last,
)
PACKED_K_HOP = ModelSolver(
    problem=K_HOP_PROBLEM,
    name="k-hop/low-rank-packed",
    architecture="low rank",
    statement="causal, at every token: the whole prefix, p letters per word, in one layer",
    source="this project: as wide as low-rank sums must be (reductions.separations.state_counting)",
    build=lambda shape: packed_k_hop(shape.n_words, shape.largest_word, shape["k"]),
    width=_packed,
    width_formula="ceil(N / p), A^p <= 2^52",
    width_kind="exact",
)
INDUCTION_RECURRENT = replace(
    RECURRENT_K_HOP,
    problem=INDUCTION_HEADS,
    name="induction-heads/recurrent",
    statement="one layer; the state holds, for every letter, what followed it last",
)
INDUCTION_LOW_RANK = replace(
    LOW_RANK_K_HOP, problem=INDUCTION_HEADS, name="induction-heads/low-rank"
)
SUM_LOW_RANK = ModelSolver(
    problem=SUM,
    name="sum/low-rank",
    architecture="low rank",
    statement="query and key 1, value x: the sum of the values is the sum",
    source="Definition 4.3 of arXiv 2509.09001",
    build=lambda shape: low_rank_sum(shape.n_words, shape.largest_word),
    width_kind="exact",
)
SUM_RECURRENT = replace(
    SUM_LOW_RANK,
    name="sum/recurrent",
    architecture="recurrent",
    statement="at the last token: the state is the sum so far",
    source="this project: running sums",
    build=lambda shape: recurrent_sum(shape.n_words, shape.largest_word),
    scored=last,
)
SUM_CHUNKED = replace(
    SUM_LOW_RANK,
    name="sum/fixed-chunks",
    architecture="Reformer",
    statement="chunks of 4 fixed in advance: a layer adds over one digit of the token's number",
    source="the depth of Proposition E.3 of arXiv 2509.09001 is reached",
    build=lambda shape: ChunkedSum(shape.n_words, CHUNK),
    depth=_log_layers,
    width=_one_if_any_layer,
    depth_formula="ceil(log_B N), B = 4",
)
MATCH2_LOW_RANK = ModelSolver(
    problem=MATCH2,
    name="match2/low-rank",
    architecture="low rank",
    statement="one word per residue on the board",
    source="Definition 4.3 of arXiv 2509.09001",
    build=lambda shape: low_rank_match2(shape.n_words, shape["modulus"], shape.largest_word),
    width=_residues,
    width_formula="M",
    width_kind="exact",
)
MATCH2_RECURRENT = replace(
    MATCH2_LOW_RANK,
    name="match2/recurrent",
    architecture="recurrent",
    statement="at the last token: one bit per residue in the state",
    source="this project: a set of seen residues",
    build=lambda shape: recurrent_match2(shape.n_words, shape["modulus"]),
    width=_residue_bits,
    width_formula="ceil(M / 62)",
    scored=last,
)
