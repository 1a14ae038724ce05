"""Cross-polytope hashing (Andoni, Indyk, Laarhoven, Razenshteyn, Schmidt, NeurIPS 2015).

A random linear map, then the nearest of the vertices e_1, -e_1, e_2, ...: the coordinate of largest
magnitude, and its sign.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from anna_model.frozen_arrays import FloatArray
from anna_model.lsh.family import (
    Family,
    HashFunctions,
    code_form,
    require_angle_distance,
    require_sizes,
    table_generator,
)
from anna_model.lsh.polytope_law import same_vertex_probability
from anna_model.lsh.projections import ARGMAX, Projections

GAUSSIAN, PSEUDO_RANDOM = "gaussian", "pseudo-random"


@dataclass(frozen=True)
class CrossPolytope(Family):
    """The nearest vertex of the cross-polytope after a random map.

    Parameters
    ----------
    map : str
        "gaussian": m x m independent Gaussians; `collision_probability` is its law.
        "pseudo-random": sign flips and a Hadamard transform, in turn, on rows padded with zeros to
        a power of two, 4 at least.
    rotations : int
        Flips and transforms of the pseudo-random map.

    Notes
    -----
    The pseudo-random map costs O(m log m) per row. `collision_probability` is not its law: it is
    that of as many Gaussian directions, close for rows in general position and measurably off on
    sparse ones, which few signs reach, and for small m.

    Examples
    --------
    >>> family = CrossPolytope()
    >>> drawn = family.sample(64, tables=8, hashes=1, seed=0)
    >>> drawn.bucket_ids(np.ones((5, 64), np.float32)).shape, drawn.n_codes
    ((5, 8), 128)
    >>> round(family.collision_probability(0.3, 64), 4), round(family.rho(0.3, 2, 64), 4)
    (0.6156, 0.4404)
    """

    map: str = PSEUDO_RANDOM
    rotations: int = 3

    def __post_init__(self) -> None:
        if self.map not in (GAUSSIAN, PSEUDO_RANDOM):
            raise ValueError(f'map must be "{GAUSSIAN}" or "{PSEUDO_RANDOM}", not "{self.map}"')
        if self.rotations < 1:
            raise ValueError(f"rotations must be at least 1, not {self.rotations}")

    def sample(self, m: int, tables: int, hashes: int, *, seed: int) -> HashFunctions:
        require_sizes(m, tables, hashes, seed)
        n_vertices = 2 * self._directions(m)
        form = code_form(n_vertices, hashes, seed)
        generators = [table_generator(seed, u) for u in range(tables)]
        if self.map == GAUSSIAN:
            drawn = np.stack([rng.standard_normal((hashes, m, m)) for rng in generators])
            return Projections(m, n_vertices, *form, drawn, np.zeros((tables, hashes)), ARGMAX)
        shape = (hashes, self.rotations, n_vertices // 2)
        flips = np.stack([1.0 - 2.0 * rng.integers(0, 2, shape) for rng in generators])
        return Rotations(m, n_vertices, *form, flips)

    def collision_probability(self, distance: float, m: int) -> float:
        require_angle_distance(distance)
        return same_vertex_probability(float(distance), self._directions(m))

    def _directions(self, m: int) -> int:
        return m if self.map == GAUSSIAN else max(4, 1 << (m - 1).bit_length())


@dataclass(frozen=True, eq=False)
class Rotations(HashFunctions):
    """Functions of the largest coordinate of a row under sign flips and Hadamard transforms.

    Parameters
    ----------
    flips : float64[l, z, rotations, m']
        1 or -1; m' >= max(m, 4) a power of two.
    """

    flips: FloatArray

    def __post_init__(self) -> None:
        n_tables, n_hashes = self.flips.shape[:2]
        self._freeze("flips", np.float64, (n_tables, n_hashes, None, None))
        self._freeze("times", np.uint64, (None, n_hashes))
        self._freeze("plus", np.uint64, (len(self.times),))
        width = self.flips.shape[3]
        if width < max(self.m, 4) or width & (width - 1):
            raise ValueError(
                f"flips must number a power of two, {max(self.m, 4)} at least, not {width}"
            )

    @property
    def tables(self) -> int:
        """Tables, l."""
        return len(self.flips)

    def _kernel(self, n_rows: int) -> Any:
        from anna_model.kernels.hashing import hash_rotated

        return hash_rotated

    def _arguments(self, dtype: np.dtype[Any], first: int, last: int) -> tuple[object, ...]:
        return self.flips[first:last].astype(dtype), None if self.flips.shape[3] == 64 else 1
