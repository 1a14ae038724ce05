"""The distinct words, in increasing order: sort, mark the end of every run, count, write."""

from __future__ import annotations

from dataclasses import dataclass

from mpc_sim.cluster import Cluster
from mpc_sim.compose import LocalStage, sequence
from mpc_sim.protocol import Protocol
from mpc_sim.records import Inbox, Records
from mpc_sim.stages.blocks import WriteInOrder
from mpc_sim.stages.columnsort import Columnsort
from mpc_sim.stages.operations import Addition
from mpc_sim.stages.runs import EndRuns
from mpc_sim.stages.scan import Scan


@dataclass(frozen=True)
class OffsetWords(LocalStage):
    """Read the input word a as the record (a + 1), so that 0 is free for the pad."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        words = inbox["input"]
        return Inbox(inbox.machines, {"records": Records.of(words.machine, word=words["word"] + 1)})


@dataclass(frozen=True)
class PlaceEnds(LocalStage):
    """Place what stands at the end of every run: the q-th run, counted from 1, has rank q - 1.

    It reads ``records`` with the fields ``last`` and ``runs``, the ends up to a record, and leaves
    ``placed`` with the given fields and ``position``.
    """

    fields: tuple[str, ...]

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        records = inbox["records"]
        ends = records.take(records["last"] == 1)
        columns = {name: ends[name] for name in self.fields}
        placed = Records.of(ends.machine, **columns, position=ends["runs"] - 1)
        return Inbox(inbox.machines, {"placed": placed})


def remove_duplicates() -> Protocol:
    """Return the protocol that puts out the distinct input words in increasing order, then pads.

    A word a is put out as a + 1; the pad is 0. So a + 1 < 2**word_bits for every input word.

    Returns
    -------
    Protocol
        1 + 4^d rounds of columnsort, 1 to end the runs, 2 L of the scan, 1 to write; exactly.
        T = ceil(N / P) words lie on a machine between the sort and the writing.

    References
    ----------
    Goodrich, Sitchinava, Zhang, arXiv 1101.1902 (sorting and prefix sums); Leighton 1985.
    """
    count = Scan(Addition(), ("word", "last"), ("last",), ("runs",), spread=True)
    return sequence(
        OffsetWords(),
        Columnsort(("word",), spread=True),
        EndRuns(("word",)),
        count,
        PlaceEnds(("word",)),
        WriteInOrder(("word",), count),
    )
