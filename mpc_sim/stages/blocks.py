"""From blocks of words to records and back: what comes before and after many an algorithm.

N input words lie in blocks of B on the first machines; the output lies in the same blocks. Records
that are in order need no index to travel: an inbox is in the order (source machine, emission), so
what is sent in order arrives in order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpc_sim.cluster import Cluster
from mpc_sim.compose import LocalStage
from mpc_sim.errors import ShapeError
from mpc_sim.integers import ceil_div
from mpc_sim.placement import output_places
from mpc_sim.protocol import Protocol
from mpc_sim.records import Channel, Inbox, Outbox, Records
from mpc_sim.stages.loads import WithinReceipts

PAD = 0
"""The output word of a place that stays empty; a word a of an answer is written as a + 1."""


@dataclass(frozen=True)
class NumberWords(LocalStage):
    """Number the input words from 0: records (word, index)."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        words = inbox["input"]
        index = words.machine * cluster.block_words + words.rank
        return Inbox(
            inbox.machines, {"records": Records.of(words.machine, word=words["word"], index=index)}
        )


@dataclass(frozen=True)
class Rows(WithinReceipts):
    """Read the input as rows of a few words each: one record per row, on one machine.

    Row i lies on machine i // ceil(B / w), w words per row. Where w divides the block the rows are
    there already and no round is needed; otherwise one round hands the words over. Words behind the
    last whole row are dropped.

    Parameters
    ----------
    fields : tuple of str
        The words of a row.
    """

    fields: tuple[str, ...]

    def rows(self, cluster: Cluster) -> int:
        """Whole rows of the input."""
        return cluster.n_words // len(self.fields)

    def held(self, cluster: Cluster) -> int:
        """Rows of a machine."""
        return ceil_div(cluster.block_words, len(self.fields))

    def n_rounds(self, cluster: Cluster) -> int:
        return int(cluster.block_words % len(self.fields) > 0)

    def label(self, round: int, cluster: Cluster) -> str:
        return "rows"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        arriving = self.held(cluster) * len(self.fields)
        return (Channel("word", ("word",), cluster.block_words, arriving),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        words = inbox["input"]
        row = (words.machine * cluster.block_words + words.rank) // len(self.fields)
        whole = row < self.rows(cluster)
        words, row = words.take(whole), row[whole]
        outbox = Outbox()
        to = row // self.held(cluster)
        outbox.send("word", source=words.machine, to=to, word=words["word"])
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        words = inbox["word"] if self.n_rounds(cluster) else inbox["input"]
        place = words.machine * self.held(cluster) * len(self.fields) + words.rank
        words = words.take(place < self.rows(cluster) * len(self.fields))
        table = words["word"].reshape(-1, len(self.fields))
        columns = {name: table[:, at] for at, name in enumerate(self.fields)}
        records = Records.of(words.machine[:: len(self.fields)], **columns)
        return Inbox(inbox.machines, {"records": records})

    def check(self, cluster: Cluster) -> None:
        need = self.held(cluster) * len(self.fields)
        if need > cluster.memory_words:
            raise ShapeError(
                f"rows: {need} words of whole rows per machine do not fit "
                f"s = {cluster.memory_words} words: raise epsilon or c_s",
                words=need,
                memory_words=cluster.memory_words,
            )
        super().check(cluster)


@dataclass(frozen=True)
class WriteInOrder(WithinReceipts):
    """Write rows to the output, one after the other, and pad the rest.

    It reads channel ``placed``: rows with the words of ``fields`` and ``position``, their rank
    among all rows; positions grow with the machine, and along the rows of a machine. One round, one
    word per message; positions do not travel.

    Parameters
    ----------
    fields : tuple of str
        The words of a row, in the order of the output.
    source : Protocol
        The stage whose ``leaves`` says how many rows a machine may hold.
    """

    fields: tuple[str, ...]
    source: Protocol

    def n_rounds(self, cluster: Cluster) -> int:
        return 1

    def label(self, round: int, cluster: Cluster) -> str:
        return "write in order"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        words = self.source.leaves(cluster)[0].per_machine * len(self.fields)
        return (Channel("word", ("word",), words, cluster.block_words),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        rows, width = inbox["placed"], len(self.fields)
        place = rows["position"][:, None] * width + np.arange(width)
        words = np.stack([rows[name] for name in self.fields], axis=1)
        outbox = Outbox()
        outbox.send(
            "word",
            source=np.repeat(rows.machine, width),
            to=place.ravel() // cluster.block_words,
            word=words.ravel(),
        )
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        words = inbox["word"]
        owner, start = output_places(inbox.machines, cluster)
        column = np.full(len(owner), PAD, np.int64)
        column[start[words.machine] + words.rank] = words["word"]
        return Inbox(inbox.machines, {"output": Records.of(owner, word=column)})
