"""Multi-search: bounds, oracle and hard inputs."""

from __future__ import annotations

import numpy as np
import sympy

from mpc_sim import Cluster
from mpc_sim.algorithms.multi_search import multi_search
from mpc_sim.records import Words
from reductions.bounds import Bound
from reductions.problems.broadcast import uniform_words
from reductions.problems.laws import SORTED
from reductions.problems.layout import Layout
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import HARD_SEQUENCES, ProtocolSolver
from reductions.problems.sort_and_scan import SOURCE, Most, bounds_table, sizes


def _oracle(words: Words) -> Words:
    """Look every query up in the sorted keys by bisection, one after the other."""
    half = (len(words) + 1) // 2
    keys = np.sort(words[:half])
    found = np.searchsorted(keys, words[half:], side="right")
    output = np.zeros(len(words), np.int64)
    output[half:] = np.where(found > 0, keys[found - 1] + 1, 0)
    return output


def _bounds(n: int, cluster: Cluster) -> tuple[Bound, ...]:
    """Two words per record in the sort and in the scan, one word of the scan's element."""
    words_in, block, depth, column, sorting, held, levels, others = sympy.symbols(
        "N B d r M T L q", integer=True
    )
    words = Most(2 * block, 2 * column, 2 * held + 1 + others)
    formulas = {
        "rounds": 2 + 4**depth + 2 * levels,
        "local_memory": words,
        "sent_words": words,
        "received_words": Most(2 * block, 2 * column, 2 * held, others),
        "machines": Most(sympy.ceiling(words_in / block), sorting, sympy.ceiling(words_in / held)),
    }
    return bounds_table(formulas, sizes(cluster, n, sort=2, scan=(2, 1)))


MULTI_SEARCH = ProtocolSolver(
    problem=Problem.of_words(
        name="multi-search",
        layout=Layout(
            "one line for each word, in the order of the input: of a query the largest key that is "
            "no larger; none for a key, and where there is no such key",
            shifts=(1,),
            nothing="none",
        ),
        statement=(
            "ceil(N/2) keys, then queries; out: 0 for a key, for a query 1 + the largest key <= "
            "it, 0 if there is none"
        ),
        instance=uniform_words,
        hard={
            **HARD_SEQUENCES,
            "queries between keys": lambda n: np.where(
                np.arange(n) < (n + 1) // 2, 2 * np.arange(n), 2 * (np.arange(n) - (n + 1) // 2) + 1
            ),
            "one key below": lambda n: np.where(np.arange(n) == 0, 0, n - np.arange(n)),
        },
        oracle=_oracle,
        largest_word=lambda words: int(words.max()) + 1,
    ),
    regime="gamma = 0; depth d of the sort for epsilon >= (2/3)^d, 2 + 4^d + 2 L rounds",
    source=SOURCE,
    constants=(
        "the sort of records of 2 words needs 2 * 1.26 N^(2/3) words at depth 1, so c_s = 4 at "
        "epsilon = 2/3; at 1/2 and 0.45 c_s is 4 to 16: the larger ones sort at depth 1 while N "
        "is small"
    ),
    law=SORTED,
    protocol=lambda n: multi_search(),
    bounds=_bounds,
)
