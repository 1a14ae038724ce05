"""Selection: every output word is the k-th smallest input word, by a sort and a tree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpc_sim.cluster import Cluster
from mpc_sim.compose import Stages, sequence
from mpc_sim.errors import InputError
from mpc_sim.protocol import Protocol
from mpc_sim.records import Channel, Inbox, Outbox
from mpc_sim.stages.broadcast import Broadcast, FillBlocks
from mpc_sim.stages.columnsort import Columnsort, Rename


@dataclass(frozen=True)
class Pick(Protocol):
    """Send the k-th of the sorted words, which lie in blocks, to machine 0; drop the others.

    Parameters
    ----------
    k : int, optional
        From 1 on; by default the median.
    """

    k: int | None = None

    def place(self, cluster: Cluster) -> int:
        """Return where the word lies among all, from 0 on."""
        return ((cluster.n_words + 1) // 2 if self.k is None else self.k) - 1

    def check(self, cluster: Cluster) -> None:
        if not 0 <= self.place(cluster) < cluster.n_words:
            raise InputError(
                f"k = {self.k}: choose it in 1 .. {cluster.n_words}, the words of the input"
            )

    def n_rounds(self, cluster: Cluster) -> int:
        return 1

    def label(self, round: int, cluster: Cluster) -> str:
        return "pick"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel("word", ("word",), 1, 1),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        words = inbox["records"]
        place = words.machine * cluster.block_words + words.rank
        chosen = words.take(place == self.place(cluster))
        outbox = Outbox()
        to = np.zeros_like(chosen.machine)
        outbox.send("word", source=chosen.machine, to=to, word=chosen["word"])
        return outbox


def selection(k: int | None = None) -> Stages:
    """Return the protocol that puts the k-th smallest input word into every output word.

    Parameters
    ----------
    k : int, optional
        1 <= k <= N, equal words counted as often as they occur; by default (N + 1) // 2, the
        (lower) median.

    Returns
    -------
    Stages
        1 + 4^d rounds of columnsort, 1 to pick the word, and L of a broadcast; exactly.

    Raises
    ------
    InputError
        By its ``check``, if k is not in 1 .. N.

    References
    ----------
    Leighton 1985 (columnsort); Goodrich, Sitchinava, Zhang, arXiv 1101.1902 (trees of arity s).
    """
    return sequence(
        Rename("input", "records"),
        Columnsort(("word",)),
        Pick(k),
        Broadcast(("word",)),
        FillBlocks(),
    )
