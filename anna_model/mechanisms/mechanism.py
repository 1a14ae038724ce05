"""An attention mechanism: its definition, its fast path, and how it answers a block of heads.

Axes: N_q queries, N_k keys, m_qk query and key width, m value width.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anna_model.answers import Answer, DenseAnswer, SparseAnswer
from anna_model.frozen_arrays import BoolArray, FloatArray, IntArray
from anna_model.heads import DenseHeads, HeadBlock, SparseHeads

Matrix = NDArray[Any]


class Attended(NamedTuple):
    """What the queries of one head receive.

    Parameters
    ----------
    values : float64[N_q, m]
        Zero rows where nothing matched; float32 if queries, keys and values are.
    unmatched : bool[N_q]
        True where no key matched the query.

    Examples
    --------
    >>> values, unmatched = Attended(np.zeros((2, 3)), np.array([True, True]))
    >>> values.shape, unmatched.all().item()
    ((2, 3), True)
    """

    values: Matrix
    unmatched: BoolArray


class Mechanism(ABC):
    """Attention weights by definition, and the product of weights and values by a faster way.

    A mechanism is a value: it holds what it drew at random, it is deterministic, and it can be
    pickled.

    Attributes
    ----------
    causal : bool
        Query i sees the keys 0 .. i only. Such a mechanism answers dense blocks only: the tokens of
        a query class have different positions and would receive different answers.
    """

    causal: bool = False

    @abstractmethod
    def weights(self, Q: Matrix, K: Matrix) -> FloatArray:
        """Return the attention matrix, as the paper defines it.

        Parameters
        ----------
        Q : real [N_q, m_qk]
        K : real [N_k, m_qk]

        Returns
        -------
        float64[N_q, N_k]
            A zero row where nothing matches. Cost O(N_q N_k m_qk): for checking.

        Raises
        ------
        TypeError, ValueError
            Shapes that do not fit, NaN or infinity, N_q != N_k under causal.
        """

    @abstractmethod
    def apply(self, Q: Matrix, K: Matrix, V: Matrix) -> Attended:
        """Return weights(Q, K) @ V without the matrix, and the queries that nothing matched.

        Where a mechanism says nothing else, in float32 if Q, K and V are, else in float64.

        Parameters
        ----------
        Q : real [N_q, m_qk]
        K : real [N_k, m_qk]
        V : real [N_k, m]

        Raises
        ------
        TypeError, ValueError
            As `weights`.
        """

    @property
    def n_tables(self) -> int:
        """Hash tables, l; 0 for a mechanism that has none."""
        return 0

    def bucket_statistics(self, Q: Matrix, K: Matrix) -> dict[str, float]:
        """Describe the buckets that the keys form and the queries meet; nothing without any."""
        return {}

    def answer(self, block: HeadBlock) -> Answer:
        """Answer a block of heads; here head by head, each by `apply`.

        Parameters
        ----------
        block : DenseHeads or SparseHeads

        Returns
        -------
        DenseAnswer or SparseAnswer
            The form of the block. In a sparse block a head sees only the keys and the queries that
            are there, and a query class is answered once.

        Raises
        ------
        ValueError
            A causal mechanism is given a sparse block.

        Notes
        -----
        A sparse block costs h passes over its queries; a mechanism that can answer all
        heads at once overrides this.
        """
        if isinstance(block, DenseHeads):
            heads = [self.apply(*head) for head in zip(block.Q, block.K, block.V, strict=True)]
            return DenseAnswer(
                np.stack([head.values for head in heads]),
                np.stack([head.unmatched for head in heads]),
            )
        if self.causal:
            raise ValueError("a causal mechanism cannot answer a sparse block: give it a dense one")
        return self._answer_head_by_head(block)

    def _answer_head_by_head(self, block: SparseHeads) -> SparseAnswer:
        heads: list[IntArray] = []
        classes: list[IntArray] = []
        means: list[FloatArray] = []
        for head in range(block.n_heads):
            query_class, Q = block.queries_of(head)
            _, K, V = block.keys_of(head)
            if len(query_class) and len(K):
                values, unmatched = self.apply(Q, K, V)
                classes.append(query_class[~unmatched])
                heads.append(np.full(len(classes[-1]), head))
                means.append(values[~unmatched])
        if not heads:
            none = np.zeros(0, np.int64)
            return SparseAnswer(none, none, none, np.zeros((0, block.value_width)))
        head_of, class_of = np.concatenate(heads), np.concatenate(classes)
        order = np.lexsort((head_of, class_of))
        return SparseAnswer(head_of[order], class_of[order], order, np.concatenate(means))
