"""Protocols of every shape and what they compile to, layer by layer."""

from __future__ import annotations

import numpy as np

import oracles
from anna_model import Rows, Transformer
from cases.per_machine import PerMachine
from mpc_sim import Channel, Cluster, fit_cluster
from mpc_sim.algorithms.k_hop import k_hop
from reductions.mpc_to_anna.compile import CompiledProtocol, compile_protocol


def compiled(
    k: int, n: int, epsilon: str = "2/3", gamma: str = "0", tokens: int | str = "free"
) -> CompiledProtocol:
    cluster = fit_cluster(k_hop(k), n, epsilon, gamma, largest_word=4)
    return compile_protocol(k_hop(k), cluster, tokens_per_machine=tokens)


def input_rows(transformer: CompiledProtocol, words: object) -> Rows:
    column = np.array(words, np.float64)[:, None]
    return Rows(transformer.n_tokens, np.arange(len(column)), column)


def rows_after_each_layer(transformer: CompiledProtocol, words: object) -> list[Rows]:
    rows = [input_rows(transformer, words)]
    for layer in transformer.layers:
        rows.append(Transformer((layer,), transformer.n_tokens).forward(rows[-1]))
    return rows


def same(left: Rows, right: Rows) -> bool:
    """Equal rows; zeros at the end of a row need not be stored."""
    a, b = left.dense(), right.dense()
    d = min(a.shape[1], b.shape[1])
    return bool((a[:, :d] == b[:, :d]).all() and not a[:, d:].any() and not b[:, d:].any())


FOUR = ("d", 0, False), ("c", 3, False), ("b", 1, True), ("a", 2, False)
ROUNDS: dict[str, tuple[tuple[tuple[str, int, bool], ...], ...]] = {
    "no rounds": (),
    "a round without channels": ((("a", 1, False),), (), (("b", 2, False),)),
    "kept records only": ((("a", 2, True),), (("b", 1, True), ("c", 0, True))),
    "signs only": ((("a", 0, False),),) * 2,
    "four channels of all widths": (FOUR, FOUR, FOUR),
}


def a_gossip(name: str, cluster: Cluster, seed: int) -> PerMachine:
    twin = oracles.Gossip(seed, ROUNDS[name], cluster.n_machines, cluster.word_bits)
    s, block, n = cluster.memory_words, cluster.block_words, cluster.n_words
    rounds = tuple(
        tuple(Channel(c, tuple("xyz"[:w]), s // max(1, w), local=local) for c, w, local in round)
        for round in ROUNDS[name]
    )
    answer = lambda i, m: twin.answer(i, m, max(0, min(block, n - i * block)))  # noqa: E731
    return PerMachine(rounds, twin.act, answer)


CLUSTERS = [Cluster(10, 80, 14, 2), Cluster(10, 80, 3, 4), Cluster(1, 80, 9, 1, word_bits=20)]
