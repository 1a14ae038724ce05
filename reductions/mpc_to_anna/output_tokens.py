"""The queries of a layer of a compiled protocol, and what the output tokens hold at the end.

The tokens that act for machine i ask for id i in every head; idle tokens ask nothing. In the last
layer output token i asks for its owner, machine i // block, so tokens of one owner form one query
class, answered and decoded once.
"""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from anna_model import EVERY_HEAD, Rows
from mpc_sim import Cluster, Inbox, Protocol
from mpc_sim.placement import read_output
from mpc_sim.protocol import left_by
from reductions.arrays import Floats, Integers
from reductions.mpc_to_anna.token_groups import TokenGroups


def asking(cluster: Cluster, is_last: bool) -> Integers:
    """The query classes: machines, and in the last layer only those that own output words."""
    return np.arange(cluster.n_input_machines if is_last else cluster.n_machines)


class Queries(TypedDict):
    """Which tokens ask, and for what: the part of every block of a layer that is the same."""

    token_class: Integers
    query_head: Integers
    query_class: Integers
    Q: Floats


def queries_of(cluster: Cluster, groups: TokenGroups, n_tokens: int, is_last: bool) -> Queries:
    """Return who asks: tokens for their machine, in the last layer for their output's owner."""
    token_class = groups.classes(n_tokens)
    if is_last:
        token = np.arange(n_tokens)
        token_class = np.where(token < cluster.n_words, token // cluster.block_words, -1)
    asked = asking(cluster, is_last)
    return {
        "token_class": token_class,
        "query_head": np.full(len(asked), EVERY_HEAD),
        "query_class": asked,
        "Q": asked[:, None].astype(np.float64),
    }


def output_rows(protocol: Protocol, cluster: Cluster, inbox: Inbox, n_tokens: int) -> Rows:
    """Run the output map of every owner; output token i takes word i mod block of its owner."""
    words = read_output(left_by(protocol, inbox, cluster), cluster)
    return Rows(n_tokens, np.arange(cluster.n_words), words[:, None].astype(np.float64))
