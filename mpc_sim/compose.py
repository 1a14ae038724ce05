"""Composition of protocols: one after the other, and stages that need no round."""

from __future__ import annotations

from dataclasses import dataclass

from mpc_sim.cluster import Cluster
from mpc_sim.labels import nest
from mpc_sim.protocol import Protocol
from mpc_sim.records import Channel, Inbox, Outbox


class LocalStage(Protocol):
    """A stage without rounds: only its ``finish`` acts, on each machine's own memory.

    Examples
    --------
    >>> from mpc_sim.algorithms.k_hop import OwnLetter
    >>> from mpc_sim import Cluster
    >>> OwnLetter().n_rounds(Cluster(n_words=4, memory_words=2, n_machines=2, block_words=2))
    0
    """

    def n_rounds(self, cluster: Cluster) -> int:
        return 0

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        raise IndexError(f"round {round} of 0")

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        raise IndexError(f"round {round} of 0")


@dataclass(frozen=True)
class Sequence(Protocol):
    """Stages in order: ``finish`` of a stage prepares what step 0 of the next one reads.

    Use :func:`sequence` to make one. Nothing passes from a stage to the next but what lies in the
    inbox. A name becomes the outer step of every label of the stages.

    Examples
    --------
    >>> from mpc_sim import fit_cluster
    >>> from mpc_sim.algorithms.k_hop import k_hop
    >>> protocol = k_hop(1)
    >>> cluster = fit_cluster(protocol, 64, "2/3")
    >>> [protocol.label(r, cluster) for r in range(protocol.n_rounds(cluster))][-3:]
    ['neighbours', 'send home', 'answer']
    """

    stages: tuple[Protocol, ...]
    name: str = ""

    def n_rounds(self, cluster: Cluster) -> int:
        return sum(stage.n_rounds(cluster) for stage in self.stages)

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        index, inner = self._locate(round, cluster)
        return self.stages[index].channels(inner, cluster)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        index, inner = self._locate(round, cluster)
        if inner == 0:
            inbox = self._enter(index, inbox, cluster)
        return self.stages[index].step(inner, inbox, cluster)

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        return self._enter(len(self.stages), inbox, cluster)

    def label(self, round: int, cluster: Cluster) -> str:
        index, inner = self._locate(round, cluster)
        return nest(self.name, self.stages[index].label(inner, cluster))

    def check(self, cluster: Cluster) -> None:
        for stage in self.stages:
            stage.check(cluster)

    def _locate(self, round: int, cluster: Cluster) -> tuple[int, int]:
        """Return (stage, round of that stage)."""
        inner = round
        for index, stage in enumerate(self.stages):
            length = stage.n_rounds(cluster)
            if inner < length:
                return index, inner
            inner -= length
        raise IndexError(f"round {round} of {self.n_rounds(cluster)}")

    def _enter(self, index: int, inbox: Inbox, cluster: Cluster) -> Inbox:
        """Run ``finish`` of the stages that end where stage ``index`` begins.

        These are the last stage before it that has rounds, and those without rounds in between.
        """
        first = index
        while first > 0 and (first == index or self.stages[first].n_rounds(cluster) == 0):
            first -= 1
        for stage in self.stages[first:index]:
            inbox = stage.finish(inbox, cluster)
        return inbox


def sequence(*stages: Protocol, name: str = "") -> Sequence:
    """Run protocols one after the other; nested sequences without a name are flattened.

    Parameters
    ----------
    *stages : Protocol
    name : str
        The step that the stages make up together: the label "transpose" of a round becomes
        "sort / transpose" in a sequence named "sort".

    Returns
    -------
    Sequence
        Rounds add; loads are those of each stage.

    Raises
    ------
    ValueError
        If there is no stage.

    Examples
    --------
    >>> from mpc_sim.algorithms.k_hop import OwnLetter
    >>> len(sequence(OwnLetter(), sequence(OwnLetter(), OwnLetter())).stages)
    3
    >>> from mpc_sim import Cluster
    >>> from mpc_sim.algorithms.columnsort import Columnsort
    >>> cluster = Cluster(n_words=8, memory_words=8, n_machines=4, block_words=4)
    >>> sequence(sequence(Columnsort(("word",)), name="prepare"), name="all").label(0, cluster)
    'all / prepare / columnsort / load'
    """
    if not stages:
        raise ValueError("a sequence has at least one stage")
    flat: list[Protocol] = []
    for stage in stages:
        flat.extend(stage.stages if isinstance(stage, Sequence) and not stage.name else (stage,))
    return Sequence(tuple(flat), name)
