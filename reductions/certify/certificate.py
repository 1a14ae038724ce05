"""Certificates: both sides run, outputs beside an oracle, every resource beside its bound."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from mpc_sim import Cluster, Protocol, ShapeError, Simulation
from reductions.bounds import Bound, Check, Status
from reductions.certify.measured import (
    cluster_parameters,
    measured_bits,
    measured_layers,
    measured_rounds,
    scarcity_remark,
    versions,
)
from reductions.mpc_to_anna.codes import CodeDomainError
from reductions.mpc_to_anna.compile import CompiledProtocol, compile_protocol
from reductions.mpc_to_anna.options import CompilerOptions

if TYPE_CHECKING:
    from reductions.certify.way_back import WayBack

Integers = NDArray[np.int64]
Back = Literal["sorted", "hashed"] | bool
Progress = Callable[[str, int, int], object]
SCHEMA = "anna-mpc/certificate/1"


@dataclass(frozen=True, eq=False)
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
        Of the whole run.
    remarks : tuple of str
        What a reader must know, such as s >= N.

    Examples
    --------
    >>> from reductions import certify_match2
    >>> certificate = certify_match2(np.array([1, 36, 0, 5]), 37)
    >>> certificate.ok, certificate["heads"].measured, certificate.outputs["transformer"].tolist()
    (True, 1, [1, 1, 1, 0])
    """

    task: str
    parameters: Mapping[str, Any]
    checks: tuple[Check, ...]
    outputs: Mapping[str, Integers]
    seconds: float
    remarks: tuple[str, ...] = ()

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
            "versions": versions(),
            "checks": [check.to_json() for check in self.checks],
            "remarks": list(self.remarks),
        }


@dataclass
class Recorder:
    """Collects the rows of a certificate while its sides run."""

    task: str
    parameters: dict[str, Any]
    checks: list[Check] = field(default_factory=list)
    outputs: dict[str, Integers] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    started: float = field(default_factory=time.perf_counter)

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
        seconds = time.perf_counter() - self.started
        return Certificate(
            self.task,
            self.parameters,
            tuple(self.checks),
            self.outputs,
            seconds,
            tuple(self.remarks),
        )


def certify_protocol(
    task: str,
    protocol: Protocol,
    cluster: Cluster,
    words: Integers,
    expected: Integers,
    bounds: Iterable[Bound],
    *,
    oracle: str,
    parameters: Mapping[str, Any] | None = None,
    options: CompilerOptions | None = None,
    precision: bool = False,
    back: Back = False,
    progress: Progress | None = None,
) -> Certificate:
    """Simulate a protocol, compile it, run the transformer, and compare both with an oracle.

    Parameters
    ----------
    task : str
    protocol, cluster
        The protocol must fit the cluster.
    words, expected : int64[N]
        The input, and the output of an oracle that shares no code with the protocol.
    bounds : iterable of Bound
        One a resource row.
    oracle : str
        What the oracle is, shown as the source of the output rows.
    parameters : mapping, optional
        Shown with those of the cluster.
    options : CompilerOptions, optional
        With anna the transformer runs by exact match and by hashing, and the resources are those of
        the second; with both those of the first.
    precision : bool
        Measure the row precision_bits by runs on fewer bits (`fewest_bits`); otherwise it is what
        the layers declare.
    back : bool or str
        Simulate the transformer on machines again (`reductions.certify.way_back`), with its buckets
        sorted, or as it says sorted or hashed.
    progress : callable, optional
        Called with (side, rounds or layers done, in all).

    Returns
    -------
    Certificate

    Raises
    ------
    MPCError
        The protocol breaks a limit of the model.
    CodeOverload
        The transformer heard more messages in a head than its code can tell apart, by exact match.
    NoWayBack
        The way back was asked for and does not fit; nothing has run.

    Notes
    -----
    A run by hashing that raises has no output: all its words count as wrong, and the far collisions
    that it met are counted beside their bounds (`run_counted`).

    Examples
    --------
    >>> import sympy
    >>> from mpc_sim import fit_cluster
    >>> from mpc_sim.stages.columnsort import columnsort
    >>> words = np.array([5, 1, 9, 1, 0, 3])
    >>> cluster = fit_cluster(columnsort(), 6, "2/3", largest_word=9)
    >>> rounds = Bound("rounds", 1 + 4 ** sympy.Symbol("d"), {"d": 1}, "exact", "Leighton 1985")
    >>> certificate = certify_protocol(
    ...     "sort", columnsort(), cluster, words, np.sort(words), [rounds], oracle="numpy.sort"
    ... )
    >>> [(check.name, check.measured, check.status) for check in certificate.checks]
    [('output-mpc', 0, 'PASS'), ('output-transformer', 0, 'PASS'), ('rounds', 5, 'PASS')]
    """
    options = options or CompilerOptions()
    recorder = Recorder(task, dict(parameters or {}) | cluster_parameters(cluster))
    recorder.remarks.extend(scarcity_remark(cluster))
    returning = plan_back(recorder, protocol, cluster, options, back) if back else None

    def n_wrong(found: Integers) -> int:
        return int(np.count_nonzero(found != expected))

    simulation = Simulation(protocol, cluster, words, keep_bytes=0)
    output = simulation.run(progress=_side(progress, "simulate"))
    recorder.compare("mpc", output, expected, oracle)
    transformer = run_compiled(
        recorder, protocol, cluster, words, n_wrong, oracle, options, progress
    )
    measured: dict[str, int | None] = {**measured_rounds(simulation.ledger)}
    measured |= measured_layers(transformer)
    measured |= measured_bits(recorder, transformer, words, precision)
    if returning is not None:
        measured |= returning.run(recorder, words, n_wrong, oracle, progress)
        bounds = (*bounds, *returning.bounds)
    recorder.measure(bounds, measured)
    return recorder.certificate()


