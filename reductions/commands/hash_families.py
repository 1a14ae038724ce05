"""The families of hash functions that ``--family`` names."""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from anna_model.lsh import CrossPolytope, Hyperplane, NumpyFamily, PStable
from anna_model.lsh.family import Family
from anna_model.lsh.numpy_family import law_of
from anna_model.mechanisms import Anna, Mechanism
from reductions.choice import Choice
from reductions.commands.own_objects import is_own, load_own

LAW_DISTANCES = (0.25, 0.75, 1.25)


class HashFamily(Choice):
    """A family by its name; it is made with the width of a cell, which p-stable functions have."""

    made: Callable[[float], Family]

    CROSS_POLYTOPE = "cross-polytope", lambda cell: CrossPolytope()
    GAUSSIAN_CROSS_POLYTOPE = "gaussian-cross-polytope", lambda cell: CrossPolytope("gaussian")
    HYPERPLANE = "hyperplane", lambda cell: Hyperplane()
    P_STABLE = "p-stable", PStable


def family_of(name: str, cell: float) -> Family:
    """Return a family by its name, or a user's own by ``module:name``."""
    if is_own(name):
        own: Family = load_own(name, "family", lambda found: isinstance(found, Family))
        return own
    return HashFamily(name).made(cell)


def own_law(mechanism: Mechanism, width: int, seed: int) -> list[tuple[int, str]]:
    """Hold the law of a family of the user's own, where it has one, against drawn functions.

    Returns
    -------
    list of (draws beyond what chance may take, source)
        Nothing for another family, and without a law.
    """
    family = mechanism.family if isinstance(mechanism, Anna) else None
    if not isinstance(family, NumpyFamily) or width < 2:
        return []
    if type(family).collision_probability is NumpyFamily.collision_probability:
        return []
    found = law_of(family, width, LAW_DISTANCES, seed=seed)
    source = f"{found[0].trials} draws at each of {len(found)} distances, 6 deviations"
    return [(max(0, *(ceil(one.far_off) for one in found)), source)]
