"""Isolation: a run is believed when processes that see one part of the machines send the same.

In a round the machines are cut at random into parts, at most four. The step of each part runs in a
process that has seen the protocol, as it was before its first step, the cluster, the round and the
memory of that part's machines, listed in random order; so does the output map. Messages, shape and
output are compared with those of the ordinary run, and what sends the same cannot have used a
neighbour's memory, the batch, or anything that a run left behind.

Not seen is what such a process can still reach: files, clocks that agree, the network, other
processes, the answer in the protocol's own fields or code, information in addresses (which machine
sends, on which channel, in which order), and code that rewrites this library while it runs.
"""

from __future__ import annotations

import pickle
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from mpc_sim.clean_process import Answer, CleanProcesses, Failed
from mpc_sim.cluster import Cluster
from mpc_sim.errors import MPCError
from mpc_sim.hidden_state import traces
from mpc_sim.isolated_parts import (
    Different,
    Shape,
    Table,
    Tables,
    Task,
    difference,
    joined,
    message_tables,
    output_of,
    output_table,
    step_of,
)
from mpc_sim.labels import outermost
from mpc_sim.records import Words
from mpc_sim.simulation import Simulation

SECONDS = 5.0
"""What isolation may take where it can choose: beyond, it samples rounds."""

N_PARTS = 4

PATIENCE, PATIENCE_FACTOR = 60.0, 20.0
"""A worker may take so many seconds, and so many times as long as the ordinary step."""

LOCALITY = "locality", "it reads the batch, or the memory of other machines"
HIDDEN_STATE = "hidden state", "it reads what a run left outside of the memory of its machine"
NO_FUNCTION = "no function", "two clean runs on one memory differ: a clock, an address, a draw"


@dataclass(frozen=True)
class Fault:
    """The first difference between a run and the same run in isolation.

    Parameters
    ----------
    round : int
        R for the output map.
    machine : int or None
    kind : str
        ``shape``, ``ownership``, ``locality``, ``hidden state`` or ``no function``.
    text : str
        One line with round, label and machine.
    """

    round: int
    machine: int | None
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.text} ({self.kind})"


@dataclass(frozen=True, eq=False)
class Isolated:
    """A finished run beside the same run in isolation.

    Parameters
    ----------
    output : int64[N]
        Of the ordinary run.
    n_different, n_compared : int
        Messages and output words.
    rounds : tuple of int
        Those that ran in isolation too; R is the output map, and always among them.
    n_rounds : int
        R.
    fault : Fault or None
    """

    output: Words
    n_different: int
    n_compared: int
    rounds: tuple[int, ...]
    n_rounds: int
    fault: Fault | None

    @property
    def is_sampled(self) -> bool:
        """Whether some rounds were left out."""
        return len(self.rounds) <= self.n_rounds


