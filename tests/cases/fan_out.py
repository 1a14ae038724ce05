"""Protocols and checks that the tests of the fan-out reduction share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import oracles
from mpc_sim import (
    Channel,
    Cluster,
    Inbox,
    Outbox,
    Protocol,
    Simulation,
)
from reductions.mpc_to_anna.fan_out import (
    BoundedFanOut,
    PartnerRun,
    fan_out_bounds,
    fan_out_cluster,
    run_with_partners,
)
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.registry import solver


def hops(n_machines: int, partners: int) -> int:
    """The least L >= 1 with (d + 1)^L >= P."""
    return oracles.least(lambda length: (partners + 1) ** length >= n_machines, start=1)


def checked_run(bounded: BoundedFanOut, words: object) -> PartnerRun:
    """Run with bounded fan-out, hold it to every bound, and compare with the plain run."""
    inner, wide = bounded.inner, fan_out_cluster(bounded)
    plain = Simulation(bounded.protocol, inner, words).run()
    run = run_with_partners(bounded, wide, words)
    assert run.output.tolist() == plain.tolist()
    length = hops(inner.n_machines, bounded.partners)
    assert run.ledger.n_rounds == bounded.protocol.n_rounds(inner) * 2 * length
    assert run.sent_partners <= bounded.partners >= run.received_partners
    for bound in fan_out_bounds(bounded):
        assert bound.check(run.measured[bound.quantity]).status == "PASS", bound.quantity
    memory = next(b for b in fan_out_bounds(bounded) if b.quantity == "local_memory")
    assert memory.value <= wide.memory_words
    return run


@dataclass(frozen=True)
class Permute(Protocol):
    """Machine x hands all its words to machine ``to[x]``."""

    to: tuple[int, ...]

    def n_rounds(self, cluster: Cluster) -> int:
        return 1

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel("w", ("word",), cluster.block_words, cluster.block_words),)

    def joint_limit(self, round: int, cluster: Cluster) -> int:
        return cluster.block_words

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        words, outbox = inbox["input"], Outbox()
        to = np.array(self.to)[words.machine]
        outbox.send("w", source=words.machine, to=to, word=words["word"])
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        return Inbox(inbox.machines, {"output": inbox["w"]})


def algorithm(name: str) -> ProtocolSolver:
    found: ProtocolSolver = solver(name)
    return found
