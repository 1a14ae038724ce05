"""``anna-mpc simulate ALGORITHM``: run a protocol under its limits, print ledger and checks."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mpc_sim import InputError, MPCError, ShapeError
from mpc_sim.cluster import failure_word
from mpc_sim.errors import CheckpointError
from reductions.commands.files import make_folder, write_text
from reductions.commands.inputs import (
    add_inputs,
    add_parameters as add_parameters,
    keep_instance,
    kept_instance,
    load_solver,
    output_lines,
    parameters_of,
    read_instance,
    refuse_seed,
)
from reductions.commands.ledger_file import refuse_ledger, write_ledger
from reductions.commands.own_code import place, said
from reductions.commands.tables import explained, print_certificate, progress_line
from reductions.commands.usage import UsageError
from reductions.commands.values import size, solver_name
from reductions.registry import names

if TYPE_CHECKING:
    from mpc_sim import Ledger, Simulation
    from reductions.problems.problem import Instance
    from reductions.problems.protocol_solver import ProtocolSolver

DEFAULT_N = 1024
SCHEMA = "anna-mpc/simulation/1"
CHECKPOINT = "checkpoint.npz"


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    command.set_defaults(run=run)
    command.add_argument(
        "algorithm",
        type=solver_name,
        metavar="PROBLEM",
        help=f"{', '.join(names('problem'))}, or "
        "module:name of a protocol or solver of your own; the parameters of a problem are options",
    )
    command.add_argument("--n", type=size, help="words or vertices of the seeded input (1024)")
    add_inputs(command)
    command.add_argument("--epsilon", help="local memory s = c_s N^epsilon")
    command.add_argument("--gamma", help="machines P = c_p N^(1+gamma-epsilon)")
    command.add_argument("--seed", type=size, help="of the seeded input (0)")
    command.add_argument(
        "--charge", action="store_true", help="spread an overfull sending over deliveries, counted"
    )
    command.add_argument("--checkpoint", metavar="DIR", help="save the run there as it goes")
    command.add_argument("--resume", metavar="DIR", help="go on with the run that was saved there")
    command.add_argument(
        "--every", type=float, metavar="SECONDS", help="between checkpoints (one a round)"
    )
    command.add_argument(
        "--out",
        metavar="FILE",
        help="write the output, as anna-mpc list PROBLEM says",
    )
    command.add_argument(
        "--ledger",
        metavar="FILE",
        help="write the loads of all machines and rounds: .npz, .csv, or .html, a page to step "
        "through",
    )
    command.add_argument("--explain", metavar="ROW", help="print the derivation of one row")
    command.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Simulate a protocol; the exit status is 0 if nothing failed and 1 otherwise."""
    from reductions.certify.run import simulate

    if options.ledger is not None:
        refuse_ledger(options.ledger)
    solver = load_solver(options.algorithm).compiles
    if solver is None:
        raise UsageError(f"{options.algorithm} has no protocol; anna-mpc certify runs its model")
    if options.every is not None:
        _refuse_every(options)
    try:
        begin = _new if options.resume is None else _resumed
        instance, simulation, remarks = begin(solver, options)
    except (InputError, ShapeError, CheckpointError) as error:
        raise UsageError(f"{error}{place(error)}") from None
    folder = options.resume if options.checkpoint is None else options.checkpoint
    line = progress_line()
    given = (options.input, options.text, options.graph, options.resume)
    seeded = all(one is None for one in given)
    try:
        finished = simulate(
            solver,
            instance,
            simulation.cluster,
            shown={
                **({"seed": options.seed or 0} if seeded else {}),
                "mode": simulation.mode,
                **options.echoed,
            },
            simulation=simulation,
            progress=None if line is None else lambda done, total: line("simulate", done, total),
            checkpoint=None if folder is None else Path(folder) / CHECKPOINT,
            every_seconds=options.every,
        )
    except MPCError as error:
        print(f"anna-mpc: {said(error)}", file=sys.stderr)
        return 1
    certificate = finished.certificate
    certificate = replace(certificate, remarks=(*certificate.remarks, *remarks))
    row = explained(certificate, options.explain)
    output = certificate.outputs["mpc"]
    failed = solver.has_failed(output, simulation.cluster)
    if options.out and not failed:
        write_text(options.out, output_lines(solver.problem, instance, output))
    if options.ledger:
        write_ledger(options.ledger, finished.ledger)
    if row is not None:
        print(json.dumps(row.to_json()) if options.json else row.explain())
    elif options.json:
        report = certificate.to_json() | {"schema": SCHEMA, "ledger": rounds(finished.ledger)}
        print(json.dumps(report))
    else:
        print(finished.ledger)
        print_certificate(certificate)
    if failed:
        print(
            "anna-mpc: the randomised run failed and says so: every output word is "
            f"{failure_word(simulation.cluster)}, which is no answer; nothing is written",
            file=sys.stderr,
        )
        return 1
    return 0 if certificate.ok else 1


