"""k-hop induction heads by doubling, one round per bit of k.

For letters w_1 .. w_N, sigma(i) is the position after the latest earlier occurrence of w_i, 0 if
there is none; 0 is absorbing. The output at i is the letter at sigma^k(i), "none" if that is 0.
sigma is injective where it is not 0.

Sorting (letter, index) puts every occurrence behind the latest earlier one. Token j then holds hop
f(j) = sigma^(2^t)(j), its inverse b(j), and the letter at sigma^(k mod 2^t)(j). It sends (f(j),
letter) to b(j) and b(j) to f(j); so token i = b(j) learns f(f(i)) and the letter one hop further,
and f(j) learns its new inverse. Because sigma is injective a token receives at most two records, 5
words; the position of the accumulator need not travel, its letter does.

T = ceil(N / P) tokens lie on a machine. The top bit of k is 1, so in the last round no token
keeps its own letter: the letter goes straight to the machine that has to output it.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import index

import numpy as np

from mpc_sim.cluster import Cluster
from mpc_sim.compose import LocalStage, sequence
from mpc_sim.errors import InputError, ShapeError
from mpc_sim.integers import ceil_div
from mpc_sim.protocol import Protocol
from mpc_sim.records import Channel, Inbox, Outbox, Records, Words
from mpc_sim.stages.columnsort import Columnsort
from mpc_sim.stages.elements import batch_slots
from mpc_sim.stages.loads import WithinReceipts

NONE = 0
"""The letter word of "none"; letter a of the input is the word a + 1."""

TOKEN_WORDS = 5
SORT = Columnsort(("letter", "index"), spread=True)


def tokens_per_machine(cluster: Cluster) -> int:
    """Return T = ceil(N / P): token i (from 1) lives on machine (i - 1) // T."""
    return ceil_div(cluster.n_words, cluster.n_machines)


def k_hop(k: int) -> Protocol:
    """Return the k-hop protocol: sort, neighbours, send home, one round per bit of k.

    The input words are letters a >= 0 with a + 1 < 2**word_bits; the output word at i is 1 + the
    letter at sigma^k(i), or 0 where sigma^k(i) = 0. With k = 0 no round is needed: every output is
    the token's own letter.

    Parameters
    ----------
    k : int
        At least 0.

    Returns
    -------
    Protocol
        R = 1 + 4^d + 2 + bit_length(k) rounds for k >= 1, exactly (d is the depth of the sort); 0
        for k = 0. Words of a machine at most max(2 block, 2 r, 2 T + 2, 5 T), r the longest column
        of the sort.

    Raises
    ------
    InputError
        If k is negative.

    References
    ----------
    Sanford, Hsu, Telgarsky, arXiv 2402.09268 (the task; doubling there takes two rounds per bit).
    """
    try:
        k = index(k)
    except TypeError:
        raise InputError(f"k = {k!r}: the number of hops is a whole number") from None
    if k < 0:
        raise InputError(f"k = {k}: the number of hops is at least 0")
    if k == 0:
        return OwnLetter()
    last = k.bit_length() - 1
    return sequence(
        Number(),
        SORT,
        Neighbours(),
        SendHome(),
        *[Double(t, bool(k >> t & 1)) for t in range(last)],
        Answer(),
    )


@dataclass(frozen=True)
class OwnLetter(LocalStage):
    """0 hops: every token outputs its own letter."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        letters = inbox["input"]
        return Inbox(
            inbox.machines, {"output": Records.of(letters.machine, word=letters["word"] + 1)}
        )


@dataclass(frozen=True)
class Number(LocalStage):
    """Number the input words: records (letter, index) with letters from 1 and indices from 1."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        letters = inbox["input"]
        index = letters.machine * cluster.block_words + letters.rank + 1
        return Inbox(
            inbox.machines,
            {"records": Records.of(letters.machine, letter=letters["word"] + 1, index=index)},
        )


