"""Predecessor search of many queries among many keys: sort both, copy the last key along, answer.

Records are (word, index). The keys come first in the input, so of equal words the keys sort before
the queries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpc_sim.cluster import Cluster
from mpc_sim.compose import LocalStage, sequence
from mpc_sim.integers import ceil_div
from mpc_sim.placement import output_places
from mpc_sim.protocol import Protocol
from mpc_sim.records import Channel, Inbox, Outbox, Records
from mpc_sim.stages.blocks import NumberWords
from mpc_sim.stages.columnsort import Columnsort
from mpc_sim.stages.loads import OneRound
from mpc_sim.stages.operations import Last
from mpc_sim.stages.scan import Scan

NONE = 0
"""The output word of a query below all keys, and of a key; a key a is found as a + 1."""


def n_keys(n_words: int) -> int:
    """Return how many of N input words are keys: the first ceil(N / 2)."""
    return ceil_div(n_words, 2)


@dataclass(frozen=True)
class MarkKeys(LocalStage):
    """Keep of every sorted record its index, and its word + 1 if it is a key, else 0."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        records = inbox["records"]
        is_key = records["index"] < n_keys(cluster.n_words)
        key = np.where(is_key, records["word"] + 1, NONE)
        marked = Records.of(records.machine, index=records["index"], key=key)
        return Inbox(inbox.machines, {"records": marked})


@dataclass(frozen=True)
class AnswerQueries(OneRound):
    """Send what every query found to where it is output."""

    remedy = "epsilon or c_s"

    def label(self, round: int, cluster: Cluster) -> str:
        return "answer queries"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        held = ceil_div(cluster.n_words, cluster.n_machines)
        return (Channel("answer", ("index", "found"), held, cluster.block_words),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        records = inbox["records"]
        queries = records.take((records["key"] == NONE) & (records["found"] != NONE))
        outbox = Outbox()
        outbox.send(
            "answer",
            source=queries.machine,
            to=queries["index"] // cluster.block_words,
            index=queries["index"],
            found=queries["found"],
        )
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        answer = inbox["answer"]
        owner, start = output_places(inbox.machines, cluster)
        word = np.full(len(owner), NONE, np.int64)
        word[start[answer.machine] + answer["index"] % cluster.block_words] = answer["found"]
        return Inbox(inbox.machines, {"output": Records.of(owner, word=word)})


def multi_search() -> Protocol:
    """Return the protocol that finds for every query the largest key that is at most the query.

    The first ceil(N / 2) input words are the keys, in any order, the others the queries. The output
    word of a query is 1 + the key found, or 0 if all keys are larger; that of a key is 0. So
    a + 1 < 2**word_bits for every key a.

    Returns
    -------
    Protocol
        1 + 4^d rounds of columnsort, 2 L of the scan, 1 to answer; exactly. T = ceil(N / P) records
        of 2 words lie on a machine between the sort and the answer.

    References
    ----------
    Goodrich, Sitchinava, Zhang, arXiv 1101.1902 (multi-search); by sorting, Leighton
    1985, instead of a search tree.
    """
    copy = Scan(Last(), ("index", "key"), ("key",), ("found",), spread=True)
    return sequence(
        NumberWords(),
        Columnsort(("word", "index"), spread=True),
        MarkKeys(),
        copy,
        AnswerQueries(),
    )
