"""A check that a protocol is local: a function of each machine's own inbox in every round."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mpc_sim.clean_process import CleanProcesses
from mpc_sim.cluster import Cluster
from mpc_sim.errors import LocalityError, MPCError
from mpc_sim.isolation import run_isolated
from mpc_sim.protocol import Protocol, act, left_by
from mpc_sim.records import Inbox, Outbox, Words
from mpc_sim.simulation import Simulation

SECONDS = 1.0
"""Of a run in isolation: all rounds run on batches in this process besides."""

Emission = dict[int, dict[str, list[tuple[int, ...]]]]


def assert_local(
    protocol: Protocol, cluster: Cluster, words: ArrayLike, *, n_batches: int = 4, seed: int = 0
) -> None:
    """Run a protocol and check in every round that each machine acts on its own inbox alone.

    The step (and the output map) is repeated on random batches of the machines in random order, the
    ids unchanged: a machine must emit the same rows in the same order. The whole step is repeated
    as well, which shows hidden state; at last the run is repeated in isolation
    (`mpc_sim.isolation`), which shows what the process itself holds.

    Parameters
    ----------
    protocol, cluster, words
        As for ``Simulation``.
    n_batches : int
        Random batches per round.
    seed : int
        Of the batches.

    Raises
    ------
    LocalityError
        Naming round, step, machine and channel.
    InputError
        The protocol does not pickle.

    Notes
    -----
    A test, not a proof: a dependence that shows in none of the batches of this input is missed.

    Examples
    --------
    >>> from mpc_sim import fit_cluster
    >>> from mpc_sim.algorithms.k_hop import k_hop
    >>> assert_local(k_hop(2), fit_cluster(k_hop(2), 8, "2/3"), [0, 1, 0, 1, 1, 0, 0, 1])
    """
    with CleanProcesses(protocol) as clean:
        _check_batches(protocol, cluster, words, n_batches, np.random.default_rng(seed))
        simulation = Simulation(protocol, cluster, words)
        fault = run_isolated(simulation, clean, seconds=SECONDS).fault
    if fault is not None:
        raise LocalityError(str(fault), round=fault.round, machine=fault.machine)


def _check_batches(
    protocol: Protocol,
    cluster: Cluster,
    words: ArrayLike,
    n_batches: int,
    rng: np.random.Generator,
) -> None:
    """Repeat every round on the whole, and on random batches, in this process."""
    sim = Simulation(protocol, cluster, words)
    while True:
        step = "output" if sim.finished else protocol.label(sim.round, cluster)
        where = f"round {sim.round} ({step})"
        whole = _emission(sim, sim.inbox)
        _compare(
            whole,
            _emission(sim, sim.inbox),
            sim.inbox.machines,
            f"{where}: run twice on the same inbox",
        )
        for _ in range(n_batches):
            batch = rng.permutation(cluster.n_machines)[: rng.integers(1, cluster.n_machines + 1)]
            part = _emission(sim, sim.inbox.restrict(batch), where)
            _compare(
                whole, part, batch, f"{where}: run on {len(batch)} of {cluster.n_machines} machines"
            )
        if sim.finished:
            return
        sim.step()


def _emission(sim: Simulation, inbox: Inbox, restricted: str | None = None) -> Emission:
    """Return machine -> channel -> rows of the next step, or of the output map at the end."""
    try:
        if sim.finished:
            return _inbox_rows(left_by(sim.protocol, inbox, sim.cluster))
        return _outbox_rows(act(sim.protocol, sim.round, inbox, sim.cluster))
    except (MPCError, ArithmeticError, LookupError, ValueError) as error:
        if restricted is None:
            raise
        raise LocalityError(f"{restricted}: fails on a part of the machines: {error}") from error


def _outbox_rows(outbox: Outbox) -> Emission:
    rows: Emission = {}
    for channel in outbox:
        source, to, columns = outbox.rows(channel)
        _add(rows, channel, source, [to, *(columns[name] for name in sorted(columns))])
    return rows


def _inbox_rows(inbox: Inbox) -> Emission:
    rows: Emission = {}
    for channel in inbox:
        records = inbox[channel]
        _add(rows, channel, records.machine, [records[name] for name in sorted(records.fields)])
    return rows


def _add(rows: Emission, channel: str, machine: Words, columns: list[Words]) -> None:
    table = zip(*(column.tolist() for column in columns), strict=True)
    for owner, row in zip(machine.tolist(), table, strict=True):
        rows.setdefault(owner, {}).setdefault(channel, []).append(row)


def _compare(whole: Emission, part: Emission, batch: Words, where: str) -> None:
    strangers = sorted(set(part) - set(batch.tolist()))
    if strangers:
        raise LocalityError(
            f"{where}: emits rows for machine {strangers[0]}, which is not among them",
            machine=strangers[0],
        )
    for machine in batch.tolist():
        expected, found = whole.get(machine, {}), part.get(machine, {})
        for channel in sorted(set(expected) | set(found)):
            if expected.get(channel) != found.get(channel):
                raise LocalityError(
                    f"{where}, machine {machine} emits other rows on channel {channel!r}; "
                    "a step may read nothing but the inbox of each machine",
                    machine=machine,
                    channel=channel,
                )
