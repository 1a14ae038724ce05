"""The families of hash functions that ``--family`` names."""

from __future__ import annotations

from collections.abc import Callable

from anna_model.lsh import CrossPolytope, Hyperplane, PStable
from anna_model.lsh.family import Family
from reductions.choice import Choice


class HashFamily(Choice):
    """A family by its name; it is made with the width of a cell, which p-stable functions have."""

    made: Callable[[float], Family]

    CROSS_POLYTOPE = "cross-polytope", lambda cell: CrossPolytope()
    GAUSSIAN_CROSS_POLYTOPE = "gaussian-cross-polytope", lambda cell: CrossPolytope("gaussian")
    HYPERPLANE = "hyperplane", lambda cell: Hyperplane()
    P_STABLE = "p-stable", PStable
