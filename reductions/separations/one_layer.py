"""Two layers are optimal for induction heads: what one layer must carry, by counting.

N = 2 n + 1 tokens: n pairs of a front letter and a follower, 0 or 1, and a question. One front is
marked by the letter of the question, all others are alike; the answer at the last token is 1 + the
follower of the marked one. Its query is a function of its place and letter, so it is fixed, and of
the followers it receives a sum of values and a count per head, whichever front is marked. If 2^n
sets of followers give fewer sums, two have the same; mark a pair in which they differ.

    exact match   H (m log2((2^v - 1) n + 1) + log2(n + 1)) >= n, v bits a value
    ANNA          the same with l n in both logarithms, l tables, a fixed seed
    softmax       H (m + 1) b >= n, b bits of every partial sum and of the normaliser

Bits of sums count: with bits of values it is false (`coin_weighing`). Two layers of constant width
are enough (`induction_heads`). After Sanford, Hsu, Telgarsky, arXiv 2408.14332.

Axes: N tokens, H heads, m width, l tables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from anna_model import Anna, ExactMatch, HeadMaps, Rows, RowwiseLayer, Transformer
from anna_model.lsh import Hyperplane
from anna_model.mechanisms import Mechanism, Softmax
from mpc_sim import InputError
from reductions.arrays import Floats, Integers
from reductions.problems.problem import Instance, Problem
from reductions.separations.cell import Cell
from reductions.separations.collision_search import drawn_prefixes
from reductions.separations.drawn_low_rank import Drawn
from reductions.separations.indistinguishable import TwoInputs, refute
from reductions.separations.refuted import Refuted, oracle_of, refuted

SOURCE = "ours, after Sanford, Hsu, Telgarsky, arXiv 2408.14332"
OTHER, MARKED = 2, 3
MOST_FOLLOWERS = 4096
GRID = 2.0**20


def asking(followers: Integers, marked: int) -> Integers:
    """Return the words of n pairs, one of them marked, and the question: int64[2 n + 1]."""
    words = np.full(2 * len(followers) + 1, OTHER, np.int64)
    words[1::2] = followers
    words[[2 * marked, -1]] = MARKED
    return words


def sums_bits(n: int, heads: int, width: int, value_bits: int, *, tables: int = 1) -> int:
    """Return ceil(log2) of the sums and counts that exact match or ANNA can receive of n tokens."""
    if min(n, heads, width, value_bits, tables) < 1:
        raise InputError(f"n = {n}, heads = {heads}, width = {width}: take all at least 1")
    met = tables * n
    messages = (((2**value_bits - 1) * met + 1) ** width * (met + 1)) ** heads
    return int(messages - 1).bit_length()


def softmax_bits(heads: int, width: int, sum_bits: int) -> int:
    """Return H (m + 1) b, the bits of partial sums and normalisers of b bits."""
    return heads * (width + 1) * sum_bits


@dataclass(frozen=True)
class ToGrid:
    """The fold: the letter, and what was received, rounded to a grid."""

    def __call__(self, position: Integers, rows: Floats, heard: Floats) -> Floats:
        """Return float64[A, 1 + m]."""
        return np.concatenate([rows[:, :1], np.rint(heard * GRID)], axis=1)


@dataclass(frozen=True)
class Alike:
    """No logits: every key counts alike."""

    width: int

    def __call__(self, position: Integers, rows: Floats) -> Floats:
        """Return float64[A, width], zeros."""
        return np.zeros((len(position), self.width))


def _counts_of_matches(mechanism: ExactMatch, Q: Floats, K: Floats) -> Integers:
    return (mechanism.weights(Q, K) > 0).astype(np.int64)


@dataclass(frozen=True)
class OneLayer:
    """An attention of which one layer is drawn.

    Parameters
    ----------
    counts : callable
        (mechanism, Q, K) -> int[N_q, N_k]: how often a key counts.
    tables : int
        l; 0 where sums have bits instead.
    """

    architecture: str
    mechanism: Mechanism
    counts: Callable[..., Integers]
    tables: int
    hypothesis: str

    def bits(self, n: int) -> int:
        """Return the bits that one head of width 1 receives of n followers, of values of a bit."""
        if self.tables:
            return sums_bits(n, 1, 1, 1, tables=self.tables)
        return softmax_bits(1, 1, (2 * n + 1).bit_length())

    def layer(self) -> RowwiseLayer:
        """Return the layer: drawn values, and drawn queries and keys but for softmax."""
        query: Callable[..., Floats] = Drawn((0, 0), 2, 2) if self.tables else Alike(2)
        key: Callable[..., Floats] = Drawn((0, 1), 2, 2) if self.tables else Alike(2)
        return RowwiseLayer(
            self.mechanism, (HeadMaps(query, key, Drawn((0, 2), 1, 2), 2, 1),), ToGrid()
        )

    def told(self, layer: RowwiseLayer, words: Integers) -> tuple[float, ...]:
        """Return what the last token receives of the followers: the sum of values, and a count."""
        place, rows = np.arange(len(words)), words[:, None].astype(np.float64)
        (head,) = layer.head_maps
        Q, K, V = (each(place, rows) for each in (head.query, head.key, head.value))
        counts = self.counts(self.mechanism, Q[-1:], K[1::2])
        return (*(counts @ V[1::2])[0].tolist(), int(counts.sum()))


EXACT_MATCH = OneLayer(
    "exact match", ExactMatch(), _counts_of_matches, 1, "values of v bits, any number of keys"
)
BY_HASHING = OneLayer(
    "ANNA",
    Anna(Hyperplane(), hashes=1, tables=2, seed=0),
    lambda mechanism, Q, K: mechanism.collision_matrix(Q, K),
    2,
    "values of v bits, l tables, a fixed seed",
)
BY_SOFTMAX = OneLayer(
    "softmax",
    Softmax(beta=1.0),
    lambda mechanism, Q, K: np.ones((len(Q), len(K)), np.int64),
    0,
    "partial sums and normaliser of b bits; the witness has equal logits",
)


def one_layer(task: Problem, kind: OneLayer = EXACT_MATCH, n: int = 12) -> Cell | None:
    """Refute one layer that receives fewer sums than there are sets of followers."""
    layer = kind.layer()
    transformer = Transformer((layer,), 2 * n + 1)
    oracle = oracle_of(task, Instance(np.zeros(2 * n + 1, np.int64), {"k": 1}))

    def run(words: Integers) -> Floats:
        return transformer.forward(Rows.from_dense(words[:, None].astype(np.float64))).dense()

    seen: dict[tuple[float, ...], Integers] = {}
    for followers in drawn_prefixes(2, n, MOST_FOLLOWERS):
        other = seen.setdefault(kind.told(layer, asking(followers, 0)), followers)
        if other is not followers:
            marked = int(np.flatnonzero(other != followers)[0])
            claim = TwoInputs(task.name, asking(other, marked), asking(followers, marked), 2 * n)
            break
    else:
        return None
    sizes = transformer.resources()
    return refuted(
        claim,
        lambda: refute(run, oracle, claim),
        Refuted(
            architecture=kind.architecture,
            depth=sizes.layers,
            width=sizes.token_width,
            statement="drawn, one layer of one head of width 1, values of a bit",
            bound="one layer: H (m log2((2^v - 1) l n + 1) + log2(l n + 1)) >= n"
            if kind.tables
            else "one layer: H (m + 1) b >= n",
            hypothesis=f"{kind.hypothesis}; n = (N - 1) / 2 = {n} pairs, the last token answers",
            source=SOURCE,
            has=kind.bits(n),
            needs=n,
        ),
    )
