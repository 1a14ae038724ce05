"""k-hop over few letters by a prefix scan of copy maps: bounds and regime."""

from __future__ import annotations

import sympy

from mpc_sim import Cluster
from mpc_sim.algorithms.k_hop_scan import k_hop_scan, largest_copy_word
from reductions.bounds import Bound
from reductions.problems.k_hop import HOPS, K_HOP, K_HOP_PROBLEM
from reductions.problems.laws import AT_MOST_FOUR
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.problems.sequences import N_LETTERS
from reductions.problems.sort_and_scan import scan_bounds

SOURCE = "this project; prefix scans: section on prefix sums of arXiv 1101.1902"


def _bounds(n: int, cluster: Cluster, k: int = HOPS, letters: int = N_LETTERS) -> tuple[Bound, ...]:
    """A letters, k hops; a copy map has A k + 2 words. No hop needs no round."""
    if k == 0:
        return K_HOP.bounds(n, cluster, k=k)
    words = sympy.Symbol("A", integer=True) * sympy.Symbol("k", integer=True) + 2
    return scan_bounds(cluster, SOURCE, words, A=letters, k=k)


K_HOP_SCAN = ProtocolSolver(
    problem=K_HOP_PROBLEM,
    way="scan",
    regime=(
        "A letters with A k <= s^(1 - Omega(1)); one round where B + (A k + 2) (M - 1) <= s for "
        "M = ceil(N / B), else 4 where B + (A k + 2) (1 + q) <= s, q <= 2 ceil(M^(1/2)) - 2"
    ),
    source=SOURCE,
    symbols={
        **K_HOP.symbols,
        "A": "letters",
        "k": "hops",
        "q": "children on other machines of machine 0, over all levels",
    },
    law=AT_MOST_FOUR,
    constants="copy maps beside a block: c_s = 2 or more; a larger c_s is taken to save rounds",
    protocol=lambda n, k=HOPS, letters=N_LETTERS: k_hop_scan(k, letters),
    bounds=_bounds,
    back_up_to=64,
    of_shape=lambda shape: {"letters": shape.largest_word},
    largest_sent=lambda shape: largest_copy_word(shape.largest_word, shape["k"]),
)
