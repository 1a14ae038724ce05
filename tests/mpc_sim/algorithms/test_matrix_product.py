"""Matrix product by tiles, copied and summed along trees."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from mpc_sim import Cluster, InputError, Ledger, Outbox, ShapeError, Simulation, assert_local
from mpc_sim.algorithms.matrix_product import (
    MERSENNE,
    CopyTiles,
    LoadTiles,
    SumTiles,
    WriteProduct,
    matrix_product,
)
from mpc_sim.compose import sequence
from mpc_sim.errors import MPCError
from mpc_sim.protocol import fit_cluster
from mpc_sim.stages.tiles import plan_tiles
from reductions import compile_protocol
from reductions.problems.matrix_product import MATRIX_PRODUCT, side_of
from twins.matrix_product import matrix_product_twin

Words = NDArray[np.int64]
EPSILONS = ("1/3", "1/2", "2/3")


def gamma_for(epsilon: str) -> str:
    return str((1 - Fraction(epsilon)) / 2)


def product(words: Words, side: int, prime: int) -> list[int]:
    """Three plain loops over Python integers."""
    listed = words.tolist()
    left, right = listed[: side * side], listed[side * side :]
    return [
        sum(left[row * side + k] * right[k * side + column] for k in range(side)) % prime
        for row in range(side)
        for column in range(side)
    ] + [0] * (side * side)


def measured(ledger: Ledger) -> dict[str, int]:
    return {
        "rounds": ledger.n_rounds,
        "local_memory": ledger.max_held_words,
        "sent_words": ledger.max_sent_words,
        "received_words": ledger.max_received_words,
        "machines": ledger.machines_used,
    }


def run(words: Words, epsilon: str) -> Simulation:
    """Run with the least constants, compare with the oracle, check every bound."""
    cluster = MATRIX_PRODUCT.cluster(words, epsilon, gamma_for(epsilon))
    assert cluster.memory_factor is not None
    assert cluster.machine_factor is not None
    assert max(cluster.memory_factor, cluster.machine_factor) <= 16
    sim = Simulation(MATRIX_PRODUCT.protocol(len(words)), cluster, words)
    assert MATRIX_PRODUCT.n_wrong(words, sim.run()) == 0
    used = measured(sim.ledger)
    for bound in MATRIX_PRODUCT.bounds_of(cluster):
        check = bound.check(used[bound.quantity])
        assert check.status == "PASS", check.explain()
    return sim


@pytest.mark.parametrize("name", MATRIX_PRODUCT.hard)
@pytest.mark.parametrize("side", [1, 2, 3, 7, 16, 20])
def test_hard_inputs(name: str, side: int) -> None:
    words = MATRIX_PRODUCT.hard[name](side)
    assert MATRIX_PRODUCT.oracle(words).tolist() == product(words, side, MERSENNE)
    run(words, EPSILONS[side % 3])


@settings(max_examples=40)
@given(data=st.data())
def test_small_clusters(data: st.DataObject) -> None:
    """Any cluster that is accepted multiplies right; deep trees occur, and tiles cut short."""
    side = data.draw(st.integers(1, 9))
    n = 2 * side * side
    prime = data.draw(st.sampled_from([2, 7, 101, MERSENNE, 2**31]))
    n_machines = data.draw(st.integers(1, 300))
    block = data.draw(st.integers(-(-n // n_machines), n))
    memory = data.draw(st.integers(max(2, block), 2 * n + 2))
    largest = data.draw(st.sampled_from([prime - 1, 2**40]))
    cluster = Cluster(n, memory, n_machines, block, largest_word=max(largest, prime - 1))
    words = np.array(data.draw(st.lists(st.integers(0, largest), min_size=n, max_size=n)))
    protocol = matrix_product(side, prime)
    if plan_tiles(side, memory, n_machines, block) is None:
        with pytest.raises(ShapeError, match="cannot be cut"):
            Simulation(protocol, cluster, words)
        return
    assert Simulation(protocol, cluster, words).run().tolist() == product(words, side, prime)


GRID = [(16, "1/3"), (32, "1/2"), (45, "1/3"), (64, "1/2"), (64, "2/3"), (90, "1/2"), (100, "2/3")]


def test_bounds_on_a_grid() -> None:
    least_slack: dict[str, float] = {}
    scarce = 0
    for side, epsilon in GRID:
        sim = run(MATRIX_PRODUCT.instance(side, side), epsilon)
        scarce += sim.cluster.memory_words <= sim.cluster.n_words / 8
        assert sim.ledger.n_rounds == 4, "one level copies, one sums"
        for bound in MATRIX_PRODUCT.bounds_of(sim.cluster):
            check = bound.check(measured(sim.ledger)[bound.quantity])
            print(side, epsilon, check.name, check.measured, check.bound, check.slack)
            assert check.slack is not None
            least_slack[check.name] = min(least_slack.get(check.name, 99.0), check.slack)
    assert scarce >= 5
    assert max(least_slack.values()) <= 4, least_slack


@pytest.mark.parametrize("memory_factor", [1, 2, 4])
@pytest.mark.parametrize("side", [32, 64])
def test_given_constants(side: int, memory_factor: int) -> None:
    """With a small c_s trees are deeper; all loads still fit, and P pays for it."""
    words, protocol = MATRIX_PRODUCT.instance(side, 0), matrix_product(side)
    cluster = fit_cluster(
        protocol, len(words), "1/2", "1/4", memory_factor=memory_factor, largest_word=MERSENNE - 1
    )
    sim = Simulation(protocol, cluster, words)
    assert MATRIX_PRODUCT.n_wrong(words, sim.run()) == 0
    for bound in MATRIX_PRODUCT.bounds_of(cluster):
        check = bound.check(measured(sim.ledger)[bound.quantity])
        assert check.status == "PASS", check.explain()


def test_the_machines_of_the_regime() -> None:
    """q^3 workers of b^2 = s / kappa entries are (kappa / (2 c_s))^(3/2) N^(1 + gamma - epsilon).

    The first factor is measured with ceilings; it stays within those of b = ceil(a / q), which is
    less than a / q + 1.
    """
    for side in (64, 128, 256, 512):
        cluster = fit_cluster(
            matrix_product(side), 2 * side**2, "1/2", "1/4", largest_word=MERSENNE - 1
        )
        plan = plan_tiles(side, cluster.memory_words, cluster.n_machines, cluster.block_words)
        assert plan is not None
        assert cluster.n_machines >= plan.n_workers
        shrunk = (plan.side / plan.n_tiles / plan.tile) ** 3
        exact = (side / plan.tile) ** 3
        assert exact <= plan.n_workers <= exact / shrunk + 1e-9


# --- twins, locality, compilation ---


def rows_of_ledger(ledger: Ledger) -> list[Any]:
    return [
        (row.label, row.sent.tolist(), row.received.tolist(), row.held.tolist(), row.n_messages)
        for row in ledger.rounds
    ]


CLUSTERS = [
    (1, Cluster(2, 2, 2, 1, largest_word=MERSENNE)),
    (5, Cluster(50, 40, 27, 5, largest_word=MERSENNE)),
    (7, Cluster(98, 20, 350, 4, largest_word=MERSENNE)),
    (6, Cluster(72, 16, 216, 3, largest_word=MERSENNE)),
]


@pytest.mark.parametrize(("side", "cluster"), CLUSTERS)
def test_twin(side: int, cluster: Cluster) -> None:
    words = MATRIX_PRODUCT.instance(side, 3)
    columnar = Simulation(matrix_product(side), cluster, words)
    twin = Simulation(matrix_product_twin(side), cluster, words)
    assert columnar.run().tolist() == twin.run().tolist() == product(words, side, MERSENNE)
    assert rows_of_ledger(columnar.ledger) == rows_of_ledger(twin.ledger)


@pytest.mark.parametrize(("side", "cluster"), CLUSTERS)
def test_local(side: int, cluster: Cluster) -> None:
    assert_local(matrix_product(side), cluster, MATRIX_PRODUCT.instance(side, 2))


def test_compiled() -> None:
    cluster = Cluster(32, 32, 8, 8, largest_word=100)
    words = np.arange(32) * 3
    transformer = compile_protocol(matrix_product(4, 101), cluster)
    assert transformer.run(words).tolist() == product(words, 4, 101)


# --- refusals and canaries ---


def test_refusals() -> None:
    with pytest.raises(InputError, match=r"choose it in 2 \.\. 2147483648"):
        matrix_product(4, 2**31 + 11)
    with pytest.raises(InputError, match="at least one row"):
        matrix_product(0)
    with pytest.raises(InputError, match="not two square matrices"):
        side_of(36)
    with pytest.raises(InputError, match="not two square matrices"):
        MATRIX_PRODUCT.protocol(0)
    with pytest.raises(ShapeError, match="are 32 words; this cluster takes 50"):
        Simulation(matrix_product(4), Cluster(50, 40, 27, 5, largest_word=MERSENNE), [0] * 50)
    with pytest.raises(ShapeError, match="raise largest_word to 2147483646"):
        Simulation(matrix_product(5), Cluster(50, 40, 27, 5), [0] * 50)


@dataclass(frozen=True)
class DropsATerm(CopyTiles):
    """Hands the right tiles to one machine fewer."""

    def step(self, round: int, inbox: Any, cluster: Cluster) -> Outbox:
        outbox = super().step(round, inbox, cluster)
        source, to, columns = outbox.rows("right")
        keep = to < to.max()
        left_source, left_to, left = outbox.rows("left")
        changed = Outbox()
        changed.send("left", source=left_source, to=left_to, **left)
        changed.send("right", source=source[keep], to=to[keep], entry=columns["entry"][keep])
        return changed


@dataclass(frozen=True)
class SendsTooMuch(LoadTiles):
    """Hands every entry over twice."""

    def step(self, round: int, inbox: Any, cluster: Cluster) -> Outbox:
        outbox = super().step(round, inbox, cluster)
        source, to, columns = outbox.rows("entry")
        outbox.send("entry", source=source, to=to, **columns)
        return outbox


def test_canary_wrong_product_and_overload() -> None:
    cluster = Cluster(50, 40, 27, 5, largest_word=MERSENNE)
    words = np.arange(1, 51)

    def build(load: LoadTiles, copy: CopyTiles) -> Simulation:
        stages = (load, copy, SumTiles(5, MERSENNE), WriteProduct(5))
        return Simulation(sequence(*stages), cluster, words)

    load, copy = LoadTiles(5, MERSENNE), CopyTiles(5, MERSENNE)
    assert MATRIX_PRODUCT.n_wrong(words, build(load, copy).run()) == 0
    assert MATRIX_PRODUCT.n_wrong(words, build(load, DropsATerm(5, MERSENNE)).run()) > 0
    with pytest.raises(MPCError, match="entry"):
        build(SendsTooMuch(5, MERSENNE), copy).run()


def test_canary_bounds() -> None:
    sim = run(MATRIX_PRODUCT.instance(16, 0), "1/2")
    bounds = {bound.quantity: bound for bound in MATRIX_PRODUCT.bounds_of(sim.cluster)}
    used = measured(sim.ledger)
    assert bounds["rounds"].check(used["rounds"] - 1).status == "FAIL"
    assert bounds["machines"].check(used["machines"] + 1).status == "FAIL"
    for name in ("local_memory", "sent_words", "received_words"):
        assert bounds[name].check(bounds[name].value + 1).status == "FAIL"