@dataclass(frozen=True)
class _OneRound(WithinReceipts):
    """A stage of one round on T tokens per machine."""

    def n_rounds(self, cluster: Cluster) -> int:
        return 1

    def check(self, cluster: Cluster) -> None:
        need = TOKEN_WORDS * tokens_per_machine(cluster)
        if need > cluster.memory_words:
            raise ShapeError(
                f"{self.label(0, cluster)}: T = {tokens_per_machine(cluster)} tokens of "
                f"{TOKEN_WORDS} "
                f"words per machine do not fit s = {cluster.memory_words} words: "
                "raise c_p, gamma, epsilon or c_s",
                words=need,
                memory_words=cluster.memory_words,
            )


@dataclass(frozen=True)
class Neighbours(_OneRound):
    """Give every sorted token its predecessor: each machine sends its last record to the next."""

    def label(self, round: int, cluster: Cluster) -> str:
        return "neighbours"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        tokens = tokens_per_machine(cluster)
        return (
            Channel("sorted", ("letter", "index"), tokens, local=True),
            Channel("last", ("letter", "index"), 1, 1),
        )

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        tokens = inbox["records"]
        outbox = Outbox()
        outbox.keep("sorted", tokens.machine, **tokens.columns)
        full = tokens_per_machine(cluster)
        next_holds = (tokens.machine + 1) * full < cluster.n_words
        last = tokens.take((tokens.rank == full - 1) & next_holds)
        outbox.send("last", source=last.machine, to=last.machine + 1, **last.columns)
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        tokens, last = inbox["sorted"], inbox["last"]
        letter, index = tokens["letter"], tokens["index"]
        before_letter, before_index = _shift_down(letter), _shift_down(index)
        first = tokens.rank == 0
        slot = batch_slots(inbox.machines, cluster)
        carried_letter, carried_index = (np.zeros(len(inbox.machines), np.int64) for _ in range(2))
        carried_letter[slot[last.machine]] = last["letter"]
        carried_index[slot[last.machine]] = last["index"]
        before_letter[first] = carried_letter[slot[tokens.machine[first]]]
        before_index[first] = carried_index[slot[tokens.machine[first]]]
        hop = np.where(before_letter == letter, before_index + 1, NONE)
        return Inbox(
            inbox.machines,
            {"linked": Records.of(tokens.machine, index=index, letter=letter, hop=hop)},
        )


@dataclass(frozen=True)
class SendHome(_OneRound):
    """Send sigma(i) and the letter home to token i, and i to token sigma(i)."""

    def label(self, round: int, cluster: Cluster) -> str:
        return "send home"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        tokens = tokens_per_machine(cluster)
        return (
            Channel("forward", ("index", "hop", "letter"), tokens, tokens),
            Channel("backward", ("index", "inverse"), tokens, tokens),
        )

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        linked = inbox["linked"]
        tokens = tokens_per_machine(cluster)
        outbox = Outbox()
        outbox.send(
            "forward", source=linked.machine, to=(linked["index"] - 1) // tokens, **linked.columns
        )
        known = linked.take(linked["hop"] != NONE)
        outbox.send(
            "backward",
            source=known.machine,
            to=(known["hop"] - 1) // tokens,
            index=known["hop"],
            inverse=known["index"],
        )
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        forward, backward = inbox["forward"], inbox["backward"]
        home = _Home.of(inbox.machines, cluster)
        hop, letter = home.scatter(forward, "hop", "letter")
        (inverse,) = home.scatter(backward, "inverse")
        return home.inbox(hop=hop, inverse=inverse, letter=letter)


