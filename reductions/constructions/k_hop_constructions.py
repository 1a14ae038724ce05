"""k-hop and its case k = 1 by exact match and by softmax, without a protocol."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import sympy

from reductions.constructions.induction_heads import induction_heads_bounds
from reductions.constructions.k_hop_softmax import CAUSAL, PAST, Mask, k_hop_softmax
from reductions.constructions.k_hop_tree import induction_heads, k_hop_tree, n_levels
from reductions.constructions.model import Formula, ModelSolver
from reductions.constructions.word_transformer import WordTransformer, way_back_of_words
from reductions.problems.definitions import INDUCTION_HEADS
from reductions.problems.k_hop import K_HOP_PROBLEM
from reductions.problems.problem import Shape

SHT24 = "after Sanford, Hsu, Telgarsky, arXiv 2402.09268, Theorem 4.2"
TREE = "binary tree over the places, exact match (Definition B.1 of arXiv 2509.09001)"


def _hops(shape: Shape) -> dict[str, int]:
    k = shape["k"]
    return {"k_bits": k.bit_length(), "h": max(k - 1, 0).bit_length()}


K_BITS, H, LEVELS = sympy.symbols("k_bits h D", integer=True)


def _depth(expression: sympy.Expr) -> Callable[[Shape], Formula]:
    return lambda shape: (expression, _hops(shape))


def _width(expression: sympy.Expr) -> Callable[[Shape], Formula]:
    return lambda shape: (expression, {"D": n_levels(shape.n_words)})


def _softmax(mask: Mask) -> Callable[[Shape], WordTransformer]:
    return lambda shape: k_hop_softmax(shape.n_words, shape.largest_word, shape["k"], mask=mask)


K_HOP_TREE = ModelSolver(
    problem=K_HOP_PROBLEM,
    name="k-hop/tree",
    architecture="ANNA",
    statement="latest occurrences by a binary tree in two layers, then look-ups that double",
    source=f"{TREE}; doubling {SHT24}",
    build=lambda shape: k_hop_tree(shape.n_words, shape.largest_word, shape["k"]),
    depth=_depth(2 + H),
    width=_width(sympy.Max(2 * LEVELS, LEVELS + 1, 4)),
    depth_formula="2 + ceil(log2 k)",
    width_formula="2 ceil(log2 N)",
)
K_HOP_SOFTMAX = ModelSolver(
    problem=K_HOP_PROBLEM,
    name="k-hop/softmax",
    architecture="softmax",
    looks_at_pairs=True,
    statement="the latest token of the same letter under j < i, then look-ups that double",
    source=SHT24,
    build=_softmax(PAST),
    depth=_depth(1 + K_BITS),
    width=_width(sympy.Integer(3)),
    depth_formula="2 + floor(log2 k)",
    width_formula="3",
)
K_HOP_CAUSAL_SOFTMAX = ModelSolver(
    problem=K_HOP_PROBLEM,
    name="k-hop/causal-softmax",
    architecture="softmax",
    looks_at_pairs=True,
    statement="the previous letter, the latest token that follows the letter, doubling look-ups",
    source=f"{SHT24}, under the mask j <= i",
    build=_softmax(CAUSAL),
    depth=_depth(2 + H),
    width=_width(sympy.Integer(4)),
    depth_formula="2 + ceil(log2 k)",
    width_formula="4",
)
INDUCTION_HEADS_TREE = ModelSolver(
    problem=INDUCTION_HEADS,
    name="induction-heads/tree",
    architecture="ANNA",
    statement="a binary tree finds the latest token of the same letter; what follows is copied",
    source=TREE,
    build=lambda shape: induction_heads(shape.n_words, shape.largest_word),
    depth=_depth(sympy.Integer(2)),
    width=_width(LEVELS + 1),
    depth_formula="2",
    width_formula="ceil(log2 N) + 1",
    width_kind="exact",
    claims=lambda shape: induction_heads_bounds(shape.n_words, shape.largest_word),
    way_back=way_back_of_words,
    back_up_to=256,
)
INDUCTION_HEADS_SOFTMAX = replace(
    K_HOP_SOFTMAX,
    problem=INDUCTION_HEADS,
    name="induction-heads/softmax",
    statement="the latest token of the same letter under j < i, then the one after it",
    depth_formula="2",
)
