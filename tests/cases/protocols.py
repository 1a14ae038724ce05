"""The problems of the registry that a protocol solves, every protocol once."""

from __future__ import annotations

from reductions.registry import names, solver

SOLVERS = {name: solver(name).compiles for name in names("problem")}
PROTOCOLS = tuple(
    {id(one.protocol): name for name, one in SOLVERS.items() if one is not None}.values()
)
"""Names; where two problems have one protocol, the last."""
