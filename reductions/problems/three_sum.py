"""3-SUM: bounds, oracle and hard inputs."""

from __future__ import annotations

from collections import Counter

import numpy as np
import sympy

from mpc_sim import Cluster
from mpc_sim.algorithms.three_sum import three_sum
from mpc_sim.integers import ceil_div
from mpc_sim.records import Words
from reductions.bounds import Bound
from reductions.problems.degrees import three_words_and_more
from reductions.problems.laws import TRIPLES
from reductions.problems.least_depths import least_sort, least_tree
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.problems.sort_and_scan import Most, bounds_table, values_of
from reductions.problems.text import text_numbers

SOURCE = (
    "this project; sort: Leighton 1985; triples of blocks by diagonals, one machine each; 3-SUM in "
    "the (gamma, epsilon)-MPC model: Liu et al., arXiv 2509.09001"
)


def offset_for(n: int) -> int:
    """Return the word that stands for 0: n^3 random values of this size seldom have a solution."""
    return n**3


def has_solution(values: list[int], *, distinct: bool) -> bool:
    """Return whether three values have the sum 0, by all pairs and a dictionary."""
    counts = Counter(values)
    different = np.array(sorted(counts))
    for at, one in enumerate(different.tolist()):
        others = different[at:]
        thirds = -one - others
        nearest = np.minimum(np.searchsorted(different, thirds), len(different) - 1)
        for other in others[different[nearest] == thirds].tolist():
            needed = Counter((one, other, -one - other))
            if not distinct or all(counts[value] >= needed[value] for value in needed):
                return True
    return False


def _oracle(words: Words) -> Words:
    values = (words - offset_for(len(words))).tolist()
    return np.full(len(words), int(has_solution(values, distinct=True)))


def _instance(n: int, seed: int) -> Words:
    """Random values; odd seeds plant a solution."""
    rng, offset = np.random.default_rng(seed), offset_for(n)
    words = rng.integers(0, 2 * offset + 1, n)
    if seed % 2 and n >= 3:
        at = rng.permutation(n)[:3]
        one, other = rng.integers(-(offset // 2), offset // 2 + 1, 2)
        words[at] = offset + np.array([one, other, -one - other])
    return words


def _values(n: int, values: Words) -> Words:
    """Write values as words; those too large for small N are cut."""
    words: Words = np.clip(values + offset_for(n), 0, 2 * offset_for(n))
    return words


def _planted(n: int) -> Words:
    """Odd values, of which no three have the sum 0, and one even one that completes two of them."""
    values = 2 * np.arange(n) + 1
    if n >= 3:
        values[n // 2] = -(values[0] + values[-1])
    return _values(n, values)


def _bounds(n: int, cluster: Cluster) -> tuple[Bound, ...]:
    """Blocks m of B words, G groups of machines, columns of r words of a sort of depth d.

    The converge-cast has L levels of at most g children, the broadcast L' of at most h. In a round
    2 m words of boundaries wait beside words of three blocks: B of each are received, and sent in
    2 B - 1 messages, or copied to G.
    """
    block, blocks, groups, depth, column, machines = sympy.symbols("B m G d r P", integer=True)
    level_g, level_h, met, told = sympy.symbols("L L' g h", integer=True)
    up, down = least_tree(cluster, 1, everywhere=True), least_tree(cluster, 1)
    sort, m = least_sort(cluster, n, 1), cluster.n_input_machines
    values = values_of(cluster, d=sort.depth, r=sort.rows, P=cluster.n_machines, m=m)
    values |= {"L": up.levels, "g": max(1, up.children(1))}
    values |= {"L'": down.levels, "h": max(1, down.children(1))}
    values["G"] = ceil_div(m * (m + 1) // 2, cluster.block_words)
    sent_on = 2 * blocks + 3 * Most(2 * block - 1, groups)
    boundaries = block + 2 * Most(groups, blocks + block - 1)
    formulas = {
        "rounds": 1 + 4**depth + 5 + level_g + level_h,
        "local_memory": Most(block + 2 * blocks, column, 2 * blocks + 3 * block, met),
        "sent_words": Most(column, sent_on, boundaries, told),
        "received_words": Most(column, 2 * blocks, 3 * block, met),
        "machines": machines,
    }
    return bounds_table(formulas, values, SOURCE)


def _text_values(n: int) -> Words:
    """Return numbers of a text around their median, as words."""
    values = text_numbers(n)
    offset = offset_for(len(values))
    moved: Words = np.clip(values - int(np.median(values)) + offset, 0, 2 * offset)
    return moved


THREE_SUM = ProtocolSolver(
    problem=Problem.of_words(
        name="three-sum",
        statement=(
            "N words, w stands for w - N^3; out: 1 everywhere if three different words stand for "
            "values of sum 0, else 0"
        ),
        instance=_instance,
        hard={
            "all equal": lambda n: _values(n, np.ones(n, np.int64)),
            "all zero": lambda n: _values(n, np.zeros(n, np.int64)),
            "planted": _planted,
            "all odd": lambda n: _values(n, 2 * np.arange(n) - n // 2 * 2 + 1),
            "progression": lambda n: _values(n, np.arange(n) - n // 3),
            "progression without": lambda n: _values(n, 9 * np.arange(n) - n // 2 * 9 + 1),
            "half twice": lambda n: _values(
                n, np.where(np.arange(n) == 0, -2, 1 + 3 * np.arange(n))
            ),
            "two zeros": lambda n: _values(n, np.maximum(2 * np.arange(n) - 2, 0) // 2),
        },
        oracle=_oracle,
        degree=three_words_and_more,
        default_n=256,
        real={"text": _text_values},
        largest_word=lambda words: max(int(words.max()), 2 * offset_for(len(words))),
    ),
    regime=(
        "epsilon = gamma = 1/2: s = O(sqrt N), O(N) machines, every N; at most 25 rounds, 13 while "
        "a sort of depth 1 fits s"
    ),
    source=SOURCE,
    constants=(
        "2 m words of boundaries wait beside 3 blocks that a machine sends to a group of B: "
        "2 m + 3 (2 B - 1) < 8 B, so c_s = 8; 16 only where a sort of less depth needs it; "
        "W = m (m + 1) / 2 machines look at a triple of blocks each, so c_p = 1"
    ),
    symbols={
        "m": "blocks of the sorted values",
        "G": "groups of machines that look at triples of blocks",
        "L'": "levels of the broadcast",
        "g": "children in the converge-cast",
        "h": "children in the broadcast",
    },
    law=TRIPLES,
    not_tight=("sent_words",),
    protocol=lambda n: three_sum(offset_for(n)),
    bounds=_bounds,
    epsilon="1/2",
    gamma="1/2",
)
