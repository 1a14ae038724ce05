"""Trained weights run by Algorithm 1 on a grid of tables and hashes: errors and collisions.

Axes: S samples, N tokens, k questions, l tables, z hashes, m value width. A setting is a pair
(l, z) per layer. Layers are run for all samples at once: rows are hashed once for the most tables
and hashes of a grid, since fewer are a prefix of more; settings that begin alike share their first
layers. The answers are those of ``Learned.transformer`` with ``Anna`` layers of the same seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anna_model.frozen_arrays import BoolArray, FloatArray, IntArray
from anna_model.lsh.family import Family
from anna_model.mechanisms.anna import Anna
from anna_model.mechanisms.mechanism import Mechanism
from anna_model.surrogate.data import Batch
from anna_model.surrogate.learned import Learned

Setting = tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class Measured:
    """What one draw of the hash functions gave.

    Parameters
    ----------
    setting : tuple of (tables, hashes), one per layer
    wrong : bool[S, N, k]
    collisions : int64[layers, S, N]
        Pairs of a table and a key that met each query.
    keys_met : int64[layers, S, N]
        Keys that met each query in some table.
    sought_weight : float64[S, N]
        The share of its collisions that a query of the last layer had with the tokens that it
        looks for; NaN where there is none.

    Examples
    --------
    >>> counts = np.full((1, 2, 2), 3)
    >>> measured = Measured(
    ...     ((8, 1),), np.eye(2, dtype=bool)[:, :, None], counts, counts, np.array([[1.0, np.nan]]))
    >>> measured.error, measured.collisions_a_query, measured.mean_sought_weight
    (0.5, [3.0], 1.0)
    """

    setting: Setting
    wrong: BoolArray
    collisions: IntArray
    keys_met: IntArray
    sought_weight: FloatArray

    @property
    def error(self) -> float:
        """Share of wrong answers over all samples, tokens and questions."""
        return float(self.wrong.mean())

    @property
    def error_of_question(self) -> list[float]:
        """Share of wrong answers to every question, for k-hop by the number of hops."""
        return [float(one) for one in self.wrong.mean(axis=(0, 1))]

    @property
    def collisions_a_query(self) -> list[float]:
        """Mean number of collisions of a query, layer by layer."""
        return [float(layer.mean()) for layer in self.collisions]

    @property
    def mean_sought_weight(self) -> float:
        """Mean of sought_weight over the queries that look for something."""
        return float(np.nanmean(self.sought_weight))


def layer_seed(seed: int, layer: int) -> int:
    """Return the seed of the hash functions of a layer: the layers of a run draw their own."""
    return 1000 * seed + layer


def anna_layers(learned: Learned, setting: Setting, *, seed: int) -> list[Mechanism]:
    """Return the attention of every layer for a setting and a run.

    Examples
    --------
    >>> from anna_model.surrogate import shipped
    >>> [layer.seed for layer in anna_layers(shipped("match2-softmax"), ((8, 1),), seed=2)]
    [2000]
    """
    family = learned.recipe.family
    return [
        Anna(family, hashes, tables, layer_seed(seed, layer))
        for layer, (tables, hashes) in enumerate(setting)
    ]


def measure(
    learned: Learned,
    batch: Batch,
    settings: Iterable[Setting],
    *,
    seed: int,
    progress: Callable[[int], object] | None = None,
) -> list[Measured]:
    """Run a batch under every setting with one draw of hash functions.

    Parameters
    ----------
    learned : Learned
    batch : Batch
    settings : iterable of settings
    seed : int
    progress : callable, optional
        Called with the number of settings done.

    Returns
    -------
    list of Measured
        One per setting, in order.

    Notes
    -----
    Cost of a setting and layer: O(l S N^2) comparisons and O(S N^2 m) multiplications.

    Examples
    --------
    >>> from anna_model.surrogate import shipped
    >>> learned = shipped("match2-collisions")
    >>> batch = learned.recipe.task.batch(4, seed=0, stream=2, number=0)
    >>> few, many = measure(learned, batch, [((1, 1),), ((16, 1),)], seed=0)
    >>> few.error > many.error
    True
    """
    listed = list(settings)
    layers = learned.layers(anna_layers(learned, listed[0], seed=seed)) if listed else ()
    found: dict[Setting, Measured] = {}
    sought = learned.recipe.task.sought(batch.tokens)

    def descend(prefix: Setting, x: FloatArray, above: list[NDArray[np.int32]]) -> None:
        depth = len(prefix)
        if depth == len(layers):
            counts = np.stack([met.sum(axis=2) for met in above])
            kept = np.where(sought, above[-1], 0).sum(axis=2) / np.maximum(counts[-1], 1)
            found[prefix] = Measured(
                prefix,
                learned.read_out(x) != batch.answers,
                counts,
                np.stack([(met > 0).sum(axis=2) for met in above]),
                np.where(sought.any(axis=2), kept, np.nan),
            )
            if progress:
                progress(len(found))
            return
        below = {one[depth] for one in listed if one[:depth] == prefix}
        Q, K, V = layers[depth].head(x)
        codes = _Codes.of(learned.recipe.family, Q, K, below, layer_seed(seed, depth))
        for (tables, hashes), met in codes.met(below):
            counts = np.maximum(met.sum(axis=2, keepdims=True), 1)
            attended = met.astype(np.float64) @ V / counts
            descend((*prefix, (tables, hashes)), layers[depth].fold(x, attended), [*above, met])

    descend((), learned.embed(batch.tokens), [])
    return [found[one] for one in listed]


@dataclass(frozen=True, eq=False)
class _Codes:
    """Bucket ids for the most tables and hashes; the first hashes stand in the highest places."""

    asked: IntArray
    offered: IntArray
    hashes: int
    base: int

    @classmethod
    def of(
        cls,
        family: Family,
        Q: FloatArray,
        K: FloatArray,
        pairs: Set[tuple[int, int]],
        seed: int,
    ) -> _Codes:
        m_qk = Q.shape[2]
        tables, hashes = (max(pair[part] for pair in pairs) for part in (0, 1))
        functions = family.sample(m_qk, tables, hashes, seed=seed)
        if functions.folded:
            raise ValueError(f"{hashes} hashes of width {m_qk} do not fit one word: take fewer")
        asked, offered = (
            functions.bucket_ids(rows.reshape(-1, m_qk)).reshape(*rows.shape[:2], tables)
            for rows in (Q, K)
        )
        return cls(asked, offered, hashes, functions.n_symbols)

    def met(
        self, pairs: Set[tuple[int, int]]
    ) -> Iterator[tuple[tuple[int, int], NDArray[np.int32]]]:
        """Yield every (tables, hashes) with the tables in which queries and keys meet.

        int32[S, N, N], each a copy. More tables of as many hashes extend fewer ones.
        """
        for hashes in sorted({pair[1] for pair in pairs}):
            cut = self.base ** (self.hashes - hashes)
            asked, offered = (
                np.ascontiguousarray(np.moveaxis(codes // cut, 2, 0))
                for codes in (self.asked, self.offered)
            )
            shape = (*asked.shape[1:], offered.shape[2])
            met, done = np.zeros(shape, np.int32), 0
            for tables in sorted(pair[0] for pair in pairs if pair[1] == hashes):
                for table in range(done, tables):
                    met += asked[table][:, :, None] == offered[table][:, None, :]
                done = tables
                yield (tables, hashes), met.copy()