def plan_back(
    recorder: Recorder,
    protocol: Protocol,
    cluster: Cluster,
    options: CompilerOptions,
    back: Back = True,
) -> WayBack:
    """Plan the way back of the transformer that is run last, before anything runs; note its sizes.

    Where fewer hashes were chosen than the theorem wants, the transformer of exact match returns:
    the other one may have no output to compare with.

    Raises
    ------
    NoWayBack
        It does not fit.
    """
    from reductions.certify.way_back import way_back

    kept = options if options.hashes is None else options.by_exact_match
    compiled = compile_protocol(protocol, cluster, **kept.keywords)
    returning = way_back(compiled, "hashed" if back == "hashed" else "sorted", seed=options.seed)
    recorder.parameters |= returning.parameters
    return returning


def run_compiled(
    recorder: Recorder,
    protocol: Protocol,
    cluster: Cluster,
    words: Integers,
    n_wrong: Callable[[Integers], int],
    judge: str,
    options: CompilerOptions,
    progress: Progress | None = None,
) -> CompiledProtocol:
    """Compile a protocol, run it by exact match and where asked by hashing, record both outputs.

    With spread heads the messages that meet in one are counted beside the capacity. With bounded
    fan-out that protocol is simulated as well, and its rows are added.

    Returns
    -------
    CompiledProtocol
        The one whose resources count: of hashed ids where anna is asked for, else of exact match.
    """
    from reductions.certify.runs import refuse_what_cannot_fit, run_fan_out, run_hashed
    from reductions.mpc_to_anna.bounds import meeting_bound
    from reductions.mpc_to_anna.meetings import MeetingCounter

    counter = MeetingCounter() if options.heads == "spread" else None
    transformer = compile_protocol(protocol, cluster, **options.by_exact_match.keywords)
    refuse_what_cannot_fit(transformer)
    output = transformer.run(words, trace=counter, progress=_side(progress, "transformer"))
    recorder.count("transformer", output, n_wrong(output), judge)
    if counter is not None:
        met = meeting_bound(protocol, cluster, options)
        recorder.measure([met], {met.quantity: counter.most})
    risky = transformer
    if options.hashed:
        risky = transformer = compile_protocol(protocol, cluster, **options.keywords)
        run_hashed(recorder, transformer, words, n_wrong, judge, _side(progress, "lsh"))
    elif options.beside is not None:
        try:
            risky = compile_protocol(protocol, cluster, **options.beside.keywords)
            refuse_what_cannot_fit(risky)
        except (ShapeError, CodeDomainError) as error:
            recorder.remarks.append(f"no run by hashing: {error}")
        else:
            run_hashed(recorder, risky, words, n_wrong, judge, _side(progress, "lsh"))
    if options.fan_out is not None:
        run_fan_out(recorder, protocol, cluster, words, n_wrong, judge, options)
    if risky.failure >= 1:
        recorder.remarks.append(
            "so few hashes promise nothing: ids may well meet; such a transformer then raises, "
            "and is never silently wrong"
        )
    elif risky.failure:
        subject = "such a transformer" if risky is transformer else "the transformer that hashes"
        recorder.remarks.append(
            f"over the seed, {subject} raises with probability at most "
            f"{float(risky.failure):.2g}, and is never silently wrong"
        )
    return transformer


def _side(progress: Progress | None, side: str) -> Callable[[int, int], object] | None:
    if progress is None:
        return None
    return lambda done, total: progress(side, done, total)
