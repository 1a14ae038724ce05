"""Matrix product as plain functions of one machine."""

from __future__ import annotations

from mpc_sim.algorithms.matrix_product import (
    MERSENNE,
    CopyTiles,
    LoadTiles,
    SumTiles,
    WriteProduct,
)
from mpc_sim.compose import sequence
from mpc_sim.local_step import Memory, Twin, per_machine
from mpc_sim.protocol import Protocol
from mpc_sim.stages.tiles import TilePlan
from twins.broadcast import Left, n_output

ENTRY = ("entry",)


def place(plan: TilePlan, machine: int) -> tuple[int, int, int]:
    """Return (i, j, k) of a machine.

    Examples
    --------
    >>> from mpc_sim.stages.tree import Tree
    >>> place(TilePlan(6, 2, Tree(3, 3), Tree(3, 3)), 22)
    (2, 1, 1)
    """
    q = plan.n_tiles
    return machine // (q * q), machine // q % q, machine % q


def length(plan: TilePlan, index: int) -> int:
    """Return the rows, or columns, of the tiles with an index.

    Examples
    --------
    >>> from mpc_sim.stages.tree import Tree
    >>> length(TilePlan(5, 2, Tree(3, 3), Tree(3, 3)), 2)
    1
    """
    return min(plan.tile, plan.side - index * plan.tile)


def load_twin(stage: LoadTiles) -> Twin:
    """Return the twin of ``LoadTiles``.

    Examples
    --------
    >>> load_twin(LoadTiles(2, 7)).shape
    LoadTiles(side=2, prime=7)
    """

    def step(round: int, memory: Memory) -> None:
        plan, a = stage.plan(memory.cluster), stage.side
        q, b = plan.n_tiles, plan.tile
        for index, (word,) in enumerate(
            memory["input"], start=memory.machine * memory.cluster.block_words
        ):
            row, column = divmod(index % (a * a), a)
            i, j = row // b, column // b
            to = i * q * q + j if index < a * a else j * q + i
            memory.send("entry", to, word % stage.prime)

    def finish(memory: Memory) -> Left:
        plan, entries = stage.plan(memory.cluster), memory["entry"]
        i, j, k = place(plan, memory.machine)
        split = length(plan, i) * length(plan, k) if j == 0 else 0
        return {"left": (ENTRY, entries[:split]), "right": (ENTRY, entries[split:])}

    return per_machine(stage, step, finish)


def copy_twin(stage: CopyTiles) -> Twin:
    """Return the twin of ``CopyTiles``.

    Examples
    --------
    >>> copy_twin(CopyTiles(2, 7)).shape
    CopyTiles(side=2, prime=7)
    """

    def step(round: int, memory: Memory) -> None:
        plan = stage.plan(memory.cluster)
        q, tree = plan.n_tiles, plan.copies
        apart = tree.arity ** (tree.levels - round - 1)
        i, j, _ = place(plan, memory.machine)
        for side, own, stride in (("left", j, q), ("right", i, q * q)):
            for (entry,) in memory[side]:
                for child in range(tree.arity):
                    if own + child * apart < q:
                        memory.send(side, memory.machine + child * apart * stride, entry)

    def finish(memory: Memory) -> Left:
        plan = stage.plan(memory.cluster)
        if memory.machine >= plan.n_workers:
            return {"partial": (ENTRY, [])}
        i, j, k = place(plan, memory.machine)
        rows, columns, inner = length(plan, i), length(plan, j), length(plan, k)
        left, right = memory["left"], memory["right"]
        return {
            "partial": (
                ENTRY,
                [
                    (
                        sum(
                            left[row * inner + at][0] * right[at * columns + column][0]
                            for at in range(inner)
                        )
                        % stage.prime,
                    )
                    for row in range(rows)
                    for column in range(columns)
                ],
            )
        }

    return per_machine(stage, step, finish)


def sum_twin(stage: SumTiles) -> Twin:
    """Return the twin of ``SumTiles``.

    Examples
    --------
    >>> sum_twin(SumTiles(2, 7)).shape
    SumTiles(side=2, prime=7)
    """

    def summed(memory: Memory) -> list[tuple[int, ...]]:
        plan, partial = stage.plan(memory.cluster), memory["partial"]
        i, j, _ = place(plan, memory.machine)
        size = length(plan, i) * length(plan, j)
        return [
            (sum(entry for (entry,) in partial[at::size]) % stage.prime,)
            for at in range(min(size, len(partial)))
        ]

    def step(round: int, memory: Memory) -> None:
        plan = stage.plan(memory.cluster)
        k, reach = memory.machine % plan.n_tiles, plan.sums.arity ** (round + 1)
        for (entry,) in summed(memory):
            memory.send("partial", memory.machine - k % reach, entry)

    def finish(memory: Memory) -> Left:
        return {"product": (ENTRY, summed(memory))}

    return per_machine(stage, step, finish)


def write_twin(stage: WriteProduct) -> Twin:
    """Return the twin of ``WriteProduct``.

    Examples
    --------
    >>> write_twin(WriteProduct(2)).shape
    WriteProduct(side=2)
    """

    def step(round: int, memory: Memory) -> None:
        plan = stage.plan(memory.cluster)
        i, j, _ = place(plan, memory.machine)
        for at, (entry,) in enumerate(memory["product"]):
            row, column = divmod(at, length(plan, j))
            index = (i * plan.tile + row) * stage.side + j * plan.tile + column
            memory.send("entry", index // memory.cluster.block_words, entry)

    def finish(memory: Memory) -> Left:
        plan, a = stage.plan(memory.cluster), stage.side
        first = memory.machine * memory.cluster.block_words
        words = [0] * n_output(memory)
        places = [at for at in range(len(words)) if first + at < a * a]

        def source(at: int) -> int:
            row, column = divmod(first + at, a)
            return row // plan.tile * plan.n_tiles + column // plan.tile

        for at, (entry,) in zip(sorted(places, key=source), memory["entry"], strict=True):
            words[at] = entry
        return {"output": (("word",), [(word,) for word in words])}

    return per_machine(stage, step, finish)


def matrix_product_twin(side: int, prime: int = MERSENNE) -> Protocol:
    """Return the twin of ``matrix_product(side, prime)``.

    Examples
    --------
    >>> from mpc_sim import Cluster, Simulation
    >>> cluster = Cluster(n_words=8, memory_words=8, n_machines=8, block_words=4)
    >>> Simulation(matrix_product_twin(2, 7), cluster, [1, 2, 3, 4, 0, 1, 1, 1]).run().tolist()
    [2, 3, 4, 0, 0, 0, 0, 0]
    """
    return sequence(
        load_twin(LoadTiles(side, prime)),
        copy_twin(CopyTiles(side, prime)),
        sum_twin(SumTiles(side, prime)),
        write_twin(WriteProduct(side)),
    )
