"""Certify an algorithm, or any protocol: simulated and compiled, judged, beside its bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mpc_sim import Cluster, Protocol, Simulation
from reductions.bounds import Bound
from reductions.certify.certificate import (
    Back,
    Certificate,
    Progress,
    Recorder,
    plan_back,
    run_compiled,
)
from reductions.certify.full_information import full_information_rounds, least_rounds_bound
from reductions.certify.measured import (
    cluster_parameters,
    measured_bits,
    measured_layers,
    measured_rounds,
    scarcity_remark,
)
from reductions.mpc_to_anna.bounds import layer_bounds, theorem_bounds
from reductions.mpc_to_anna.options import CompilerOptions
from reductions.problems.algorithm import Algorithm, Words

if TYPE_CHECKING:
    from reductions.certify.way_back import WayBack


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
    output = simulation.run(progress=_named(progress))
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
    output = simulation.run(progress=_named(progress))
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


def _named(progress: Progress | None) -> Any:
    return None if progress is None else lambda done, total: progress("simulate", done, total)
