"""Where input and output lie: blocks of words on the first machines, in order."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mpc_sim.cluster import Cluster
from mpc_sim.errors import InputError, OutputError, WordOverflow
from mpc_sim.records import Inbox, Records, Words


def load_input(words: ArrayLike, cluster: Cluster) -> Inbox:
    """Lay the input on the first machines, block words each, in order."""
    values = np.array(words)
    if values.shape != (cluster.n_words,) or values.dtype.kind not in "iu":
        raise InputError(
            f"the input is {values.dtype} of shape {values.shape}; "
            f"this cluster takes {cluster.n_words} integer words"
        )
    if values.min() < 0 or values.max() >= cluster.word_limit:
        raise WordOverflow(
            f"input words lie in {values.min()} .. {values.max()}; this cluster takes "
            f"0 .. 2**{cluster.word_bits} - 1; raise word_bits or largest_word",
            word=int(values.max()),
        )
    owner = np.arange(cluster.n_words) // cluster.block_words
    return Inbox(
        np.arange(cluster.n_machines), {"input": Records.of(owner, word=values.astype(np.int64))}
    )


def read_output(inbox: Inbox, cluster: Cluster) -> Words:
    """Read the output words, which lie in the same blocks as the input."""
    if "output" not in inbox.records:
        raise OutputError("the output map left no channel 'output'", channels=tuple(inbox.records))
    records = inbox["output"]
    expected = np.arange(cluster.n_words) // cluster.block_words
    if not np.array_equal(records.machine, expected):
        found = np.bincount(records.machine, minlength=cluster.n_machines)
        wrong = np.flatnonzero(found != np.bincount(expected, minlength=cluster.n_machines))
        machine = int(wrong[0]) if len(wrong) else 0
        raise OutputError(
            f"machine {machine} holds {found[machine]} output words; "
            f"word i belongs on machine i // {cluster.block_words}",
            machine=machine,
        )
    words = records["word"]
    if words.min() < 0 or words.max() >= cluster.word_limit:
        raise WordOverflow(
            f"output words lie in {words.min()} .. {words.max()}; "
            f"words lie in 0 .. 2**{cluster.word_bits} - 1",
            word=int(words.max()),
        )
    return words
