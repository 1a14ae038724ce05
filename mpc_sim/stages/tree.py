"""Trees over machine ids whose inner nodes are machines themselves.

Axes: M leaves, arity a, L levels. Node g of level l stands for the machines from g a^l to
(g+1) a^l - 1 and lives on the first of them; level 0 holds the machines, level L the root, on
machine 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mpc_sim.integers import ceil_div
from mpc_sim.records import Words


@dataclass(frozen=True)
class Tree:
    """A tree of arity a over the machines 0 .. M - 1."""

    n_leaves: int
    arity: int

    @property
    def levels(self) -> int:
        """L, the least with a^L >= M."""
        levels, reach = 0, 1
        while reach < self.n_leaves:
            levels, reach = levels + 1, reach * self.arity
        return levels

    def reach(self, level: int) -> int:
        """Return the machines below a node of a level, and between two of them: a^level."""
        return int(self.arity**level)

    def children(self, level: int) -> int:
        """Return the most children that a node of a level >= 1 has: those of node 0."""
        return min(self.arity, ceil_div(self.n_leaves, self.reach(level - 1)))

    @property
    def most_children(self) -> int:
        """The most children of any node: those of the node above machine 0; 0 without a level."""
        return self.children(1) if self.levels else 0

    @property
    def others(self) -> int:
        """Children on other machines that machine 0 has, all its nodes together."""
        return sum(self.children(level) - 1 for level in range(1, self.levels + 1))

    def hosts(self, level: int, machines: Words) -> NDArray[np.bool_]:
        """Return which machines carry a node of a level."""
        on_level: NDArray[np.bool_] = machines % self.reach(level) == 0
        return on_level & (machines < self.n_leaves)

    def parent(self, level: int, machines: Words) -> Words:
        """Return the machine of the node above, for nodes of a level."""
        return machines - machines % self.reach(level + 1)

    def n_children(self, level: int, machines: Words) -> Words:
        """Return how many children each node of a level >= 1 has."""
        below = self.reach(level - 1)
        return np.minimum(self.arity, (self.n_leaves - machines + below - 1) // below)


@lru_cache(maxsize=1024)
def plan_tree(n_leaves: int, *, max_arity: int, max_others: int | None = None) -> Tree | None:
    """Return the tree of the fewest levels that fits, and of these the one of least arity.

    Parameters
    ----------
    n_leaves : int
        M, at least 1.
    max_others : int, optional
        Bound on ``Tree.others``.

    Returns
    -------
    Tree or None
        None if not even arity 2 fits.
    """
    levels = 0
    while True:
        tree = Tree(n_leaves, _root(n_leaves, levels) if levels else 2)
        fits = levels == 0 or tree.arity <= max_arity
        fits &= max_others is None or tree.others <= max_others
        if tree.levels == levels and fits:
            return tree
        if tree.levels <= levels and tree.arity == 2:
            return None
        levels += 1


def _root(number: int, levels: int) -> int:
    """Return the least a >= 2 with a^levels >= number."""
    low, high = 1, 2
    while high**levels < number:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        if middle**levels < number:
            low = middle
        else:
            high = middle
    return high
