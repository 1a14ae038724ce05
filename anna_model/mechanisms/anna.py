"""ANNA: approximate nearest neighbour attention, by tables of locality-sensitive hashes.

Algorithms 1 and 2 of Liu, Yu, Sanford, Andoni, Hsu, *Fast attention mechanisms: a tale of
parallelism*, arXiv 2509.09001. w_ij = (tables in which q_i and k_j share a bucket) / (all such
collisions of q_i). A query that meets no key would divide zero by zero there; here it has a zero
row and is reported.

Axes: N_q queries, N_k keys, m_qk query and key width, m value width, l tables, z hashes per table.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from anna_model.frozen_arrays import FloatArray, IntArray
from anna_model.lsh.buckets import sum_collisions
from anna_model.lsh.family import Family, HashFunctions, Matrix, require_rows, require_sizes
from anna_model.mechanisms.mechanism import Attended, Mechanism
from anna_model.threads import threads

ALIVE = 2
"""Tables that Algorithm 2 keeps at a time: one would leave a thread without a table to fill."""


@dataclass(frozen=True)
class Anna(Mechanism):
    """ANNA under hash functions drawn from a seed.

    Parameters
    ----------
    family : Family
    hashes, tables : int
        z and l; see `anna_model.lsh.theorem_3_4` for a choice.
    seed : int
        The functions are those of ``family.sample(m_qk, tables, hashes, seed=seed)``, the same for
        every head and layer.
    algorithm : int
        1: the keys make the buckets and all tables are alive. 2: the queries make them, and `alive`
        tables are alive; memory does not grow with the number of tables. Both give the same bits.
    causal : bool
        Query i sees the keys 0 .. i only.
    alive : int
        Tables that Algorithm 2 keeps at a time.

    Notes
    -----
    Cost: `weights` O(l N_q N_k); `apply` O(l (N_q + N_k) (z hash + m)). Besides its result
    Algorithm 2 holds ``alive`` tables of at most N_q rows of m sums and a count, the codes and rows
    of these tables, and up to 64 bytes of hash table per query. Sums of values run in the order of
    the keys and then of the tables, in the dtype of V, and are divided once: exact for integers
    whose sums, at most l N_k max|V|, stay below 2**53 (float64) or 2**24 (float32).

    Examples
    --------
    >>> from anna_model.lsh import CrossPolytope
    >>> attention = Anna(CrossPolytope(), hashes=1, tables=4, seed=0)
    >>> K = np.eye(8)[[0, 1, 0]]
    >>> values, unmatched = attention.apply(K[:2], K, np.array([[2.0], [8.0], [4.0]]))
    >>> values.T.tolist(), unmatched.tolist()
    ([[3.0, 8.0]], [False, False])
    >>> attention.weights(K[:2], K).tolist()
    [[0.5, 0.0, 0.5], [0.0, 1.0, 0.0]]
    """

    family: Family
    hashes: int
    tables: int
    seed: int
    algorithm: int = 1
    causal: bool = False
    alive: int = ALIVE

    def __post_init__(self) -> None:
        require_sizes(1, self.tables, self.hashes, self.seed)
        if self.algorithm not in (1, 2):
            raise ValueError(f"algorithm must be 1 or 2, not {self.algorithm}")
        if self.alive < 1:
            raise ValueError(f"alive must be at least 1, not {self.alive}")

    @property
    def n_tables(self) -> int:
        """Hash tables, l."""
        return self.tables

    def weights(self, Q: ArrayLike, K: ArrayLike) -> FloatArray:
        """Return the attention matrix: shares of the collisions of every query.

        Parameters
        ----------
        Q : float [N_q, m_qk]
        K : float [N_k, m_qk]

        Returns
        -------
        float64[N_q, N_k]

        Raises
        ------
        TypeError, ValueError
            As `apply`.
        """
        met = self.collision_matrix(Q, K)
        weights: FloatArray = met / np.maximum(met.sum(axis=1, keepdims=True), 1)
        return weights

    def collision_matrix(self, Q: ArrayLike, K: ArrayLike) -> IntArray:
        """Count the tables in which a query and a key share a bucket: int64[N_q, N_k].

        Cost O(l N_q N_k): for checking.
        """
        queries, keys = self._comparable(Q, K)
        functions = self.functions(queries.shape[1])
        with threads(0) as (run, n_threads):
            codes = functions.codes({"Q": queries, "K": keys}, 0, self.tables, run, n_threads)
        met = np.zeros((len(queries), len(keys)), np.int64)
        for of_queries, of_keys in zip(*codes, strict=True):
            met += of_queries[:, None] == of_keys[None, :]
        return np.tril(met) if self.causal else met

    def apply(self, Q: ArrayLike, K: ArrayLike, V: ArrayLike) -> Attended:
        """Return the mean of the values over all collisions of every query.

        Parameters
        ----------
        Q : real [N_q, m_qk]
        K : real [N_k, m_qk]
            Hashed in float32 if both are, else in float64.
        V : real [N_k, m]
            Not checked for NaN: one reaches the queries that meet its key, and no other.

        Returns
        -------
        Attended
            values : float32[N_q, m] if V is, else float64, unmatched : bool[N_q].

        Raises
        ------
        TypeError
            No real numbers up to float64.
        ValueError
            Shapes that do not fit, NaN or infinity in Q or K, N_q != N_k under causal.
        """
        values, collisions = self._attend(Q, K, V)
        return Attended(values, collisions == 0)

    def collisions(self, Q: ArrayLike, K: ArrayLike) -> IntArray:
        """Count the pairs of a table and a key that meet each query: int64[N_q].

        What a mean was taken over: l for a query that met one key everywhere, l N_k for a plain
        average.
        """
        return self._attend(Q, K, np.zeros((len(np.asarray(K)), 0)))[1]

    def bucket_statistics(self, Q: ArrayLike, K: ArrayLike) -> dict[str, float]:
        """Describe the buckets of all tables and what the queries meet in them.

        Returns
        -------
        dict of str to float
            keys_a_bucket, the mean over occupied buckets, and largest_bucket; keys_met_a_table, the
            mean over queries and tables, and most_keys_met_a_table, the largest mean of a query;
            queries_without_a_key, their share.

        Examples
        --------
        >>> from anna_model.lsh import CrossPolytope
        >>> K = np.eye(8)[[0, 1, 0]]
        >>> found = Anna(CrossPolytope(), hashes=1, tables=4, seed=0).bucket_statistics(K[:2], K)
        >>> found["keys_a_bucket"], found["largest_bucket"], found["most_keys_met_a_table"]
        (1.5, 2.0, 2.0)
        """
        queries, keys = self._comparable(Q, K)
        with threads(0) as (run, n_threads):
            of_keys = self.functions(keys.shape[1]).codes(
                {"K": keys}, 0, self.tables, run, n_threads
            )[0]
        sizes = np.concatenate([np.unique(codes, return_counts=True)[1] for codes in of_keys])
        met = self.collisions(queries, keys) / self.tables
        return {
            "keys_a_bucket": float(sizes.mean()) if sizes.size else 0.0,
            "largest_bucket": float(sizes.max(initial=0)),
            "keys_met_a_table": float(met.mean()) if met.size else 0.0,
            "most_keys_met_a_table": float(met.max(initial=0)),
            "queries_without_a_key": float((met == 0).mean()) if met.size else 0.0,
        }

    def functions(self, m: int) -> HashFunctions:
        """Return the hash functions for rows of width m."""
        return _draw(self.family, m, self.tables, self.hashes, self.seed)

    def _attend(self, Q: ArrayLike, K: ArrayLike, V: ArrayLike) -> tuple[Any, IntArray]:
        queries, keys = self._comparable(Q, K)
        values = require_rows("V", V)
        if len(values) != len(keys):
            raise ValueError(f"V must have shape ({len(keys)}, any), not {values.shape}")
        return sum_collisions(
            self.functions(queries.shape[1]),
            queries,
            keys,
            values,
            alive=self.tables if self.algorithm == 1 else self.alive,
            by_queries=self.algorithm == 2,
            causal=self.causal,
        )

    def _comparable(self, Q: ArrayLike, K: ArrayLike) -> tuple[Matrix, Matrix]:
        queries, keys = require_rows("Q", Q), require_rows("K", K)
        if queries.dtype != keys.dtype:
            queries = require_rows("Q", queries.astype(np.float64))
            keys = require_rows("K", keys.astype(np.float64))
        if queries.shape[1] != keys.shape[1] or not queries.shape[1]:
            raise ValueError(
                "Q and K must have one width of at least 1, not "
                f"{queries.shape[1]} and {keys.shape[1]}"
            )
        if self.causal and len(queries) != len(keys):
            raise ValueError(
                "causal attention is self-attention: as many queries as keys, not "
                f"{len(queries)} and {len(keys)}"
            )
        return queries, keys


@lru_cache(maxsize=16)
def _draw(family: Family, m: int, tables: int, hashes: int, seed: int) -> HashFunctions:
    return family.sample(m, tables, hashes, seed=seed)
