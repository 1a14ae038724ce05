"""k-hop for k = 16 as an algorithm: bounds, oracle and hard inputs."""

from __future__ import annotations

import numpy as np
import sympy

from mpc_sim import Cluster, Protocol
from mpc_sim.algorithms.k_hop import k_hop
from reductions.algorithms.algorithm import HARD_SEQUENCES, Algorithm, Words
from reductions.algorithms.sort_and_scan import QUANTITIES
from reductions.bounds import Bound
from reductions.tasks.k_hop import k_hop_bounds, k_hop_oracle

K = 16


def _instance(n: int, seed: int) -> Words:
    return np.random.default_rng(seed).integers(0, 4, n)


def _bounds(protocol: Protocol, cluster: Cluster) -> tuple[Bound, ...]:
    """The rows of the protocol; those of the transformer belong to the task."""
    with sympy.evaluate(False):  # comparing the terms of a maximum of symbols takes sympy long
        bounds = k_hop_bounds(cluster, K)
    return tuple(bound for bound in bounds if bound.quantity in QUANTITIES)


K_HOP = Algorithm(
    name="k_hop",
    statement="N letters; out: 1 + the letter 16 hops back, 0 if there is none",
    regime="gamma = 0; depth d of the sort for epsilon >= (2/3)^d, 4^d + 3 + bit_length(k) rounds",
    source="doubling (arXiv 2402.09268), columnsort (Leighton 1985)",
    constants=(
        "the sort of records of 2 words needs 2 * 1.26 N^(2/3) words at depth 1, so c_s = 4 at "
        "epsilon = 2/3; a hop needs 5 T words, T = ceil(N / P), so c_p = 2 there"
    ),
    protocol=lambda n: k_hop(K),
    instance=_instance,
    hard={**HARD_SEQUENCES, "one letter": lambda n: np.zeros(n, np.int64)},
    oracle=lambda words: k_hop_oracle(words, K),
    bounds=_bounds,
    largest_word=lambda words: int(words.max()) + 1,
)
