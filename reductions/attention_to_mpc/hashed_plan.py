"""Funnels: how many meta machines a layer wants when its buckets are hashed, and what they hold.

Every bucket has a tree over the M leaf machines, of arity d and L levels, whose nodes are hashed to
machines. Node q of level t receives from the leaf machines q d^t to (q + 1) d^t - 1, through at
most d children; only nodes with a leaf that uses the bucket exist. Leaf machines have at most R
queries and keys together, so the nodes of one level receive from at most R children. A machine that
receives from at most B of them on every level keeps L B records.

The hash is taken for a random function of (seed, layer, level, bucket, node). Then what a machine
receives on one level is a sum of independent terms, one per node, in 0 .. d, of mean at most mu =
R (1 / P + 2^-64), and Chernoff's bound gives

    Pr[more than B] <= exp(-((B + 1) ln((B + 1) / mu) - (B + 1) + mu) / d).

P L such events, all machines and levels of a layer, are to happen with probability 1 / F at most, F
the larger of 100 and n. With mu = B / 8 that asks d <= 1.2 B / ln(P L F): a power of N as B is, up
to logarithms, so L = log_d M = O(1 / (eps' - eps)), where columnsort takes a power of that. The
claim is with high probability over the seed and holds for every input; a machine that receives more
raises `ChannelExceeded`, and another seed is tried.

Axes: n tokens, H heads, l tables, d row width or arity, w words of a record.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import ClassVar

from mpc_sim import ShapeError
from mpc_sim.integers import ceil_div
from reductions.attention_to_mpc.plan import LayerPlan, TokenPlan

GRAIN = 2.0**-64
"""A machine is a word of 64 bits modulo P: drawn with probability 1 / P up to this."""

SPREAD = 8
"""A machine receives at least an eighth of what it may, on average: P <= 8 R / B, rounded up."""

LEAST_INVERSE_FAILURE = 100


@dataclass(frozen=True)
class Funnel:
    """The trees of all buckets of a layer.

    Parameters
    ----------
    n_leaves : int
        M, leaf machines.
    arity, levels : int
        d and L, the least with d^L >= M.
    capacity : int
        B, the most children that a machine may receive from on one level.
    machines : int
        P, to which nodes are hashed.
    inverse_failure : int
        F.
    """

    n_leaves: int
    arity: int
    levels: int
    capacity: int
    machines: int
    inverse_failure: int


@lru_cache(maxsize=1024)
def plan_funnel(n_leaves: int, n_elements: int, room: int, inverse_failure: int) -> Funnel:
    """Return the funnel of the fewest levels that fits, and of these that of the fewest machines.

    Parameters
    ----------
    n_leaves : int
        M.
    n_elements : int
        R, the most that is received on one level, all machines together.
    room : int
        Records that a machine may keep, all levels together.
    inverse_failure : int
        F.

    Raises
    ------
    ShapeError
        The room is too small.
    """
    if n_leaves == 1:
        return Funnel(1, 2, 0, 0, 1, inverse_failure)
    levels = 0
    while (levels := levels + 1) <= max(1, (n_leaves - 1).bit_length()):
        arity, capacity = _arity(n_leaves, levels), room // levels
        if capacity < 1:
            break
        low, high = ceil_div(n_elements, capacity) - 1, ceil_div(SPREAD * n_elements, capacity)
        if not _holds(n_elements, high, arity, levels, capacity, inverse_failure):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            if _holds(n_elements, middle, arity, levels, capacity, inverse_failure):
                high = middle
            else:
                low = middle
        return Funnel(n_leaves, arity, levels, capacity, high, inverse_failure)
    raise ShapeError(
        f"machines with room for {room} records do not hold hashed buckets of {n_elements} records "
        f"from {n_leaves} machines, but with probability above 1/{inverse_failure}: raise "
        "memory_words, or sort the buckets",
        room=room,
    )


def _arity(n_leaves: int, levels: int) -> int:
    """Return the least d >= 2 with d^levels >= n_leaves."""
    low, high = 1, max(2, n_leaves)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if middle**levels >= n_leaves else (middle, high)
    return high


def _holds(
    n_elements: int, machines: int, arity: int, levels: int, capacity: int, inverse_failure: int
) -> bool:
    """Return whether the bound of the module stays below 1 / F."""
    if n_elements <= capacity:
        return True
    mean, more = n_elements * (1 / machines + GRAIN), capacity + 1
    if mean >= more:
        return False
    exponent = (more * math.log(more / mean) - more + mean) / arity
    return exponent >= math.log(machines * levels) + math.log(inverse_failure)


@dataclass(frozen=True)
class HashedPlan(LayerPlan):
    """A layer whose buckets are hashed: a leaf machine keeps its rows, and hosts nodes of trees.

    Notes
    -----
    T_leaf = floor(s / (2 H w + 4 d)): the questions of the pairs fit, and the rows of the leaves
    and of the tokens that wait, at most 2 T_leaf d words, leave half of the memory to the trees.
    """

    @cached_property
    def leaf_pairs(self) -> int:
        """T_leaf."""
        shape = self.shape
        return self.memory_words // (2 * shape.n_heads * shape.record_words + 4 * shape.row_words)

    @property
    def inverse_failure(self) -> int:
        """F."""
        return max(LEAST_INVERSE_FAILURE, self.shape.n_tokens)

    @cached_property
    def funnel(self) -> Funnel:
        """The trees of the buckets."""
        kept = self.leaves.held * self.shape.row_words
        return plan_funnel(
            self.leaves.machines(self.shape.n_tokens),
            self.shape.n_records,
            (self.free_words - kept) // self.shape.record_words,
            self.inverse_failure,
        )

    @cached_property
    def least_machines(self) -> int:
        """Machines that the layer wants."""
        levels = (level.machines(self.shape.n_tokens) for level in (self.levels[0], *self.levels))
        return max(*levels, self.funnel.machines)

    def scan_fits(self, n_machines: int) -> bool:
        """Return whether the tree of the scan fits: there is none."""
        return True


@dataclass(frozen=True)
class HashedTokenPlan(TokenPlan):
    """A whole transformer on machines to which buckets are hashed."""

    of_layer: ClassVar[type[LayerPlan]] = HashedPlan
    avoids_one_machine = True
