"""The one way to a certificate: a case and a solver, outputs judged, resources beside their claims.

A solver answers what it is: one with ``protocol_for`` is simulated, compiled and run by attention;
one with ``build`` is a model that is built and run. What is measured is counted while it runs.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from anna_model.transformer import Resources
from mpc_sim import Cluster, InputError, Ledger, Protocol, Simulation
from mpc_sim.clean_process import CleanProcesses
from mpc_sim.isolation import run_isolated
from mpc_sim.records import Words
from reductions.attention_to_mpc.anna import BucketsBy
from reductions.bounds import Bound, Fact
from reductions.certify.certificate import Certificate, Recorder
from reductions.certify.full_information import least_rounds
from reductions.certify.how import How as How
from reductions.certify.measured import (
    cluster_parameters,
    measured_rounds,
    receipts_remark,
    used_layers,
)
from reductions.certify.papers import with_papers
from reductions.certify.regimes import memory_remarks, width_remarks
from reductions.certify.runs import Compiled, Judged, named, run_compiled
from reductions.certify.way_back import NoWayBack, WayBack, way_back
from reductions.mpc_to_anna.bounds import layer_bounds
from reductions.mpc_to_anna.compile import compile_protocol
from reductions.mpc_to_anna.options import CompilerOptions
from reductions.mpc_to_anna.precision import fewest_bits
from reductions.problems.own_protocol import own_solver
from reductions.problems.problem import Instance, Problem, Shape
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.registry import solver as solver_of

JUDGE = "{} of the problem"


@dataclass(frozen=True, eq=False)
class Case:
    """A problem with one of its inputs.

    Parameters
    ----------
    problem : Problem
    instance : Instance

    Examples
    --------
    >>> from reductions.registry import solver
    >>> problem = solver("k-hop").problem
    >>> case = Case(problem, problem.instance("aabcbabca", k=2))
    >>> case.shown["k"], case.n_wrong(problem.expected(case.instance))
    (2, 0)
    """

    problem: Problem
    instance: Instance

    @property
    def shown(self) -> dict[str, Any]:
        """The sizes and parameters of the input, as a certificate lists them."""
        given, sizes = self.instance, {"n": len(self.instance.words)}
        if given.graph is not None:
            sizes = {"n": given.graph.n_vertices, "m": given.graph.n_edges}
        letters = {"n_letters": len(given.alphabet)} if given.alphabet else {}
        return {**sizes, **given.parameters, **letters}

    def n_wrong(self, output: Words) -> int:
        """Return how many words of an output the judge of the problem finds wrong."""
        return self.problem.n_wrong(self.instance, output)


class Model(typing.Protocol):
    """What a `ModelSolver` builds: a `Transformer` that takes words, or another model."""

    def run(self, words: Words) -> Words:
        """Return the output words, int64[N], for the N input words."""
        ...

    def resources(self) -> Resources:
        """Return what the model uses, read off the object."""
        ...


class ModelSolver(typing.Protocol):
    """A solver without machines, as `reductions.constructions.model` has them."""

    problem: Problem
    name: str
    options: CompilerOptions

    @property
    def compiles(self) -> ProtocolSolver | None:
        """The protocol that is compiled, where there is one."""
        ...

    def certify(self, case: Case, how: How, name: str) -> Certificate:
        """Build the model, run it on the case and close the record."""
        ...


Solver = ProtocolSolver | ModelSolver


def certify(
    what: str | Solver | Protocol,
    given: Any = None,
    how: How | None = None,
    *,
    n: int = 256,
    seed: int = 0,
    **parameters: int,
) -> Certificate:
    """Certify that a solver solves its problem on an input, within its claims.

    Parameters
    ----------
    what : str, ProtocolSolver, ModelSolver or Protocol
        A name, ``problem`` or ``problem/way``, as `registry.solver` takes it; or a protocol of your
        own, which has no oracle: its transformer is held to the output of its simulation.
    given : optional
        The input: int[N], a list, a string or strings where the problem takes letters, or a
        `Graph`. By default a seeded one of ``n`` words, of a graph ``n`` vertices.
    how : How, optional
    n, seed : int
        Of the seeded input.
    **parameters : int
        Of the problem, such as ``k``.

    Returns
    -------
    Certificate

    Raises
    ------
    KeyError
        The name is unknown.
    InputError, ShapeError
        The input is not the problem's, or the sizes are impossible; the message says which.
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

    References
    ----------
    Liu et al., arXiv 2509.09001, Theorems 4.1 and 4.2.

    Examples
    --------
    >>> certificate = certify("k-hop", "aabcbabca", k=2)
    >>> certificate.ok, certificate["layers"].measured, certificate["rounds"].measured
    (True, 10, 9)
    """
    how = how or How()
    name = what if isinstance(what, str) else getattr(what, "name", type(what).__name__)
    chosen = solver_of(what) if isinstance(what, str) else what
    if isinstance(chosen, Protocol):
        chosen = own_solver(chosen, name)
    problem = getattr(chosen, "problem", None)
    if not isinstance(problem, Problem) or isinstance(chosen, type):
        raise InputError(f"{chosen!r} is no solver: give a name, a solver or a protocol")
    if given is None:
        instance = problem.draw(n, seed, **parameters)
    else:
        instance = problem.instance(given, **parameters)
    return certify_case(Case(problem, instance), chosen, how, name)


def certify_case(case: Case, solver: Solver, how: How, name: str) -> Certificate:
    """Certify a case by a solver, under a name; without the way back where it may be left out."""
    if how.back and how.back_if_it_fits:
        try:
            return certify_case(case, solver, replace(how, back_if_it_fits=False), name)
        except NoWayBack as error:
            found = certify_case(case, solver, replace(how, back=False), name)
            return replace(found, remarks=(*found.remarks, str(error)))
    if solver.compiles is None:
        how.refuse_what_is_of_protocols(name)
        return solver.certify(case, how, name)
    how = replace(how, options=how.options or options_of(solver))
    return _by_protocol(case, solver.compiles, how, name)


def options_of(solver: Solver) -> CompilerOptions:
    """Return the options that a protocol is compiled by where none are chosen."""
    return CompilerOptions() if isinstance(solver, ProtocolSolver) else solver.options


def _by_protocol(case: Case, solver: ProtocolSolver, how: How, name: str) -> Certificate:
    """Simulate, compile, run by attention, and return to machines where that is asked."""
    options, progress = how.compiler, how.progress
    words, shape = case.instance.words, solver.problem.instance(case.instance).shape
    protocol = solver.protocol_for(shape)
    cluster = how.cluster or solver.cluster(shape, how.epsilon, how.gamma)
    recorder = Recorder(
        task=name, parameters=case.shown | options.shown | cluster_parameters(cluster)
    )
    recorder.remarks.extend(memory_remarks(cluster) + receipts_remark(protocol, cluster))
    returning = plan_back(recorder, protocol, cluster, how) if how.back else None
    with CleanProcesses(protocol) as clean:
        simulation = Simulation(protocol, cluster, words, keep_bytes=0)
        isolated = run_isolated(simulation, clean, progress=named(progress, "simulate"))
    output = isolated.output
    judged = _judge(case, recorder, output, how)
    recorder.isolate(isolated)
    if solver.has_failed(output, cluster):
        recorder.remarks.append("the run failed and says so: every word is the failure word")
    compiled = run_compiled(judged, protocol, cluster)
    bounds = _claims(shape, solver, simulation, options)
    measured: dict[str, int | None] = {**measured_rounds(simulation.ledger)}
    least, measured["least_rounds"] = least_rounds(
        case.problem, shape, cluster, simulation.ledger.n_rounds
    )
    bounds = (*bounds, *least)
    measured |= used_layers(compiled)
    if how.precision:
        fails = any(row.name == "output-lsh" and row.measured for row in recorder.checks)
        measured["precision_bits"] = None if fails else fewest_bits(compiled.transformer, words)
    recorder.facts.extend(_facts(case, simulation, compiled))
    declared = compiled.transformer.resources()
    recorder.remarks.extend(
        width_remarks(
            declared.token_width, declared.precision_bits, cluster.n_words, cluster.word_bits
        )
    )
    if returning is not None:
        measured |= returning.run(judged)
        bounds = (*bounds, *returning.bounds)
    recorder.agree()
    recorder.measure(bounds, measured)
    return recorder.certificate()


def _judge(case: Case, recorder: Recorder, output: Words, how: How) -> Judged:
    """Judge the output of the simulation; it judges the others where a problem has no oracle."""

    def judged(judge: str, n_wrong: Callable[[Words], int]) -> Judged:
        words = case.instance.words
        return Judged(recorder, words, n_wrong, judge, how.compiler, how.progress)

    if case.problem.oracle is None:
        recorder.remarks.append(
            "no oracle was given: the transformer is held to the output of the simulation"
        )
        recorder.outputs["mpc"] = output
        return judged("the simulation", lambda found: int(np.count_nonzero(found != output)))
    judge = JUDGE.format(case.problem.judge)
    recorder.count("mpc", output, case.n_wrong(output), judge)
    return judged(judge, case.n_wrong)


def _claims(
    shape: Shape, solver: ProtocolSolver, simulation: Simulation, options: CompilerOptions
) -> tuple[Bound, ...]:
    """The claims of a protocol and of the transformer that it becomes.

    Nothing but its own declarations is known of a protocol of a user: what a run cannot break is
    among the facts then.
    """
    protocol, cluster = simulation.protocol, simulation.cluster
    if solver.problem.oracle is None:
        bounds = layer_bounds(protocol, cluster, options)
        left = (bound for bound in bounds if bound.quantity != "layers")
        return with_papers(left, cluster, None, {})
    own = solver.bounds_of(cluster, shape)
    plain = replace(options.built, failure="1/100", seed=0)
    if solver.layer_claims is not None and plain == CompilerOptions():
        layers = solver.defined(solver.layer_claims(cluster, **shape.parameters))
    else:
        found = layer_bounds(protocol, cluster, options, own)
        is_tight = True if plain == CompilerOptions() else None  # other options were not searched
        layers = tuple(replace(bound, is_tight=is_tight) for bound in found)
    return with_papers((*own, *layers), cluster, solver.law, shape.parameters)


ROUTER = "the router: a run that exceeds a limit raises"
DECLARED = "declared by the protocol, and read back"
BUILT = "read off the transformer"


def _facts(case: Case, simulation: Simulation, compiled: Compiled) -> Iterator[Fact]:
    """Return the limits of the model, and what is read back where nothing else is known of it."""
    ledger, declared = simulation.ledger, compiled.transformer.resources()
    yield Fact("memory_limit", simulation.cluster.memory_words, ROUTER)
    if case.problem.oracle is None:
        yield Fact("rounds", ledger.n_rounds, DECLARED)
        loads = measured_rounds(ledger)
        for name in ("local_memory", "sent_words", "received_words", "machines"):
            yield Fact(name, loads[name], ROUTER)
        yield Fact("layers", declared.layers, "one more than the rounds that are compiled")
    yield Fact("heads_built", declared.heads, BUILT)
    yield Fact("token_width_built", declared.token_width, BUILT)
    bits = declared.token_width * declared.precision_bits
    yield Fact("width_bits", bits, "mH numbers of precision_bits each, built")
    held = simulation.cluster.n_words * simulation.cluster.word_bits
    yield Fact("input_bits", held, "N words of word_bits each")


def plan_back(recorder: Recorder, protocol: Protocol, cluster: Cluster, how: How) -> WayBack:
    """Plan the way back of the transformer that is run last, before anything runs; note its sizes.

    Where fewer hashes were chosen than the theorem wants, the transformer of exact match returns:
    the other one may have no output to compare with.

    Raises
    ------
    NoWayBack
        It does not fit.
    """
    options = how.compiler
    kept = options if options.hashes is None else options.by_exact_match
    compiled = compile_protocol(protocol, cluster, **kept.keywords)
    buckets = how.back if isinstance(how.back, str) else BucketsBy.SORTED
    returning = way_back(compiled, buckets, seed=options.seed, over=how.back_memory)
    recorder.parameters |= returning.parameters
    return returning


@dataclass(frozen=True, eq=False)
class Run:
    """A finished simulation with its checks: output against the judge, every resource row."""

    certificate: Certificate
    ledger: Ledger


def simulate(
    solver: ProtocolSolver,
    given: Any,
    cluster: Cluster,
    *,
    simulation: Simulation | None = None,
    shown: dict[str, Any] | None = None,
    progress: Callable[[int, int], object] | None = None,
    **run_options: Any,
) -> Run:
    """Simulate a protocol on an input and check output and resources.

    Parameters
    ----------
    given : Instance, or what `Problem.instance` takes
    simulation : Simulation, optional
        One to go on with; by default a new one.
    shown : dict, optional
        Parameters beside those of input and cluster.
    progress : callable, optional
        Called with (rounds done, rounds in all).
    **run_options
        Passed on to ``Simulation.run``.

    Raises
    ------
    MPCError
        A limit of the model is broken.
    """
    case = Case(solver.problem, solver.problem.instance(given))
    shape = case.instance.shape
    parameters = case.shown | (shown or {}) | cluster_parameters(cluster)
    recorder = Recorder(task=solver.name, parameters=parameters)
    if simulation is None:
        protocol = solver.protocol_for(shape)
        simulation = Simulation(protocol, cluster, case.instance.words, keep_bytes=0)
    remarks = memory_remarks(cluster) + receipts_remark(simulation.protocol, cluster)
    recorder.remarks.extend(remarks)
    output = simulation.run(progress=progress, **run_options)
    _judge(case, recorder, output, How())
    if solver.has_failed(output, cluster):
        recorder.remarks.append("the run failed and says so: every word is the failure word")
    measured, own = measured_rounds(simulation.ledger), solver.bounds_of(cluster, shape)
    bounds = with_papers(own, cluster, solver.law, shape.parameters)
    least, measured["least_rounds"] = least_rounds(case.problem, shape, cluster, measured["rounds"])
    recorder.measure((*bounds, *least), measured)
    return Run(recorder.certificate(), simulation.ledger)
