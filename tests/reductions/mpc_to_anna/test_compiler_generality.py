"""Every shape of cluster and protocol compiles in every way, within the bounds of the theorem."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from mpc_sim import Cluster, Protocol, Simulation, fit_cluster
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.algorithms.sample_sort import sample_sort
from mpc_sim.compose import Carry, parallel
from mpc_sim.stages.columnsort import columnsort
from reductions.certify.measured import measured_layers
from reductions.mpc_to_anna.bounds import layer_bounds
from reductions.mpc_to_anna.compile import compile_protocol
from reductions.mpc_to_anna.options import CompilerOptions

WAYS = list(
    product(("syndrome", "disjunct", "repetition"), ("emission", "spread"), ("ema", "anna"))
)


def fitted(protocol: Protocol, n: int, gamma: str = "0") -> tuple[Protocol, Cluster]:
    return protocol, fit_cluster(protocol, n, "2/3", gamma, largest_word=max(n, 4))


def with_machines(protocol: Protocol, n: int, n_machines: int) -> tuple[Protocol, Cluster]:
    return protocol, replace(fitted(protocol, n)[1], n_machines=n_machines, word_bits=8)


SHAPES = {
    "padding tokens, gamma 1/2": fitted(columnsort(), 20, "1/2"),
    "padding tokens, gamma 1": fitted(k_hop(2), 12, "1"),
    "idle machines": with_machines(columnsort(), 12, 50),
    "no round": fitted(k_hop(0), 12),
    "no round, idle machines": with_machines(k_hop(0), 12, 30),
    "one word": fitted(columnsort(), 1),
    "two words": fitted(k_hop(1), 2),
    "one machine": (columnsort(), Cluster(5, 40, 1, 5, word_bits=4)),
    "parallel": (
        parallel(columnsort(), Carry("input", ("word",))),
        Cluster(12, 64, 4, 3, word_bits=8),
    ),
}


@pytest.mark.parametrize(("code", "heads", "attention"), WAYS)
@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_in_every_way(shape: str, code: str, heads: str, attention: str) -> None:
    protocol, cluster = SHAPES[shape]
    words = np.random.default_rng(1).integers(1, 4, cluster.n_words)
    expected = Simulation(protocol, cluster, words).run()
    options = CompilerOptions(code, heads, attention, seed=4)
    transformer = compile_protocol(protocol, cluster, **options.keywords)
    assert np.array_equal(transformer.run(words), expected)
    assert len(transformer.layers) == protocol.n_rounds(cluster) + 1
    measured = measured_layers(transformer)
    for bound in layer_bounds(protocol, cluster, options):
        assert bound.check(measured[bound.quantity]).status == "PASS", bound


@pytest.mark.parametrize("seed", range(6))
def test_a_randomised_protocol_is_compiled_with_its_seed(seed: int) -> None:
    """Two seeds are two protocols; each transformer gives what its own simulation gives."""
    words = np.random.default_rng(2).integers(0, 60, 60)
    protocol = sample_sort(seed=seed)
    cluster = fit_cluster(protocol, 60, "2/3", largest_word=60)
    expected = Simulation(protocol, cluster, words).run()
    assert np.array_equal(compile_protocol(protocol, cluster).run(words), expected)
    assert np.array_equal(expected, np.sort(words))
