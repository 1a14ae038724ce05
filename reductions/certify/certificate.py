"""The certificate of a run, and the recorder that collects its rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mpc_sim.isolation import Isolated
from reductions.arrays import Integers
from reductions.bounds import Bound, Check, Fact, Status
from reductions.certify.compiling import compile_seconds
from reductions.certify.versions import versions

Progress = Callable[[str, int, int], object]
SCHEMA = "anna-mpc/certificate/1"


@dataclass(frozen=True, eq=False, kw_only=True)
class Certificate:
    """What was run, what came out, and how it compares.

    Parameters
    ----------
    task : str
    parameters : mapping
        Sizes, exponents, constants and seed of the run.
    checks : tuple of Check
    outputs : mapping of str to int64[N]
        Output words by side: mpc, transformer, lsh, back.
    seconds : float
        Of the whole run, without compilation.
    compile_seconds : float
        Of the compilation of loops, which a machine does once.
    remarks : tuple of str
        What a reader must know, such as s >= N.
    facts : tuple of Fact
        What no run can break, and so is no check.

    Examples
    --------
    >>> from reductions.certify import certify
    >>> certificate = certify("match2", [1, 36, 0, 5], modulus=37)
    >>> certificate.ok, certificate["heads"].measured, certificate.outputs["transformer"].tolist()
    (True, 1, [1, 1, 1, 0])
    """

    task: str
    parameters: Mapping[str, Any]
    checks: tuple[Check, ...]
    outputs: Mapping[str, Integers]
    seconds: float
    remarks: tuple[str, ...] = ()
    facts: tuple[Fact, ...] = ()
    compile_seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether no check failed."""
        return all(check.status != "FAIL" for check in self.checks)

    def __getitem__(self, name: str) -> Check:
        for check in self.checks:
            if check.name == name:
                return check
        names = ", ".join(check.name for check in self.checks)
        raise KeyError(f"no row {name!r}; this certificate has {names}")

    def to_json(self) -> dict[str, Any]:
        """Return the certificate as plain JSON types."""
        return {
            "schema": SCHEMA,
            "ok": self.ok,
            "task": self.task,
            "parameters": dict(self.parameters),
            "seconds": round(self.seconds, 3),
            "compile_seconds": round(self.compile_seconds, 3),
            "versions": versions(),
            "checks": [check.to_json() for check in self.checks],
            "facts": [fact.to_json() for fact in self.facts],
            "remarks": list(self.remarks),
        }


@dataclass(kw_only=True)
class Recorder:
    """Collects the rows of a certificate while its sides run."""

    task: str
    parameters: dict[str, Any]
    checks: list[Check] = field(default_factory=list)
    outputs: dict[str, Integers] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)
    compiled: float = field(default_factory=compile_seconds)

    def compare(self, side: str, found: Integers, expected: Integers, oracle: str) -> None:
        """Add the output row of a side: the number of words that differ from the oracle's."""
        if found.shape != expected.shape:
            raise ValueError(f"{side} gave {found.shape} words, the oracle {expected.shape}")
        self.count(side, found, int(np.count_nonzero(found != expected)), oracle)

    def count(self, side: str, found: Integers, n_wrong: int, oracle: str) -> None:
        """Add the output row of a side: how much of it an oracle or a verifier found wrong."""
        self.outputs[side] = found
        status: Status = "PASS" if n_wrong == 0 else "FAIL"
        self.checks.append(
            Check(f"output-{side}", n_wrong, 0, "exact", oracle, status, compared=found.size)
        )

    def missing(self, side: str, n_words: int, oracle: str) -> None:
        """Add the output row of a side that gave none: all its words count as wrong."""
        self.checks.append(
            Check(f"output-{side}", n_words, 0, "exact", oracle, "FAIL", compared=n_words)
        )

    def isolate(self, isolated: Isolated) -> None:
        """Add a row: in how many messages and output words a run in isolation differs."""
        different = isolated.n_different
        status: Status = "PASS" if different == 0 else "FAIL"
        source = "this project: parts of the machines in clean processes"
        self.checks.append(
            Check("isolated", different, 0, "exact", source, status, compared=isolated.n_compared)
        )
        if isolated.fault is not None:
            self.remarks.append(f"not isolated: {isolated.fault}")
        if isolated.is_sampled:
            listed = ", ".join(map(str, isolated.rounds))
            self.remarks.append(
                f"{len(isolated.rounds) - 1} of {isolated.n_rounds} rounds ran in isolation too, "
                f"since all would take long: {listed} ({isolated.n_rounds} is the output map)"
            )

    def agree(self) -> None:
        """Add a row: in how many words some output differs from the first side's."""
        first, *others = self.outputs.values()
        differ = sum(int(np.count_nonzero(first != other)) for other in others)
        status: Status = "PASS" if differ == 0 else "FAIL"
        compared = sum(other.size for other in others)
        source = "Theorem 4.1: word for word"
        self.checks.append(
            Check("sides-differ", differ, 0, "exact", source, status, compared=compared)
        )

    def measure(self, bounds: Iterable[Bound], measured: Mapping[str, int | None]) -> None:
        """Add a row for every bound; what was not measured is UNVERIFIED."""
        self.checks.extend(bound.check(measured.get(bound.quantity)) for bound in bounds)

    def certificate(self) -> Certificate:
        """Close the record."""
        compiled = compile_seconds() - self.compiled
        seconds = time.perf_counter() - self.started - compiled
        return Certificate(
            task=self.task,
            parameters=self.parameters,
            checks=tuple(self.checks),
            outputs=self.outputs,
            seconds=seconds,
            remarks=tuple(self.remarks),
            facts=tuple(self.facts),
            compile_seconds=compiled,
        )
