"""Certify: both sides run, outputs beside an oracle, every resource beside its bound."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mpc_sim import Cluster, Ledger, Protocol, Simulation
from mpc_sim.records import Words
from reductions.arrays import Integers
from reductions.attention_to_mpc.anna import BucketsBy
from reductions.bounds import Bound
from reductions.certify.certificate import Certificate, Progress, Recorder
from reductions.certify.full_information import full_information_rounds, least_rounds_bound
from reductions.certify.measured import (
    cluster_parameters,
    measured_bits,
    measured_layers,
    measured_rounds,
    scarcity_remark,
)
from reductions.certify.runs import named, run_compiled
from reductions.certify.way_back import WayBack, way_back
from reductions.mpc_to_anna.bounds import layer_bounds, theorem_bounds
from reductions.mpc_to_anna.compile import compile_protocol
from reductions.mpc_to_anna.options import CompilerOptions
from reductions.problems.algorithm import Algorithm

Back = BucketsBy | str | bool


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
        More messages met in a head than its code decodes, by exact match.
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
    output = simulation.run(progress=named(progress, "simulate"))
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
    kept = options if options.hashes is None else options.by_exact_match
    compiled = compile_protocol(protocol, cluster, **kept.keywords)
    buckets = back if isinstance(back, str) else BucketsBy.SORTED
    returning = way_back(compiled, buckets, seed=options.seed)
    recorder.parameters |= returning.parameters
    return returning


def certify_algorithm(
    algorithm: Algorithm,
    given: Any,
    cluster: Cluster,
    options: CompilerOptions | None = None,
    *,
    parameters: Mapping[str, Any] | None = None,
    precision: bool = False,
    back: Back = False,
    progress: Progress | None = None,
) -> Certificate:
    """Certify Theorem 4.1 for an algorithm on an input.

    The simulation is judged by the oracle or verifier of the algorithm, and so is the transformer,
    whose words must also be those of the simulation, one by one. Rounds and loads stand beside the
    bounds of the algorithm, the transformer beside those of the theorem.

    Parameters
    ----------
    algorithm : Algorithm
    given : input
        int64[N], or what the algorithm takes.
    cluster : Cluster
    options : CompilerOptions, optional
    parameters : mapping, optional
        Shown with those of the cluster.
    precision : bool
        Measure the row precision_bits by runs on fewer bits (`fewest_bits`).
    back : bool or str
        Simulate the transformer on machines again, as `certify_protocol`.
    progress : callable, optional
        Called with (side, rounds or layers done, in all).

    Returns
    -------
    Certificate

    Raises
    ------
    MPCError
        A limit of the model is broken.
    CodeOverload
        What the compiler drew lets messages collide, within the stated probability. Ids that
        collide are counted in rows of their own.
    NoWayBack
        The way back was asked for and does not fit; nothing has run.

    References
    ----------
    Liu et al., arXiv 2509.09001, Theorem 4.1.
    """
    options = options or CompilerOptions()
    protocol, words = algorithm.protocol_for(given), algorithm.words(given)
    recorder = _recorder(algorithm.name, cluster, options, parameters)
    judge = f"{algorithm.judge} of the algorithm"
    returning = plan_back(recorder, protocol, cluster, options, back) if back else None
    simulation = Simulation(protocol, cluster, words, keep_bytes=0)
    output = simulation.run(progress=named(progress, "simulate"))
    recorder.count("mpc", output, algorithm.n_wrong(given, output), judge)
    if algorithm.has_failed(output, cluster):
        recorder.remarks.append("the run failed and says so: every word is the failure word")
    bounds = (*algorithm.bounds_of(cluster, given), *layer_bounds(protocol, cluster, options))
    if algorithm.is_full_degree:
        bounds = (*bounds, least_rounds_bound(simulation.ledger.n_rounds))

    def n_wrong(found: Words) -> int:
        return algorithm.n_wrong(given, found)

    return _compiled(
        recorder, simulation, words, n_wrong, judge, bounds, options, precision, returning, progress
    )


def certify_own(
    name: str,
    protocol: Protocol,
    cluster: Cluster,
    words: Words,
    options: CompilerOptions | None = None,
    *,
    parameters: Mapping[str, Any] | None = None,
    precision: bool = False,
    back: Back = False,
    progress: Progress | None = None,
) -> Certificate:
    """Certify Theorem 4.1 for a protocol without an oracle: the transformer gives its output.

    Parameters and errors are those of `certify_algorithm`. Nothing is said of whether the output is
    right; the rows of the machines are the limits of the model.
    """
    options = options or CompilerOptions()
    recorder = _recorder(name, cluster, options, parameters)
    recorder.remarks.append(
        "no oracle was given: the transformer is held to the output of the simulation"
    )
    returning = plan_back(recorder, protocol, cluster, options, back) if back else None
    simulation = Simulation(protocol, cluster, words, keep_bytes=0)
    output = simulation.run(progress=named(progress, "simulate"))
    recorder.outputs["mpc"] = output
    bounds = theorem_bounds(protocol, cluster, options)

    def n_wrong(found: Words) -> int:
        return int(np.count_nonzero(found != output))

    judge = "the simulation"
    return _compiled(
        recorder, simulation, words, n_wrong, judge, bounds, options, precision, returning, progress
    )


def _compiled(
    recorder: Recorder,
    simulation: Simulation,
    words: Words,
    n_wrong: Callable[[Words], int],
    judge: str,
    bounds: tuple[Bound, ...],
    options: CompilerOptions,
    precision: bool,
    returning: WayBack | None,
    progress: Progress | None,
) -> Certificate:
    """Run the transformer of a finished simulation, and put all rows beside their bounds."""
    protocol, cluster = simulation.protocol, simulation.cluster
    transformer = run_compiled(
        recorder, protocol, cluster, words, n_wrong, judge, options, progress
    )
    measured: dict[str, int | None] = {**measured_rounds(simulation.ledger)}
    measured["least_rounds"] = full_information_rounds(cluster.n_words, cluster.memory_words)
    measured |= measured_layers(transformer)
    measured |= measured_bits(recorder, transformer, words, precision)
    if returning is not None:
        measured |= returning.run(recorder, words, n_wrong, judge, progress)
        bounds = (*bounds, *returning.bounds)
    recorder.agree()
    recorder.measure(bounds, measured)
    return recorder.certificate()


def _recorder(
    name: str,
    cluster: Cluster,
    options: CompilerOptions,
    parameters: Mapping[str, Any] | None,
) -> Recorder:
    shown = dict(parameters or {}) | options.shown | cluster_parameters(cluster)
    recorder = Recorder(name, shown)
    recorder.remarks.extend(scarcity_remark(cluster))
    return recorder


@dataclass(frozen=True, eq=False)
class Run:
    """A finished simulation with its checks.

    Parameters
    ----------
    certificate : Certificate
        Output against the oracle, and every resource row.
    ledger : Ledger
    """

    certificate: Certificate
    ledger: Ledger


def run_algorithm(
    algorithm: Algorithm,
    given: Any,
    cluster: Cluster,
    *,
    parameters: Mapping[str, Any] | None = None,
    simulation: Simulation | None = None,
    progress: Callable[[int, int], object] | None = None,
    **run_options: Any,
) -> Run:
    """Simulate an algorithm on an input and check output and resources.

    Parameters
    ----------
    algorithm : Algorithm
    given : input
        int64[N], or what the algorithm takes.
    cluster : Cluster
    parameters : mapping, optional
        Shown with those of the cluster.
    simulation : Simulation, optional
        One to go on with; by default a new one.
    progress : callable, optional
        Called with (rounds done, rounds in all).
    **run_options
        Passed on to ``Simulation.run``.

    Returns
    -------
    Run

    Raises
    ------
    MPCError
        A limit of the model is broken.
    """
    recorder = Recorder(algorithm.name, dict(parameters or {}) | cluster_parameters(cluster))
    recorder.remarks.extend(scarcity_remark(cluster))
    if simulation is None:
        words = algorithm.words(given)
        simulation = Simulation(algorithm.protocol_for(given), cluster, words, keep_bytes=0)
    output = simulation.run(progress=progress, **run_options)
    n_wrong = algorithm.n_wrong(given, output)
    recorder.count("mpc", output, n_wrong, f"{algorithm.judge} of the algorithm")
    if algorithm.has_failed(output, cluster):
        recorder.remarks.append("the run failed and says so: every word is the failure word")
    measured, bounds = measured_rounds(simulation.ledger), algorithm.bounds_of(cluster, given)
    if algorithm.is_full_degree:
        measured["least_rounds"] = full_information_rounds(cluster.n_words, cluster.memory_words)
        bounds = (*bounds, least_rounds_bound(measured["rounds"]))
    recorder.measure(bounds, measured)
    return Run(recorder.certificate(), simulation.ledger)
