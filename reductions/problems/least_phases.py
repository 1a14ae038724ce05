"""The fewest phases of maximal matching by filtering, from n, m, s and M by its theorem alone.

Claims use this and not the plan by which the protocol runs: with a phase too many it takes three
rounds more than is claimed of it.

n vertices, m edges, M machines of T edges each, of which z may be sampled; K phases; N words. The
protocol fails with probability at most 1 / N: half of that for samples that are too large, M in
each of K phases, and half for edges that are left, after each of them.
"""

from __future__ import annotations

import math

from mpc_sim.inputs.graphs import GraphShape


def least_phases(shape: GraphShape, machines: int, held: int, quota: int) -> int:
    """Return K, the least with (A / R)^(K - 1) m <= R, in whole edges.

    Of r edges that are left R are sampled on average, and the matching of a sample leaves at most
    r A / R edges (Lattanzi et al., SPAA 2011) where A = n ln 2 + ln(2 K N). R is the most for which
    a machine has more than z samples with probability 1 / (2 K M N) at most.

    Parameters
    ----------
    shape : GraphShape
    machines : int
        M.
    held : int
        T; all edges are sampled at once where z is as large.
    quota : int
        z.

    Raises
    ------
    ValueError
        No number of phases suffices: the protocol does not fit this cluster either.
    """
    phases, left = 1, shape.n_edges
    while quota < held:
        unlikely = math.log(2 * phases * shape.n_words)
        after = shape.n_vertices * math.log(2) + unlikely
        sampled = _mean(quota, unlikely + math.log(machines)) * shape.n_edges / held
        left = shape.n_edges
        for _ in range(phases - 1):
            left = math.floor(left * after / sampled)
        if left <= sampled:
            break
        if sampled <= after:  # and with more phases A is larger, and R smaller
            raise ValueError(f"{left} edges are left by all phases whose samples fit a machine")
        phases += 1
    return phases


def _mean(quota: int, unlikely: float) -> float:
    """Return the mean l at which more than z samples are as unlikely as exp(-t).

    By Chernoff's bound the exponent is c ln(c / l) - c + l, c = z + 1: it is t where u = l / c
    solves u - ln u = 1 + t / c, u < 1. The left side is convex and falls, so Newton's steps from
    u = exp(-1 - t / c), where it is too large by u, rise to the root and never pass it.
    """
    wanted = 1 + unlikely / (quota + 1)
    share = math.exp(-wanted)
    step = share
    while step > 1e-15 * share:
        step = share * (share - math.log(share) - wanted) / (1 - share)
        share += step
    return share * (quota + 1)
