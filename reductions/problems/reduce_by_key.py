"""Reduction by key: bounds, oracle and hard inputs."""

from __future__ import annotations

import numpy as np
import sympy

from mpc_sim import Cluster
from mpc_sim.algorithms.reduce_by_key import reduce_by_key
from mpc_sim.records import Words
from reductions.bounds import Bound
from reductions.problems.degrees import every_value
from reductions.problems.laws import SORTED
from reductions.problems.layout import Layout
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import HARD_SEQUENCES, ProtocolSolver
from reductions.problems.sort_and_scan import SOURCE, Most, bounds_table, sizes


def _pairs(keys: Words, values: Words, n: int) -> Words:
    """Interleave n // 2 keys and values; an odd n ends with a word that has no partner."""
    words = np.zeros(n, np.int64)
    words[0 : n - n % 2 : 2], words[1::2] = keys, values
    return words


def _instance(n: int, seed: int) -> Words:
    rng = np.random.default_rng(seed)
    return _pairs(rng.integers(0, max(2, n // 8), n // 2), rng.integers(0, 100, n // 2), n)


def _oracle(words: Words) -> Words:
    """Add up in a dictionary, one pair after the other."""
    listed = words.tolist()
    total: dict[int, int] = {}
    for at in range(0, len(listed) - 1, 2):
        total[listed[at]] = total.get(listed[at], 0) + listed[at + 1]
    rows = [word for key in sorted(total) for word in (key + 1, total[key])]
    return np.array(rows + [0] * (len(listed) - len(rows)), np.int64)


def _largest_word(words: Words) -> int:
    return max(int(words.max()) + 1, int(_oracle(words).max()))


def _bounds(n: int, cluster: Cluster) -> tuple[Bound, ...]:
    """Pairs of two words in the sort; three words per record, and three of an element, in the scan.

    h = ceil(B / 2) pairs lie on a machine before the sort; o = 1 if B is odd.
    """
    words_in, block, depth, column, sorting, held, levels, others, pairs, odd = sympy.symbols(
        "N B d r M T L q h o", integer=True
    )
    values = sizes(cluster, max(1, n // 2), sort=2, scan=(3, 3))
    values |= {"h": -(-values["B"] // 2), "o": values["B"] % 2}
    words = Most(2 * pairs, 2 * column, 3 * held + 3 * (1 + others))
    rows = sympy.ceiling(sympy.floor(words_in / 2) / held)
    formulas = {
        "rounds": 3 + odd + 4**depth + 2 * levels,
        "local_memory": words,
        "sent_words": words,
        "received_words": Most(2 * pairs, 2 * column, 2 * held, 3 * others),
        "machines": Most(sympy.ceiling(words_in / block), sorting, rows),
    }
    return bounds_table(formulas, values)


REDUCE_BY_KEY = ProtocolSolver(
    problem=Problem.of_words(
        name="reduce-by-key",
        layout=Layout("'key sum' on each line, keys increasing", shifts=(1, 0), nothing=""),
        statement=(
            "pairs (key, value), interleaved; out: pairs (key + 1, sum of its values), keys "
            "increasing, then 0"
        ),
        instance=_instance,
        hard={
            **HARD_SEQUENCES,
            "one key": lambda n: _pairs(np.full(n // 2, 5), np.arange(n // 2), n),
            "two keys": lambda n: _pairs(np.arange(n // 2) % 2, np.arange(n // 2)[::-1], n),
        },
        oracle=_oracle,
        degree=every_value,
        largest_word=_largest_word,
    ),
    regime="gamma = 0; depth d of the sort for epsilon >= (2/3)^d, at most 4 + 4^d + 2 L rounds",
    source=SOURCE,
    constants=(
        "the sort of N/2 pairs needs 2 * 1.26 (N/2)^(2/3) words at depth 1, so c_s = 2 at "
        "epsilon = 2/3; the scan waits with 3 T = 3 N / (2 P) words and has elements of 3; at 1/2 "
        "and 0.45 c_s is 8 or 16"
    ),
    symbols={
        "h": "pairs of a machine before the sort",
        "o": "1 if B is odd, else 0",
    },
    law=SORTED,
    protocol=reduce_by_key,
    bounds=_bounds,
)
