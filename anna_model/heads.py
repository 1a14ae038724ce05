"""The queries, keys and values of a layer; `answers` holds what its mechanism returns.

Axes: h heads of a block, N tokens, m_qk query and key width, m value width. A block is a run of
consecutive heads of equal shape. The dense form holds a row for every head and token. The sparse
form lists what is there: an absent key is NULL (no query matches it), an absent query is NOBODY
(no key matches it), and tokens with the same queries in every head form a query class, answered
once. Values are validated when made, read-only and never copied.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from anna_model.frozen_arrays import (
    FloatArray,
    FrozenArrays,
    IntArray,
    require_finite,
    require_range,
)
from anna_model.lazy_values import LazyValues, Values

EVERY_HEAD = -1


@dataclass(frozen=True, eq=False)
class DenseHeads(FrozenArrays):
    """The queries, keys and values of h heads over N tokens, one row each.

    Parameters
    ----------
    first_head : int
        The heads are first_head .. first_head + h - 1 of the layer.
    Q, K : float64[h, N, m_qk]
        Finite.
    V : float64[h, N, m]

    Raises
    ------
    TypeError, ValueError
        A wrong dtype or shape, no head or no token, NaN or infinity in Q or K.

    Examples
    --------
    >>> block = DenseHeads(0, np.zeros((2, 5, 1)), np.ones((2, 5, 1)), np.ones((2, 5, 3)))
    >>> block.n_heads, block.n_tokens, block.query_width, block.value_width
    (2, 5, 1, 3)
    """

    first_head: int
    Q: FloatArray
    K: FloatArray
    V: FloatArray

    def __post_init__(self) -> None:
        Q = self._freeze("Q", np.float64, (None, None, None))
        self._freeze("K", np.float64, Q.shape)
        self._freeze("V", np.float64, (*Q.shape[:2], None))
        _require_block(self.first_head, self.n_heads, self.n_tokens)
        require_finite("Q", self.Q)
        require_finite("K", self.K)

    @property
    def n_heads(self) -> int:
        """Heads of the block, h."""
        return int(self.Q.shape[0])

    @property
    def n_tokens(self) -> int:
        """Context length, N."""
        return int(self.Q.shape[1])

    @property
    def query_width(self) -> int:
        """Width of queries and keys, m_qk."""
        return int(self.Q.shape[2])

    @property
    def value_width(self) -> int:
        """Width of values, m."""
        return int(self.V.shape[2])


@dataclass(frozen=True, eq=False)
class SparseHeads(FrozenArrays):
    """The queries, keys and values of a block of heads, without the absent ones.

    Parameters
    ----------
    first_head, n_heads : int
        The heads are first_head .. first_head + n_heads - 1 of the layer; all head indices below
        count from first_head.
    token_class : int64[N]
        Query class of every token, in 0 .. N-1; -1 has no query in any head.
    query_head : int64[Eq]
        The head of a query, or EVERY_HEAD: the class has it in every head of the block.
    query_class : int64[Eq]
        A class has at most one query in a head.
    Q : float64[Eq, m_qk]
        Finite.
    key_head : int64[Ek]
        Never decreasing.
    key_token : int64[Ek]
        Increasing within a head.
    K : float64[Ek, m_qk]
        Finite.
    V : float64[Ek, m] or LazyValues
        Those that would be too many are made when the mechanism asks for them.

    Raises
    ------
    TypeError, ValueError
        A wrong dtype, shape, range or order, two queries of a class in one head, NaN or infinity in
        Q or K.

    Notes
    -----
    Checked in O(N + Eq + Ek) row visits; queries that are not in the order of
    (query_class, query_head) are sorted.

    Examples
    --------
    Tokens 0 and 2 have the query 7 in both heads, token 1 has none; token 1 has the
    key 7, in head 1 only.

    >>> block = SparseHeads(
    ...     first_head=0, n_heads=2, token_class=np.array([0, -1, 0]),
    ...     query_head=np.array([EVERY_HEAD]), query_class=np.array([0]), Q=np.array([[7.0]]),
    ...     key_head=np.array([1]), key_token=np.array([1]), K=np.array([[7.0]]),
    ...     V=np.array([[5.0]]))
    >>> block.dense(null_key=-1.0, nobody_query=-2.0).Q[1].T.tolist()
    [[7.0, -2.0, 7.0]]
    """

    first_head: int
    n_heads: int
    token_class: IntArray
    query_head: IntArray
    query_class: IntArray
    Q: FloatArray
    key_head: IntArray
    key_token: IntArray
    K: FloatArray
    V: Values

    def __post_init__(self) -> None:
        n_tokens = len(self._freeze("token_class", np.int64, (None,)))
        n_queries, width = self._freeze("Q", np.float64, (None, None)).shape
        n_keys = len(self._freeze("K", np.float64, (None, width)))
        if not isinstance(self.V, LazyValues):
            self._freeze("V", np.float64, (n_keys, None))
        elif len(self.V) != n_keys:
            raise ValueError(f"V must have shape ({n_keys}, any), not {self.V.shape}")
        for name in ("query_head", "query_class"):
            self._freeze(name, np.int64, (n_queries,))
        for name in ("key_head", "key_token"):
            self._freeze(name, np.int64, (n_keys,))
        _require_block(self.first_head, self.n_heads, n_tokens)
        require_range("token_class", self.token_class, -1, n_tokens - 1)
        require_range("query_head", self.query_head, EVERY_HEAD, self.n_heads - 1)
        require_range("query_class", self.query_class, 0, n_tokens - 1)
        require_range("key_head", self.key_head, 0, self.n_heads - 1)
        require_range("key_token", self.key_token, 0, n_tokens - 1)
        require_finite("Q", self.Q)
        require_finite("K", self.K)
        self._require_key_order()
        self._require_one_query()

    def _require_key_order(self) -> None:
        step = np.diff(self.key_head * self.n_tokens + self.key_token)
        if (step <= 0).any():
            entry = int(np.argmax(step <= 0)) + 1
            raise ValueError(
                "key_head must not decrease and key_token must increase within a head; entry "
                f"{entry} (head {self.key_head[entry]}, token {self.key_token[entry]}) does not"
            )

    def _require_one_query(self) -> None:
        pair = self.query_class * (self.n_heads + 1) + (self.query_head - EVERY_HEAD)
        if (np.diff(pair) <= 0).any():
            pair = np.sort(pair)
        again = pair[1:][np.diff(pair) == 0]
        if not again.size:
            # EVERY_HEAD sorts first: what follows it within a class is a second query.
            asker, head = np.divmod(pair, self.n_heads + 1)
            again = pair[1:][(np.diff(asker) == 0) & (head[:-1] == 0)]
        if again.size:
            twice, in_head = divmod(int(again[0]), self.n_heads + 1)
            where = "every head" if in_head == 0 else f"head {in_head - 1}"
            raise ValueError(f"query class {twice} has two queries in {where}")

    @property
    def n_tokens(self) -> int:
        """Context length, N."""
        return len(self.token_class)

    @property
    def query_width(self) -> int:
        """Width of queries and keys, m_qk."""
        return int(self.Q.shape[1])

    @property
    def value_width(self) -> int:
        """Width of values, m."""
        return int(self.V.shape[1])

    def queries_of(self, head: int) -> tuple[IntArray, FloatArray]:
        """Select one head of the block: its classes int64[e] and queries float64[e, m_qk].

        Cost O(Eq).
        """
        asks = (self.query_head == head) | (self.query_head == EVERY_HEAD)
        return self.query_class[asks], self.Q[asks]

    def keys_of(self, head: int) -> tuple[IntArray, FloatArray, FloatArray]:
        """Select one head of the block: its key tokens int64[e], keys and values.

        Cost O(log Ek).
        """
        low, high = np.searchsorted(self.key_head, [head, head + 1])
        return self.key_token[low:high], self.K[low:high], self.V[low:high]

    def dense(self, null_key: ArrayLike, nobody_query: ArrayLike) -> DenseHeads:
        """Write the block out as the definition of attention has it.

        Parameters
        ----------
        null_key : float64[m_qk] or float
            The key of a token without a key; its value is zero.
        nobody_query : float64[m_qk] or float
            The query of a token without a query.

        Returns
        -------
        DenseHeads
            O(h N (m_qk + m)) numbers: for checking only.

        Raises
        ------
        ValueError
            null_key equals a query, or nobody_query equals a key: NULL or NOBODY would be
            matched.
        """
        null = np.broadcast_to(np.asarray(null_key, np.float64), (self.query_width,))
        nobody = np.broadcast_to(np.asarray(nobody_query, np.float64), (self.query_width,))
        queries, keys = self.Q, self.K
        if (queries == null).all(axis=1).any() or (null == nobody).all():
            raise ValueError("null_key must differ from every query and from nobody_query")
        if (keys == nobody).all(axis=1).any():
            raise ValueError("nobody_query must differ from every key")
        Q = np.tile(nobody, (self.n_heads, self.n_tokens, 1))
        K = np.tile(null, (self.n_heads, self.n_tokens, 1))
        V = np.zeros((self.n_heads, self.n_tokens, self.value_width))
        K[self.key_head, self.key_token] = self.K
        V[self.key_head, self.key_token] = self.V[:]
        for head in range(self.n_heads):
            query_class, asked = self.queries_of(head)
            row_of_class = np.full(self.n_tokens + 1, -1)  # the last entry serves class -1
            row_of_class[query_class] = np.arange(len(query_class))
            row = row_of_class[self.token_class]
            Q[head, row >= 0] = asked[row[row >= 0]]
        return DenseHeads(self.first_head, Q, K, V)


HeadBlock = DenseHeads | SparseHeads


def _require_block(first_head: int, n_heads: int, n_tokens: int) -> None:
    if first_head < 0 or n_heads < 1 or n_tokens < 1:
        raise ValueError(
            "a block needs first_head >= 0, at least one head and at least one token, not "
            f"first_head {first_head}, {n_heads} heads, {n_tokens} tokens"
        )
    if max(n_heads, n_tokens) >= 2**31:  # so that (head, token) and (head, query) fit one word
        raise ValueError(f"heads and tokens must number below 2**31, not {n_heads} and {n_tokens}")
