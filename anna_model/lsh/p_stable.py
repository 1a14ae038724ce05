"""p-stable hashing with p = 2 (Datar, Immorlica, Indyk, Mirrokni, SoCG 2004): cells on a line."""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, expm1, inf, isfinite, pi, sqrt
from typing import ClassVar

import numpy as np

from anna_model.lsh.family import (
    Family,
    HashFunctions,
    code_form,
    require_sizes,
    table_generator,
)
from anna_model.lsh.projections import FLOOR, Projections


@dataclass(frozen=True)
class PStable(Family):
    """h(x) = floor((a . x + b) / w), a Gaussian, b uniform in [0, w): for rows of any length.

    Parameters
    ----------
    w : float
        Width of a cell.

    Notes
    -----
    Rows at distance D collide with probability 1 - 2 Phi(-w/D) - 2 / (sqrt(2 pi) w/D)
    (1 - exp(-w**2 / (2 D**2))) exactly. Products are taken in float64. A row 2**31 cells or more
    from the origin is rejected; -1, 1, -2, ... are the symbols 1, 2, 3, ...

    Examples
    --------
    >>> round(PStable(w=4.0).collision_probability(1.0, 64), 6)
    0.800532
    >>> ids = PStable(4.0).sample(3, tables=2, hashes=1, seed=0).bucket_ids(np.zeros((2, 3)))
    >>> bool((ids[0] == ids[1]).all())
    True
    """

    largest_distance: ClassVar[float] = inf

    w: float

    def __post_init__(self) -> None:
        if not (isfinite(self.w) and self.w > 0):
            raise ValueError(f"w must be positive and finite, not {self.w}")

    def sample(self, m: int, tables: int, hashes: int, *, seed: int) -> HashFunctions:
        require_sizes(m, tables, hashes, seed)
        directions, offsets = np.empty((tables, hashes, 1, m)), np.empty((tables, hashes))
        for u in range(tables):
            rng = table_generator(seed, u)
            for i in range(hashes):
                directions[u, i, 0] = rng.standard_normal(m) / self.w
                offsets[u, i] = rng.random()
        return Projections(m, 2**32, *code_form(2**32, hashes, seed), directions, offsets, FLOOR)

    def collision_probability(self, distance: float, m: int) -> float:
        if not (isfinite(distance) and distance >= 0):
            raise ValueError(f"a distance is finite and at least 0, not {distance}")
        cells = self.w / distance if distance > 0 else inf
        if not isfinite(cells):
            return 1.0
        # The integral over t in 0 .. w of (1 - t / w) times the density of |a . (x - y)|.
        return erf(cells / sqrt(2)) + sqrt(2 / pi) * expm1(-cells * cells / 2) / cells
