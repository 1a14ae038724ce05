"""Selection: bounds, oracle and hard inputs."""

from __future__ import annotations

from heapq import nsmallest

import numpy as np
import sympy

from mpc_sim import Cluster
from mpc_sim.algorithms.selection import selection
from mpc_sim.records import Words
from reductions.bounds import Bound
from reductions.problems.broadcast import uniform_words
from reductions.problems.degrees import every_word
from reductions.problems.laws import SORTED
from reductions.problems.least_depths import least_sort, least_tree
from reductions.problems.parameter import Parameter
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import HARD_SEQUENCES, ProtocolSolver
from reductions.problems.sort_and_scan import Most, bounds_table, sorted_by, values_of
from reductions.problems.text import text_numbers

SOURCE = "this project; columnsort (Leighton 1985), trees of arity s (arXiv 1101.1902)"


def _oracle(words: Words, k: int) -> Words:
    return np.full(len(words), nsmallest(k, words.tolist())[-1])


def _bounds(n: int, cluster: Cluster, k: int | None = None) -> tuple[Bound, ...]:
    """Columnsort of depth d, columns of r words, M machines; a tree of L levels, c children."""
    tree, sort = least_tree(cluster, 1), sorted_by(least_sort(cluster, n, 1))
    values = values_of(cluster, **sort, L=tree.levels, c=tree.children(1))
    words, block, depth, column, sorting, levels, children = sympy.symbols("N B d r M L c")
    formulas = {
        "rounds": 2 + 4**depth + levels,
        "local_memory": Most(block, column),
        "sent_words": Most(block, column, children),
        "received_words": Most(block, column),
        "machines": Most(sympy.ceiling(words / block), sorting),
    }
    return bounds_table(formulas, values, SOURCE)


# Of full degree for every k: on bits the k-th smallest is 1 iff there are at least m = N - k + 1
# ones. The coefficient of x_1 .. x_N is the sum over j >= m of (-1)^(N - j) C(N, j), which is
# (-1)^(N - m) C(N - 1, m - 1), and that is not 0 where 1 <= m <= N.
SELECTION = ProtocolSolver(
    problem=Problem.of_words(
        name="selection",
        statement="N words, k; out: the k-th smallest of them in every word",
        instance=uniform_words,
        hard={
            **HARD_SEQUENCES,
            "bits": lambda n: np.arange(n) % 2,
            "one is larger": lambda n: np.where(np.arange(n) == n // 2, 1, 0),
        },
        real={"text": text_numbers},
        oracle=_oracle,
        parameters=(
            Parameter(
                "k",
                "which word, from 1, the smallest, to N ((N + 1) // 2, the median)",
                lambda given: (len(given.words) + 1) // 2,
                least=1,
            ),
        ),
        degree=every_word,
    ),
    regime="gamma = 0; depth d of the sort for epsilon >= (2/3)^d, 2 + 4^d + L rounds",
    source=SOURCE,
    constants="as columnsort: depth 1 needs 1.26 N^(2/3) words, so c_s = 2 at epsilon = 2/3",
    law=SORTED,
    protocol=lambda n, k=None: selection(k),
    bounds=_bounds,
    back_up_to=64,
)
