"""A protocol of a user as a solver: nothing is known of its problem but its inputs."""

from __future__ import annotations

import secrets

from mpc_sim import Protocol
from mpc_sim.randomness import random_below, random_words
from reductions.problems.parameter import Parameter
from reductions.problems.problem import Instance, Problem
from reductions.problems.protocol_solver import ProtocolSolver

INPUT_SEED = Parameter(
    "input_seed",
    "draw the input of a run again, as its certificate shows it; by default a new one is drawn",
    default=lambda given: None,
    is_drawn=True,
)


def own_solver(protocol: Protocol, name: str) -> ProtocolSolver:
    """Return a protocol of a user as a solver: its problem has neither statement nor oracle.

    Its seeded input comes from a seed of its own, drawn by the operating system when the protocol
    is there already: one that knew its input could answer without a message.
    """

    def drawn(n: int, seed: int, input_seed: int | None = None) -> Instance:
        chosen = secrets.randbits(62) if input_seed is None else input_seed
        words = random_below(max(n, 1), random_words(chosen, 0, range(n), 1)[:, 0])
        return Instance(words, {INPUT_SEED.name: chosen})

    problem = Problem(
        name=name,
        statement="",
        random={"uniform": drawn},
        hard={},
        oracle=None,
        parameters=(INPUT_SEED,),
    )
    return ProtocolSolver(
        problem=problem,
        protocol=lambda n, **_: protocol,
        bounds=lambda shape, cluster, **_: (),
    )
