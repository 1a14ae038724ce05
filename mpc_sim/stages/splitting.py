"""How sample sort splits: fan-outs, strides and loads, from (N, s, P) alone.

One event is random: how large the buckets become. The records of a group have slots 0, 1, .. on its
machines; of every g slots that follow each other (a stride) one is drawn at random, so the leader
gets at most S = ceil(n / g) samples, always. The leader cuts the sorted samples into f parts of at
most q = ceil(S / f), and a bucket holds the samples of one part.

Take w records that are neighbours in order. Each is drawn with probability p >= 1 / g - 2^-32, and
those of different strides independently, so the samples among them are a sum of at most w
independent indicators with mean at least w p. For q <= w p such a sum is at most q with probability
at most exp(-h), h = q ln(q / (w p)) + (w - q) ln((w - q) / (w - w p)) (Chernoff 1952; unequal
probabilities only make it less likely, Hoeffding 1956, theorem 1).

Let w be the least with h >= ln(E / delta), and look at the windows of w neighbours that start at
every d-th record of a group, E windows in all: with probability 1 - delta each of them holds more
than q samples. Then a bucket holds at most w + d - 2 records, for otherwise it would contain a
window. The windows are those of the order that the input has: the bound holds for every input.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mpc_sim.integers import ceil_div
from mpc_sim.records import Words
from mpc_sim.stages.tree import Tree, plan_tree

RECORD_WORDS = 2
MAX_LEVELS = 6
GRAIN = 2.0**-32
"""A slot of a stride is drawn with probability 1 / g up to this (``random_below``)."""

OVERSAMPLING = 4
"""At most this many times ln(E / delta) samples per bucket: more hardly make buckets smaller."""


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
        Records of a machine.
    leader_load : int
        Records of the leader, the last machine of the span.
    stride : int
        g: one slot of g is drawn.
    samples : int
        S, the most samples of a group.
    tree : Tree
        Over the span; its root is the leader.
    bucket : int
        The most records of a bucket; a group with a larger one fails.
    """

    machines: int
    span: int
    fan_out: int
    load: int
    leader_load: int
    stride: int
    samples: int
    tree: Tree
    bucket: int

    @property
    def drawn(self) -> int:
        """The most samples that a machine may send."""
        return min(self.load, self.samples)

    @property
    def splitters(self) -> int:
        """The most splitters of a group."""
        return self.fan_out - 1

    @property
    def within(self) -> int:
        """The machines of a subgroup."""
        return self.machines // self.fan_out

    @property
    def received(self) -> int:
        """The most records of a machine after the level: a bucket is dealt out evenly."""
        return ceil_div(self.bucket, self.within)

    @property
    def n_rounds(self) -> int:
        """Samples to the leader, splitters down, counts up, offsets down, and the records."""
        return 2 + 3 * self.tree.levels

    @property
    def words(self) -> int:
        """The most words that a machine holds or sends on this level."""
        return max(
            RECORD_WORDS * (self.load + self.drawn),
            RECORD_WORDS * (self.leader_load + self.samples),
            RECORD_WORDS * (self.load + self.tree.arity * self.splitters),
            RECORD_WORDS * self.load + self.fan_out * (2 + self.tree.others),
            RECORD_WORDS * self.received,
        )


