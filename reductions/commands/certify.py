"""``anna-mpc certify PROBLEM``: arguments, the run, and what is printed and written."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mpc_sim import InputError, MPCError, ShapeError
from reductions.commands.files import refuse_size, write_text
from reductions.commands.inputs import (
    add_inputs,
    add_parameters as add_parameters,
    load_solver,
    output_lines,
    read_instance,
    refuse_seed,
)
from reductions.commands.own_code import place, said
from reductions.commands.own_objects import named_or_own
from reductions.commands.tables import explained, print_certificate, progress_line
from reductions.commands.usage import UsageError
from reductions.commands.values import size, solver_name
from reductions.registry import names

if TYPE_CHECKING:
    from reductions.certify.certificate import Certificate
    from reductions.certify.run import Case
    from reductions.mpc_to_anna.options import CompilerOptions
    from reductions.problems.problem import Instance
    from reductions.problems.protocol_solver import ProtocolSolver

BYTES_A_TOKEN = 4096
MOST_STEPS, PAIRS_A_STEP = 10**7, 2**10
"""Tokens in all layers that are no hour of work, where softmax looks at a pair in no time."""
BYTES_A_NUMBER = 32
"""A value as it is made, laid out, received and folded."""
CELL = 1.0
"""The width of a cell of p-stable functions: unequal ids are 1 apart at least."""


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    command.set_defaults(run=run)
    command.add_argument(
        "task",
        type=solver_name,
        metavar="PROBLEM",
        help=f"{', '.join(names('problem'))}; problem/way such as k-hop/softmax (see anna-mpc "
        "list), or module:name of a protocol or solver of your own; the parameters of a problem "
        "are options",
    )
    command.add_argument(
        "--n", type=size, help="words or vertices of the seeded input (64, or 256)"
    )
    command.add_argument(
        "--epsilon", help="local memory s = c_s N^epsilon (2/3 or the algorithm's)"
    )
    command.add_argument("--gamma", help="machines P = c_p N^(1+gamma-epsilon) (0)")
    command.add_argument(
        "--seed",
        type=size,
        help="of the seeded input and of what the compiler draws (0)",
    )
    command.add_argument(
        "--code",
        help="syndrome, disjunct, repetition, or printed: the rows of Lemma B.4, for small inputs "
        "(syndrome)",
    )
    command.add_argument(
        "--tokens-per-machine",
        metavar="G",
        help="a number; free: as many as there are; all: one head; balanced: about log n, and "
        "spread heads (free)",
    )
    command.add_argument(
        "--head-order",
        help="emission: by order; spread: few messages meet, w.h.p. (emission, or the solver's)",
    )
    command.add_argument(
        "--attention",
        help="ema: exact match; anna: by hashing as well, with its resources; both: by hashing as "
        "well, with the resources of exact match (both)",
    )
    command.add_argument(
        "--family",
        type=named_or_own(("hyperplane", "gaussian-cross-polytope", "p-stable")),
        metavar="FAMILY",
        help="of the hash functions of anna: hyperplane, gaussian-cross-polytope, p-stable "
        "(hyperplane), or module:name of a family of your own",
    )
    command.add_argument(
        "--hashes", type=size, metavar="Z", help="hashes of anna (Theorem 3.4: all ids stay apart)"
    )
    command.add_argument(
        "--fan-out",
        metavar="RHO",
        help="at most N^RHO partners a machine and round, all for one in one message (as it is)",
    )
    command.add_argument("--failure", help="most that spread heads may fail with (1/100)")
    command.add_argument(
        "--precision", action="store_true", help="measure precision_bits by runs on fewer bits"
    )
    add_inputs(command)
    back = command.add_mutually_exclusive_group()
    back.add_argument(
        "--back",
        action="store_true",
        help="simulate the transformer on machines again (k-hop to 64 tokens, other tasks to 256)",
    )
    back.add_argument("--no-back", action="store_true", help="leave the way back out")
    command.add_argument(
        "--buckets",
        choices=("sorted", "hashed"),
        help="of the way back of a protocol: sorted, or on hashed meta machines, in fewer rounds "
        "w.h.p. (sorted)",
    )
    command.add_argument(
        "--back-memory",
        type=size,
        metavar="C",
        help="machines of the way back of a protocol have C s words (c_b m H sqrt(T))",
    )
    command.add_argument(
        "--out", metavar="FILE", help="write the output, as anna-mpc list PROBLEM says"
    )
    command.add_argument(
        "--side", choices=("mpc", "transformer", "lsh", "back"), help="what --out writes"
    )
    command.add_argument("--explain", metavar="ROW", help="print the derivation of one row")
    command.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Certify a case; the exit status is 0 if nothing failed and 1 otherwise."""
    refuse_contradictions(options)
    from reductions.mpc_to_anna.codes import CodeDomainError, CodeOverload
    from reductions.mpc_to_anna.hashed_ids import FarCollision

    try:
        certificate, case = certified(options)
    except (InputError, ShapeError, CodeDomainError) as error:
        raise UsageError(f"{error}{place(error)}") from None
    except (MPCError, CodeOverload, FarCollision) as error:
        print(f"anna-mpc: {said(error)}", file=sys.stderr)
        return 1
    row = explained(certificate, options.explain)
    if options.out and not _has_failed(certificate, options.side):
        write_output(options.out, certificate, options.side, case)
    if row is not None:
        print(json.dumps(row.to_json()) if options.json else row.explain())
    elif options.json:
        print(json.dumps(certificate.to_json()))
    else:
        print_certificate(certificate)
    return 0 if certificate.ok else 1


