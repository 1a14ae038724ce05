"""Every shape of cluster and protocol compiles in every way, within the bounds of the theorem."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from cases.per_machine import PerMachine
from mpc_sim import Channel, Cluster, Protocol, Simulation, fit_cluster
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.algorithms.sample_sort import sample_sort
from mpc_sim.compose import Carry, parallel
from mpc_sim.stages.columnsort import columnsort
from reductions.certify.measured import measured_layers
from reductions.mpc_to_anna.bounds import layer_bounds, meeting_bound, theorem_bounds
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


@pytest.mark.parametrize("shape", SHAPES)
def test_what_the_theorem_says_is_no_more_than_it_says(shape: str) -> None:
    """Memory is s, not 2 s; and of the sizes that are reached one less is broken by every run."""
    protocol, cluster = SHAPES[shape]
    claimed = {bound.quantity: bound for bound in theorem_bounds(protocol, cluster)}
    for quantity in ("local_memory", "sent_words", "received_words"):
        assert claimed[quantity].check(cluster.memory_words).status == "PASS"
        assert claimed[quantity].check(cluster.memory_words + 1).status == "FAIL"
    measured = measured_layers(compile_protocol(protocol, cluster))
    measured |= {"rounds": protocol.n_rounds(cluster), "machines": cluster.n_machines}
    for quantity in ("rounds", "machines", "layers", "context_length", "heads"):
        assert claimed[quantity].check(measured[quantity]).status == "PASS"
        one_less = replace(claimed[quantity], expression=claimed[quantity].expression - 1)
        assert one_less.check(measured[quantity]).status == "FAIL", quantity


def test_the_first_layer_declares_the_bits_of_an_average() -> None:
    """Of up to B words: word_bits + bit_length(B)."""
    protocol, cluster = fitted(columnsort(), 40)
    first = compile_protocol(protocol, cluster).layers[0]
    assert cluster.block_words > 1
    assert first.precision_bits == cluster.word_bits + cluster.block_words.bit_length()


def test_the_self_head_of_a_full_memory_has_a_count_per_channel() -> None:
    channels = tuple(Channel(name, ("word",), 9, local=True) for name in "ab")
    protocol, cluster = PerMachine((channels,), lambda *_: []), Cluster(4, 9, 4, 1)
    measured = measured_layers(compile_protocol(protocol, cluster))
    bounds = {one.quantity: one for one in layer_bounds(protocol, cluster, CompilerOptions())}
    assert measured["head_width"] == 9 + 2 == bounds["head_width"].value


def test_no_more_messages_meet_than_all_others_can_send() -> None:
    """The g tokens of each of P - 1 machines; and no more than fit into a memory."""
    protocol = PerMachine(((Channel("w", ("word",), 9),),), lambda *_: [])
    for n_machines, tokens, met in ((4, 1, 3), (4, 3, 9), (50, 1, 12)):
        cluster = Cluster(4, 12, n_machines, 1)
        options = CompilerOptions(tokens_per_machine=tokens)
        assert meeting_bound(protocol, cluster, options).value == met
