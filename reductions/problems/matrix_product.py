"""Matrix product: bounds, oracle and hard inputs."""

from __future__ import annotations

from math import isqrt

import numpy as np
import sympy

from mpc_sim import Cluster, InputError
from mpc_sim.algorithms.matrix_product import MERSENNE, matrix_product
from mpc_sim.integers import ceil_div
from mpc_sim.records import Words
from reductions.bounds import Bound, Kind
from reductions.problems.degrees import a_row_and_a_column
from reductions.problems.laws import TILES
from reductions.problems.least_depths import tree_of_arity
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.problems.sort_and_scan import Most, values_of

SOURCE = (
    "this project; three-dimensional scheme: "
    "Irony, Toledo, Tiskin, JPDC 2004; trees: arXiv 1101.1902"
)


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


def _cut(side: int, cluster: Cluster) -> dict[str, int]:
    """Return the cut of the fewest rounds, then of the fewest machines, that s and P allow.

    q^3 <= P machines multiply tiles of t <= s / 2 words; a tile is copied to f <= s / (2 t) at a
    time, and g <= s / t partial products meet.
    """
    found: dict[tuple[int, int], dict[str, int]] = {}
    memory = cluster.memory_words
    for wanted in range(1, side + 1):
        tile = ceil_div(side, wanted)
        q, words = ceil_div(side, tile), tile * tile
        if wanted**3 > cluster.n_machines or (4 * words > memory and q > 1) or 2 * words > memory:
            continue
        copies, sums = tree_of_arity(q, memory // (2 * words)), tree_of_arity(q, memory // words)
        key = copies.levels + sums.levels, q
        found.setdefault(
            key,
            {"q": q, "t": words, "L_f": copies.levels, "L_g": sums.levels}
            | {"f": max(1, copies.children(1)), "g": max(1, sums.children(1))},
        )
    return found[min(found)]


def _bounds(n: int, cluster: Cluster) -> tuple[Bound, ...]:
    """Block B, q tiles per side of at most t words each; f copies and g sums of L_f, L_g levels.

    One tile per side (q = 1) is copied nowhere: then L_f = 0, and t words are sent at the end.
    """
    words, block, q, tile, copies, sums, level_f, level_g = sympy.symbols(
        "N B q t f g L_f L_g", integer=True
    )
    values = values_of(cluster, **_cut(side_of(n), cluster))
    rows: list[tuple[str, sympy.Expr, Kind]] = [
        ("rounds", 2 + level_f + level_g, "exact"),
        ("local_memory", Most(block, 2 * tile, sums * tile), "upper"),
        ("sent_words", Most(block, tile, 2 * copies * tile * sympy.Min(level_f, 1)), "upper"),
        ("received_words", Most(block, 2 * tile, (sums - 1) * tile), "upper"),
        ("machines", Most(sympy.ceiling(words / block), q**3), "exact"),
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
    symbols={
        "q": "tiles per side",
        "t": "words of a tile",
        "f": "copies of a tile that a machine makes",
        "g": "partial products that meet",
        "L_f": "levels of copies",
        "L_g": "levels of sums",
    },
    law=TILES,
    protocol=lambda n: matrix_product(side_of(n)),
    bounds=_bounds,
    epsilon="2/3",
    gamma="1/6",
)
