"""Compiled layers are those of the construction of Theorem 4.1, row by row, and row-wise.

Compared are who asks, who answers, and what a row holds.
"""

from __future__ import annotations

import numpy as np
import pytest

import oracles
from anna_model import SparseHeads, check_rowwise, definition_forward
from cases.compiled_protocols import (
    CLUSTERS,
    ROUNDS,
    a_gossip,
    compiled,
    input_rows,
    rows_after_each_layer,
    same,
)
from cases.per_machine import memories
from mpc_sim import (
    Cluster,
    Protocol,
    Simulation,
    fit_cluster,
)
from mpc_sim.algorithms.k_hop import k_hop
from reductions.mpc_to_anna.compile import compile_protocol
from reductions.mpc_to_anna.messages import WordMessages
from reductions.mpc_to_anna.route_layer import RouteLayer

# --- the same memories ---


@pytest.mark.parametrize("case", ["k-hop", "four channels of all widths"])
def test_after_layer_t_a_row_is_the_memory_of_a_machine(case: str) -> None:
    """A count per channel, then the words, in the canonical order of the simulation."""
    cluster = CLUSTERS[0]
    protocol: Protocol = a_gossip("four channels of all widths", cluster, 3)
    if case == "k-hop":
        protocol, cluster = k_hop(5), fit_cluster(k_hop(5), 20, "1/2")
    words = [(i * i + 1) % 5 for i in range(cluster.n_words)]
    transformer = compile_protocol(protocol, cluster)
    assert all(isinstance(layer, RouteLayer) for layer in transformer.layers[1:])
    sim = Simulation(protocol, cluster, words)
    for rows in rows_after_each_layer(transformer, words)[1:-1]:
        table, P = rows.dense(), cluster.n_machines
        g = transformer.layers[0].tokens  # type: ignore[attr-defined]
        assert not table[P * g :].any()
        assert (table[: P * g].reshape(g, P, -1) == table[:P]).all()
        for machine, memory in memories(sim.inbox).items():
            counts = [len(records) for records in memory.values()]
            flat = [w for records in memory.values() for record in records for w in record]
            row = table[machine].tolist()
            padding = len(row) - len(counts + flat)  # zeros at the end need not be stored
            assert row + [0] * -padding == counts + flat + [0] * padding
        sim.step()
    assert sim.finished


@pytest.mark.parametrize(
    ("n", "k", "epsilon", "gamma"),
    [(1, 1, "2/3", "0"), (12, 3, "1/2", "0"), (12, 2, "2/3", "1/4"), (30, 5, "0.45", "0")],
)
def test_every_layer_is_its_definition(n: int, k: int, epsilon: str, gamma: str) -> None:
    """All weights written out, with the codewords NULL = P and NOBODY = P + 1."""
    transformer = compiled(k, n, epsilon, gamma)
    n_machines = transformer.cluster.n_machines
    words = np.random.default_rng(k).integers(0, 3, n)
    fast = rows_after_each_layer(transformer, words)[1:]
    slow = definition_forward(
        transformer, input_rows(transformer, words), n_machines, n_machines + 1
    )
    assert [same(a, b) for a, b in zip(fast, slow, strict=True)] == [True] * len(fast)
    assert slow[-1].values[:, 0].tolist() == oracles.k_hop(words.tolist(), k)


@pytest.mark.parametrize("name", ["no rounds", "kept records only", "four channels of all widths"])
@pytest.mark.parametrize("cluster", CLUSTERS[:2], ids=["more machines", "more words"])
def test_every_layer_of_a_protocol_is_its_definition(name: str, cluster: Cluster) -> None:
    transformer = compile_protocol(a_gossip(name, cluster, 4), cluster)
    words = list(range(10))
    fast = rows_after_each_layer(transformer, words)[1:]
    ids = cluster.n_machines, cluster.n_machines + 1
    slow = definition_forward(transformer, input_rows(transformer, words), *ids)
    assert all(same(a, b) for a, b in zip(fast, slow, strict=True))


# --- who asks what: the table of Theorem 4.1 ---


