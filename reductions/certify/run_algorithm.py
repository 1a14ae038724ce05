"""Run an algorithm under its limits and set what it used beside its bounds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mpc_sim import Cluster, Ledger, Simulation
from reductions.certify.certificate import Certificate, Recorder
from reductions.certify.measured import cluster_parameters, measured_rounds, scarcity_remark
from reductions.problems.algorithm import Algorithm

Progress = Callable[[int, int], object]


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
    progress: Progress | None = None,
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
        from reductions.certify.full_information import full_information_rounds, least_rounds_bound

        measured["least_rounds"] = full_information_rounds(cluster.n_words, cluster.memory_words)
        bounds = (*bounds, least_rounds_bound(measured["rounds"]))
    recorder.measure(bounds, measured)
    return Run(recorder.certificate(), simulation.ledger)