def refuse_contradictions(options: argparse.Namespace) -> None:
    """Reject options that contradict each other, before anything is imported.

    Raises
    ------
    UsageError
    """
    for name, given in (("buckets", options.buckets), ("back-memory", options.back_memory)):
        if given is not None and options.no_back:
            raise UsageError(f"--{name} is of the way back; leave --no-back out")
    if options.side and not options.out:
        raise UsageError("--side goes with --out FILE")
    if options.side == "back" and options.no_back:
        raise UsageError("--side back is of the way back; leave --no-back out")


def certified(options: argparse.Namespace) -> tuple[Certificate, Case]:
    """Certify what the options name on the input that they name, or on a seeded one."""
    from reductions.certify.run import Case, How, certify_case

    solver = load_solver(options.task)
    chosen = None if solver.compiles is None else compiler_options(solver, options)
    if chosen is None:
        refuse_compiler_options(options)
        if options.seed is not None:
            refuse_seed(options)
    elif options.side == "lsh" and not chosen.may_hash:
        raise UsageError(
            f"--side lsh is of the run by hashing; leave --attention {chosen.attention} out"
        )
    problem = solver.problem
    if options.n is not None:
        refuse_size(options.n, BYTES_A_TOKEN)
    instance, remarks = read_instance(problem, options, problem.default_n)
    refuse_long_runs(solver, instance, options)
    fits = len(instance.words) <= (solver.compiles or solver).back_up_to
    how = How(
        options=chosen,
        epsilon=options.epsilon,
        gamma=options.gamma,
        precision=options.precision,
        back=(options.back or (fits and not options.no_back)) and (options.buckets or "sorted"),
        back_memory=options.back_memory,
        back_if_it_fits=not options.back,
        progress=progress_line(),
    )
    if solver.compiles is not None and chosen is not None:
        say_long_run(solver.compiles, instance, chosen, options)
    case = Case(problem, instance)
    name = options.task if solver.compiles is None else solver.name
    certificate = certify_case(case, solver, how, name)
    drawn = options.text is None and options.input is None and options.graph is None
    seed = {"seed": (options.seed or 0) if drawn else None}
    return replace(
        certificate,
        parameters={**certificate.parameters, **seed, **options.echoed},
        remarks=(*certificate.remarks, *remarks),
    ), case


OF_THE_COMPILER = (
    "code", "tokens_per_machine", "head_order", "attention", "failure", "fan_out", "hashes",
    "family",
)  # fmt: skip


def compiler_options(solver: Any, options: argparse.Namespace) -> CompilerOptions:
    """Read the options of the compiler; what is left out is as the solver has it."""
    from reductions.certify.run import options_of
    from reductions.commands.hash_families import family_of
    from reductions.mpc_to_anna.options import Attention

    given = {name: getattr(options, name) for name in OF_THE_COMPILER}
    if options.family is not None:
        given["family"] = family_of(options.family, CELL)
    chosen = {name: value for name, value in given.items() if value is not None}
    return replace(
        options_of(solver), **{"attention": Attention.BOTH, "seed": options.seed or 0, **chosen}
    )


def refuse_compiler_options(options: argparse.Namespace) -> None:
    """Reject what says how a protocol is compiled, where none is.

    Raises
    ------
    UsageError
    """
    names = ("epsilon", "gamma", "precision", "buckets", "back_memory", *OF_THE_COMPILER)
    chosen = [name for name in names if getattr(options, name) not in (None, False)]
    if chosen:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in chosen)
        raise UsageError(f"{flags}: for protocols; leave them out")


def refuse_long_runs(solver: Any, instance: Instance, options: argparse.Namespace) -> None:
    """Reject sizes that cannot fit this machine, or would take hours.

    Raises
    ------
    UsageError
    """
    tokens = len(instance.words)
    if solver.compiles is not None:
        refuse_size(tokens, BYTES_A_TOKEN, options.epsilon or "2/3", options.gamma or "0")
        return
    layers, width = (bound.value for bound in solver.bounds(instance.shape))
    refuse_size(tokens, max(BYTES_A_TOKEN, BYTES_A_NUMBER * width))
    pairs = tokens // PAIRS_A_STEP if solver.looks_at_pairs else 0
    if layers * tokens * (1 + pairs) > MOST_STEPS:
        raise UsageError(
            f"{options.task}: {layers} layers of {tokens} tokens take long; choose a smaller --n "
            "or --k"
        )


def say_long_run(
    solver: ProtocolSolver,
    instance: Instance,
    chosen: CompilerOptions,
    options: argparse.Namespace,
) -> None:
    """Say on standard error that a run takes more than a minute, and what is faster."""
    from reductions.certify.foretold import LEAST_WORDS, long_run

    if len(instance.words) < LEAST_WORDS:
        return
    cluster = solver.cluster(instance, options.epsilon, options.gamma)
    said = long_run(solver.protocol_for(instance), cluster, chosen)
    if said is not None:
        print(f"anna-mpc: {said}", file=sys.stderr, flush=True)


def _has_failed(certificate: Certificate, side: str | None) -> bool:
    """Return whether a side ran and has no output: there is nothing to write."""
    rows = [check.name for check in certificate.checks]
    return f"output-{side}" in rows and side not in certificate.outputs


def write_output(name: str, certificate: Certificate, side: str | None, case: Case) -> None:
    """Write the output of a side."""
    side = side or next(iter(certificate.outputs))
    if side not in certificate.outputs:
        raise UsageError(f"--side {side}: this run has the sides {', '.join(certificate.outputs)}")
    write_text(name, output_lines(case.problem, case.instance, certificate.outputs[side]))
