"""``anna-mpc simulate ALGORITHM``: run a protocol under its limits, print ledger and checks."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from mpc_sim import InputError, MPCError, ShapeError
from reductions.cli import UsageError
from reductions.commands.files import read_lines, refuse_size, write_text
from reductions.commands.tables import print_certificate, progress_line
from reductions.registry import find

if TYPE_CHECKING:
    from mpc_sim import Ledger
    from reductions.algorithms.algorithm import Algorithm, Words

DEFAULT_N = 1024
BYTES_A_WORD = 1024
SCHEMA = "anna-mpc/simulation/1"


def run(options: argparse.Namespace) -> int:
    """Simulate an algorithm; the exit status is 0 if nothing failed and 1 otherwise."""
    from mpc_sim import Simulation
    from reductions.algorithms.run import run_algorithm

    if options.n is not None and options.input:
        raise UsageError("--n is for the seeded input; leave it out with --input")
    algorithm: Algorithm = find("algorithm", options.algorithm).load()
    try:
        words = _input(algorithm, options)
        cluster = algorithm.cluster(words, options.epsilon, options.gamma)
        protocol = algorithm.protocol(len(words))
        simulation = Simulation(protocol, cluster, words, keep_bytes=0)
    except (InputError, ShapeError) as error:
        raise UsageError(str(error)) from None
    seed = None if options.input else options.seed
    line = progress_line()
    try:
        finished = run_algorithm(
            algorithm,
            words,
            cluster,
            parameters={"n": len(words), "seed": seed},
            simulation=simulation,
            progress=None if line is None else lambda done, total: line("simulate", done, total),
        )
    except MPCError as error:
        print(f"anna-mpc: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    certificate = finished.certificate
    if options.out:
        write_text(options.out, "".join(f"{word}\n" for word in certificate.outputs["mpc"]))
    if options.json:
        report = certificate.to_json() | {"schema": SCHEMA, "rounds": rounds(finished.ledger)}
        print(json.dumps(report))
    else:
        print(finished.ledger)
        print_certificate(certificate)
    return 0 if certificate.ok else 1


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
        }
        for number, row in enumerate(ledger.rounds)
    ]


def _input(algorithm: Algorithm, options: argparse.Namespace) -> Words:
    from mpc_sim.instances import integers

    if options.input is not None:
        return integers(read_lines(options.input), options.input)
    n = DEFAULT_N if options.n is None else options.n
    refuse_size(n, BYTES_A_WORD)
    return algorithm.instance(n, options.seed)
