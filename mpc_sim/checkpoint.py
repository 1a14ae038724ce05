"""Checkpoints: a simulation between two rounds, in a file that names the protocol.

A checkpoint holds the input, the memory of every machine (its inbox) and the ledger; nothing else
survives a round in this model, so a run that is resumed from it gives the same output and the same
ledger as one that was never interrupted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mpc_sim.charge import Mode, as_mode
from mpc_sim.cluster import Cluster
from mpc_sim.errors import CheckpointError, InputError
from mpc_sim.identity import difference, identity
from mpc_sim.ledger.ledger import Ledger
from mpc_sim.placement import load_input
from mpc_sim.protocol import Protocol
from mpc_sim.records import Inbox, Records, Words
from mpc_sim.saving import archive

FILE = archive.FileKind("checkpoint", 2, CheckpointError)


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """The state of a simulation before a round.

    ``Simulation.save`` and ``Simulation.resume`` write and read it.

    Parameters
    ----------
    protocol : str
        The identity of the protocol (``mpc_sim.identity``).
    mode : str
        ``strict`` or ``charge``.
    words : int64[N]
        The input.
    inbox : Inbox
        What every machine holds.
    ledger : Ledger
        Of the rounds so far.
    """

    protocol: str
    mode: Mode
    words: Words
    inbox: Inbox
    ledger: Ledger

    @property
    def round(self) -> int:
        """The next round of the protocol."""
        return self.ledger.n_protocol_rounds

    def save(self, path: str | Path) -> None:
        """Write the checkpoint, whole or not at all.

        Raises
        ------
        CheckpointError
            If it cannot be written.
        """
        header = {
            "protocol": self.protocol,
            "mode": self.mode,
            "round": self.round,
            "channels": [[name, list(self.inbox[name].fields)] for name in self.inbox],
            "ledger": self.ledger.header(),
        }
        arrays = {"input": self.words, **self.ledger.arrays()}
        for index, records in enumerate(self.inbox.records.values()):
            arrays[_owner(index)] = records.machine
            for place, field in enumerate(records.fields):
                arrays[_column(index, place)] = records[field]
        archive.write(path, FILE, header, arrays)

    @classmethod
    def load(cls, path: str | Path) -> Checkpoint:
        """Read a checkpoint.

        Raises
        ------
        CheckpointError
            If the file is missing, damaged or foreign, or its parts do not fit together.
        """
        header, arrays = archive.read(path, FILE)
        with archive.reading(path, FILE):
            ledger = Ledger.from_parts(header["ledger"], arrays)
            words = load_input(arrays["input"], ledger.cluster)["input"]["word"]
            inbox = _inbox(header["channels"], arrays, ledger.cluster)
            held = ledger.rounds[-1].held if ledger.rounds else ledger.input_held
            if not np.array_equal(held, inbox.held_words(ledger.cluster.n_machines)):
                raise ValueError("the machines do not hold what the ledger says")
            if header["round"] != ledger.n_protocol_rounds:
                raise ValueError("round and ledger differ")
            return cls(str(header["protocol"]), as_mode(header["mode"]), words, inbox, ledger)

    def require(self, protocol: Protocol, cluster: Cluster | None, path: str | Path) -> None:
        """Reject another protocol, another version of its rounds, or another cluster.

        Parameters
        ----------
        protocol, cluster
            Of the run that is to go on; None takes the cluster of the checkpoint.
        path
            Named in the error.

        Raises
        ------
        CheckpointError
        """
        wanted = identity(protocol)
        if wanted != self.protocol:
            ours, theirs = difference(wanted, self.protocol)
            raise CheckpointError(
                f"{path} is a run of another protocol, {theirs}; this is {ours}: "
                "resume with the protocol of the run, or start anew",
                path=str(path),
            )
        if cluster is not None and cluster != self.ledger.cluster:
            here, there = cluster.to_json(), self.ledger.cluster.to_json()
            others = (field for field in here if here[field] != there[field])
            listed = ", ".join(f"{f} = {there[f]} (here {here[f]})" for f in others)
            raise CheckpointError(
                f"{path} is a run on another cluster, {listed}: "
                "resume with the cluster of the run, or start anew",
                path=str(path),
            )
        if not self._fits(protocol):
            raise CheckpointError(
                f"{path} is a run of another version of this protocol: its {self.round} rounds "
                "have other steps or channels; start anew, or use the version that wrote it",
                path=str(path),
            )

    def _fits(self, protocol: Protocol) -> bool:
        """Whether the rounds so far have the labels, and the inbox the channels, of a protocol."""
        cluster = self.ledger.cluster
        if self.round > protocol.n_rounds(cluster):
            return False
        labels = tuple(protocol.label(round, cluster) for round in range(self.round))
        held = {name: records.fields for name, records in self.inbox.records.items()}
        if self.round == 0:
            return held == {"input": ("word",)}
        channels = protocol.channels(self.round - 1, cluster)
        declared = {channel.name: channel.fields for channel in channels}
        return labels == self.ledger.labels and held == declared


def schedule(
    every_rounds: int | None,
    every_seconds: float | None,
    clock: Callable[[], float] = time.monotonic,
) -> Callable[[], bool]:
    """Return a function that is called after every round and says whether to save now.

    Parameters
    ----------
    every_rounds : int, optional
        Save after so many rounds.
    every_seconds : float, optional
        Save when so many seconds have passed. With both, whichever comes first counts anew for
        both; with neither, every round.

    Raises
    ------
    InputError
        If a number is not positive.
    """
    if (every_rounds is not None and every_rounds < 1) or (
        every_seconds is not None and not every_seconds > 0
    ):
        raise InputError(
            f"every_rounds = {every_rounds}, every_seconds = {every_seconds}: "
            "give at least 1 round, or more than 0 seconds"
        )
    if every_rounds is None and every_seconds is None:
        every_rounds = 1
    rounds, last = 0, clock()

    def due() -> bool:
        nonlocal rounds, last
        rounds += 1
        now = clock()
        by_rounds = every_rounds is not None and rounds >= every_rounds
        if by_rounds or (every_seconds is not None and now - last >= every_seconds):
            rounds, last = 0, now
            return True
        return False

    return due


def _inbox(channels: list[Any], arrays: Mapping[str, Words], cluster: Cluster) -> Inbox:
    """Make the inbox of all machines, every record on a machine and every word in range."""
    records = {}
    for index, (name, fields) in enumerate(channels):
        owner = arrays[_owner(index)]
        columns = {str(field): arrays[_column(index, i)] for i, field in enumerate(fields)}
        if any(array.shape != (len(owner),) for array in (owner, *columns.values())):
            raise ValueError(f"channel {name} has columns of different lengths")
        if (np.diff(owner) < 0).any() or not _in_range(owner, cluster.n_machines):
            raise ValueError(f"channel {name} does not lie on the machines")
        if not all(_in_range(column, cluster.word_limit) for column in columns.values()):
            raise ValueError(f"channel {name} holds words out of range")
        records[str(name)] = Records(tuple(columns), owner, columns)
    return Inbox(np.arange(cluster.n_machines), records)


def _in_range(array: Words, limit: int) -> bool:
    return bool(array.min(initial=0) >= 0 and array.max(initial=0) < limit)


def _owner(channel: int) -> str:
    return f"channel_{channel}_machine"


def _column(channel: int, field: int) -> str:
    return f"channel_{channel}_field_{field}"
