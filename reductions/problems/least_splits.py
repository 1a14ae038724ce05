"""The fewest levels of sample sort, and its loads, from N, s and P by its theorem alone.

Claims use this and not the plan by which the protocol runs. Of all plans that the inequalities
below admit, what is returned has the fewest levels, then the fewest rounds, then the fewest words
per machine, then the least fan-out f: one that is worse in the first two takes more rounds than is
claimed of it, one with larger fan-outs or trees more words or machines.

L levels split N records of two words into f^L buckets, f groups of a group, each level as follows.
A group of n records on machines of at most x, its leader with y of them, draws one record of every
g that follow each other, S = ceil(n / g) in all, as many as a leader has room for, but no more than
4 H for each bucket. The S samples are cut into f parts of q = ceil(S / f). The records lie in
windows of w neighbours that start d = max(1, n // (8 f)) apart, 16 f + 1 windows of a group at
most, E of all groups. A window has at most q samples with probability at most
exp(-w D(q / w || p)), p = 1 / g - 2^-32, D the relative entropy (Chernoff 1952; Hoeffding 1956,
theorem 1). If that is at most exp(-H), H = ln(E N), all windows have more with probability
1 - 1 / N, and then a bucket contains none of them: it has at most w + d - 2 records.

Splitters go down, counts up and offsets down a tree over the machines of the group; its arity a and
its children q' on other machines leave room for a (f - 1) splitters of two words, and for f (2 +
q') counts, beside 2 x words.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from mpc_sim import Cluster
from mpc_sim.integers import ceil_div
from reductions.problems.least_depths import LeastTree, tree_within

MOST_LEVELS = 8
PER_BUCKET = 4
"""Samples of a bucket, in units of H."""

GRAIN = 2.0**-32
"""A probability of drawing is 1 / g up to this."""


@dataclass(frozen=True)
class LeastSplit:
    """One level: what machines hold before and after it, samples, fan-out and tree."""

    load: int
    leader: int
    samples: int
    fan_out: int
    tree: LeastTree
    received: int

    @property
    def words(self) -> int:
        """The most words of a machine."""
        own, drawn = 2 * self.load, min(self.load, self.samples)
        splitters = 2 * self.tree.arity * (self.fan_out - 1)
        counts = self.fan_out * (2 + self.tree.others)
        at_leader = 2 * (self.leader + self.samples)
        return max(own + max(2 * drawn, splitters, counts), at_leader, 2 * self.received)


@dataclass(frozen=True)
class LeastSplits:
    """All levels; then buckets of at most so many records, and a tree that ranks them."""

    levels: tuple[LeastSplit, ...]
    bucket: int
    tree: LeastTree

    @property
    def cost(self) -> tuple[int, int]:
        """Rounds that depend on the choice, and the most words of a machine."""
        trees = sum(2 + 3 * level.tree.levels for level in self.levels)
        return trees + 2 * self.tree.levels, max(level.words for level in self.levels)


def least_splits(cluster: Cluster) -> LeastSplits:
    """Return the least levels and loads that sort N words but with probability 1 / N.

    Raises
    ------
    ValueError
        No number of levels suffices: sample sort does not fit this cluster either.
    """
    words, memory, machines = cluster.n_words, cluster.memory_words, cluster.n_machines
    return _least_splits(words, cluster.block_words, memory, machines)


@lru_cache(maxsize=4096)
def _least_splits(words: int, block: int, memory: int, machines: int) -> LeastSplits:
    if 2 * words <= memory:
        return LeastSplits((), words, LeastTree(1, 0, 2))
    for depth in range(1, MOST_LEVELS + 1):
        # buckets of N / f^L records on average fit s, groups fit P, and f^2 <= 4 s
        fan_outs = range(2, min(2 * math.isqrt(memory), machines) + 1)
        fitting = (f for f in fan_outs if 2 * words <= memory * f**depth and f**depth <= machines)
        found = [one for f in fitting if (one := _splits(words, block, memory, f, depth))]
        if found:
            return min(found, key=lambda one: one.cost)
    raise ValueError(f"{words} records are not split on {machines} machines of {memory} words")


def _splits(words: int, block: int, memory: int, fan_out: int, depth: int) -> LeastSplits | None:
    buckets, inputs = fan_out**depth, ceil_div(words, block)
    groups = (buckets - 1) // (fan_out - 1)
    unlikely = math.log(groups * (16 * fan_out + 1) * words)
    levels: list[LeastSplit] = []
    records, load, span = words, min(block, words), max(buckets, inputs)
    leader = load if span == inputs else 0
    for below in reversed(range(depth)):
        room = min(records, memory // 2 - leader, math.ceil(PER_BUCKET * unlikely) * fan_out)
        free = memory - 2 * load
        arity, others = free // 2 // (fan_out - 1), free // fan_out - 2
        tree = tree_within(span, arity, others)
        if room < 1 or tree is None:
            return None
        stride = ceil_div(records, room)
        samples = ceil_div(records, stride)
        part = ceil_div(samples, fan_out)
        if stride > 1:
            apart = max(1, records // (8 * fan_out))
            part = min(records, _window(part, 1 / stride - GRAIN, unlikely) + apart - 2)
        received = ceil_div(part, fan_out**below)
        levels.append(LeastSplit(load, leader, samples, fan_out, tree, received))
        if levels[-1].words > memory:
            return None
        records, load, leader, span = part, received, received, fan_out**below
    last = tree_within(buckets, buckets, memory - load - 2)
    return None if last is None else LeastSplits(tuple(levels), load, last)


def _window(part: int, chance: float, unlikely: float) -> int:
    """Return the least w > q / p with w D(q / w || p) >= H.

    The left side h is convex in w, with slope ln((1 - q / w) / (1 - p)), and at least
    (w p - q)^2 / (2 w p); so Newton's steps from where that is H fall to the root and never pass
    it.
    """
    window = (part + unlikely + math.sqrt(unlikely**2 + 2 * part * unlikely)) / chance
    step = window
    while step > 1e-7:
        mean, rest = window * chance, window - part
        ratio = math.log1p((mean - part) / (window * (1 - chance)))
        step = (part * math.log(part / mean) + rest * ratio - unlikely) / ratio
        window -= step
    return math.ceil(window)
