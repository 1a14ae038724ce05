"""Protocols to be run by hashing, and a mechanism in which two ids are made to collide."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

import oracles
from cases.per_machine import PerMachine, first_words
from mpc_sim import Channel, Cluster, Protocol, fit_cluster
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.stages.columnsort import columnsort
from reductions.mpc_to_anna.compile import CompiledProtocol
from reductions.mpc_to_anna.hashed_ids import HashedIds


def a_k_hop(n: int, k: int, seed: int = 0) -> tuple[Protocol, Cluster, list[int]]:
    words = np.random.default_rng(seed).integers(0, 3, n).tolist()
    return k_hop(k), fit_cluster(k_hop(k), n, "2/3", largest_word=3), words


def a_sort(n: int, seed: int = 0) -> tuple[Protocol, Cluster, list[int]]:
    words = np.random.default_rng(seed).integers(0, 99, n).tolist()
    return columnsort(), fit_cluster(columnsort(), n, "2/3", largest_word=99), words


def mechanism_of(transformer: CompiledProtocol) -> HashedIds:
    mechanism = transformer.layers[0].mechanism
    assert isinstance(mechanism, HashedIds)
    return mechanism


@dataclass(frozen=True)
class Forced(HashedIds):
    """Two ids of choice in one bucket, all others apart."""

    pair: tuple[int, int] = (0, 0)

    @property
    def buckets(self) -> NDArray[np.int64]:
        buckets = np.arange(self.codewords.n_ids)
        buckets[self.pair[0]] = buckets[self.pair[1]]
        return buckets


def forced(transformer: CompiledProtocol, pair: tuple[int, int]) -> CompiledProtocol:
    mechanism = mechanism_of(transformer)
    least = Forced(mechanism.codewords, mechanism.family, mechanism.hashes, 0, pair)
    layers = tuple(replace(layer, mechanism=least) for layer in transformer.layers)  # type: ignore[type-var]
    return replace(transformer, layers=layers)


def to_the_next(P: int) -> tuple[Protocol, Cluster]:
    """Even machines send two words to the next machine, odd ones nothing."""
    act: oracles.Act = lambda r, i, m: [("x", i + 1, (5,)), ("x", i + 1, (i,))] * (i % 2 == 0)  # noqa: E731
    protocol = PerMachine(
        ((Channel("x", ("word",), 2),),), act, lambda i, m: [sum(first_words(i, m)) % 8]
    )
    return protocol, Cluster(P, 2 * P, P, 1, largest_word=P)
