"""3-SUM in a constant number of rounds: s = O(sqrt N) words, O(N) machines.

Axes: N words in m = ceil(N / B) blocks of B, W = m (m + 1) / 2 machines that look at three blocks
each, in groups of B.

The words are sorted; block b lies on machine b. Its least and largest word reach all W machines in
two rounds: one copy for each group, to different members of it; every member sends it to its group.
Machine t now knows all boundaries, 2 m words, and finds the triple of blocks on line t
(``block_triples``) and, as every machine does, which machines need which block. A block with R
receivers is copied in three rounds. *Scatter*: its words are dealt out to the receivers. *Spread*:
every word goes to one receiver in each of the ceil(R / B) groups of them. *Gather*: every receiver
sends its words to its group. No machine copies more than about B words of a block in any round,
however many receivers there are. The places of words do not travel: sources are in order, and a
machine knows from the boundaries which words each of them sends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mpc_sim.cluster import Cluster
from mpc_sim.compose import sequence
from mpc_sim.errors import InputError, ShapeError
from mpc_sim.integers import ceil_div
from mpc_sim.protocol import Protocol
from mpc_sim.records import Channel, Inbox, Outbox, Records, Words
from mpc_sim.stages.block_triples import BlockTriples, holds_solution, repeated
from mpc_sim.stages.broadcast import Broadcast, FillBlocks
from mpc_sim.stages.columnsort import Columnsort, Rename, sort_locally
from mpc_sim.stages.converge_cast import ConvergeCast
from mpc_sim.stages.elements import batch_slots
from mpc_sim.stages.loads import WithinReceipts
from mpc_sim.stages.operations import Maximum

BOUND = ("least", "most")


def n_lines(cluster: Cluster) -> int:
    """Return W."""
    return cluster.n_input_machines * (cluster.n_input_machines + 1) // 2


def group_sizes(n_members: Words, group: Words, cluster: Cluster) -> Words:
    """Return the members of groups, B each but for the last one."""
    size: Words = np.minimum(cluster.block_words, n_members - group * cluster.block_words)
    return size


def copies_words(cluster: Cluster) -> int:
    """Return the most words that a machine needs in any round between sorting and looking.

    2 m of boundaries wait while words of three blocks are sent to a group of g <= B members, or to
    one member of each group: ceil(B / g) g <= B + g - 1 messages per block, or one per group.
    """
    block, blocks = cluster.block_words, cluster.n_input_machines
    groups = ceil_div(n_lines(cluster), block)
    sending = 2 * blocks + 3 * max(2 * block - 1, groups)
    return max(sending, block + 2 * max(groups, blocks + block - 1))


@dataclass(frozen=True)
class TellBoundaries(WithinReceipts):
    """All machines 0 .. W - 1 learn the least and the largest word of every block: two rounds.

    It reads channel ``records`` (word), sorted, one block per machine, and leaves it with channel
    ``bound``, the m pairs in order.
    """

    def n_rounds(self, cluster: Cluster) -> int:
        return 2

    def label(self, round: int, cluster: Cluster) -> str:
        return ("spread boundaries", "gather boundaries")[round]

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        block, blocks = cluster.block_words, cluster.n_input_machines
        groups = ceil_div(n_lines(cluster), block)
        own = Channel("records", ("word",), block, local=True)
        if round == 0:
            return (own, Channel("bound", BOUND, groups, blocks))
        return (own, Channel("bound", BOUND, blocks + block - 1, blocks))

    def check(self, cluster: Cluster) -> None:
        if n_lines(cluster) > cluster.n_machines:
            raise ShapeError(
                f"3-SUM looks at {n_lines(cluster)} triples of blocks, one machine each; "
                f"P = {cluster.n_machines}: raise c_p or gamma",
                n_machines=cluster.n_machines,
            )
        need = copies_words(cluster)
        if need > cluster.memory_words:
            raise ShapeError(
                f"3-SUM: a machine may need {need} words to copy blocks; local memory is "
                f"{cluster.memory_words}: raise c_s or epsilon",
                words=need,
            )
        if cluster.word_bits > 60:
            raise ShapeError(
                f"3-SUM adds three words of {cluster.word_bits} bits in 62; use at most 60",
                word_bits=cluster.word_bits,
            )
        super().check(cluster)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        outbox, records, block = Outbox(), inbox["records"], cluster.block_words
        outbox.keep("records", records.machine, word=records["word"])
        lines = n_lines(cluster)
        if round == 0:
            head = np.flatnonzero(records.rank == 0)
            tail = np.append(head[1:], len(records))[: len(head)] - 1
            source, least, most = (
                records.machine[head],
                records["word"][head],
                records["word"][tail],
            )
            copies = np.full(len(head), ceil_div(lines, block))
            row, group = repeated(copies)
            size = group_sizes(np.array(lines), group, cluster)
            to = group * block + source[row] % size
        else:
            received = inbox["bound"]
            source, least, most = received.machine, received["least"], received["most"]
            group = source // block
            row, member = repeated(group_sizes(np.array(lines), group, cluster))
            to = group[row] * block + member
        outbox.send("bound", source=source[row], to=to, least=least[row], most=most[row])
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        bound = sort_locally(inbox["bound"])
        return Inbox(inbox.machines, {"records": inbox["records"], "bound": bound})


@dataclass(frozen=True)
class CopyBlocks(WithinReceipts):
    """Bring the blocks of its triple to every machine, and look for a solution: three rounds.

    It reads channels ``records`` and ``bound`` and leaves ``found`` (word): 1 on the machines that
    hold a solution.

    Parameters
    ----------
    target : int
        The sum of three words that is looked for.
    distinct : bool
        Whether the three places must differ.
    """

    target: int
    distinct: bool

    def n_rounds(self, cluster: Cluster) -> int:
        return 3

    def label(self, round: int, cluster: Cluster) -> str:
        return ("scatter blocks", "spread blocks", "gather blocks")[round]

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        block = cluster.block_words
        groups = ceil_div(n_lines(cluster), block)
        sent = (block, 3 * max(block, groups), 3 * (2 * block - 1))[round]
        return (
            Channel("bound", BOUND, cluster.n_input_machines, local=True),
            Channel("piece", ("word",), sent, 3 * block),
        )

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        outbox, bound = Outbox(), inbox["bound"]
        outbox.keep("bound", bound.machine, **bound.columns)
        for triples, machines in self._known(inbox, cluster):
            received = _pieces(round, inbox, triples, machines, cluster)
            place, width = received["place"], cluster.block_words
            block, at = place // width, place % width
            count = triples.count[block]
            if round == 0:
                row = np.flatnonzero(count > 0)
                member = at[row] % count[row]
            elif round == 1:
                row, group = repeated(-(-count // width))
                size = group_sizes(count[row], group, cluster)
                member = group * width + at[row] % size
            else:
                group = triples.rank(block, received.machine) // width
                row, member = repeated(group_sizes(count, group, cluster))
                member = group[row] * width + member
            to = triples.receiver[triples.start[block[row]] + member]
            sent = received.take(row)
            outbox.send("piece", source=sent.machine, to=to, word=sent["word"])
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        width = cluster.block_words
        owners = [np.zeros(0, np.int64)]
        for triples, machines in self._known(inbox, cluster):
            live = machines[triples.is_live[machines]]
            blocks = triples.blocks[live]
            words = np.zeros((len(live), 3, width), np.int64)
            slot = np.zeros(cluster.n_machines, np.int64)
            slot[live] = np.arange(len(live))
            held = _pieces(3, inbox, triples, live, cluster)
            row, block = slot[held.machine], held["place"] // width
            for role in range(3):
                is_role = np.flatnonzero(blocks[row, role] == block)
                words[row[is_role], role, held["place"][is_role] % width] = held["word"][is_role]
            starts = blocks * width
            lengths = np.minimum(width, cluster.n_words - starts)
            found = holds_solution(words, starts, lengths, self.target, distinct=self.distinct)
            owners.append(live[found])
        is_owner = np.isin(inbox.machines, np.concatenate(owners))
        found_by = inbox.machines[is_owner]
        return Inbox(inbox.machines, {"found": Records.of(found_by, word=np.ones_like(found_by))})

    def _known(self, inbox: Inbox, cluster: Cluster) -> Iterator[tuple[BlockTriples, Words]]:
        """Give the triples that machines find from the boundaries they hold, and the machines.

        Machines with equal boundaries, in any run all of them, are treated at once.
        """
        bound, blocks = inbox["bound"], cluster.n_input_machines
        owner = bound.machine[::blocks]
        tables = np.concatenate([bound[name].reshape(-1, blocks) for name in BOUND], axis=1)
        waiting = np.arange(len(owner))
        while len(waiting):
            alike = np.all(tables[waiting] == tables[waiting[0]], axis=1)
            least, most = tables[waiting[0]].reshape(2, blocks)
            yield BlockTriples.of(least, most, self.target), owner[waiting[alike]]
            waiting = waiting[~alike]


def _pieces(
    round: int, inbox: Inbox, triples: BlockTriples, machines: Words, cluster: Cluster
) -> Records:
    """Return the words of blocks that machines hold before a round, in order, with their places."""
    words = inbox["piece" if round else "records"]
    words = words.take(np.isin(words.machine, machines))
    if round == 0:
        place = words.machine * cluster.block_words + words.rank
        return Records.of(words.machine, place=place, word=words["word"])
    slot = batch_slots(inbox.machines, cluster)
    arrived = triples.arrivals(round, machines, cluster.block_words, cluster.n_words)
    machine, place, source = arrived
    order = np.lexsort([place, source, slot[machine]])
    machine, place = machine[order], place[order]
    by_place = np.lexsort([place, slot[machine]])
    return Records.of(machine[by_place], place=place[by_place], word=words["word"][by_place])


def three_sum(offset: int = 0, distinct: bool = True) -> Protocol:
    """Return the protocol that decides whether three values have the sum 0.

    A word w stands for the value w - offset. Every output word is 1 if there are such values, else
    0.

    Parameters
    ----------
    offset : int
        At least 0; 0 makes all values positive or zero.
    distinct : bool
        Whether the three must be different words of the input; equal values are fine.

    Returns
    -------
    Protocol
        1 + 4^d rounds of columnsort, 2 to send boundaries, 3 to copy blocks, L of a converge-cast
        over all machines, L' of a broadcast; exactly. At epsilon = gamma = 1/2 the depth d is at
        most 2, L at most 2 and L' 1. W = m (m + 1) / 2 machines look at a triple each.

    Raises
    ------
    InputError
        If the offset is negative.

    References
    ----------
    Liu et al., arXiv 2509.09001 (3-SUM as a problem of the (gamma, epsilon)-MPC model); the triples
    of blocks by diagonals, here one machine per diagonal.
    """
    if offset < 0:
        raise InputError(f"offset = {offset}: it is at least 0, for words are not negative")
    return sequence(
        Rename("input", "records"),
        Columnsort(("word",)),
        TellBoundaries(),
        CopyBlocks(3 * offset, distinct),
        ConvergeCast(Maximum(), ("word",), channel="found", everywhere=True),
        Broadcast(("word",)),
        FillBlocks(),
    )
