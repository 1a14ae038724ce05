"""Reduce the values of every key: sort the pairs, scan the runs of equal keys, write their ends."""

from __future__ import annotations

from dataclasses import dataclass

from mpc_sim.algorithms.remove_duplicates import PlaceEnds
from mpc_sim.cluster import Cluster
from mpc_sim.compose import LocalStage, sequence
from mpc_sim.errors import InputError
from mpc_sim.protocol import Protocol
from mpc_sim.records import Inbox, Records
from mpc_sim.stages.blocks import Rows, WriteInOrder
from mpc_sim.stages.operations import Addition, Both, Keyed, Operation
from mpc_sim.stages.runs import EndRuns, SortRows
from mpc_sim.stages.scan import Scan

PAIR = ("key", "value")


@dataclass(frozen=True)
class OffsetKeys(LocalStage):
    """Count keys from 1, so that 0 is free for the pad."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        pairs = inbox["records"]
        moved = Records.of(pairs.machine, key=pairs["key"] + 1, value=pairs["value"])
        return Inbox(inbox.machines, {"records": moved})


def reduce_by_key(n_words: int, operation: Operation | None = None) -> Protocol:
    """Return the protocol that combines the values of every distinct key.

    The input is pairs (key, value), interleaved; a last word without a partner is dropped. The
    output is pairs (key + 1, reduction), keys increasing, then pads 0. So key + 1 and every
    reduction are below 2**word_bits. The values of a key are combined in increasing order.

    Parameters
    ----------
    n_words : int
        N.
    operation : Operation, optional
        On elements of one word; addition by default.

    Returns
    -------
    Protocol
        1 round if the block is odd, 1 + 4^d of columnsort on N / 2 pairs, 1 to end the runs, 2 L of
        the scan, 1 to write; exactly. T = ceil(floor(N / 2) / P) pairs lie on a machine between the
        sort and the writing.

    Raises
    ------
    InputError
        If the elements of the operation have several words.

    References
    ----------
    Goodrich, Sitchinava, Zhang, arXiv 1101.1902 (sorting and prefix sums); Leighton 1985.
    """
    operation = Addition() if operation is None else operation
    if operation.words != 1:
        raise InputError(f"a value is one word, but the operation takes {operation.words}")
    n_pairs = max(1, n_words // 2)
    fields = (*PAIR, "last")
    reduce = Scan(
        Both(Keyed(operation), Addition()),
        fields,
        operand=fields,
        prefix=("run", "total", "runs"),
        n_slots=n_pairs,
        spread=True,
    )
    return sequence(
        Rows(PAIR),
        OffsetKeys(),
        SortRows(PAIR, n_pairs, spread=True),
        EndRuns(PAIR, n_pairs),
        reduce,
        PlaceEnds(("key", "total")),
        WriteInOrder(("key", "total"), reduce),
    )
