"""``anna-mpc simulate ALGORITHM``: run a protocol under its limits, print ledger and checks."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from mpc_sim import InputError, MPCError, ShapeError
from mpc_sim.cluster import failure_word
from mpc_sim.errors import CheckpointError
from reductions.commands.files import make_folder, read_lines, refuse_size, write_text
from reductions.commands.graph_input import (
    keep_graph,
    kept_graph,
    output_lines,
    read_graph,
    refuse_wrong_input,
    takes_graphs,
)
from reductions.commands.tables import print_certificate, progress_line
from reductions.commands.usage import UsageError
from reductions.commands.values import size
from reductions.registry import find, names

if TYPE_CHECKING:
    from mpc_sim import Ledger, Simulation
    from mpc_sim.inputs.graphs import Graph
    from mpc_sim.records import Words
    from reductions.problems.algorithm import Algorithm, GraphAlgorithm

DEFAULT_N = 1024
BYTES_A_WORD = 1024
SCHEMA = "anna-mpc/simulation/1"
CHECKPOINT = "checkpoint.npz"


def arguments(command: argparse.ArgumentParser) -> None:
    """Add the arguments of the command to its parser."""
    command.set_defaults(run=run)
    algorithms = names("algorithm")
    command.add_argument(
        "algorithm", choices=algorithms, metavar="ALGORITHM", help=", ".join(algorithms)
    )
    command.add_argument("--n", type=size, help="words or vertices of the seeded input (1024)")
    source = command.add_mutually_exclusive_group()
    source.add_argument(
        "--input",
        metavar="FILE",
        help="one word per line, of three-sum a number plus n^3; - reads standard input",
    )
    source.add_argument(
        "--graph",
        metavar="FILE",
        help="one edge 'u v' or 'u v weight' per line, a lone vertex 'u'; - reads standard input",
    )
    command.add_argument("--epsilon", help="local memory s = c_s N^epsilon")
    command.add_argument("--gamma", help="machines P = c_p N^(1+gamma-epsilon)")
    command.add_argument("--seed", type=size, default=0, help="of the seeded input (0)")
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
        help="write the output, one word per line; of a graph 'name word' per vertex, 'u v word' "
        "per edge, with the maximum of its words, where some edge has one that is not 0",
    )
    command.add_argument("--json", action="store_true", help="print one JSON object")


def run(options: argparse.Namespace) -> int:
    """Simulate an algorithm; the exit status is 0 if nothing failed and 1 otherwise."""
    from reductions.certify.certify import run_algorithm

    algorithm: Algorithm = find("algorithm", options.algorithm).load()
    if options.every is not None:
        _refuse_every(options)
    try:
        refuse_wrong_input(algorithm, options.input, options.graph)
        if options.resume is not None:
            given, simulation, remarks = _resumed(algorithm, options)
        else:
            given, simulation, remarks = _new(algorithm, options)
    except (InputError, ShapeError, CheckpointError) as error:
        raise UsageError(str(error)) from None
    folder = options.resume if options.checkpoint is None else options.checkpoint
    line = progress_line()
    seeded = options.input is None and options.graph is None and options.resume is None
    try:
        finished = run_algorithm(
            algorithm,
            given,
            simulation.cluster,
            parameters=_sizes(algorithm, given)
            | {
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
    certificate = replace(certificate, remarks=(*certificate.remarks, *remarks))
    output = certificate.outputs["mpc"]
    failed = algorithm.has_failed(output, simulation.cluster)
    if options.out and not failed:
        write_text(options.out, _text(algorithm, given, output))
    if options.json:
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
    algorithm: Algorithm, options: argparse.Namespace
) -> tuple[Words | Graph, Simulation, list[str]]:
    """Start a simulation, and save it at once if there will be checkpoints."""
    from mpc_sim import Simulation

    for name in ("input", "graph"):
        if options.n is not None and getattr(options, name):
            raise UsageError(f"--n is for the seeded input; leave it out with --{name}")
    given, remarks = _input(algorithm, options)
    words = algorithm.words(given)
    refuse_size(len(words), BYTES_A_WORD)
    cluster = algorithm.cluster(given, options.epsilon, options.gamma)
    simulation = Simulation(
        algorithm.protocol_for(given),
        cluster,
        words,
        mode="charge" if options.charge else "strict",
        keep_bytes=0,
    )
    if options.checkpoint is not None:
        folder = make_folder(options.checkpoint)
        if takes_graphs(algorithm):
            keep_graph(cast("Graph", given), folder)
        simulation.save(folder / CHECKPOINT)
    return given, simulation, remarks


def _resumed(
    algorithm: Algorithm, options: argparse.Namespace
) -> tuple[Words | Graph, Simulation, list[str]]:
    """Go on from the checkpoint in a folder; it holds the input as well."""
    from mpc_sim import Simulation
    from mpc_sim.checkpoint import Checkpoint

    fixed = {
        "--n": options.n,
        "--input": options.input,
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
    given = kept_graph(options.resume, words) if takes_graphs(algorithm) else words
    simulation = Simulation.resume(path, algorithm.protocol_for(given), keep_bytes=0)
    return given, simulation, []


def _sizes(algorithm: Algorithm, given: Any) -> dict[str, int]:
    """Return what the report says of the size of an input."""
    if takes_graphs(algorithm):
        return {"n": given.n_vertices, "m": given.n_edges}
    return {"n": len(given)}


def _text(algorithm: Algorithm, given: Any, output: Words) -> str:
    """Return the output as ``--out`` writes it."""
    if takes_graphs(algorithm):
        return output_lines(cast("GraphAlgorithm", algorithm), given, output)
    return "".join(f"{word}\n" for word in output)


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


def _input(algorithm: Algorithm, options: argparse.Namespace) -> tuple[Words | Graph, list[str]]:
    from mpc_sim.inputs.instances import integers

    if options.graph is not None:
        return read_graph(algorithm, options.graph)
    if options.input is not None:
        return integers(read_lines(options.input), options.input), []
    n = DEFAULT_N if options.n is None else options.n
    refuse_size(n, BYTES_A_WORD)
    seeded: Words | Graph = algorithm.instance(n, options.seed)
    return seeded, []
