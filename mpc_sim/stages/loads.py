"""The words that a stage declares, all channels of a round together."""

from __future__ import annotations

from mpc_sim.cluster import Cluster
from mpc_sim.errors import ShapeError
from mpc_sim.protocol import Protocol


class WithinReceipts(Protocol):
    """A stage in which what a machine keeps takes the place of what it would receive.

    Its channels say how many records arrive, on a local channel from the machine itself: a machine
    never holds more than that, kept records included, and that is the joint limit.
    """

    def joint_limit(self, round: int, cluster: Cluster) -> int:
        """Return the words that arrive by what the channels declare, at most s."""
        return min(cluster.memory_words, declared_loads(self, round, cluster)[1])


class OneRound(WithinReceipts):
    """A stage of one round, on machines whose memory holds what it declares."""

    remedy = "c_p, gamma, epsilon or c_s"

    def n_rounds(self, cluster: Cluster) -> int:
        return 1

    def check(self, cluster: Cluster) -> None:
        check_declared_loads(self, cluster, self.remedy)


class WithinCost(Protocol):
    """A stage that says in its cost how much a machine holds: that is the joint limit."""

    def joint_limit(self, round: int, cluster: Cluster) -> int:
        """Return the words of the cost, at most s."""
        return min(cluster.memory_words, self.cost(cluster).held)


def declared_loads(protocol: Protocol, round: int, cluster: Cluster) -> tuple[int, int]:
    """Return the most words that a machine may send, with what it keeps, and then hold.

    What is only received counts by ``per_receiver``; a channel that declares none counts nothing
    there.
    """
    sent = held = 0
    for channel in protocol.channels(round, cluster):
        sent += channel.per_machine * channel.words
        arriving = channel.per_machine if channel.local else channel.per_receiver or 0
        held += arriving * channel.words
    return sent, held


def check_declared_loads(protocol: Protocol, cluster: Cluster, remedy: str) -> None:
    """Reject a cluster whose local memory is smaller than what a stage declares.

    Parameters
    ----------
    remedy : str
        The parameters to raise, for the message.

    Raises
    ------
    ShapeError
    """
    for round in range(protocol.n_rounds(cluster)):
        need = max(declared_loads(protocol, round, cluster))
        if need > cluster.memory_words:
            raise ShapeError(
                f"{protocol.label(round, cluster)}: a machine may need {need} words; "
                f"local memory is {cluster.memory_words}: raise {remedy}",
                round=round,
                words=need,
                memory_words=cluster.memory_words,
            )
