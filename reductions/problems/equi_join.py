"""Equi-join: bounds, oracle and hard inputs."""

from __future__ import annotations

import numpy as np
import sympy

from mpc_sim import Cluster
from mpc_sim.algorithms.equi_join import equi_join
from mpc_sim.records import Words
from reductions.bounds import Bound
from reductions.problems.laws import SORTED
from reductions.problems.layout import Layout
from reductions.problems.least_depths import least_scan
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.problems.sort_and_scan import SOURCE, Most, bounds_table, scanned, sizes


def _rows(relation: Words, key: Words, value: Words, n: int) -> Words:
    """Lay out n // 3 rows, then the words that are left."""
    words = np.zeros(n, np.int64)
    words[: n - n % 3] = np.stack([relation, key, value], axis=1).ravel()
    return words


def _instance(n: int, seed: int) -> Words:
    """A heavy key, light keys and empty rows, shuffled: as many pairs as about half the rows."""
    rng, rows = np.random.default_rng(seed), n // 3
    relation, key = rng.integers(1, 3, rows), rng.integers(1, 2 + 2 * rows, rows)
    heavy = rng.random(rows) < 0.4
    relation[heavy], key[heavy] = 2, 0
    relation[rng.random(rows) < 0.1] = 0
    if rows:
        relation[0], key[0] = 1, 0
    order = rng.permutation(rows)
    return _rows(relation[order], key[order], rng.integers(0, max(2, n), rows), n)


def _oracle(words: Words) -> Words:
    """Join by two loops over the sorted rows; a failure is all ones, as many bits as it needs."""
    n, listed = len(words), words.tolist()
    rows = [tuple(listed[at : at + 3]) for at in range(0, n - n % 3, 3)]
    rights: dict[int, list[int]] = {}
    for _, key, value in sorted(row for row in rows if row[0] == 2):
        rights.setdefault(key, []).append(value)
    lefts = sorted(row for row in rows if row[0] == 1)
    if sum(len(rights.get(key, ())) for _, key, _ in lefts) > len(rows):
        failure = 2 ** _largest_word(words).bit_length() - 1
        return np.array([failure] * (n - n % 3) + [0] * (n % 3), np.int64)
    pairs = [(key, left, right) for _, key, left in lefts for right in rights.get(key, ())]
    output = [word + 1 for pair in pairs for word in pair]
    return np.array(output + [0] * (n - len(output)), np.int64)


def _largest_word(words: Words) -> int:
    """Leave room for the failure word, and for P <= 16 N, so that it is known beforehand."""
    return max(int(words.max()) + 2, 16 * len(words))


def _bounds(n: int, cluster: Cluster) -> tuple[Bound, ...]:
    """Rows of three words in the sort; T rows, places and seats of a machine afterwards.

    h = ceil(B / 3) rows lie on a machine before the sort; o = 1 if 3 does not divide B. The scans:
    1 from behind (records of 4 words, elements of 2), 2 from the front (6 and 4), 3 and 4 side by
    side (5 and 5 each).
    """
    words_in, block, depth, column, sorting, held, rows, odd = sympy.symbols(
        "N B d r M T h o", integer=True
    )
    level_1, level_2, level_3, level_4 = sympy.symbols("L1 L2 L3 L4", integer=True)
    q_1, q_2, q_3, q_4 = sympy.symbols("q1 q2 q3 q4", integer=True)
    slots, half = max(1, n // 3), cluster.memory_words - cluster.memory_words // 2
    values = sizes(cluster, slots, sort=3, scan=(4, 2))
    scans = (4, 2, 0), (6, 4, 0), (5, 5, half), (5, 5, half)
    for number, (record, element, waiting) in enumerate(scans, 1):
        tree = least_scan(cluster, slots, values["T"], record, element, waiting)
        values |= scanned(tree, number)
    values |= {"h": -(-values["B"] // 3), "o": int(values["B"] % 3 > 0)}
    behind, front = 4 * held + 2 * (1 + q_1), 6 * held + 4 * (1 + q_2)
    both = 10 * held + 5 * (2 + q_3 + q_4)
    written = block - sympy.floor(block / 3) + 2 * sympy.ceiling(block / 3)
    words = Most(3 * rows, 3 * column, behind, front, both, written)
    places = sympy.ceiling(sympy.floor(words_in / 3) / held)
    formulas = {
        "rounds": 4 + odd + 4**depth + 2 * (level_1 + level_2 + Most(level_3, level_4)),
        "local_memory": words,
        "sent_words": words,
        "received_words": Most(
            3 * rows, 3 * column, 2 * q_1, 4 * held, 4 * q_2, 9 * held + 1, 5 * (q_3 + q_4), written
        ),
        "machines": Most(sympy.ceiling(words_in / block), sorting, places),
    }
    return bounds_table(formulas, values)


def _one_heavy_key(n: int) -> Words:
    """One left row meets all others; all have one key."""
    index = np.arange(n // 3)
    return _rows(np.where(index == 0, 1, 2), np.full(n // 3, 5), index[::-1], n)


def _square(n: int) -> Words:
    """About sqrt(n / 3) left rows and as many right rows of one key; the others are empty."""
    index, side = np.arange(n // 3), int((n // 3) ** 0.5)
    relation = np.where(index < side, 1, np.where(index < 2 * side, 2, 0))
    return _rows(relation, np.full(n // 3, 3), index % 7, n)


def _no_partners(n: int) -> Words:
    index = np.arange(n // 3)
    return _rows(1 + index % 2, index, index, n)


def _too_many_pairs(n: int) -> Words:
    index = np.arange(n // 3)
    return _rows(1 + index % 2, np.zeros(n // 3, np.int64), index, n)


EQUI_JOIN = ProtocolSolver(
    problem=Problem.of_words(
        name="equi-join",
        layout=Layout(
            "'key left right' on each line, in order; where there is no room for all of them, "
            "2^word_bits - 2 in every place",
            shifts=(1, 1, 1),
            nothing="",
        ),
        statement=(
            "rows (relation 1 | 2 | none, key, value); out: rows (key, left value, right value), "
            "each + 1, in order, then 0; 2^word_bits - 1 in all rows if there are more than "
            "floor(N/3)"
        ),
        instance=_instance,
        hard={
            "one heavy key": _one_heavy_key,
            "square": _square,
            "no partners": _no_partners,
            "too many pairs": _too_many_pairs,
            "empty": lambda n: np.zeros(n, np.int64),
        },
        oracle=_oracle,
        largest_word=_largest_word,
    ),
    regime="gamma = 0; N counts the output; depth d of the sort for epsilon >= (2/3)^d",
    source=f"{SOURCE}; skew: Beame, Koutris, Suciu, arXiv 1401.1872",
    constants=(
        "the sort of N/3 rows needs 3 * 1.26 (N/3)^(2/3) words at depth 1; two scans side by side "
        "take half of s each, 5 T words and an arity: c_s is 2 to 8 at epsilon = 2/3, 16 at 1/2 "
        "and 0.45, where it saves rounds"
    ),
    symbols={
        "h": "rows of a machine before the sort",
        "o": "1 if 3 does not divide B, else 0",
    },
    law=SORTED,
    not_tight=("local_memory", "sent_words"),
    protocol=equi_join,
    bounds=_bounds,
)
