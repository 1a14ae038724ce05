"""``anna-mpc simulate ALGORITHM``: run a protocol under its limits, print ledger and checks."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mpc_sim import InputError, MPCError, ShapeError
from mpc_sim.errors import CheckpointError
from reductions.cli import UsageError
from reductions.commands.files import make_folder, read_lines, refuse_size, write_text
from reductions.commands.tables import print_certificate, progress_line
from reductions.registry import find

if TYPE_CHECKING:
    from mpc_sim import Ledger, Simulation
    from reductions.algorithms.algorithm import Algorithm, Words

DEFAULT_N = 1024
BYTES_A_WORD = 1024
SCHEMA = "anna-mpc/simulation/1"
CHECKPOINT = "checkpoint.npz"


def run(options: argparse.Namespace) -> int:
    """Simulate an algorithm; the exit status is 0 if nothing failed and 1 otherwise."""
    from reductions.algorithms.run import run_algorithm

    algorithm: Algorithm = find("algorithm", options.algorithm).load()
    try:
        if options.resume is not None:
            words, simulation = _resumed(algorithm, options)
        else:
            words, simulation = _new(algorithm, options)
    except (InputError, ShapeError, CheckpointError) as error:
        raise UsageError(str(error)) from None
    folder = options.resume if options.checkpoint is None else options.checkpoint
    line = progress_line()
    seeded = options.input is None and options.resume is None
    try:
        finished = run_algorithm(
            algorithm,
            words,
            simulation.cluster,
            parameters={
                "n": len(words),
                "seed": options.seed if seeded else None,
                "mode": simulation.mode,
            },
            simulation=simulation,
            progress=None if line is None else lambda done, total: line("simulate", done, total),
            checkpoint=None if folder is None else Path(folder) / CHECKPOINT,
            every_seconds=options.every,
        )
    except MPCError as error:
        print(f"anna-mpc: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    certificate = finished.certificate
    if options.out:
        write_text(options.out, "".join(f"{word}\n" for word in certificate.outputs["mpc"]))
    if options.json:
        report = certificate.to_json() | {"schema": SCHEMA, "ledger": rounds(finished.ledger)}
        print(json.dumps(report))
    else:
        print(finished.ledger)
        print_certificate(certificate)
    return 0 if certificate.ok else 1


def _new(algorithm: Algorithm, options: argparse.Namespace) -> tuple[Words, Simulation]:
    """Start a simulation, and save it at once if there will be checkpoints."""
    from mpc_sim import Simulation

    if options.n is not None and options.input:
        raise UsageError("--n is for the seeded input; leave it out with --input")
    words = _input(algorithm, options)
    cluster = algorithm.cluster(words, options.epsilon, options.gamma)
    simulation = Simulation(
        algorithm.protocol_for(words),
        cluster,
        algorithm.words(words),
        mode="charge" if options.charge else "strict",
        keep_bytes=0,
    )
    if options.checkpoint is not None:
        folder = make_folder(options.checkpoint)
        simulation.save(folder / CHECKPOINT)
    return words, simulation


def _resumed(algorithm: Algorithm, options: argparse.Namespace) -> tuple[Words, Simulation]:
    """Go on from the checkpoint in a folder; it holds the input as well."""
    from mpc_sim import Simulation
    from mpc_sim.checkpoint import Checkpoint

    given = {
        "--n": options.n,
        "--input": options.input,
        "--epsilon": options.epsilon,
        "--gamma": options.gamma,
        "--charge": options.charge or None,
        "--checkpoint": options.checkpoint,
    }
    for name, value in given.items():
        if value is not None:
            raise UsageError(f"{name} is fixed by the checkpoint; leave it out with --resume")
    path = Path(options.resume) / CHECKPOINT
    words = Checkpoint.load(path).words
    return words, Simulation.resume(path, algorithm.protocol(len(words)), keep_bytes=0)


def rounds(ledger: Ledger) -> list[dict[str, Any]]:
    """Return the ledger as plain JSON types, a row a round."""
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


def _input(algorithm: Algorithm, options: argparse.Namespace) -> Words:
    from mpc_sim.instances import integers

    if options.input is not None:
        return integers(read_lines(options.input), options.input)
    n = DEFAULT_N if options.n is None else options.n
    refuse_size(n, BYTES_A_WORD)
    seeded: Words = algorithm.instance(n, options.seed)
    return seeded
