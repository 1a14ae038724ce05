"""A compiled protocol beside the simulation of the same protocol, and the numbers it touches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np

from anna_model.work import WorkCounter
from mpc_sim import Cluster, Protocol, Simulation, fit_cluster
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.inputs.instances import Letters
from mpc_sim.records import Words
from reductions.benchmarks.timing import Progress, Row, interleaved
from reductions.mpc_to_anna.compile import CompiledProtocol, compile_protocol

OURS, SIMULATION = "transformer", "the simulation of the protocol"
N_LETTERS = 64


@dataclass(frozen=True)
class Compiled:
    """A seeded k-hop task for a compiled protocol."""

    n: int
    k: int
    spread: bool = False
    """Compiled for the quickest run: one token per machine, spread heads."""

    def __str__(self) -> str:
        how = ", --tokens-per-machine 1 --head-order spread" if self.spread else ""
        return f"k-hop, n = {self.n}, k = {self.k}{how}"

    def build(self) -> tuple[Protocol, Cluster, CompiledProtocol, Words]:
        """Return protocol, cluster, transformer and input."""
        protocol = k_hop(self.k)
        cluster = fit_cluster(protocol, self.n, "2/3", largest_word=N_LETTERS)
        words = Letters.random(self.n, N_LETTERS, seed=0).words
        transformer = compile_protocol(protocol, cluster)
        if self.spread:
            transformer = compile_protocol(
                protocol, cluster, tokens_per_machine=1, head_order="spread"
            )
        return protocol, cluster, transformer, words


CASES = (
    Compiled(2**10, 16),
    Compiled(2**13, 64),
    Compiled(2**13, 64, spread=True),
    Compiled(2**16, 1024),
    Compiled(2**16, 1024, spread=True),
)


def simulate_alone(protocol: Protocol, cluster: Cluster, words: Words) -> Words:
    """Run the protocol without a transformer."""
    return Simulation(protocol, cluster, words, keep_bytes=0).run()


def certify_rows(
    cases: Iterable[Compiled], repeats: int, *, progress: Progress | None = None
) -> list[Row]:
    """Time every transformer against the simulation, after comparing their outputs."""
    rows = []
    for case in cases:
        protocol, cluster, transformer, words = case.build()
        simulate = partial(simulate_alone, protocol, cluster, words)
        if not np.array_equal(simulate(), transformer.run(words)):
            raise AssertionError(f"{case}: the simulation and the transformer disagree")
        runs = {OURS: partial(transformer.run, words), SIMULATION: simulate}
        seconds = interleaved(runs, repeats, case=str(case), progress=progress)
        rows.append(Row(str(case), seconds[OURS], SIMULATION, seconds[SIMULATION]))
    return rows


def work_notes(cases: Iterable[Compiled]) -> list[str]:
    """Say how many numbers the busiest layer of every case touches, and how many it may.

    Raises
    ------
    AssertionError
        A layer touches more than 8 (messages x m + N).
    """
    notes = []
    for case in cases:
        _, _, transformer, words = case.build()
        counter = WorkCounter()
        transformer.run(words, trace=counter)
        for index, work in counter.layers.items():
            if work.numbers > work.bound:
                raise AssertionError(
                    f"{case}, layer {index}: {work.numbers} numbers touched, {work.bound} allowed"
                )
        layers = counter.layers.values()
        index, busiest = max(counter.layers.items(), key=lambda one: one[1].numbers)
        nearest = max(work.numbers / work.bound for work in layers)
        dense = transformer.n_tokens * transformer.layers[index].token_width
        notes.append(
            f"{case}: the busiest layer touches {busiest.numbers:,} numbers, "
            f"8 (messages x m + N) is {busiest.bound:,}, N x H x m is {dense:,}; "
            f"no layer touches more than {nearest:.2f} of its bound"
        )
    return notes
