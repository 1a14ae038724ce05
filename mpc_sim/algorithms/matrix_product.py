"""Product of two square matrices modulo a prime: a machine for every pair of tiles that meets.

Axes: a the side of the matrices, b the side of a tile, q = ceil(a / b) tiles per side. Machine (i,
j, k), number (i q + j) q + k, multiplies tile (i, k) of A by tile (k, j) of B. A tile of A is
needed by the q machines (i, *, k) and one of B by (*, j, k): both are copied along trees, since a
machine can send s words only. The q partial products of tile (i, j) are summed along a tree over k.

With b^2 = s / kappa there are q^3 = (a^2 / b^2)^(3/2) = (kappa N / (2 s))^(3/2) machines, which is
a constant times N^(3/2 (1 - epsilon)) = N^(1 + gamma - epsilon) for gamma = (1 - epsilon) / 2.
Words arrive in the order of their sources, so an entry travels without its place.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mpc_sim.cluster import Cluster
from mpc_sim.columns import rank_in_group
from mpc_sim.compose import sequence
from mpc_sim.cost import Cost
from mpc_sim.errors import InputError, ShapeError
from mpc_sim.placement import output_places
from mpc_sim.protocol import Protocol
from mpc_sim.records import Channel, Inbox, Outbox, Records
from mpc_sim.stages.elements import batch_slots
from mpc_sim.stages.loads import WithinCost, WithinReceipts
from mpc_sim.stages.tiles import TilePlan, plan_tiles

LARGEST_PRIME = 2**31
"""A product of two residues must fit 62 bits."""

MERSENNE = 2**31 - 1


@dataclass(frozen=True)
class Tiled(WithinReceipts):
    """A stage on tiles of matrices of side a."""

    side: int

    def plan(self, cluster: Cluster) -> TilePlan:
        """Return the cut for a cluster, or reject it."""
        if cluster.n_words != 2 * self.side**2:
            raise ShapeError(
                f"two matrices of side {self.side} are {2 * self.side**2} words; "
                f"this cluster takes {cluster.n_words}",
                n_words=cluster.n_words,
            )
        plan = plan_tiles(self.side, cluster.memory_words, cluster.n_machines, cluster.block_words)
        if plan is None:
            raise ShapeError(
                f"matrices of side {self.side} cannot be cut for P = {cluster.n_machines} machines "
                f"of s = {cluster.memory_words} words: raise c_p, gamma, epsilon or c_s",
                memory_words=cluster.memory_words,
                n_machines=cluster.n_machines,
            )
        return plan

    def check(self, cluster: Cluster) -> None:
        self.plan(cluster)
        super().check(cluster)


@dataclass(frozen=True)
class LoadTiles(Tiled):
    """Hand every entry, reduced modulo the prime, to the first machine that needs its tile.

    That is (i, 0, k) for tile (i, k) of A and (0, j, k) for tile (k, j) of B. One round; sent: a
    block; received: at most two tiles. It leaves channels ``left`` and ``right``.
    """

    prime: int

    def n_rounds(self, cluster: Cluster) -> int:
        return 1

    def label(self, round: int, cluster: Cluster) -> str:
        return "load tiles"

    def cost(self, cluster: Cluster) -> Cost:
        plan = self.plan(cluster)
        return super().cost(cluster).naming(tiles=plan.n_tiles, tile_words=plan.tile_words)

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        two = 2 * self.plan(cluster).tile_words
        return (Channel("entry", ("entry",), cluster.block_words, two),)

    def check(self, cluster: Cluster) -> None:
        super().check(cluster)
        if self.prime > cluster.word_limit:
            raise ShapeError(
                f"residues modulo {self.prime} are no words of {cluster.word_bits} bits; "
                f"raise largest_word to {self.prime - 1}",
                word_bits=cluster.word_bits,
            )

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        plan, words = self.plan(cluster), inbox["input"]
        q = plan.n_tiles
        index = words.machine * cluster.block_words + words.rank
        is_left = index < self.side**2
        row, column = np.divmod(index % self.side**2, self.side)
        row, column = row // plan.tile, column // plan.tile
        to = np.where(is_left, row * q * q + column, column * q + row)
        outbox = Outbox()
        outbox.send("entry", source=words.machine, to=to, entry=words["word"] % self.prime)
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        plan, entries = self.plan(cluster), inbox["entry"]
        i, j, k = plan.at(entries.machine)
        is_left = entries.rank < np.where(j == 0, plan.length(i) * plan.length(k), 0)
        parts = {"left": entries.take(is_left), "right": entries.take(~is_left)}
        return Inbox(inbox.machines, parts)


@dataclass(frozen=True)
class CopyTiles(Tiled):
    """Copy every tile to the q machines that need it and multiply.

    One level of a tree per round, for both tiles: arity f sends 2 f b^2 words. It leaves channel
    ``partial``: on every worker the product of its two tiles, row by row.
    """

    prime: int

    def n_rounds(self, cluster: Cluster) -> int:
        return self.plan(cluster).copies.levels

    def label(self, round: int, cluster: Cluster) -> str:
        return "copy tiles"

    def cost(self, cluster: Cluster) -> Cost:
        tree = self.plan(cluster).copies
        return (
            super().cost(cluster).naming(copy_levels=tree.levels, copy_children=tree.most_children)
        )

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        plan = self.plan(cluster)
        tree, words = plan.copies, plan.tile_words
        sent = words * tree.children(tree.levels - round)
        return tuple(Channel(side, ("entry",), sent, words) for side in ("left", "right"))

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        plan, outbox = self.plan(cluster), Outbox()
        q, tree = plan.n_tiles, plan.copies
        level = tree.levels - round
        for side, place, stride in (("left", 1, q), ("right", 0, q * q)):
            entries = inbox[side]
            copies = tree.n_children(level, plan.at(entries.machine)[place])
            row = np.repeat(np.arange(len(entries)), copies)
            child = np.arange(len(row)) - np.repeat(np.cumsum(copies) - copies, copies)
            sent = entries.take(row)
            to = sent.machine + child * tree.reach(level - 1) * stride
            outbox.send(side, source=sent.machine, to=to, entry=sent["entry"])
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        plan = self.plan(cluster)
        workers, b = plan.workers(inbox.machines), plan.tile
        _, j, k = plan.at(workers)
        slot = batch_slots(workers, cluster)
        tables = []
        for side, width in (("left", plan.length(k)), ("right", plan.length(j))):
            entries = inbox[side]
            at, table = slot[entries.machine], np.zeros((len(workers), b, b), np.int64)
            row, column = np.divmod(entries.rank, width[at])
            table[at, row, column] = entries["entry"]
            tables.append(table)
        left, right = tables
        product = np.zeros_like(left)
        for inner in range(b):
            terms = left[:, :, inner, None] * right[:, inner, None, :]
            product = (product + terms % self.prime) % self.prime
        size = plan.product_size(workers)
        owner = np.repeat(np.arange(len(workers)), size)
        row, column = np.divmod(rank_in_group(owner), plan.length(j)[owner])
        partial = Records.of(workers[owner], entry=product[owner, row, column])
        return Inbox(inbox.machines, {"partial": partial})


@dataclass(frozen=True)
class SumTiles(WithinCost, Tiled):
    """Sum the q partial products of every tile along a tree over k, towards (i, j, 0).

    Arity g: a machine holds g b^2 words and sends b^2.
    """

    prime: int

    def n_rounds(self, cluster: Cluster) -> int:
        return self.plan(cluster).sums.levels

    def label(self, round: int, cluster: Cluster) -> str:
        return "sum tiles"

    def cost(self, cluster: Cluster) -> Cost:
        tree = self.plan(cluster).sums
        return super().cost(cluster).naming(sum_levels=tree.levels, sum_children=tree.most_children)

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        plan = self.plan(cluster)
        others = plan.sums.children(round + 1) - 1
        return (Channel("partial", ("entry",), plan.tile_words, others * plan.tile_words),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        plan, partial = self.plan(cluster), self._summed(inbox, cluster)
        k = partial.machine % plan.n_tiles
        to = partial.machine - k + plan.sums.parent(round, k)
        outbox = Outbox()
        outbox.send("partial", source=partial.machine, to=to, entry=partial["entry"])
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        return Inbox(inbox.machines, {"product": self._summed(inbox, cluster)})

    def _summed(self, inbox: Inbox, cluster: Cluster) -> Records:
        """Return one tile per machine: the sum of those that it holds, which arrived one by one."""
        plan, partial = self.plan(cluster), inbox["partial"]
        size = plan.product_size(partial.machine)
        rank = partial.rank
        is_first = rank < size
        place = np.cumsum(is_first) - 1
        head = np.flatnonzero(rank == 0)
        start = np.repeat(place[head], np.diff(head, append=len(rank)))
        total = np.zeros(int(is_first.sum()), np.int64)
        np.add.at(total, start + rank % size, partial["entry"])
        return Records.of(partial.machine[is_first], entry=total % self.prime)


@dataclass(frozen=True)
class WriteProduct(Tiled):
    """Hand the entries of the product to the first half of the output; the second half is 0."""

    def n_rounds(self, cluster: Cluster) -> int:
        return 1

    def label(self, round: int, cluster: Cluster) -> str:
        return "write product"

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        words = self.plan(cluster).tile_words
        return (Channel("entry", ("entry",), words, cluster.block_words),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        plan, entries = self.plan(cluster), inbox["product"]
        i, j, _ = plan.at(entries.machine)
        row, column = np.divmod(entries.rank, plan.length(j))
        index = (i * plan.tile + row) * self.side + j * plan.tile + column
        outbox = Outbox()
        to = index // cluster.block_words
        outbox.send("entry", source=entries.machine, to=to, entry=entries["entry"])
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        """Put words where they belong: the source of a place is known, and sources are in order."""
        plan, machines = self.plan(cluster), inbox.machines
        owner, _ = output_places(machines, cluster)
        index = owner * cluster.block_words + rank_in_group(owner)
        place = np.flatnonzero(index < self.side**2)
        row, column = np.divmod(index[place], self.side)
        tile = row // plan.tile * plan.n_tiles + column // plan.tile
        group = batch_slots(machines, cluster)[owner[place]]
        words = np.zeros(len(owner), np.int64)
        words[place[np.lexsort([index[place], tile, group])]] = inbox["entry"]["entry"]
        return Inbox(machines, {"output": Records.of(owner, word=words)})


def matrix_product(side: int, prime: int = MERSENNE) -> Protocol:
    """Return the protocol that multiplies two matrices modulo a prime.

    The input is A row by row, then B row by row; the output is A B row by row, then zeros. Entries
    are read modulo the prime. Any modulus is fine; that it is prime is not used.

    Parameters
    ----------
    side : int
        a, so N = 2 a^2.
    prime : int
        In 2 .. 2^31.

    Returns
    -------
    Protocol
        2 + L_f + L_g rounds, exactly: the levels of trees over q machines of arities at most
        s / (2 b^2) and s / b^2. Words held: at most max(block, 2 b^2, g b^2); sent: max(block,
        2 f b^2). Machines: q^3 = ceil(a / b)^3, or those of the input if they are more.

    Raises
    ------
    InputError
        If the side is not positive or the prime too large.

    References
    ----------
    Irony, Toledo, Tiskin, Communication lower bounds for distributed-memory matrix multiplication,
    JPDC 2004 (the three-dimensional scheme).
    """
    if side < 1:
        raise InputError(f"side = {side}: a matrix has at least one row")
    if not 2 <= prime <= LARGEST_PRIME:
        raise InputError(
            f"prime = {prime}: choose it in 2 .. {LARGEST_PRIME}, so that products fit 62 bits"
        )
    return sequence(
        LoadTiles(side, prime), CopyTiles(side, prime), SumTiles(side, prime), WriteProduct(side)
    )
