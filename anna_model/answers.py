"""The answers of an attention mechanism to a layer, block of heads by block of heads.

Axes: h heads of a block, N tokens, m value width. How many keys matched a query stays hidden, as in
the theory: an attention head gives an average only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anna_model.frozen_arrays import (
    BoolArray,
    FloatArray,
    FrozenArrays,
    IntArray,
    require_range,
)
from anna_model.heads import SparseHeads


@dataclass(frozen=True, eq=False)
class DenseAnswer(FrozenArrays):
    """What every token of a dense block receives in every head.

    Parameters
    ----------
    values : float64[h, N, m]
        Zero rows where nothing matched.
    unmatched : bool[h, N]
        True where no key matched the query.

    Examples
    --------
    >>> DenseAnswer(np.zeros((1, 2, 3)), np.array([[True, True]])).values.shape
    (1, 2, 3)
    """

    values: FloatArray
    unmatched: BoolArray

    def __post_init__(self) -> None:
        values = self._freeze("values", np.float64, (None, None, None))
        self._freeze("unmatched", np.bool_, values.shape[:2])


@dataclass(frozen=True, eq=False)
class SparseAnswer(FrozenArrays):
    """What every class of a sparse block receives, for the pairs (head, class) with a match.

    Parameters
    ----------
    head : int64[E]
        Counted from the first head of the block.
    query_class : int64[E]
        The pairs (query_class, head) increase.
    which : int64[E]
        Row of `mean`, in 0 .. D-1; equal queries share a row.
    mean : float64[D, m]

    Raises
    ------
    TypeError, ValueError
        A wrong dtype, shape, range or order.

    Examples
    --------
    Class 4 receives 2.5 in heads 0 and 1.

    >>> answer = SparseAnswer(
    ...     np.array([0, 1]), np.array([4, 4]), np.array([0, 0]), np.array([[2.5]]))
    >>> answer.mean[answer.which].tolist()
    [[2.5], [2.5]]
    """

    head: IntArray
    query_class: IntArray
    which: IntArray
    mean: FloatArray

    def __post_init__(self) -> None:
        n_means = len(self._freeze("mean", np.float64, (None, None)))
        n_pairs = len(self._freeze("head", np.int64, (None,)))
        self._freeze("query_class", np.int64, (n_pairs,))
        self._freeze("which", np.int64, (n_pairs,))
        require_range("head", self.head, 0, 2**31 - 1)
        require_range("query_class", self.query_class, 0, 2**31 - 1)
        require_range("which", self.which, 0, n_means - 1)
        class_step, head_step = np.diff(self.query_class), np.diff(self.head)
        if ((class_step < 0) | ((class_step == 0) & (head_step <= 0))).any():
            raise ValueError("the pairs (query_class, head) of an answer must increase")

    def dense(self, block: SparseHeads) -> DenseAnswer:
        """Write the answer out for every token of its block: O(h N m) numbers, for checking only.

        Examples
        --------
        >>> from anna_model.heads import SparseHeads
        >>> block = SparseHeads(
        ...     0, 1, np.array([0, -1, 0]), np.array([0]), np.array([0]), np.array([[7.0]]),
        ...     np.array([0]), np.array([1]), np.array([[7.0]]), np.array([[5.0]]))
        >>> zero = np.zeros(1, np.int64)
        >>> answer = SparseAnswer(zero, zero, zero, np.array([[5.0]])).dense(block)
        >>> answer.values[0].T.tolist(), answer.unmatched[0].tolist()
        ([[5.0, 0.0, 5.0]], [False, True, False])
        """
        which = np.full((block.n_heads, block.n_tokens + 1), -1)  # the last column serves class -1
        which[self.head, self.query_class] = self.which
        which = which[:, block.token_class]
        mean = np.concatenate([self.mean, np.zeros((1, self.mean.shape[1]))])  # row -1
        return DenseAnswer(mean[which], which < 0)


Answer = DenseAnswer | SparseAnswer
