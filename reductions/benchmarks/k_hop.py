"""k-hop end to end: load, every round under its limits, output.

A reference may run at a smaller n; its seconds are then scaled to the case, in proportion to n, and
its name says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np

from mpc_sim import Simulation, fit_cluster
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.inputs.instances import Letters
from mpc_sim.records import Words
from reductions.benchmarks.timing import Contestant, Progress, Row, interleaved

OURS = "mpc_sim"
N_LETTERS = 64


@dataclass(frozen=True)
class Hops:
    """A seeded k-hop task."""

    n: int
    k: int
    epsilon: str = "2/3"
    seed: int = 0

    def __str__(self) -> str:
        return f"k-hop, n = {self.n}, k = {self.k}, epsilon = {self.epsilon}"

    def draw(self) -> Words:
        """Return the letters."""
        return Letters.random(self.n, N_LETTERS, seed=self.seed).words


@dataclass(frozen=True)
class Reference:
    """Another way to the same output.

    Parameters
    ----------
    run : callable
        From letters and a task to the output.
    n : int, optional
        Letters that it is given, where the whole case would take too long.
    """

    name: str
    run: Callable[[Words, Hops], Words]
    n: int | None = None


def simulate(letters: Words, task: Hops) -> Words:
    """Run the protocol on machines, every limit enforced."""
    protocol = k_hop(task.k)
    cluster = fit_cluster(protocol, len(letters), task.epsilon, largest_word=N_LETTERS)
    return Simulation(protocol, cluster, letters).run()


def double_in_numpy(letters: Words, task: Hops) -> Words:
    """Double on whole arrays: no machines, no limits, nothing is routed."""
    n = len(letters)
    order = np.argsort(letters, kind="stable")
    hop = np.zeros(n + 1, np.int64)
    again = letters[order[1:]] == letters[order[:-1]]
    hop[order[1:][again] + 1] = order[:-1][again] + 2
    reached = np.arange(n + 1)
    for bit in range(task.k.bit_length()):
        if task.k >> bit & 1:
            reached = np.take(hop, reached)
        hop = np.take(hop, hop)
    return np.concatenate([[0], letters + 1])[reached[1:]]


def double_in_python(letters: Words, task: Hops) -> Words:
    """Double on plain lists, a token after the other: what a loop of Python costs."""
    words = letters.tolist()
    hop = [0]
    latest: dict[int, int] = {}
    for place, letter in enumerate(words, 1):
        hop.append(latest.get(letter, 0))
        latest[letter] = place + 1
    reached = list(range(len(words) + 1))
    for bit in range(task.k.bit_length()):
        if task.k >> bit & 1:
            reached = [hop[place] for place in reached]
        hop = [hop[place] for place in hop]
    return np.array([words[place - 1] + 1 if place else 0 for place in reached[1:]], np.int64)


CASES = (Hops(2**14, 1024), Hops(2**17, 1024), Hops(2**20, 1024))
REFERENCES = (
    Reference("NumPy doubling without machines", double_in_numpy),
    Reference("doubling in plain Python, scaled from n = 2^14", double_in_python, 2**14),
)


def k_hop_rows(
    cases: Iterable[Hops], repeats: int, *, progress: Progress | None = None
) -> list[Row]:
    """Time every case against every reference, after comparing their outputs."""
    rows = []
    for task in cases:
        letters = task.draw()
        runs: dict[str, Contestant] = {OURS: partial(simulate, letters, task)}
        for reference in REFERENCES:
            part = letters[: reference.n]
            if not np.array_equal(simulate(part, task), reference.run(part, task)):
                raise AssertionError(f"{task}: the simulation and {reference.name} disagree")
            runs[reference.name] = partial(reference.run, part, task)
        seconds = interleaved(runs, repeats, case=str(task), progress=progress)
        ours = seconds.pop(OURS)
        for reference in REFERENCES:
            scale = task.n / min(task.n, reference.n or task.n)
            rows.append(Row(str(task), ours, reference.name, scale * seconds[reference.name]))
    return rows
