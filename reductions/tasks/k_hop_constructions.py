"""k-hop and its case k = 1 by every architecture, each with its depth and its width."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import sympy

from anna_model.transformer import Resources
from mpc_sim.records import Words
from reductions.separations.low_rank_k_hop import LowRankKHop, low_rank_k_hop
from reductions.separations.recurrent_k_hop import RecurrentKHop, recurrent_k_hop
from reductions.tasks.construction import Construction, Formula
from reductions.tasks.k_hop_softmax import Mask, k_hop_softmax
from reductions.tasks.k_hop_tree import induction_heads, k_hop_tree, n_levels
from reductions.tasks.task import Shape
from reductions.tasks.word_transformer import WordTransformer

SHT24 = "after Sanford, Hsu, Telgarsky, arXiv 2402.09268, Theorem 4.2"
TREE = "binary tree over the places, exact match (Definition B.1 of arXiv 2509.09001)"


@dataclass(frozen=True)
class RecurrentModelOfWords:
    """A recurrent model as the model of a construction: its width is that of its state.

    Examples
    --------
    >>> model = RecurrentModelOfWords(recurrent_k_hop(9, n_letters=3, k=2))
    >>> model.resources().layers, model.resources().token_width
    (2, 4)
    """

    of: RecurrentKHop

    def run(self, words: Words) -> Words:
        """Return the N output words."""
        return self.of.run(words)

    def resources(self) -> Resources:
        """Return layers, words of the state, context and bits; there are no heads."""
        state, model = self.of.state_words, self.of.model
        return Resources(self.of.depth, 0, state, 0, state, model.n_tokens, model.word_bits)


@dataclass(frozen=True)
class LowRankModelOfWords:
    """A low-rank transformer as the model of a construction: 0 everywhere but at the last token.

    Examples
    --------
    >>> LowRankModelOfWords(low_rank_k_hop(9, n_letters=3, k=2)).run([0, 0, 1, 2, 1, 0, 1, 2, 0])
    array([0, 0, 0, 0, 0, 0, 0, 0, 1])
    """

    of: LowRankKHop

    def run(self, words: Words) -> Words:
        """Return N words, of which the last is the answer."""
        output = np.zeros(self.of.blocks.n, np.int64)
        output[-1] = self.of.answer(words)
        return output

    def resources(self) -> Resources:
        """Return what the transformer uses."""
        return self.of.transformer.resources()


def last(n: int) -> slice:
    """Return the place of the last of n words.

    Examples
    --------
    >>> np.arange(5)[last(5)].tolist()
    [4]
    """
    return slice(n - 1, n)


def _hops(shape: Shape) -> dict[str, int]:
    k = shape["k"]
    return {"k": k, "k_bits": k.bit_length(), "h": max(k - 1, 0).bit_length()}


K, K_BITS, H, LETTERS, LEVELS, N, SIZE = sympy.symbols("k k_bits h A D N S", integer=True)


def _depth(expression: sympy.Expr) -> Callable[[Shape], Formula]:
    return lambda shape: (expression, _hops(shape))


def _width(expression: sympy.Expr) -> Callable[[Shape], Formula]:
    def formula(shape: Shape) -> Formula:
        sizes = {"N": shape.n_words, "A": shape.largest_word, "D": n_levels(shape.n_words)}
        blocks = low_rank_k_hop(sizes["N"], sizes["A"], shape["k"]).blocks
        return expression, sizes | {"S": blocks.size}

    return formula


def _softmax(mask: Mask) -> Callable[[Shape], WordTransformer]:
    return lambda shape: k_hop_softmax(shape.n_words, shape.largest_word, shape["k"], mask=mask)


K_HOP_TREE = Construction(
    task="k-hop",
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
K_HOP_SOFTMAX = Construction(
    task="k-hop",
    name="k-hop/softmax",
    architecture="softmax",
    statement="the latest token of the same letter under j < i, then look-ups that double",
    source=SHT24,
    build=_softmax("past"),
    depth=_depth(1 + K_BITS),
    width=_width(sympy.Integer(3)),
    depth_formula="2 + floor(log2 k)",
    width_formula="3",
)
K_HOP_CAUSAL_SOFTMAX = Construction(
    task="k-hop",
    name="k-hop/causal-softmax",
    architecture="softmax",
    statement="the letter before, who stands behind one's own letter, then look-ups that double",
    source=f"{SHT24}, under the mask j <= i",
    build=_softmax("causal"),
    depth=_depth(2 + H),
    width=_width(sympy.Integer(4)),
    depth_formula="2 + ceil(log2 k)",
    width_formula="4",
)
K_HOP_RECURRENT = Construction(
    task="k-hop",
    name="k-hop/recurrent",
    architecture="recurrent",
    statement="a word a letter: what followed it last; a hop a layer",
    source="meets the bound L >= k of Corollary 5.2 of arXiv 2402.09268",
    build=lambda shape: RecurrentModelOfWords(
        recurrent_k_hop(shape.n_words, shape.largest_word, shape["k"])
    ),
    depth=_depth(K),
    width=_width(LETTERS + 1),
    depth_formula="k",
    width_formula="A + 1 (A letters)",
)
K_HOP_LOW_RANK = Construction(
    task="k-hop",
    name="k-hop/low-rank",
    architecture="low rank",
    statement="the last token alone: the block of the next hop is shown to all, a hop a layer",
    source="one layer above the bound L >= k of Corollary 5.3 of arXiv 2402.09268",
    build=lambda shape: LowRankModelOfWords(
        low_rank_k_hop(shape.n_words, shape.largest_word, shape["k"])
    ),
    depth=_depth(K + sympy.Min(K, 1)),
    width=_width(LETTERS * sympy.ceiling(N / SIZE) + SIZE),
    depth_formula="k + 1",
    width_formula="2 sqrt(A N), A letters",
    scored=last,
)


def _one_hop(construction: Construction, depth_formula: str, statement: str) -> Construction:
    way = construction.name.partition("/")[2]
    return replace(
        construction,
        task="induction-heads",
        name=f"induction-heads/{way}",
        depth_formula=depth_formula,
        statement=statement,
    )


INDUCTION_HEADS_TREE = Construction(
    task="induction-heads",
    name="induction-heads/tree",
    architecture="ANNA",
    statement="siblings in a binary tree say where the letter is; the last one there answers",
    source=TREE,
    build=lambda shape: induction_heads(shape.n_words, shape.largest_word),
    depth=_depth(sympy.Integer(2)),
    width=_width(LEVELS + 1),
    depth_formula="2",
    width_formula="ceil(log2 N) + 1",
    width_kind="exact",
)
INDUCTION_HEADS_SOFTMAX = _one_hop(
    K_HOP_SOFTMAX, "2", "the latest token of the same letter under j < i, then the one behind it"
)
INDUCTION_HEADS_RECURRENT = _one_hop(K_HOP_RECURRENT, "1", "a word a letter: what followed it last")
INDUCTION_HEADS_LOW_RANK = _one_hop(
    K_HOP_LOW_RANK, "2", "the last token alone: its block, then the block of its latest occurrence"
)
