"""How two square matrices are cut into tiles, from (a, s, P) alone.

Axes: a the side of the matrices, b the side of a tile, q = ceil(a / b) tiles per side.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mpc_sim.integers import ceil_div
from mpc_sim.records import Words
from mpc_sim.stages.tree import Tree, plan_tree


@dataclass(frozen=True)
class TilePlan:
    """How two matrices are cut.

    Parameters
    ----------
    side : int
        a.
    tile : int
        b.
    copies : Tree
        Over the q machines that need a tile.
    sums : Tree
        Over the q partial products of a tile.
    """

    side: int
    tile: int
    copies: Tree
    sums: Tree

    @property
    def n_tiles(self) -> int:
        """q, tiles per side."""
        return ceil_div(self.side, self.tile)

    @property
    def n_workers(self) -> int:
        """Machines that multiply: q^3."""
        return int(self.n_tiles**3)

    @property
    def n_rounds(self) -> int:
        """Load, copy, sum, write."""
        return 2 + self.copies.levels + self.sums.levels

    @property
    def tile_words(self) -> int:
        """Entries of a tile, b^2."""
        return self.tile * self.tile

    def at(self, machines: Words) -> tuple[Words, Words, Words]:
        """Return (i, j, k) of machines."""
        q = self.n_tiles
        return machines // (q * q), machines // q % q, machines % q

    def length(self, index: Words) -> Words:
        """Return how many rows or columns the tiles with an index have."""
        return np.minimum(self.tile, self.side - index * self.tile)

    def workers(self, machines: Words) -> Words:
        """Return those of the machines that multiply."""
        return machines[machines < self.n_workers]

    def product_size(self, machines: Words) -> Words:
        """Return the entries of the partial product of machines."""
        i, j, _ = self.at(machines)
        return self.length(i) * self.length(j)


@lru_cache(maxsize=1024)
def plan_tiles(side: int, memory_words: int, n_machines: int, block_words: int) -> TilePlan | None:
    """Return the cut with the fewest rounds, and of these the fewest machines, or None.

    Two tiles are copied to f machines each, so 2 f b^2 <= s; g partial products meet, so
    g b^2 <= s.
    """
    best: TilePlan | None = None
    q = 1
    while q**3 <= n_machines and q <= side:
        tile = ceil_div(side, q)
        n_tiles, words = ceil_div(side, tile), tile * tile
        if max(block_words, 2 * words) <= memory_words:
            copies = plan_tree(n_tiles, max_arity=memory_words // (2 * words))
            sums = plan_tree(n_tiles, max_arity=memory_words // words)
            if copies is not None and sums is not None:
                plan = TilePlan(side, tile, copies, sums)
                if best is None or plan.n_rounds < best.n_rounds:
                    best = plan
        q += 1
    return best
