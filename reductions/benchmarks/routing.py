"""A round of messages: the delivery of ``mpc_sim`` against sorting and against copying.

Ours is what a simulation does with an outbox: validate machines, count, check every limit and the
range of every word, move. The references get destinations and columns and only move: int64 argsort
and index, the best that NumPy has (radix sort of 16-bit keys, twice where there are more machines),
polars' stable sort, and a copy of destinations and columns, which moves as many words in order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np

from mpc_sim import Channel, Cluster, Inbox, Outbox
from mpc_sim.records import Words
from mpc_sim.routing import collect
from reductions.benchmarks.timing import Contestant, Progress, Row, interleaved

OURS = "mpc_sim"
POLARS = "polars stable sort"


@dataclass(frozen=True, eq=False)
class Messages:
    """Seeded messages: as many from every machine, to machines drawn uniformly.

    Parameters
    ----------
    n_rows, n_machines, n_words : int
        Messages, machines, words of a message.
    """

    n_rows: int
    n_machines: int
    n_words: int
    seed: int = 0

    def __str__(self) -> str:
        return f"{self.n_rows} messages of {self.n_words} words, {self.n_machines} machines"

    def draw(self) -> tuple[Words, Words, list[Words]]:
        """Return sources, destinations and columns."""
        rng = np.random.default_rng(self.seed)
        source = np.arange(self.n_rows) * self.n_machines // self.n_rows
        to = rng.integers(0, self.n_machines, self.n_rows)
        return source, to, [rng.integers(0, self.n_rows, self.n_rows) for _ in range(self.n_words)]

    @property
    def cluster(self) -> Cluster:
        """Machines that hold twice the mean load and a margin for chance."""
        mean = -(-self.n_rows // self.n_machines)
        return Cluster(
            n_words=self.n_rows,
            memory_words=self.n_words * (2 * mean + 64),
            n_machines=self.n_machines,
            block_words=mean,
        )


CASES = (
    Messages(10**5, 10**3, 2),
    Messages(10**6, 10**3, 1),
    Messages(10**6, 10**3, 2),
    Messages(10**6, 10**3, 4),
    Messages(10**6, 10**5, 2),
    Messages(10**7, 10**3, 2),
    Messages(10**7, 10**5, 2),
)


def contestants(messages: Messages) -> dict[str, Contestant]:
    """Return ours first, then the references; they have been compared with each other."""
    source, to, columns = messages.draw()
    cluster = messages.cluster
    names = tuple(f"word_{number}" for number in range(len(columns)))
    channel = Channel("message", names, cluster.memory_words // messages.n_words)
    outbox = Outbox()
    outbox.send("message", source=source, to=to, **dict(zip(names, columns, strict=True)))
    batch = np.arange(cluster.n_machines)
    space = [np.zeros_like(to) for _ in (to, *columns)]

    def ours() -> Inbox:
        traffic = collect(outbox, (channel,), batch, cluster, round=0, label="bench")
        traffic.check()
        return traffic.deliver()

    def argsort() -> list[Words]:
        order = np.argsort(to, kind="stable")
        return [column[order] for column in (to, *columns)]

    def radix() -> list[Words]:
        order = np.argsort(to.astype(np.uint16), kind="stable")
        if cluster.n_machines > 2**16:
            high = (to >> 16).astype(np.uint16)
            order = order[np.argsort(np.take(high, order), kind="stable")]
        return [np.take(column, order) for column in (to, *columns)]

    def copy() -> None:
        for kept, column in zip(space, (to, *columns), strict=True):
            np.copyto(kept, column)

    found: dict[str, Contestant] = {
        OURS: ours,
        "int64 argsort and index": argsort,
        "NumPy 16-bit radix argsort and take": radix,
        "copy of destinations and columns": copy,
    }
    records = ours()["message"]
    delivered = [records.machine, *(records[name] for name in names)]
    _same(delivered, argsort(), "argsort")
    _same(delivered, radix(), "radix")
    if find_spec("polars") is not None:
        import polars

        frame = polars.DataFrame({"to": to} | dict(zip(names, columns, strict=True)))

        def stable_sort() -> polars.DataFrame:
            return frame.sort("to", maintain_order=True)

        _same(delivered, [stable_sort()[name].to_numpy() for name in ("to", *names)], "polars")
        found[POLARS] = stable_sort
    return found


def routing_rows(
    cases: Iterable[Messages], repeats: int, *, progress: Progress | None = None
) -> list[Row]:
    """Time every case."""
    rows = []
    for messages in cases:
        seconds = interleaved(contestants(messages), repeats, case=str(messages), progress=progress)
        ours = seconds.pop(OURS)
        rows += [Row(str(messages), ours, name, taken) for name, taken in seconds.items()]
    return rows


def _same(delivered: list[Words], reference: list[Words], name: str) -> None:
    if not all(
        np.array_equal(ours, other) for ours, other in zip(delivered, reference, strict=True)
    ):
        raise AssertionError(f"routing and {name} disagree")
