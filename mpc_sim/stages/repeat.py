"""The same stages over and over, in rounds and channels alike: the shape is worked out once."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mpc_sim.by_identity import by_identity
from mpc_sim.cluster import Cluster
from mpc_sim.cost import Cost
from mpc_sim.protocol import Protocol, left_by
from mpc_sim.records import Channel, Inbox, Outbox


@dataclass(frozen=True)
class Repeat(Protocol):
    """Protocols of one shape, one after the other.

    Parameters
    ----------
    bodies : tuple of Protocol
        At least one; rounds and channels of all are those of the first, and at least one round.
    """

    bodies: tuple[Protocol, ...]

    def n_rounds(self, cluster: Cluster) -> int:
        return len(self.bodies) * _rounds(self.bodies[0], cluster)

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return _channels(self.bodies[0], round % _rounds(self.bodies[0], cluster), cluster)

    def joint_limit(self, round: int, cluster: Cluster) -> int | None:
        body = self.bodies[0]
        return _joint_limit(body, round % _rounds(body, cluster), cluster)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        which, inner = divmod(round, _rounds(self.bodies[0], cluster))
        if which and not inner:
            inbox = left_by(self.bodies[which - 1], inbox, cluster)
        return self.bodies[which].step(inner, inbox, cluster)

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        return self.bodies[-1].finish(inbox, cluster)

    def cost(self, cluster: Cluster) -> Cost:
        """As the first body, as many times; numbers are those of one body."""
        body = self.bodies[0].cost(cluster).naming(repeats=len(self.bodies))
        return replace(body, rounds=len(self.bodies) * body.rounds)

    def label(self, round: int, cluster: Cluster) -> str:
        which, inner = divmod(round, _rounds(self.bodies[0], cluster))
        return self.bodies[which].label(inner, cluster)

    def check(self, cluster: Cluster) -> None:
        self.bodies[0].check(cluster)


@by_identity
def _rounds(body: Protocol, cluster: Cluster) -> int:
    return body.n_rounds(cluster)


@by_identity
def _channels(body: Protocol, round: int, cluster: Cluster) -> tuple[Channel, ...]:
    return body.channels(round, cluster)


@by_identity
def _joint_limit(body: Protocol, round: int, cluster: Cluster) -> int | None:
    return body.joint_limit(round, cluster)
