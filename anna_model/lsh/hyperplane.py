"""Random hyperplanes (Charikar, STOC 2002): which side of a plane through the origin."""

from __future__ import annotations

from dataclasses import dataclass
from math import asin, pi

import numpy as np

from anna_model.lsh.family import (
    Family,
    HashFunctions,
    code_form,
    require_angle_distance,
    require_sizes,
    table_generator,
)
from anna_model.lsh.projections import SIGN, Projections


@dataclass(frozen=True)
class Hyperplane(Family):
    """The sign of the scalar product with a Gaussian vector.

    Notes
    -----
    Unit vectors at the angle theta collide with probability 1 - theta / pi exactly.

    Examples
    --------
    >>> round(Hyperplane().collision_probability(2**0.5, 64), 12)
    0.5
    >>> drawn = Hyperplane().sample(3, tables=2, hashes=5, seed=0)
    >>> ids = drawn.bucket_ids(np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]]))
    >>> ids.shape, bool((ids[0] == ids[1]).all()), drawn.n_codes
    ((2, 2), True, 32)
    """

    def sample(self, m: int, tables: int, hashes: int, *, seed: int) -> HashFunctions:
        require_sizes(m, tables, hashes, seed)
        directions = np.stack(
            [table_generator(seed, u).standard_normal((hashes, 1, m)) for u in range(tables)]
        )
        form = code_form(2, hashes, seed)
        return Projections(m, 2, *form, directions, np.zeros((tables, hashes)), SIGN)

    def collision_probability(self, distance: float, m: int) -> float:
        require_angle_distance(distance)
        return 1 - 2 * asin(distance / 2) / pi