@pytest.mark.parametrize("name", ["no rounds", "four channels of all widths", "signs only"])
@pytest.mark.parametrize("cluster", CLUSTERS, ids=["more machines", "more words", "one word"])
def test_queries_keys_and_classes_are_those_of_the_construction(
    name: str, cluster: Cluster
) -> None:
    n, n_machines, block = cluster.n_words, cluster.n_machines, cluster.block_words
    null, nobody = n_machines, n_machines + 1
    protocol = a_gossip(name, cluster, 2)
    transformer = compile_protocol(protocol, cluster)
    words = [i % 2 for i in range(n)]
    trace: list[tuple[int, SparseHeads, object]] = []
    transformer.forward(input_rows(transformer, words), trace=trace)  # type: ignore[arg-type]
    memory = oracles.load(words, block, n_machines)
    last = len(transformer.layers) - 1
    g = transformer.layers[0].tokens  # type: ignore[attr-defined]
    for index in range(last + 1):
        blocks = [part for layer, part, _ in trace if layer == index]
        dense = [part.dense(null, nobody) for part in blocks]
        Q = np.concatenate([part.Q for part in dense])[:, :, 0]
        K = np.concatenate([part.K for part in dense])[:, :, 0]
        asks = [i // block if i < n else nobody for i in range(transformer.n_tokens)]
        if index < last:
            acting = g * n_machines
            asks = [i % n_machines if i < acting else nobody for i in range(transformer.n_tokens)]
        assert (asks == Q).all()  # the same query in every head, so in every head of a class too
        for part in blocks:
            classes = {(own, query) for own, query in zip(part.token_class, asks, strict=True)}
            assert len(classes) == len({own for own, _ in classes}) == len(set(asks))
            assert {own for own, query in classes if query == nobody} <= {-1}
        if index == 0:
            owners = [j // block if j < n else null for j in range(transformer.n_tokens)]
            assert K.tolist() == [owners]
            slots = dense[0].V[0]
            assert [slots[j, j % block] for j in range(n)] == words
            assert slots.sum() == sum(words)
            continue
        assert set(K[:, g * n_machines :].ravel()) <= {null}
        for machine in range(n_machines):
            sent = protocol.act(index - 1, machine, memory[machine])
            by_word = isinstance(transformer.layers[index].messages, WordMessages)  # type: ignore[attr-defined]
            times = [max(1, len(words)) if by_word else 1 for _, _, words in sent]
            listed = zip(sent, times, strict=True)
            away = sorted(to for (_, to, _), n in listed for _ in range(n) if to != machine)
            keys = K[:, machine : g * n_machines : n_machines].ravel().tolist()  # slot by slot
            own, others = keys[0], keys[1 if len(K) == 1 else g :]
            assert own == (machine if machine in [to for _, to, _ in sent] else null)
            assert sorted(others[: len(away)]) == away  # one message a slot, the first ones first
            assert set(others[len(away) :]) <= {null}
            if len(K) > 1:
                assert set(keys[1:g]) <= {null}
        names = [channel.name for channel in protocol.rounds[index - 1]]
        memory = oracles.deliver(index - 1, protocol.act, memory, names, 10**6).memories


@pytest.mark.parametrize("cluster", CLUSTERS, ids=["more machines", "more words", "one word"])
@pytest.mark.parametrize("name", ROUNDS)
def test_every_layer_is_rowwise(name: str, cluster: Cluster) -> None:
    transformer = compile_protocol(a_gossip(name, cluster, 1), cluster)
    words = [(3 * i + 1) % 8 for i in range(cluster.n_words)]
    rows = rows_after_each_layer(transformer, words)
    for index, layer in enumerate(transformer.layers):
        check_rowwise(layer, rows[index], np.random.default_rng(index), name=str(index))


@pytest.mark.parametrize(("n", "k", "epsilon"), [(16, 5, "1/2"), (40, 6, "2/3"), (9, 1, "1/2")])
def test_every_layer_of_k_hop_is_rowwise_on_any_subset_of_rows(
    n: int, k: int, epsilon: str
) -> None:
    transformer = compiled(k, n, epsilon)
    words = np.random.default_rng(n).integers(0, 3, n)
    for index, rows in enumerate(rows_after_each_layer(transformer, words)[:-1]):
        for seed in range(8):  # the first trial drops the other rows
            rng = np.random.default_rng([index, seed])
            check_rowwise(transformer.layers[index], rows, rng, trials=1, name=f"layer {index}")