def run_isolated(
    simulation: Simulation,
    clean: CleanProcesses,
    *,
    seconds: float | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Isolated:
    """Run the remaining rounds of a simulation, in this process and in isolation.

    Parameters
    ----------
    clean : CleanProcesses
        Of its protocol, made before anything ran.
    seconds : float, optional
        By default `SECONDS`. Where all rounds would take longer in isolation, a random sample of
        them runs there, and always the first, the last, the first of every stage, and the output
        map.
    progress : callable, optional
        Called with (rounds run, R).

    Raises
    ------
    MPCError
        The ordinary run breaks a limit.

    Notes
    -----
    A local protocol never differs. A machine that reads the memory of another one is cut from it
    with probability at least 3/4 for four machines or more, and always for fewer; whether that
    changes what it sends is up to the input.

    Examples
    --------
    >>> from mpc_sim import fit_cluster
    >>> from mpc_sim.stages.columnsort import columnsort
    >>> words = [5, 1, 4, 1, 0, 3]
    >>> with CleanProcesses(columnsort()) as clean:
    ...     sim = Simulation(columnsort(), fit_cluster(columnsort(), 6, "2/3"), words)
    ...     isolated = run_isolated(sim, clean)
    >>> isolated.n_different, isolated.is_sampled, isolated.output.tolist()
    (0, False, [0, 1, 1, 3, 4, 5])
    """
    run = _Run(simulation, clean, SECONDS if seconds is None else seconds)
    while not simulation.finished:
        run.advance()
        if progress is not None:
            progress(simulation.round, simulation.n_rounds)
    return run.close()


class _Run:
    """A simulation beside its isolated rounds."""

    def __init__(self, simulation: Simulation, clean: CleanProcesses, seconds: float) -> None:
        self.simulation, self.clean = simulation, clean
        self.cluster: Cluster = pickle.loads(pickle.dumps(simulation.cluster))
        self.before = traces(simulation.protocol, simulation.cluster)
        self.rng = np.random.default_rng(secrets.randbits(128))
        self.seconds, self.spent = seconds, 0.0
        self.stages: set[str] = set()
        self.rounds: list[int] = []
        self.n_different = self.n_compared = 0
        self.fault: Fault | None = None

    def advance(self) -> None:
        """Run a round, and perhaps in isolation: its workers run beside the ordinary step."""
        simulation, inbox = self.simulation, self.simulation.inbox
        round = simulation.round
        label = simulation.protocol.label(round, self.cluster)
        if not self._takes(round, label):
            simulation.step()
            return
        task = Task(f"round {round} ({label})", round, self.cluster, inbox, step_of)
        waiting = self._submit(task)
        started = time.perf_counter()
        traffic = simulation.peek()
        patience = PATIENCE + PATIENCE_FACTOR * (time.perf_counter() - started)
        shape = simulation.n_rounds, tuple(part.channel for part in traffic.messages)
        self._compare(task, waiting, patience, shape, partial(message_tables, traffic))
        simulation._move(traffic)

    def close(self) -> Isolated:
        """Run the output map, also in isolation, and return the record."""
        simulation = self.simulation
        round, inbox = simulation.n_rounds, simulation.inbox
        task = Task(f"round {round} (output)", round, self.cluster, inbox, output_of)
        waiting = self._submit(task)
        started = time.perf_counter()
        output = simulation.output()
        patience = PATIENCE + PATIENCE_FACTOR * (time.perf_counter() - started)
        self._compare(
            task, waiting, patience, (round, ()), partial(output_table, output, self.cluster)
        )
        return Isolated(
            output, self.n_different, self.n_compared, tuple(self.rounds), round, self.fault
        )

    def _takes(self, round: int, label: str) -> bool:
        """Choose a round: all while they fit into the time, then as many as fit, at random."""
        n_rounds = self.simulation.n_rounds
        stage = outermost(label)
        is_first = stage not in self.stages
        self.stages.add(stage)
        if is_first or round in (0, n_rounds - 1):
            return True
        needed = self.spent / len(self.rounds) * (n_rounds - round)
        return bool(self.rng.random() * needed <= self.seconds - self.spent)

    def _submit(self, task: Task) -> list[tuple[Words, Answer]]:
        """Start a worker for each part of the machines."""
        started = time.perf_counter()
        machines = self.rng.permutation(task.inbox.machines)
        parts = np.array_split(machines, min(N_PARTS, len(machines)))
        waiting = [(part, self.clean.submit(task.on(task.inbox.restrict(part)))) for part in parts]
        self.spent += time.perf_counter() - started
        return waiting

    def _compare(
        self,
        task: Task,
        waiting: list[tuple[Words, Answer]],
        patience: float,
        shape: Shape,
        tables: Tables,
    ) -> None:
        """Compare what the parts answer with the ordinary run."""
        started = time.perf_counter()
        ordinary = tables(None)
        n_rows = sum(map(len, ordinary.values()))
        different, fault = max(1, n_rows), None
        try:
            found = tables(joined(task, waiting, patience, shape))
        except Different as error:
            fault = self._explained(task, tables, ordinary, error)
        except MPCError as error:
            of_machine = Different(f"in isolation, {error}", error.details.get("machine"))
            fault = self._explained(task, tables, ordinary, of_machine)
        else:
            different, first = difference(ordinary, found)
            if first is not None:
                what = (
                    "puts out other words"
                    if task.is_output
                    else f"sends other rows on {first[0]!r}"
                )
                text = f"in isolation machine {first[1]} {what}"
                fault = self._explained(task, tables, ordinary, Different(text, first[1]))
        self.n_different += different
        self.n_compared += n_rows
        self.rounds.append(task.round)
        self.fault = self.fault or fault
        self.spent += time.perf_counter() - started

    def _explained(
        self, task: Task, tables: Tables, ordinary: dict[str, Table], found: Different
    ) -> Fault:
        """Say what kind a difference is: the whole batch runs in a clean process, twice."""
        kind, why = found.kind, ""
        if not kind:
            try:
                both = [
                    tables(self.clean.submit(task.on(task.inbox))(PATIENCE)[1]) for _ in range(2)
                ]
            except (Failed, MPCError):
                both = []
            if both and difference(*both)[0]:
                kind, why = NO_FUNCTION
            elif both and not difference(ordinary, both[0])[0]:
                kind, why = LOCALITY
            else:
                now = traces(self.simulation.protocol, self.simulation.cluster)
                changed = [name for name, value in self.before.items() if now.get(name) != value]
                kind, why = HIDDEN_STATE
                why += f"; the run changed {', '.join(changed)}" if changed else ""
        text = f"{task.where}: {found}" + (f": {why}" if why else "")
        return Fault(task.round, found.machine, kind, text)