@dataclass(frozen=True)
class Double(_OneRound):
    """From sigma^(2^t) to sigma^(2^(t+1)); if bit t of k is set the letter moves 2^t hops."""

    bit: int
    is_set: bool

    def label(self, round: int, cluster: Cluster) -> str:
        return f"double: bit {self.bit} = {int(self.is_set)}"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        tokens = tokens_per_machine(cluster)
        forward = ("index", "hop", "letter") if self.is_set else ("index", "hop")
        moved = (
            Channel("forward", forward, tokens, tokens),
            Channel("backward", ("index", "inverse"), tokens, tokens),
        )
        return moved if self.is_set else (*moved, Channel("own", ("letter",), tokens, local=True))

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        token = inbox["token"]
        tokens = tokens_per_machine(cluster)
        outbox = Outbox()
        asked = token.take(token["inverse"] != NONE)
        moved = {"hop": asked["hop"]} | ({"letter": asked["letter"]} if self.is_set else {})
        to = (asked["inverse"] - 1) // tokens
        outbox.send("forward", source=asked.machine, to=to, index=asked["inverse"], **moved)
        hopping = token.take(token["hop"] != NONE)
        outbox.send(
            "backward",
            source=hopping.machine,
            to=(hopping["hop"] - 1) // tokens,
            index=hopping["hop"],
            inverse=hopping["inverse"],
        )
        if not self.is_set:
            outbox.keep("own", token.machine, letter=token["letter"])
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        forward = inbox["forward"]
        home = _Home.of(inbox.machines, cluster)
        own = inbox["own"] if not self.is_set else None
        hop, *moved = home.scatter(forward, *(name for name in forward.fields if name != "index"))
        letter = moved[0] if own is None else home.lay(own["letter"], own)
        (inverse,) = home.scatter(inbox["backward"], "inverse")
        return home.inbox(hop=hop, inverse=inverse, letter=letter)


@dataclass(frozen=True)
class Answer(_OneRound):
    """The top bit t of k: token sigma^(2^t)(i) sends its letter to where word i is output."""

    def label(self, round: int, cluster: Cluster) -> str:
        return "answer"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return (
            Channel(
                "answer", ("index", "letter"), tokens_per_machine(cluster), cluster.block_words
            ),
        )

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        token = inbox["token"]
        asked = token.take(token["inverse"] != NONE)
        outbox = Outbox()
        outbox.send(
            "answer",
            source=asked.machine,
            to=(asked["inverse"] - 1) // cluster.block_words,
            index=asked["inverse"],
            letter=asked["letter"],
        )
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        home = _Home.of(inbox.machines, cluster, cluster.block_words)
        (word,) = home.scatter(inbox["answer"], "letter")
        return Inbox(inbox.machines, {"output": Records.of(home.machine, word=word)})


@dataclass(frozen=True, eq=False)
class _Home:
    """The tokens that live on a batch of machines, ``size`` on each."""

    machines: Words
    size: int
    machine: Words
    start: Words

    @classmethod
    def of(cls, machines: Words, cluster: Cluster, size: int | None = None) -> _Home:
        size = tokens_per_machine(cluster) if size is None else size
        counts = np.clip(cluster.n_words - machines * size, 0, size)
        start = np.zeros(cluster.n_machines, np.int64)
        start[machines] = np.cumsum(counts) - counts
        return cls(machines, size, np.repeat(machines, counts), start)

    def scatter(self, records: Records, *fields: str) -> tuple[Words, ...]:
        """Return int64[tokens] per field, by the index of its record: NONE where no record came."""
        slot = np.take(self.start - self.size * np.arange(len(self.start)) - 1, records.machine)
        slot += records["index"]
        columns = []
        for field in fields:
            column = np.full(len(self.machine), NONE, np.int64)
            column[slot] = records[field]
            columns.append(column)
        return tuple(columns)

    def lay(self, words: Words, records: Records) -> Words:
        """Return int64[tokens]: a word for every token, by the rank of its record."""
        column = np.full(len(self.machine), NONE, np.int64)
        column[self.start[records.machine] + records.rank] = words
        return column

    def inbox(self, **columns: Words) -> Inbox:
        return Inbox(self.machines, {"token": Records.of(self.machine, **columns).freeze()})


def _shift_down(column: Words) -> Words:
    shifted = np.zeros_like(column)
    shifted[1:] = column[:-1]
    return shifted
