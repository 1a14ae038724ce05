"""How maximal matching samples: rates, phases and quotas, from (n, m, M, s) alone.

Axes: n vertices, m edges, M machines of T edges, s words of memory, K phases.

A phase samples every edge that is left with probability p. A maximal matching of the sample leaves
a set I of unmatched vertices without a sampled edge inside. For a fixed set with more than x edges
inside that has probability at most (1 - p)^(x+1) < exp(-p (x + 1)), and there are at most 2^n sets,
so more than x edges are left with probability at most 1 / E for x = floor((n ln 2 + ln E) / p)
(Lattanzi et al., SPAA 2011).

Edges lie on machines in a random order that is independent of the samples, so a machine of T of
the m places holds a number X of sampled ones whose moment generating function is at most that of
the binomial of mean l = r p T / m, r the edges that are left: a hypergeometric number is dominated
by the binomial in the convex order (Hoeffding 1963, theorem 4). Hence P[X > z] <= exp(-h) with
h = (z + 1) ln((z + 1) / l) - (z + 1) + l (Chernoff). A machine with more than z sampled edges sends
an alarm instead.

There are K - 1 events of the first kind and K M of the second; each is given 1 / (2 K / delta) and
1 / (2 K M / delta), so that all hold together with probability 1 - delta.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

CERTAIN = 1 << 32
"""A sampling rate is an integer over this."""

MAX_PHASES = 32


@dataclass(frozen=True)
class MatchingPlan:
    """Rates and loads of all phases.

    Parameters
    ----------
    held : int
        T, the most edges of a machine.
    quota : int
        z, the most sampled edges that a machine may send.
    left : tuple of int
        The most edges before every phase, with the probability of the module.
    rates : tuple of int
        An edge is sampled with probability rate / 2^32; in the last phase all are.
    """

    held: int
    quota: int
    left: tuple[int, ...]
    rates: tuple[int, ...]

    @property
    def n_phases(self) -> int:
        """K."""
        return len(self.rates)


@lru_cache(maxsize=1024)
def plan_matching(
    n_vertices: int,
    n_edges: int,
    n_machines: int,
    memory_words: int,
    held: int,
    inverse_failure: int,
) -> MatchingPlan | None:
    """Return the plan of the fewest phases, or None.

    Machine 0 keeps T edges of 3 words, and receives z sampled edges of 2 words and an alarm from
    each of the M machines: 3 T + (2 z + 1) M <= s.
    """
    quota = min(held, (memory_words - 3 * held - n_machines) // (2 * n_machines))
    if quota == held:
        return MatchingPlan(held, quota, (n_edges,), (CERTAIN,))
    if quota < 1:
        return None
    for phases in range(1, MAX_PHASES + 1):
        tail = math.log(2 * phases * n_machines * inverse_failure)
        most = _mean(quota, tail) * n_edges / held
        leaving = n_vertices * math.log(2) + math.log(2 * phases * inverse_failure)
        left, rates = [n_edges], [_rate(most, n_edges)]
        while rates[-1] < CERTAIN and rates[-1] > 0 and len(rates) < phases:
            after = math.floor(leaving * CERTAIN / rates[-1])
            left.append(min(left[-1], after))
            rates.append(_rate(most, left[-1]))
        if rates[-1] == CERTAIN:
            return MatchingPlan(held, quota, tuple(left), tuple(rates))
    return None


def _rate(most: float, left: int) -> int:
    """Return the rate at which ``most`` of the edges that are left are sampled on average."""
    return CERTAIN if most >= left else math.floor(most / left * CERTAIN)


def _mean(quota: int, tail: float) -> float:
    """Return the largest mean l for which more than z are as unlikely as exp(-tail)."""
    low, high = 0.0, float(quota + 1)
    for _ in range(64):
        middle = (low + high) / 2
        count = quota + 1
        exponent = count * math.log(count / middle) - count + middle
        low, high = (middle, high) if exponent >= tail else (low, middle)
    return low
