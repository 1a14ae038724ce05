"""Round trips: equal outputs, and the bounds of both theorems composed and then measured."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import numpy as np
import pytest

from anna_model import Anna, ExactMatch, HeadMaps, Mechanism, Rows, RowwiseLayer, Transformer
from anna_model.fixed_point.attention import Precision, fixed_point
from anna_model.fixed_point.grid import Grid
from anna_model.lsh import Hyperplane
from cases.anna_to_mpc import Mixed, assert_same_bits, measured, random_rows
from mpc_sim import ShapeError, Simulation, fit_cluster
from mpc_sim.algorithms.aggregate import aggregate
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.stages.columnsort import columnsort
from mpc_sim.stages.operations import Addition
from reductions import compile_protocol
from reductions.attention_to_mpc import anna_to_mpc
from reductions.attention_to_mpc.anna_bounds import bounds
from reductions.attention_to_mpc.round_trip import compiled_to_mpc, fit_compiled_to_mpc
from reductions.attention_to_mpc.round_trip_bounds import (
    back_and_there_bounds,
    there_and_back_bounds,
)
from reductions.certify.measured import measured_layers
from reductions.mpc_to_anna.compile import CompiledProtocol
from reductions.mpc_to_anna.options import CompilerOptions

TRIPS = {
    "k-hop": (k_hop(3), "1/3"),
    "columnsort": (columnsort(), "1/2"),
    "aggregate": (aggregate(Addition()), "1/2"),
}


@pytest.mark.parametrize("attention", ["ema", "anna"])
@pytest.mark.parametrize("name", TRIPS)
def test_protocol_to_transformer_to_protocol(name: str, attention: str) -> None:
    """R + 1 layers of q rounds; s' within 16 H m ceil(T^gap), H and m from the channels alone."""
    protocol, gap = TRIPS[name]
    options = CompilerOptions(attention=attention)
    words = np.random.default_rng(1).integers(0, 4, 30)
    cluster = fit_cluster(protocol, 30, "2/3", largest_word=120)
    compiled = compile_protocol(protocol, cluster, **options.keywords)
    back = fit_compiled_to_mpc(compiled, gap)
    rows = Rows(compiled.n_tokens, np.arange(30), words[:, None].astype(float))
    sim = back.simulation(rows, keep_bytes=0)
    found = back.rows(sim.run()).values[:30, 0].astype(int)
    np.testing.assert_array_equal(found, Simulation(protocol, cluster, words).run())
    run = measured(sim) | {"memory_words": back.cluster.memory_words}
    checks = [
        bound.check(run[bound.quantity])
        for bound in there_and_back_bounds(protocol, cluster, back, gap, options)
    ]
    assert [check.name for check in checks] == ["rounds", "machines", "memory_words"]
    assert {check.status for check in checks} == {"PASS"}, [one.explain() for one in checks]
    assert checks[0].slack == 1 or (checks[0].slack or 9) < 2
    assert run["local_memory"] <= checks[2].bound


@pytest.mark.parametrize("buckets", ["sorted", "hashed"])
@pytest.mark.parametrize("mechanism", [ExactMatch(), Anna(Hyperplane(), 2, 2, seed=0)])
def test_transformer_to_protocol_to_transformer(mechanism: Mechanism, buckets: str) -> None:
    """One layer more than the protocol has rounds, the same bits; hashed buckets too."""
    grid = Grid(8, 3)
    heads = (HeadMaps(Mixed((1,), 1, 3), Mixed((2,), 1, 3), Mixed((3,), 1, 9), 1, 1),)
    transformer = fixed_point(Transformer((RowwiseLayer(mechanism, heads),), 6), grid)
    executed = anna_to_mpc(
        transformer,
        Precision.of(grid),
        44 if buckets == "sorted" else 72 if mechanism.n_tables < 2 else 140,
        input_width=1,
        buckets=buckets,  # type: ignore[arg-type]
    )
    compiled = compile_protocol(executed.protocol, executed.cluster)
    rows = random_rows(6, 1)
    found = executed.rows(compiled.run(executed.words(rows)))
    assert_same_bits(found, transformer.forward(rows))
    resources = measured_layers(compiled)
    checks = [bound.check(resources[bound.quantity]) for bound in back_and_there_bounds(executed)]
    assert {check.status for check in checks} == {"PASS"}, [one.explain() for one in checks]
    assert executed.cluster.n_machines > 1


