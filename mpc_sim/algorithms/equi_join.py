"""Join two relations on equal keys; one key may carry almost all rows; nothing is gathered.

The input is rows of three words (relation, key, value): 1 is the left relation, 2 the right one,
anything else an empty row, which makes room for the output: N counts input and output. The output
is rows (key + 1, left value + 1, right value + 1), one for every pair of a left and a right row of
the same key, in increasing order, then pads 0. If there are more than C = floor(N / 3) pairs, every
word of the C output rows is the failure word 2^word_bits - 1.

A key with l left and r right rows owns l r places of the output from its offset on. Left row i
covers the r places from offset + i r on; right row j the places offset + j, + j + r, ..., each r
further. Consecutive places are covered by one message to the first of them and a scan that copies
the last message along; so right row j covers l consecutive *seats* from offset + j l on, and seat
offset + j l + i sends its value to place offset + i r + j. Seats and places lie evenly on all
machines: ceil(C / P) on each, whatever the keys are.

How many right rows a left row meets is a scan from behind, so the rows are sorted by complements
and scanned; one round reverses them, and a second scan gives the counts from the front and the
offsets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpc_sim.cluster import Cluster
from mpc_sim.compose import LocalStage, parallel, sequence
from mpc_sim.errors import WordOverflow
from mpc_sim.integers import ceil_div
from mpc_sim.protocol import Protocol
from mpc_sim.records import Channel, Inbox, Outbox, Records, Words
from mpc_sim.stages.blocks import Rows
from mpc_sim.stages.join_output import (
    LEFT,
    RIGHT,
    ROW,
    CopyAlong,
    Place,
    WritePairs,
    n_places,
    per_machine,
)
from mpc_sim.stages.loads import OneRound
from mpc_sim.stages.operations import Addition, Both, Keyed, Last, Maximum, Operation
from mpc_sim.stages.runs import SortRows
from mpc_sim.stages.scan import Scan

IS_LEFT, IS_RIGHT = 1, 2
SORTED = ("key", "is_left", "value")
COUNTED = (*SORTED, "is_right")
WEIGHED = ("key", "is_left", "is_right", "pairs", "value", "behind")


@dataclass(frozen=True)
class Capped(Operation):
    """Addition up to a cap, which stands for everything beyond."""

    cap: int

    @property
    def words(self) -> int:
        return 1

    @property
    def identity(self) -> tuple[int, ...]:
        return (0,)

    def combine(self, left: Words, right: Words) -> Words:
        total: Words = np.minimum(left + right, self.cap)
        return total


@dataclass(frozen=True)
class Complement(LocalStage):
    """Drop empty rows; the others become (key, is_left, value), key and value complemented."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        rows = inbox["records"]
        rows = rows.take((rows["relation"] == IS_LEFT) | (rows["relation"] == IS_RIGHT))
        top = cluster.word_limit - 1
        largest = max(int(rows["key"].max(initial=0)), int(rows["value"].max(initial=0)))
        if largest > top - 2:
            raise WordOverflow(
                f"equi_join: a row holds {largest}; keys and values lie in "
                f"0 .. 2**{cluster.word_bits} - 3; raise word_bits or largest_word",
                word=largest,
            )
        columns = {
            "key": top - rows["key"],
            "is_left": (rows["relation"] == IS_LEFT).astype(np.int64),
            "value": top - rows["value"],
        }
        return Inbox(inbox.machines, {"records": Records.of(rows.machine, **columns)})


@dataclass(frozen=True)
class MarkRight(LocalStage):
    """Say of every sorted row whether it belongs to the right relation."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        rows = inbox["records"]
        marked = Records.of(rows.machine, **rows.columns, is_right=1 - rows["is_left"])
        return Inbox(inbox.machines, {"records": marked})


@dataclass(frozen=True)
class Reverse(OneRound):
    """Reverse the order of all rows: machine i hands its rows, the last one first, to M - 1 - i.

    ``behind`` is how many right rows of its key follow a row in the new order, itself included;
    ``pairs`` is how many a left row meets. Keys and values are themselves again, plus 1.
    """

    def label(self, round: int, cluster: Cluster) -> str:
        return "reverse"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        held = per_machine(cluster)
        return (Channel("records", (*SORTED, "behind"), held, held),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        rows = inbox["records"]
        rows = rows.take(np.lexsort([-rows.rank, rows.machine]))
        used = ceil_div(max(1, n_places(cluster.n_words)), per_machine(cluster))
        columns = {name: rows[name] for name in (*SORTED, "behind")}
        outbox = Outbox()
        outbox.send("records", source=rows.machine, to=used - 1 - rows.machine, **columns)
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        rows, top = inbox["records"], cluster.word_limit - 1
        columns = {
            "key": top - rows["key"] + 1,
            "is_left": rows["is_left"],
            "is_right": 1 - rows["is_left"],
            "pairs": rows["is_left"] * rows["behind"],
            "value": top - rows["value"] + 1,
            "behind": rows["behind"],
        }
        return Inbox(inbox.machines, {"records": Records.of(rows.machine, **columns)})


def equi_join(n_words: int) -> Protocol:
    """Return the protocol that joins two relations; the module says how rows are written.

    Keys and values are at most 2**word_bits - 3. Equal rows count as often as they occur.

    Parameters
    ----------
    n_words : int
        N, which counts input and output.

    Returns
    -------
    Protocol
        1 round unless 3 divides the block, 1 + 4^d of columnsort on C = floor(N / 3) rows, 2 L of a
        scan from behind, 1 to reverse, 2 L of a scan from the front, 1 to place, 2 L of two scans
        side by side, 1 to write; exactly. T = ceil(C / P) rows, places and seats lie on a machine
        between the sort and the writing, whatever the keys are.

    References
    ----------
    Beame, Koutris, Suciu, arXiv 1401.1872 (skew: the output of a heavy key is spread over
    machines); here by sorting and scans, Goodrich, Sitchinava, Zhang, arXiv 1101.1902.
    """
    rows = max(1, n_places(n_words))
    from_behind = Scan(
        Keyed(Addition()),
        COUNTED,
        ("key", "is_right"),
        ("run", "behind"),
        n_slots=rows,
        spread=True,
    )
    from_front = Scan(
        Both(Keyed(Both(Addition(), Addition())), Capped(n_places(n_words) + 1)),
        WEIGHED,
        ("key", "is_left", "is_right", "pairs"),
        ("run", "lefts", "rights", "before"),
        inclusive=False,
        n_slots=rows,
        spread=True,
    )
    copy_left, copy_right = (
        CopyAlong(operation, fields, fields, fields, side, n_slots=rows, spread=True)
        for operation, fields, side in (
            (Both(Maximum(), Last(len(LEFT) - 1)), LEFT, "left"),
            (Last(len(RIGHT)), RIGHT, "right"),
        )
    )
    return sequence(
        Rows(ROW),
        Complement(),
        SortRows(SORTED, rows, spread=True),
        MarkRight(),
        from_behind,
        Reverse(),
        from_front,
        Place(),
        parallel(copy_left, copy_right),
        WritePairs(),
    )
