"""Maximal matching by filtering as plain functions of one machine."""

from __future__ import annotations

from mpc_sim.algorithms.maximal_matching import (
    EDGE,
    DropWeights,
    MatchInPhases,
    maximal_matching,
)
from mpc_sim.inputs.graphs import GraphShape
from mpc_sim.local_step import Memory, Twin, per_machine
from mpc_sim.protocol import Protocol
from mpc_sim.randomness import random_words
from mpc_sim.stages.edge_rows import LoadEdges, MarkEdges
from twins.blocks import Twins, twin_of
from twins.broadcast import Left, local_twin
from twins.edge_rows import load_edges_twin, mark_edges_twin


def drop_weights(memory: Memory) -> Left:
    """Keep numbers and ends of the edges.

    Examples
    --------
    >>> from mpc_sim import Cluster
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2)
    >>> drop_weights(Memory(0, cluster, {"edges": [(5, 0, 1, 9)]}))["live"]
    (('index', 'u', 'v'), [(5, 0, 1)])
    """
    live = [(edge[0], edge[1], edge[2]) for edge in memory["edges"]]
    return {"live": (EDGE, list(live)), "listed": (("index",), []), "alarm": ((), [])}


def match_twin(stage: MatchInPhases) -> Twin:
    """Return the twin of ``MatchInPhases``.

    Examples
    --------
    >>> match_twin(MatchInPhases(GraphShape(3, 2), 0, 7)).shape.seed
    0
    """

    def sample(phase: int, memory: Memory, live: list[tuple[int, ...]]) -> None:
        plan = stage.plan(memory.cluster)
        drawn = [
            edge
            for edge in live
            if int(random_words(stage.seed, 1 + phase, [edge[0]], 1)[0, 0]) >> 32
            < plan.rates[phase]
        ]
        if len(drawn) > plan.quota or memory["alarm"]:
            memory.send("alarm", 0)
            return
        for _, u, v in drawn:
            memory.send("sample", 0, u, v)

    def deal(memory: Memory) -> None:
        n_machines = memory.cluster.n_input_machines
        if memory["alarm"]:
            for to in range(n_machines):
                memory.send("alarm", to)
            return
        pairs: list[tuple[int, int]] = []
        for u, v in sorted((edge[0], edge[1]) for edge in memory["sample"]):
            if all({u, v}.isdisjoint(pair) for pair in pairs):
                pairs.append((u, v))
        for at, pair in enumerate(pairs):
            memory.send("pair", at % n_machines, *pair)

    def settled(memory: Memory) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
        pairs = {frozenset(pair) for pair in memory["pair"]}
        taken = frozenset().union(*pairs)
        live = [edge for edge in memory["live"] if not taken & set(edge[1:])]
        new = [(edge[0],) for edge in memory["live"] if frozenset(edge[1:]) in pairs]
        return live, memory["listed"] + new

    def step(round: int, memory: Memory) -> None:
        live, listed = memory["live"], memory["listed"]
        if round > 0 and round % 3 == 0:
            live, listed = settled(memory)
        for edge in live:
            memory.keep("live", *edge)
        for row in listed:
            memory.keep("listed", *row)
        if round % 3 == 0:
            sample(round // 3, memory, live)
        elif round % 3 == 1:
            deal(memory)
        else:
            for _ in memory["alarm"]:
                memory.keep("alarm")
            for pair in memory["pair"]:
                for to in range(memory.cluster.n_input_machines):
                    memory.send("pair", to, *pair)

    def finish(memory: Memory) -> Left:
        live, listed = settled(memory)
        return {
            "live": (EDGE, live),
            "listed": (("index",), listed),
            "alarm": ((), memory["alarm"]),
        }

    return per_machine(stage, step, finish)


def maximal_matching_twin(
    shape: GraphShape, seed: int = 0, inverse_failure: int | None = None
) -> Protocol:
    """Return the twin of ``maximal_matching(shape, seed, inverse_failure)``.

    Examples
    --------
    >>> from mpc_sim import Cluster, Simulation
    >>> cluster = Cluster(n_words=7, memory_words=20, n_machines=2, block_words=4)
    >>> Simulation(maximal_matching_twin(GraphShape(3, 2)), cluster, [0, 1, 2, 0, 1, 1, 2]).run()
    array([0, 0, 0, 1, 1, 0, 0])
    """
    twins: Twins = {
        LoadEdges: load_edges_twin,
        DropWeights: lambda stage: local_twin(stage, drop_weights),
        MatchInPhases: match_twin,
        MarkEdges: mark_edges_twin,
    }
    return twin_of(maximal_matching(shape, seed, inverse_failure), twins)