def test_canary_a_composed_bound_too_small_by_one() -> None:
    executed = anna_to_mpc(
        fixed_point(
            Transformer(
                (
                    RowwiseLayer(
                        ExactMatch(),
                        (HeadMaps(Mixed((1,), 1, 3), Mixed((2,), 1, 3), Mixed((3,), 1, 9), 1, 1),),
                    ),
                ),
                6,
            ),
            Grid(8, 3),
        ),
        Precision.of(Grid(8, 3)),
        44,
        input_width=1,
    )
    layers, *_ = back_and_there_bounds(executed)
    built = compile_protocol(executed.protocol, executed.cluster).resources().layers
    assert layers.check(built).status == "PASS"
    assert replace(layers, expression=layers.expression - 1).check(built).status == "FAIL"


def one_head(n: int) -> CompiledProtocol:
    cluster = fit_cluster(k_hop(4), n, "2/3", largest_word=4)
    return compile_protocol(k_hop(4), cluster, tokens_per_machine="all")


def test_with_one_head_the_machines_of_the_way_back_are_a_constant_larger() -> None:
    """From protocol to transformer to protocol: s' = O(s), by a constant that stays as N grows."""
    ratios = []
    for n in (256, 512, 1024, 4096):
        compiled = one_head(n)
        s = compiled.cluster.memory_words
        back = compiled_to_mpc(compiled, memory_words=64 * s)
        (memory,) = (one for one in bounds(back) if one.quantity == "local_memory")
        ratios.append(memory.value / s)
    print([f"{ratio:.1f}" for ratio in ratios])
    assert max(ratios) <= 1.3 * min(ratios) <= 1.3 * 64


@pytest.mark.slow
def test_it_runs_on_machines_of_so_few_words() -> None:
    compiled = one_head(256)
    back = compiled_to_mpc(compiled, memory_words=48 * compiled.cluster.memory_words)
    words = np.random.default_rng(0).integers(0, 4, 256)
    rows = Rows(compiled.n_tokens, np.arange(256), words[:, None].astype(float))
    found = back.run(rows).dense()[:256, 0].astype(int)
    assert found.tolist() == Simulation(k_hop(4), compiled.cluster, words).run().tolist()


# --- s' = O(s): one head is within 3 s wide ---

SIZES = (256, 512, 1024, 2048, 4096)
MOST_OVER = 64


def in_one_head(n: int) -> CompiledProtocol:
    cluster = fit_cluster(k_hop(16), n, "2/3", largest_word=4)
    return compile_protocol(k_hop(16), cluster, tokens_per_machine="all")


def least_over(compiled: CompiledProtocol) -> int:
    """The least c for which machines of c s words simulate the transformer."""
    for over in range(2, MOST_OVER):
        with contextlib.suppress(ShapeError):
            compiled_to_mpc(compiled, over * compiled.cluster.memory_words)
            return over
    return MOST_OVER


def test_the_least_memory_of_the_way_back_is_flat() -> None:
    """From n = 256 to n = 4,096: within 1.3; where it is plenty, rounds stay within 2."""
    all_compiled = [in_one_head(n) for n in SIZES]
    least = [least_over(compiled) for compiled in all_compiled]
    assert max(least) <= 1.3 * min(least) < MOST_OVER, least
    rounds = []
    for compiled in all_compiled:
        back = compiled_to_mpc(compiled, MOST_OVER * compiled.cluster.memory_words)
        rounds.append(back.protocol.n_rounds(back.cluster))
    assert max(rounds) < 2 * min(rounds), rounds


@pytest.mark.slow
def test_the_way_back_on_machines_of_a_constant_times_the_memory() -> None:
    compiled = in_one_head(256)
    words = np.random.default_rng(0).integers(0, 4, 256)
    back = compiled_to_mpc(compiled, MOST_OVER * compiled.cluster.memory_words)
    rows = Rows(compiled.n_tokens, np.arange(256), words[:, None].astype(float))
    sim = back.simulation(rows, keep_bytes=0)
    found = back.rows(sim.run()).dense()[:256, 0].astype(int)
    np.testing.assert_array_equal(found, Simulation(k_hop(16), compiled.cluster, words).run())
    held = sim.ledger.max_held_words / compiled.cluster.memory_words
    assert MOST_OVER / 1.3 <= held <= MOST_OVER
