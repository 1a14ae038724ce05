"""Matrix product: bounds, oracle and hard inputs."""

from __future__ import annotations

from math import isqrt

import numpy as np
import sympy

from mpc_sim import Cluster, InputError, Protocol
from mpc_sim.algorithms.matrix_product import MERSENNE, matrix_product
from mpc_sim.records import Words
from reductions.bounds import Bound, Kind
from reductions.problems.degrees import a_row_and_a_column
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.problems.sort_and_scan import Most, values_of

SOURCE = "three-dimensional scheme: Irony, Toledo, Tiskin, JPDC 2004; trees: arXiv 1101.1902"


def side_of(n_words: int) -> int:
    """Return the side of two square matrices of N words in all.

    Raises
    ------
    InputError
        If N is not 2 a^2.
    """
    side = isqrt(max(0, n_words) // 2)
    if side < 1 or 2 * side * side != n_words:
        raise InputError(f"N = {n_words} words are not two square matrices; N = 2 a^2 for a side a")
    return side


def _instance(side: int, seed: int) -> Words:
    return np.random.default_rng(seed).integers(0, MERSENNE, 2 * side * side)


def _pair(left: Words, right: Words) -> Words:
    return np.concatenate([left.ravel(), right.ravel()])


def _permutation(side: int) -> Words:
    order = np.random.default_rng(side).permutation(side)
    return _pair(np.eye(side, dtype=np.int64)[order], np.arange(side * side))


def _oracle(words: Words) -> Words:
    """Multiply in Python integers."""
    side = side_of(len(words))
    left, right = words.astype(object).reshape(2, side, side)
    product = (left @ right) % MERSENNE
    return np.concatenate([product.ravel().astype(np.int64), np.zeros(side * side, np.int64)])


def _bounds(protocol: Protocol, cluster: Cluster) -> tuple[Bound, ...]:
    """Block B, q tiles per side of at most t words each; f copies and g sums of L_f, L_g levels.

    One tile per side (q = 1) is copied nowhere: then L_f = 0, and t words are sent at the end.
    """
    n, block, q, tile, copies, sums, level_f, level_g = sympy.symbols(
        "N B q t f g L_f L_g", integer=True
    )
    copy = {"f": "copy_children", "L_f": "copy_levels"}
    add = {"g": "sum_children", "L_g": "sum_levels"}
    values = values_of(protocol, cluster, q="tiles", t="tile_words", **copy, **add)
    values |= {"f": max(values["f"], 1), "g": max(values["g"], 1)}
    rows: list[tuple[str, sympy.Expr, Kind]] = [
        ("rounds", 2 + level_f + level_g, "exact"),
        ("local_memory", Most(block, 2 * tile, sums * tile), "upper"),
        ("sent_words", Most(block, tile, 2 * copies * tile * sympy.Min(level_f, 1)), "upper"),
        ("received_words", Most(block, 2 * tile, (sums - 1) * tile), "upper"),
        ("machines", Most(sympy.ceiling(n / block), q**3), "exact"),
    ]
    return tuple(Bound(name, formula, values, kind, SOURCE) for name, formula, kind in rows)


MATRIX_PRODUCT = ProtocolSolver(
    problem=Problem.of_words(
        name="matrix-product",
        statement=(
            "A row by row, then B, of side a, N = 2 a^2; out: A B modulo 2^31 - 1 row by row, then "
            "0"
        ),
        instance=_instance,
        hard={
            "identity": lambda side: _pair(np.eye(side, dtype=np.int64), np.arange(side * side)),
            "zero": lambda side: np.zeros(2 * side * side, np.int64),
            "all p - 1": lambda side: np.full(2 * side * side, MERSENNE - 1),
            "permutation": _permutation,
        },
        oracle=_oracle,
        degree=a_row_and_a_column,
        largest_word=lambda words: max(int(words.max()), MERSENNE - 1),
    ),
    regime="gamma = (1 - epsilon) / 2: q^3 machines, tiles of b^2 = a^2 / q^2 entries; O(1) rounds",
    source=SOURCE,
    constants=(
        "f copies of two tiles send 2 f b^2 <= s words and g partial products hold g b^2 <= s; "
        "with q^3 = c_p N^(3/2 (1 - epsilon)) machines b^2 = N^epsilon / (2 c_p^(2/3)), so both "
        "trees have O(1 / epsilon) levels; c_s = 1 to 16 where it saves rounds"
    ),
    protocol=lambda n: matrix_product(side_of(n)),
    bounds=_bounds,
    epsilon="2/3",
    gamma="1/6",
)
