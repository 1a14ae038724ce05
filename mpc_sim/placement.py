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
    wrong = (values < 0) | (values >= cluster.word_limit)
    if wrong.any():
        raise WordOverflow(
            f"input words lie in {values.min()} .. {values.max()}; this cluster takes "
            f"0 .. 2**{cluster.word_bits} - 1; raise word_bits or largest_word",
            word=int(values[np.argmax(wrong)]),
        )
    owner = np.arange(cluster.n_words) // cluster.block_words
    records = Records.of(owner, word=values.astype(np.int64))
    return Inbox(np.arange(cluster.n_machines), {"input": records}).freeze()


def read_output(inbox: Inbox, cluster: Cluster) -> Words:
    """Read the output words, which lie in the same blocks as the input."""
    if "output" not in inbox.records:
        raise OutputError("the output map left no channel 'output'", channels=tuple(inbox.records))
    records = inbox["output"]
    if "word" not in records.fields:
        raise OutputError(
            f"channel 'output' has the fields {', '.join(records.fields) or 'none'}; "
            "its words are the field 'word'"
        )
    expected = np.arange(cluster.n_words) // cluster.block_words
    if not np.array_equal(records.machine, expected):
        holders, slot = np.unique(np.append(records.machine, expected), return_inverse=True)
        found = np.bincount(slot[: len(records)], minlength=len(holders))
        due = np.bincount(slot[len(records) :], minlength=len(holders))
        if np.array_equal(found, due):
            at = int(np.argmax(records.machine != expected))
            raise OutputError(
                f"output word {at} is of machine {records.machine[at]}, not {expected[at]}: the "
                "machines of channel 'output' are out of order; list them in increasing order",
                machine=int(records.machine[at]),
            )
        first = int(np.argmax(found != due))
        raise OutputError(
            f"machine {holders[first]} holds {found[first]} output words, not {due[first]}; "
            f"word i belongs on machine i // {cluster.block_words}",
            machine=int(holders[first]),
        )
    words = records["word"]
    wrong = (words < 0) | (words >= cluster.word_limit)
    if wrong.any():
        raise WordOverflow(
            f"output words lie in {words.min()} .. {words.max()}; "
            f"words lie in 0 .. 2**{cluster.word_bits} - 1",
            word=int(words[np.argmax(wrong)]),
            machine=int(expected[np.argmax(wrong)]),
        )
    return words.copy()


def output_places(machines: Words, cluster: Cluster) -> tuple[Words, Words]:
    """Return the owners of the output words of a batch, and where those of each machine start.

    Parameters
    ----------
    machines : int64[M]
        The batch.
    cluster : Cluster

    Returns
    -------
    owner : int64[words of the batch]
    start : int64[P]
        Index into ``owner`` by machine id; 0 for machines outside the batch.

    Notes
    -----
    O(P). Word i of the output, as of the input, lies on machine i // B.

    Examples
    --------
    >>> cluster = Cluster(n_words=5, memory_words=4, n_machines=4, block_words=2)
    >>> owner, start = output_places(np.arange(4), cluster)
    >>> owner.tolist(), start.tolist()
    ([0, 0, 1, 1, 2], [0, 2, 4, 5])
    """
    block = cluster.block_words
    counts = np.clip(cluster.n_words - machines * block, 0, block)
    start = np.zeros(cluster.n_machines, np.int64)
    start[machines] = np.cumsum(counts) - counts
    return np.repeat(machines, counts), start
