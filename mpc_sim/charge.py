"""What a round costs: one delivery, or as many as an overfull sending needs.

In the mode ``strict`` a machine that sends more than s words in a round is an error. In the mode
``charge`` the round is spread over D = max over machines of ceil(sent words / s) deliveries, and D
is what it is charged. Sent words include what the machine keeps, as everywhere; a round in which
no machine sends more than s words costs one delivery.

Only sending is charged. What a machine holds after the round, kept and received in all D
deliveries, is at most s words in both modes: an overfull inbox cannot be split. What a machine
needs while the round is spread is not charged: it still has its old memory, from which it works
out what remains to be sent, and what has arrived, and in the model both are messages to itself.
A strict cluster of 3 s words therefore runs the same in D deliveries: at most s new words, s of
old memory and s that arrived. Exponents stay, the constant is 3.
"""

from __future__ import annotations

from typing import Literal, get_args

from mpc_sim.cluster import Cluster
from mpc_sim.errors import InputError
from mpc_sim.integers import ceil_div
from mpc_sim.records import Words

Mode = Literal["strict", "charge"]


def as_mode(mode: str) -> Mode:
    """Return a mode that exists.

    Raises
    ------
    InputError
        If there is no such mode.
    """
    for known in get_args(Mode):
        if mode == known:
            return known  # type: ignore[no-any-return]
    raise InputError(f"mode = {mode!r}: choose one of {', '.join(map(repr, get_args(Mode)))}")


def deliveries(sent: Words, cluster: Cluster) -> int:
    """Return D, the deliveries that a round is charged.

    Parameters
    ----------
    sent : int64[P]
        Words that every machine sends, with what it keeps.
    """
    return max(1, ceil_div(int(sent.max()), cluster.memory_words))