def _refuse_every(options: argparse.Namespace) -> None:
    if not options.every > 0:
        raise UsageError(f"--every {options.every:g}: give more than 0 seconds")
    if options.checkpoint is None and options.resume is None:
        raise UsageError("--every goes with --checkpoint DIR or --resume DIR")


def _new(
    solver: ProtocolSolver, options: argparse.Namespace
) -> tuple[Instance, Simulation, list[str]]:
    """Start a simulation, and save it at once if there will be checkpoints."""
    from mpc_sim import Simulation
    from reductions.certify.run_size import refuse_run

    if options.seed is not None:
        refuse_seed(options)
    instance, remarks = read_instance(solver.problem, options, DEFAULT_N)
    protocol = solver.protocol_for(instance)
    cluster = solver.cluster(instance, options.epsilon, options.gamma)
    refuse_run(protocol, cluster)
    simulation = Simulation(
        protocol,
        cluster,
        instance.words,
        mode="charge" if options.charge else "strict",
        keep_bytes=0,
    )
    if options.checkpoint is not None:
        folder = make_folder(options.checkpoint)
        keep_instance(instance, folder)
        simulation.save(folder / CHECKPOINT)
    return instance, simulation, remarks


def _resumed(
    solver: ProtocolSolver, options: argparse.Namespace
) -> tuple[Instance, Simulation, list[str]]:
    """Go on from the checkpoint in a folder; it holds the input as well."""
    from mpc_sim import Simulation
    from mpc_sim.checkpoint import Checkpoint

    fixed = {
        "--n": options.n,
        "--seed": options.seed,
        "--input": options.input,
        "--text": options.text,
        "--graph": options.graph,
        "--epsilon": options.epsilon,
        "--gamma": options.gamma,
        "--charge": options.charge or None,
        "--checkpoint": options.checkpoint,
    }
    for name, value in fixed.items():
        if value is not None:
            raise UsageError(f"{name} is fixed by the checkpoint; leave it out with --resume")
    path = Path(options.resume) / CHECKPOINT
    words = Checkpoint.load(path).words
    instance = kept_instance(solver.problem, options.resume, words)
    for name, value in parameters_of(solver.problem, options).items():
        if value != instance.parameters[name]:
            option = name.replace("_", "-")
            raise UsageError(
                f"--{option} is fixed by the checkpoint, at {instance.parameters[name]}; "
                "leave it out with --resume"
            )
    simulation = Simulation.resume(path, solver.protocol_for(instance), keep_bytes=0)
    return instance, simulation, []


def rounds(ledger: Ledger) -> list[dict[str, Any]]:
    """Return the ledger as plain JSON types, one row per round."""
    return [
        {
            "round": number,
            "label": row.label,
            "sent_words": int(row.sent.max()),
            "received_words": int(row.received.max()),
            "held_words": int(row.held.max()),
            "messages": row.n_messages,
            "deliveries": row.n_deliveries,
        }
        for number, row in enumerate(ledger.rounds)
    ]
