"""Logarithm of the collision probability of a family, as a table that can be differentiated.

Axes: n nodes at distances D between unit vectors.
"""

from __future__ import annotations

from functools import lru_cache
from math import log

import numpy as np

from anna_model.frozen_arrays import FloatArray
from anna_model.lsh.family import Family

NODES = 129
"""Nodes on the distances 0 .. 2."""

LEAST = 1e-12
"""A probability below this counts as this: antipodes never collide, and log 0 has no slope."""


@lru_cache(maxsize=8)
def log_collision_table(family: Family, m: int) -> FloatArray:
    """Tabulate ln p(D) at D = 0, 2/(n-1), .., 2 for rows of width m: float64[n]."""
    distances = np.linspace(0, 2, NODES)
    return np.array([log(max(family.collision_probability(d, m), LEAST)) for d in distances])
