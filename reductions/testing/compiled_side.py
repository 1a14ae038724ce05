"""The other side of Theorem 4.1: compile by every message code, run, compare, measure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from mpc_sim import Cluster, Protocol, Simulation
from reductions.arrays import Integers
from reductions.bounds import Bound
from reductions.certify.measured import measured_layers, measured_rounds
from reductions.mpc_to_anna.bounds import theorem_bounds
from reductions.mpc_to_anna.codes import Code, CodeOverload
from reductions.mpc_to_anna.compile import CompiledProtocol, compile_protocol
from reductions.mpc_to_anna.options import CompilerOptions
from reductions.testing.not_conforming import NotConforming

Bounds = Iterable[Bound] | Callable[[Cluster], Iterable[Bound]]

N_DRAWS = 4
"""A code that is drawn fails with a stated probability and then raises; another draw is tried."""


@dataclass(eq=False)
class CompiledSide:
    """The transformers of a protocol by cluster, code and seed, each compiled once."""

    protocol: Protocol
    codes: tuple[str, ...]
    bounds: Bounds
    seed: int
    compiled: dict[tuple[Cluster, str, int], CompiledProtocol] = field(default_factory=dict)

    def can_fail(self, check: str) -> bool:
        """Return whether a check is one of this side."""
        return check in ("compilation", "transformer", "bounds")

    def check(self, words: Integers | list[int], simulation: Simulation) -> None:
        """Compare every transformer with a finished simulation, and both with their bounds.

        Raises
        ------
        NotConforming
        """
        cluster, expected = simulation.cluster, simulation.output()
        measured = measured_rounds(simulation.ledger)
        own = tuple(self.bounds(cluster) if callable(self.bounds) else self.bounds)
        for index, code in enumerate(self.codes):
            transformer, found = self._run(code, cluster, words)
            difference = first_difference(found, expected)
            if difference:
                raise NotConforming(
                    "transformer",
                    f"compiled by the {code} code it gives another output than the simulation: "
                    f"{difference}; a step sees more than the words of its inbox",
                    code=code,
                )
            sides = measured | measured_layers(transformer)
            claimed = theorem_bounds(self.protocol, cluster, CompilerOptions(code=Code(code)))
            check_bounds(claimed + (own if index == 0 else ()), sides, code)
        if not self.codes:
            check_bounds(own, measured, None)

    def _run(
        self, code: str, cluster: Cluster, words: Integers | list[int]
    ) -> tuple[CompiledProtocol, Integers]:
        for seed in range(self.seed, self.seed + N_DRAWS):
            transformer = self._transformer(code, cluster, seed)
            try:
                return transformer, transformer.run(words)
            except CodeOverload as error:
                overload = error
            except Exception as error:
                raise NotConforming(
                    "transformer",
                    f"compiled by the {code} code it raises {type(error).__name__}: {error}",
                    code=code,
                ) from error
        raise NotConforming(
            "transformer",
            f"the {code} code does not decode the messages of a head with {N_DRAWS} seeds: "
            f"{overload}",
            code=code,
        ) from overload

    def _transformer(self, code: str, cluster: Cluster, seed: int) -> CompiledProtocol:
        key = cluster, code, seed
        if key not in self.compiled:
            try:
                self.compiled[key] = compile_protocol(self.protocol, cluster, code=code, seed=seed)
            except Exception as error:
                raise NotConforming(
                    "compilation",
                    f"it does not compile by the {code} code: {type(error).__name__}: {error}",
                    code=code,
                ) from error
        return self.compiled[key]


def first_difference(found: Integers, expected: Integers) -> str | None:
    """Say where two outputs differ first, and at how many words; None if they agree."""
    differ = found != expected
    if not differ.any():
        return None
    first = int(np.argmax(differ))
    return (
        f"word {first} is {found[first]} instead of {expected[first]}, and "
        f"{np.count_nonzero(differ)} of {len(found)} words differ"
    )


def check_bounds(bounds: Iterable[Bound], measured: dict[str, int], code: str | None) -> None:
    """Reject the first bound that a measurement breaks, or that nothing was measured for.

    Raises
    ------
    NotConforming
    """
    for bound in bounds:
        row = bound.check(measured.get(bound.quantity))
        if row.status == "UNVERIFIED":
            raise NotConforming(
                "bounds",
                f"nothing measures {row.name!r}; measured are {', '.join(measured)}",
                code=code,
            )
        if row.status == "FAIL":
            substitution = f" with {row.substitution}" if row.substitution else ""
            raise NotConforming(
                "bounds",
                f"{row.name}: measured {row.measured}, {row.kind} bound {row.bound} = "
                f"{row.formula}{substitution} ({row.source})",
                code=code,
            )