@dataclass(frozen=True)
class SplitPlan:
    """The levels of sample sort, outermost first, and what follows them.

    Parameters
    ----------
    levels : tuple of Level
        None where one machine holds everything.
    bucket : int
        The most records of a machine after the last level.
    tree : Tree
        Over the machines that hold a bucket then; its root is the last of them.
    """

    levels: tuple[Level, ...]
    bucket: int
    tree: Tree

    @property
    def n_machines(self) -> int:
        """M, the machines that hold a bucket at the end."""
        return self.tree.n_leaves

    @property
    def n_rounds(self) -> int:
        """Rounds until every record is in its bucket."""
        return sum(level.n_rounds for level in self.levels) if self.levels else 1

    def locate(self, round: int) -> tuple[int, int]:
        """Return (level, round of that level) of a round."""
        for number, level in enumerate(self.levels):
            if round < level.n_rounds:
                return number, round
            round -= level.n_rounds
        raise IndexError(f"round {round} after the last")

    def group(self, number: int, machine: Words) -> Words:
        """Return the first machine of the group of every machine, on a level."""
        size = self.levels[number].machines
        return np.minimum(machine // size, self.n_machines // size - 1) * size

    def to_leader(self, number: int, machine: Words) -> Words:
        """Return how many machines the leader of the group of every machine is ahead of it."""
        return self.group(number, machine) + self.levels[number].span - 1 - machine


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
    With about sqrt(s) splitters per level, log_sqrt(s) (N / s) levels suffice up to constants; the
    fan-out searched goes to 2 sqrt(s), where samples still fit a leader.
    """
    if RECORD_WORDS * n_words <= memory_words:
        return SplitPlan((), n_words, Tree(1, 2))
    widest = min(2 * math.isqrt(memory_words), n_machines)
    for depth in range(1, MAX_LEVELS + 1):
        found = [
            plan
            for fan_out in range(2, widest + 1)
            if fan_out**depth <= n_machines
            and (plan := _split(n_words, block, memory_words, fan_out, depth, inverse_failure))
        ]
        if found:
            return min(found, key=_cost)
    return None


def _cost(plan: SplitPlan) -> tuple[int, int]:
    """Return rounds, and the most words of a machine."""
    rounds = plan.n_rounds + 2 * plan.tree.levels
    return rounds, max(level.words for level in plan.levels)


def _split(
    n_words: int, block: int, memory_words: int, fan_out: int, depth: int, inverse_failure: int
) -> SplitPlan | None:
    """Return the plan with the same fan-out on every level, or None if some load does not fit."""
    n_input = ceil_div(n_words, block)
    machines = fan_out**depth
    exponent = math.log(_n_windows(fan_out, depth) * inverse_failure)
    levels: list[Level] = []
    records, load, span = n_words, min(block, n_words), max(machines, n_input)
    leader_load = load if span == n_input else 0
    for _ in range(depth):
        room = memory_words // RECORD_WORDS - leader_load
        most = min(records, room, math.ceil(OVERSAMPLING * exponent) * fan_out)
        free = memory_words - RECORD_WORDS * load
        tree = plan_tree(
            span,
            max_arity=free // RECORD_WORDS // (fan_out - 1),
            max_others=free // fan_out - 2,
        )
        if most < 1 or tree is None:
            return None
        stride = ceil_div(records, most)
        samples = ceil_div(records, stride)
        bucket = _bucket(ceil_div(samples, fan_out), stride, records, fan_out, exponent)
        level = Level(machines, span, fan_out, load, leader_load, stride, samples, tree, bucket)
        if level.words > memory_words:
            return None
        levels.append(level)
        records, machines = bucket, level.within
        span, load = machines, level.received
        leader_load = load
    n_buckets = levels[0].machines
    last = plan_tree(n_buckets, max_arity=n_buckets, max_others=memory_words - load - 2)
    return None if last is None else SplitPlan(tuple(levels), load, last)


def _n_windows(fan_out: int, depth: int) -> int:
    """Return E: 16 f + 1 windows per group.

    A group of n records has at most n / d + 1 windows with d = max(1, n' // (8 f)), n' the limit of
    its size; as floor(x) >= x / 2 for x >= 1, that is at most 16 f + 1.
    """
    groups = sum(fan_out**level for level in range(depth))
    return int(groups * (16 * fan_out + 1))


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


def _bucket(most: int, stride: int, records: int, fan_out: int, exponent: float) -> int:
    """Return the most records of a bucket of at most q = ``most`` samples: w + d - 2."""
    if stride == 1:
        return most
    between = max(1, records // (8 * fan_out))
    probability = 1 / stride - GRAIN

    def holds_more(window: int) -> bool:
        if window * probability <= most:
            return False
        return _deviation(most, window, probability) >= exponent

    return min(records, _least(most + 1, records + 1, holds_more) + between - 2)
