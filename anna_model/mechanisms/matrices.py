"""Queries, keys and values of one head of real-valued attention, checked.

Axes: N_q queries, N_k keys, m_qk query and key width, m value width.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anna_model.frozen_arrays import real_rows, require_finite

Matrix = NDArray[Any]


def as_matrix(name: str, rows: ArrayLike) -> Matrix:
    """Return finite rows as float32 or float64 [n, width]; integers become float64.

    Raises
    ------
    TypeError
        No real numbers up to float64.
    ValueError
        Not one or two axes; NaN or infinity.
    """
    matrix = real_rows(name, rows)
    require_finite(name, matrix)
    return matrix


def queries_and_keys(Q: ArrayLike, K: ArrayLike, *, causal: bool) -> tuple[Matrix, Matrix]:
    """Return two matrices of one width and one dtype.

    Raises
    ------
    TypeError, ValueError
        As `as_matrix`; different widths; under causal, different numbers of rows.
    """
    queries, keys = as_matrix("Q", Q), as_matrix("K", K)
    if queries.shape[1] != keys.shape[1]:
        raise ValueError(
            f"Q and K must have equal widths, not {queries.shape[1]} and {keys.shape[1]}"
        )
    if causal and len(queries) != len(keys):
        raise ValueError(
            "causal attention is self-attention: as many queries as keys, not "
            f"{len(queries)} and {len(keys)}"
        )
    real = np.result_type(queries, keys)
    return queries.astype(real, copy=False), keys.astype(real, copy=False)


def head_of(
    Q: ArrayLike, K: ArrayLike, V: ArrayLike, *, causal: bool
) -> tuple[Matrix, Matrix, Matrix]:
    """Return queries, keys and values in one dtype: float32 if all three are, else float64.

    Raises
    ------
    TypeError, ValueError
        As `queries_and_keys`; values that are not one row per key.
    """
    queries, keys = queries_and_keys(Q, K, causal=causal)
    values = as_matrix("V", V)
    if len(values) != len(keys):
        raise ValueError(f"V must have {len(keys)} rows, one per key, not {len(values)}")
    real = np.result_type(queries, values)
    return tuple(part.astype(real, copy=False) for part in (queries, keys, values))  # type: ignore[return-value]


def blocks_of(n_rows: int, row_numbers: int, budget_numbers: int = 2**22) -> list[slice]:
    """Cut rows into blocks of at most ``budget_numbers`` numbers, each of at least one row."""
    at_once = max(1, budget_numbers // max(1, row_numbers))
    return [slice(low, min(n_rows, low + at_once)) for low in range(0, n_rows, at_once)]
