"""Removing duplicates: bounds, oracle and hard inputs."""

from __future__ import annotations

import numpy as np
import sympy

from mpc_sim import Cluster
from mpc_sim.algorithms.remove_duplicates import remove_duplicates
from mpc_sim.records import Words
from reductions.bounds import Bound
from reductions.problems.degrees import every_word
from reductions.problems.laws import SORTED
from reductions.problems.layout import Layout
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import HARD_SEQUENCES, ProtocolSolver
from reductions.problems.sort_and_scan import SOURCE, Most, bounds_table, sizes


def _instance(n: int, seed: int) -> Words:
    return np.random.default_rng(seed).integers(0, max(2, n // 2), n)


def _oracle(words: Words) -> Words:
    distinct = np.unique(words) + 1
    return np.pad(distinct, (0, len(words) - len(distinct)))


def _bounds(n: int, cluster: Cluster) -> tuple[Bound, ...]:
    """One word per record in the sort, two in the scan: the word, and whether it ends its run."""
    words_in, block, depth, column, sorting, held, levels, others = sympy.symbols(
        "N B d r M T L q", integer=True
    )
    words = Most(block, column, 2 * held + 1 + others)
    formulas = {
        "rounds": 3 + 4**depth + 2 * levels,
        "local_memory": words,
        "sent_words": words,
        "received_words": Most(block, column, held, others),
        "machines": Most(sympy.ceiling(words_in / block), sorting, sympy.ceiling(words_in / held)),
    }
    return bounds_table(formulas, sizes(cluster, n, sort=1, scan=(2, 1)))


REMOVE_DUPLICATES = ProtocolSolver(
    problem=Problem.of_words(
        name="remove-duplicates",
        layout=Layout(
            "the distinct words in increasing order, one on each line", shifts=(1,), nothing=""
        ),
        statement="N words; out: 1 + the distinct words in increasing order, then 0",
        instance=_instance,
        hard={
            **HARD_SEQUENCES,
            "pairs": lambda n: np.arange(n) // 2,
            "bits": lambda n: np.arange(n) % 2,
        },
        oracle=_oracle,
        degree=every_word,
        largest_word=lambda words: int(words.max()) + 1,
    ),
    regime="gamma = 0; depth d of the sort for epsilon >= (2/3)^d, 3 + 4^d + 2 L rounds",
    source=SOURCE,
    constants=(
        "the sort needs 1.26 N^(2/3) words at depth 1, so c_s = 2 at epsilon = 2/3, where c_p = 2 "
        "may halve the 2 T words of the scan; at 1/2 and 0.45 c_s is 4 to 16: the larger ones sort "
        "at depth 1 while N is small"
    ),
    law=SORTED,
    protocol=lambda n: remove_duplicates(),
    bounds=_bounds,
)
