"""The memory of a machine as the row of its tokens, and back.

Axes: A listed machines, C channels. The row of a machine holds, for each channel, the number of its
records, and then the words of all records, channel after channel in canonical order. A machine that
holds nothing has the zero row. Both maps are row-wise: a row depends on its own machine only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpc_sim import Channel, Inbox, Records
from reductions.arrays import Integers


@dataclass(frozen=True)
class RowFormat:
    """Which channels a row carries, with their fields."""

    channels: tuple[tuple[str, tuple[str, ...]], ...]

    @classmethod
    def of(cls, channels: tuple[Channel, ...]) -> RowFormat:
        """Return the format that carries the records of a round."""
        return cls(tuple((channel.name, channel.fields) for channel in channels))

    def write(self, inbox: Inbox) -> tuple[Integers, Integers]:
        """Return the machines that hold something, int64[A], and their rows, int64[A, d]."""
        parts = [(fields, inbox[name]) for name, fields in self.channels]
        owners = np.concatenate([part.machine for _, part in parts] or [np.zeros(0, np.int64)])
        holds = np.bincount(owners) > 0
        machines, slot_of = np.flatnonzero(holds), (np.cumsum(holds) - 1)[owners]
        n_channels = len(parts)
        splits = np.cumsum([len(part) for _, part in parts])[:-1]
        slots = np.split(slot_of, splits) if parts else []
        counts = (
            np.stack([np.bincount(slot, minlength=len(machines)) for slot in slots], axis=1)
            if parts
            else np.zeros((0, 0), np.int64)
        )
        widths = np.array([len(fields) for fields, _ in parts], np.int64)
        ends = n_channels + np.cumsum(counts * widths, axis=1)
        width = int(ends[:, -1].max(initial=n_channels)) if parts else 0
        values = np.zeros((len(machines), width), np.int64)
        values[:, :n_channels] = counts
        for channel, ((fields, part), slot) in enumerate(zip(parts, slots, strict=True)):
            start = ends[:, channel] - counts[:, channel] * widths[channel]
            start += width * np.arange(len(machines))
            place = np.take(start, slot) + part.rank * widths[channel]
            for offset, name in enumerate(fields):
                np.put(values, place + offset, part[name])
        return machines, values

    def read(self, machines: Integers, values: NDArray[np.float64], batch: Integers) -> Inbox:
        """Return the inbox of ``batch`` from the rows of those machines in it that are listed.

        Parameters
        ----------
        machines : int64[A]
            Increasing; all in ``batch``.
        values : [A, d]
            Integers.
        batch : int64[M]
            Increasing.
        """
        n_channels = len(self.channels)
        counts = np.zeros((len(machines), n_channels), np.int64)
        counts[:] = values[:, :n_channels] if values.shape[1] else 0
        start = np.full(len(machines), n_channels, np.int64)
        records = {}
        for channel, (name, fields) in enumerate(self.channels):
            count = counts[:, channel]
            row = np.repeat(np.arange(len(machines)), count)
            rank = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
            place = np.take(start + values.shape[1] * np.arange(len(machines)), row)
            place += rank * len(fields)
            columns = {
                field: np.take(values, place + offset).astype(np.int64)
                for offset, field in enumerate(fields)
            }
            records[name] = Records(fields, machines[row], columns)
            start = start + count * len(fields)
        return Inbox(batch, records)
