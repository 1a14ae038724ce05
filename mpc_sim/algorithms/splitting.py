"""How sample sort splits: fan-outs, sampling rates and declared loads, from (N, s, P) alone.

Every limit comes from one tail bound on the number X of successes in n independent trials of
probability p (Chernoff 1952): P[X >= x] <= exp(-h) for x >= n p, and P[X <= x] <= exp(-h) for
x <= n p, with h = x ln(x / (n p)) + (n - x) ln((n - x) / (n - n p)). Each event is given
h >= ln(E / delta), E the number of events, so that all hold together with probability 1 - delta:

- the leader of a group gets at most S samples;
- a window of w neighbouring records holds more than q = ceil(S / f) samples. Windows start at every
  g-th record of a group; a bucket holds at most q samples, so it holds at most w + g - 2 records;
- a machine of a group receives at most L of the records that are spread over it.

The windows are those of the order that the input has: the bound holds for every input.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mpc_sim.integers import ceil_div
from mpc_sim.records import Words

RECORD_WORDS = 2
MAX_LEVELS = 6
CERTAIN = 1 << 32
"""A sampling rate is an integer over this."""

OVERSAMPLING = 4
"""At most this many times ln(E / delta) samples a bucket: more do not make buckets much smaller."""


@dataclass(frozen=True)
class Level:
    """One level: every group splits its records into f buckets, one for each of its subgroups.

    Parameters
    ----------
    machines : int
        G, the machines of a group.
    span : int
        Machines that hold records of a group; more than G only where the input does not fit G.
    fan_out : int
        f.
    load : int
        L, records of a machine.
    leader_load : int
        Records of the leader, the last machine of the span.
    rate : int
        A record is sampled with probability rate / 2^32.
    samples : int
        S, the most samples of a group.
    arity : int
        The splitters reach ``arity`` times as many machines in every round.
    """

    machines: int
    span: int
    fan_out: int
    load: int
    leader_load: int
    rate: int
    samples: int
    arity: int

    @property
    def drawn(self) -> int:
        """The most samples that a machine may send."""
        return min(self.load, self.samples)

    @property
    def splitters(self) -> int:
        """The most splitters of a group."""
        return self.fan_out - 1

    @property
    def broadcast_rounds(self) -> int:
        """Rounds until the splitters have reached the whole span."""
        rounds, reached = 0, 1
        while reached < self.span:
            rounds, reached = rounds + 1, reached * self.arity
        return rounds

    @property
    def words(self) -> int:
        """The most words that a machine holds or sends: sampling, and handing splitters on."""
        sampling = max(self.load + self.drawn, self.leader_load + self.samples)
        return RECORD_WORDS * max(sampling, self.load + self.arity * self.splitters)


@dataclass(frozen=True)
class SplitPlan:
    """The levels of sample sort, outermost first, and what a machine holds at the end.

    Parameters
    ----------
    levels : tuple of Level
        None where one machine holds everything.
    bucket : int
        The most records of a machine after the last level.

    Examples
    --------
    >>> plan = plan_splitting(4096, 43, 688, 389, 4096)
    >>> [level.fan_out for level in plan.levels], plan.n_machines, plan.bucket
    ([15, 15], 225, 318)
    """

    levels: tuple[Level, ...]
    bucket: int

    @property
    def n_machines(self) -> int:
        """M, the machines that hold a bucket at the end."""
        return self.levels[0].machines if self.levels else 1

    @property
    def n_rounds(self) -> int:
        """Rounds until every record is in its bucket."""
        if not self.levels:
            return 1
        return sum(2 + level.broadcast_rounds for level in self.levels)

    def locate(self, round: int) -> tuple[int, int]:
        """Return (level, round of that level) of a round."""
        for number, level in enumerate(self.levels):
            if round < 2 + level.broadcast_rounds:
                return number, round
            round -= 2 + level.broadcast_rounds
        raise IndexError(f"round {round} after the last")

    def group(self, number: int, machine: Words) -> Words:
        """Return the first machine of the group of every machine, on a level."""
        size = self.levels[number].machines
        return np.minimum(machine // size, self.n_machines // size - 1) * size

    @property
    def words(self) -> int:
        """The most words that a machine holds or sends."""
        return max([RECORD_WORDS * self.bucket, *(level.words for level in self.levels)])


@lru_cache(maxsize=1024)
def plan_splitting(
    n_words: int, block: int, memory_words: int, n_machines: int, inverse_failure: int
) -> SplitPlan | None:
    """Return the plan of the fewest levels, then rounds, then words that fits, or None.

    Parameters
    ----------
    n_words : int
        N, the records of two words to sort.
    block : int
        Records of a machine at the start.
    memory_words : int
        s.
    n_machines : int
        P.
    inverse_failure : int
        1 / delta.

    Notes
    -----
    With about sqrt(s) splitters a level, log_sqrt(s) (N / s) levels suffice up to constants; the
    fan-out searched goes to 2 sqrt(s), where samples still fit a leader.
    """
    if RECORD_WORDS * n_words <= memory_words:
        return SplitPlan((), n_words)
    widest = min(2 * math.isqrt(memory_words), n_machines)
    for depth in range(1, MAX_LEVELS + 1):
        found = [
            plan
            for fan_out in range(2, widest + 1)
            if fan_out**depth <= n_machines
            and (plan := _split(n_words, block, memory_words, fan_out, depth, inverse_failure))
        ]
        if found:
            return min(found, key=lambda plan: (plan.n_rounds, plan.words))
    return None


def _split(
    n_words: int, block: int, memory_words: int, fan_out: int, depth: int, inverse_failure: int
) -> SplitPlan | None:
    """Return the plan with the same fan-out on every level, or None if some load does not fit."""
    n_input = ceil_div(n_words, block)
    machines = fan_out**depth
    exponent = math.log(_n_events(fan_out, depth) * inverse_failure)
    levels: list[Level] = []
    records, load, span = n_words, min(block, n_words), max(machines, n_input)
    leader_load = load if span == n_input else 0
    for _ in range(depth):
        samples = min(
            records,
            memory_words // RECORD_WORDS - leader_load,
            math.ceil(OVERSAMPLING * exponent) * fan_out,
        )
        rate = _rate_for(samples, records, exponent)
        spare = memory_words // RECORD_WORDS - load
        arity = min(span, spare // (fan_out - 1))
        if rate == 0 or arity < 2:
            return None
        level = Level(machines, span, fan_out, load, leader_load, rate, samples, arity)
        if level.words > memory_words:
            return None
        levels.append(level)
        records = _bucket(level, records, exponent)
        machines = span = machines // fan_out
        load = leader_load = _spread(records, machines, exponent)
        if RECORD_WORDS * load > memory_words:
            return None
    return SplitPlan(tuple(levels), load)


def _n_events(fan_out: int, depth: int) -> int:
    """Return E: on each level a leader a group, 8 f + 1 windows a group, and f^depth loads.

    A group of n records has at most n / g + 1 windows with g = max(1, n' // (8 f)), n' the limit of
    its size; as floor(x) >= x / 2 for x >= 1, that is at most 16 f + 1.
    """
    groups = sum(fan_out**level for level in range(depth))
    return int(groups * (16 * fan_out + 2) + depth * fan_out**depth)


def _deviation(count: int, trials: int, probability: float) -> float:
    """Return h, the exponent of the tail bound."""
    exponent = 0.0
    for part, share in ((count, probability), (trials - count, 1 - probability)):
        if part:
            exponent += part * math.log(part / (trials * share))
    return exponent


def _least(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Return the least integer of low .. high that holds; high if none below it does."""
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _rate_for(samples: int, records: int, exponent: float) -> int:
    """Return the largest rate at which more than ``samples`` of the records are unlikely drawn."""
    if samples >= records:
        return CERTAIN

    def too_often(rate: int) -> bool:
        if records * rate >= (samples + 1) * CERTAIN:
            return True
        return _deviation(samples + 1, records, rate / CERTAIN) < exponent

    return _least(1, CERTAIN, too_often) - 1


def _bucket(level: Level, records: int, exponent: float) -> int:
    """Return the most records of a bucket, w + g - 2."""
    most = ceil_div(level.samples, level.fan_out)
    if level.rate == CERTAIN:
        return most
    grid = max(1, records // (8 * level.fan_out))

    def holds_more(window: int) -> bool:
        if window * level.rate <= most * CERTAIN:
            return False
        return _deviation(most, window, level.rate / CERTAIN) >= exponent

    return min(records, _least(most + 1, records + 1, holds_more) + grid - 2)


def _spread(records: int, machines: int, exponent: float) -> int:
    """Return the most records of a machine when each goes to a random one of a group."""
    if machines == 1:
        return records
    share = 1 / machines + 1 / CERTAIN
    low = min(math.ceil(records * share), records)
    return _least(low, records, lambda most: _deviation(most + 1, records, share) >= exponent)
