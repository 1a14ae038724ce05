"""The problems of the registry that a protocol solves, every protocol once."""

from __future__ import annotations

from reductions.registry import names, solver

SOLVERS = {name: solver(name).compiles for name in names("problem")}
PROTOCOLS = tuple(
    {id(one.protocol): name for name, one in SOLVERS.items() if one is not None}.values()
)
"""Names; where two problems have one protocol, the last."""


def n_rounds(name: str) -> int:
    """Rounds of the algorithm on a seeded input of eight words or vertices."""
    algorithm = solver(name)
    given = algorithm.instance(8, 0)
    return int(algorithm.protocol_for(given).n_rounds(algorithm.cluster(given)))


MANY_ROUNDS = frozenset(name for name in PROTOCOLS if n_rounds(name) > 100)
"""What takes long in any way: contractions."""
