"""The messages of a round as a compiled protocol carries them: how many, how wide, in which order.

Axes: E messages, w words of a message.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpc_sim import Channel, Cluster
from mpc_sim.routing import Traffic

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class MessageShape:
    """k_t and w_t of a round, from its declared channels.

    Parameters
    ----------
    sent, received : int
        The most messages to others that a machine sends, and that it receives; at most the words of
        local memory over the narrowest record.
    words : int
        The widest record, and a tag word if several channels send.
    tags : int
        The largest tag, one less than the channels that send; the code carries it as a word.

    Examples
    --------
    >>> cluster = Cluster(n_words=64, memory_words=32, n_machines=8, block_words=8)
    >>> MessageShape.of((Channel("a", ("x", "y"), 4, 4), Channel("b", ("x",), 3, 2)), cluster)
    MessageShape(sent=7, received=6, words=3, tags=1)
    """

    sent: int
    received: int
    words: int
    tags: int

    @classmethod
    def of(cls, channels: tuple[Channel, ...], cluster: Cluster) -> MessageShape:
        """Read the shape off the channels that leave a machine."""
        away = [channel for channel in channels if not channel.local]
        if not away:
            return cls(0, 0, 0, 0)
        most = cluster.memory_words // min(channel.words for channel in away)
        received = [
            cluster.memory_words // channel.words
            if channel.per_receiver is None
            else channel.per_receiver
            for channel in away
        ]
        return cls(
            sent=min(sum(channel.per_machine for channel in away), most),
            received=min(sum(received), most),
            words=max(channel.words for channel in away) + (len(away) > 1),
            tags=len(away) - 1,
        )


def pack(traffic: Traffic, width: int) -> tuple[Integers, Integers, Integers]:
    """Return the messages to others: source, to and words[E, w], by source and emission.

    Parameters
    ----------
    traffic : Traffic
        Of one round.
    width : int
        w, the widest record and a tag word if several channels send.
    """
    away = [part for part in traffic.messages if not part.channel.local]
    sources, destinations, rows, ranks = [], [], [], []
    for tag, part in enumerate(away):
        leaves = part.source != part.to
        words = np.zeros((int(np.count_nonzero(leaves)), width), np.int64)
        if len(away) > 1:
            words[:, 0] = tag
        for offset, name in enumerate(part.channel.fields, start=int(len(away) > 1)):
            words[:, offset] = part.columns[name][leaves]
        sources.append(part.source[leaves])
        destinations.append(part.to[leaves])
        rows.append(words)
        ranks.append(np.full(len(words), tag))
    source = np.concatenate(sources)
    order = np.lexsort((np.concatenate(ranks), source))
    return source[order], np.concatenate(destinations)[order], np.concatenate(rows)[order]
