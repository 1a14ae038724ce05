"""Prefix sums of the input under any associative operation, also a non-commutative one."""

from __future__ import annotations

from dataclasses import dataclass

from mpc_sim.cluster import Cluster
from mpc_sim.compose import LocalStage, fewest_rounds, sequence
from mpc_sim.protocol import Protocol
from mpc_sim.records import Inbox, Records
from mpc_sim.stages.columnsort import Rename
from mpc_sim.stages.converge_cast import of_one_word
from mpc_sim.stages.operations import Operation
from mpc_sim.stages.scan import Scan, ScanAtOnce


@dataclass(frozen=True)
class PrefixOut(LocalStage):
    """Put out the prefix of every record."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        records = inbox["records"]
        return Inbox(
            inbox.machines, {"output": Records.of(records.machine, word=records["prefix"])}
        )


def prefix_sum(operation: Operation) -> Protocol:
    """Return the protocol whose output word i is what input words 0 .. i combine to.

    Parameters
    ----------
    operation : Operation
        On elements of one word; associative, it need not be commutative.

    Returns
    -------
    Protocol
        One round of :class:`~mpc_sim.stages.scan.ScanAtOnce` where block + M - 1 <= s, M the
        machines that hold input; otherwise 2 L rounds of :class:`~mpc_sim.stages.scan.Scan`.

    Raises
    ------
    ShapeError
        If the elements of the operation have several words.
    """
    fields = (("word",), ("word",), ("prefix",))
    return sequence(
        Rename("input", "records"),
        fewest_rounds(Scan(of_one_word(operation), *fields), ScanAtOnce(operation, *fields)),
        PrefixOut(),
    )
