"""List ranking: bounds, oracle and hard inputs."""

from __future__ import annotations

import numpy as np
import sympy

from mpc_sim import Cluster
from mpc_sim.algorithms.list_ranking import list_ranking
from mpc_sim.records import Words
from reductions.bounds import Bound, Kind
from reductions.problems.laws import JUMPS
from reductions.problems.least_depths import share
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import ProtocolSolver

SOURCE = "this project; pointer jumping: Wyllie 1979; one round per doubling"


def _instance(n: int, seed: int) -> Words:
    """One list through all nodes, in random order."""
    return _linked(np.random.default_rng(seed).permutation(n))


def _linked(order: Words, ends: Words | None = None) -> Words:
    """The list that visits the nodes in an order; nodes in ``ends`` end a list."""
    words = np.full(len(order), len(order))
    words[order[:-1]] = order[1:]
    if ends is not None:
        words[ends] = ends
    return words


def _oracle(words: Words) -> Words:
    """Walk back from every end as long as the way is that of a list."""
    n = len(words)
    before: list[list[int]] = [[] for _ in range(n)]
    ends = []
    for node, after in enumerate(words.tolist()):
        if after in (node, n):
            ends.append(node)
        elif after < n:
            before[after].append(node)
    ranks = [n] * n
    for end in ends:
        ranks[end], at = 0, end
        while len(before[at]) == 1:
            ranks[before[at][0]] = ranks[at] + 1
            at = before[at][0]
    return np.array(ranks)


def _bounds(n: int, cluster: Cluster) -> tuple[Bound, ...]:
    """Block B, T nodes per machine, K doublings."""
    words_in, block, nodes, doublings = sympy.symbols("N B T K", integer=True)
    values = {
        "N": cluster.n_words,
        "B": cluster.block_words,
        "T": share(n, cluster),
        "K": (n - 1).bit_length(),
    }
    rows: list[tuple[str, sympy.Expr, Kind]] = [
        ("rounds", doublings + sympy.Min(doublings, 1), "exact"),
        ("local_memory", 7 * nodes + 2 * block, "upper"),
        ("sent_words", sympy.Max(3 * block, 7 * nodes), "upper"),
        ("received_words", 5 * nodes + 2 * block, "upper"),
        ("machines", sympy.ceiling(words_in / nodes), "exact"),
    ]
    return tuple(Bound(name, formula, values, kind, SOURCE) for name, formula, kind in rows)


LIST_RANKING = ProtocolSolver(
    problem=Problem.of_words(
        name="list-ranking",
        statement=(
            "N successors (itself or N: end); out: distance to the end, N where there is no list"
        ),
        instance=_instance,
        hard={
            "sorted": lambda n: np.arange(1, n + 1),
            "reversed": lambda n: np.maximum(np.arange(n) - 1, 0),
            "all equal": lambda n: np.full(n, n),
            "skewed": lambda n: _linked(np.arange(n)[::-1], 2 ** np.arange(n.bit_length()) - 1),
            "strided": lambda n: _linked(np.argsort(np.arange(n) % 7, kind="stable")),
            "cycle": lambda n: (np.arange(n) + 1) % n,
        },
        oracle=_oracle,
        largest_word=lambda words: max(int(words.max()), len(words)),
    ),
    regime="every epsilon > 0; 1 + ceil(log2 N) rounds",
    source=SOURCE,
    constants=(
        "a jump holds 7 words per node, T = N / P nodes, and 2 more for each predecessor that is "
        "one too many: 7 T + 2 B, so c_s = 4 at c_p = 4; on lists it uses 7 T"
    ),
    symbols={
        "K": "doublings, ceil(log2 N)",
    },
    law=JUMPS,
    not_tight=("local_memory", "received_words"),
    protocol=list_ranking,
    bounds=_bounds,
    epsilon="1/2",
)
