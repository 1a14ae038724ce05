"""3-SUM by triples of blocks."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from mpc_sim import (
    Cluster,
    InputError,
    Ledger,
    Outbox,
    ShapeError,
    Simulation,
    assert_local,
    sequence,
)
from mpc_sim.algorithms.three_sum import CopyBlocks, TellBoundaries, n_lines, three_sum
from mpc_sim.protocol import fit_cluster
from mpc_sim.stages.block_triples import BlockTriples, holds_solution
from mpc_sim.stages.broadcast import Broadcast, FillBlocks
from mpc_sim.stages.columnsort import Columnsort, Rename
from mpc_sim.stages.converge_cast import ConvergeCast
from mpc_sim.stages.operations import Maximum
from reductions import compile_protocol
from reductions.problems.three_sum import THREE_SUM, has_solution, offset_for
from twins.three_sum import three_sum_twin

Words = NDArray[np.int64]
SCARCE = 8


def by_brute_force(values: list[int], distinct: bool) -> bool:
    choose = combinations if distinct else combinations_with_replacement
    return any(sum(three) == 0 for three in choose(values, 3))


def measured(ledger: Ledger) -> dict[str, int]:
    return {
        "rounds": ledger.n_rounds,
        "local_memory": ledger.max_held_words,
        "sent_words": ledger.max_sent_words,
        "received_words": ledger.max_received_words,
        "machines": ledger.machines_used,
    }


def run(words: Words) -> Simulation:
    """Run, compare with the oracle, check every bound."""
    cluster = THREE_SUM.cluster(words)
    assert cluster.memory_factor is not None
    assert cluster.machine_factor is not None
    assert max(cluster.memory_factor, cluster.machine_factor) <= 16
    sim = Simulation(THREE_SUM.protocol(len(words)), cluster, words)
    assert THREE_SUM.n_wrong(words, sim.run()) == 0
    for bound in THREE_SUM.bounds_of(cluster):
        check = bound.check(measured(sim.ledger)[bound.quantity])
        assert check.status == "PASS", check.explain()
    return sim


# --- the triples ---


@st.composite
def sorted_blocks(draw: st.DrawFn) -> tuple[list[int], int]:
    values = draw(st.lists(st.integers(-6, 6), min_size=1, max_size=24))
    return sorted(values), draw(st.integers(1, 6))


@settings(max_examples=300)
@given(given_blocks=sorted_blocks(), distinct=st.booleans())
def test_one_triple_a_line_is_enough(given_blocks: tuple[list[int], int], distinct: bool) -> None:
    """Ties across blocks included: some line's triple holds a solution if there is one."""
    values, width = given_blocks
    parts = [values[at : at + width] for at in range(0, len(values), width)]
    least, most = (np.array([pick(part) for part in parts]) for pick in (min, max))
    triples = BlockTriples.of(least, most, 0)
    assert len(triples.is_live) == len(parts) * (len(parts) + 1) // 2
    words = np.zeros((len(triples.blocks), 3, width), np.int64)
    for line, role in np.ndindex(words.shape[:2]):
        part = parts[triples.blocks[line, role]]
        words[line, role, : len(part)] = part
    starts = triples.blocks * width
    lengths = np.minimum(width, len(values) - starts)
    found = holds_solution(words, starts, lengths, 0, distinct=distinct)
    assert bool(np.any(found & triples.is_live)) == by_brute_force(values, distinct)
    assert not np.any(found & ~triples.is_live), "a line without a triple has no solution"


# --- the protocol ---


@settings(max_examples=80)
@given(
    values=st.lists(st.integers(-9, 9) | st.integers(-60, 60), min_size=1, max_size=40),
    distinct=st.booleans(),
)
def test_oracle(values: list[int], distinct: bool) -> None:
    expected = by_brute_force(values, distinct)
    assert has_solution(values, distinct=distinct) == expected
    protocol = three_sum(60, distinct)
    cluster = fit_cluster(protocol, len(values), "1/2", "1/2", largest_word=120)
    output = Simulation(protocol, cluster, np.array(values) + 60).run()
    assert output.tolist() == [int(expected)] * len(values)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 50, 100, 300])
def test_hard_inputs(n: int) -> None:
    for make in THREE_SUM.hard.values():
        run(make(n))


def test_hard_inputs_are_what_they_say() -> None:
    answers = {name: int(THREE_SUM.oracle(make(60))[0]) for name, make in THREE_SUM.hard.items()}
    assert answers == {
        "all equal": 0,
        "all zero": 1,
        "planted": 1,
        "all odd": 0,
        "progression": 1,
        "progression without": 0,
        "half twice": 0,
        "two zeros": 0,
    }


def test_indices_that_may_be_equal() -> None:
    """-2 + 1 + 1 = 0 with the word 1 used twice; 0 + 0 + 0 with one zero."""
    for values, expected in (([-2, 1, 7, 9], (0, 1)), ([0, 5, 9], (0, 1)), ([-2, 1, 1], (1, 1))):
        for distinct, answer in zip((True, False), expected, strict=True):
            protocol = three_sum(10, distinct)
            cluster = fit_cluster(protocol, len(values), "1/2", "1/2", largest_word=20)
            output = Simulation(protocol, cluster, np.array(values) + 10).run()
            assert output.tolist() == [answer] * len(values)


GRID = [(64, 0), (100, 1), (256, 0), (1024, 1), (4096, 1)]


def test_bounds_on_a_grid() -> None:
    least_slack: dict[str, float] = {}
    scarce = 0
    for n, seed in GRID:
        sim = run(THREE_SUM.instance(n, seed))
        scarce += sim.cluster.memory_words <= n / SCARCE
        for bound in THREE_SUM.bounds_of(sim.cluster):
            check = bound.check(measured(sim.ledger)[bound.quantity])
            print(n, check.name, check.measured, check.bound, check.slack)
            slack = check.slack or 99.0
            least_slack[check.name] = min(least_slack.get(check.name, 99.0), slack)
    assert scarce > 0
    assert max(least_slack.values()) <= 4, least_slack


@pytest.mark.slow
@pytest.mark.parametrize("name", ["all zero", "planted"])
def test_larger_hard_inputs(name: str) -> None:
    """Here one block is needed by very many machines."""
    sim = run(THREE_SUM.hard[name](4096))
    assert sim.cluster.memory_words <= 4096 / SCARCE


def test_rounds_are_constant() -> None:
    """Sorting takes at most 1 + 4^2 rounds at epsilon = 1/2, all else 5 + 2 + 1."""
    for exponent in range(4, 31, 2):
        protocol = three_sum(1)
        cluster = fit_cluster(protocol, 2**exponent, "1/2", "1/2", machine_factor=1)
        assert protocol.n_rounds(cluster) <= 25
        assert cluster.memory_factor is not None
        assert cluster.memory_factor <= 16


# --- twins, locality, compilation ---


def rows_of_ledger(ledger: Ledger) -> list[Any]:
    return [
        (row.label, row.sent.tolist(), row.received.tolist(), row.held.tolist(), row.n_messages)
        for row in ledger.rounds
    ]


@pytest.mark.parametrize("n", [1, 3, 12, 31, 60])
def test_twin(n: int) -> None:
    for words in (THREE_SUM.instance(n, 1), THREE_SUM.hard["all zero"](n)):
        cluster = THREE_SUM.cluster(words)
        columnar = Simulation(THREE_SUM.protocol(n), cluster, words)
        twin = Simulation(three_sum_twin(offset_for(n)), cluster, words)
        assert columnar.run().tolist() == twin.run().tolist()
        assert rows_of_ledger(columnar.ledger) == rows_of_ledger(twin.ledger)


@pytest.mark.parametrize("n", [1, 6, 40])
def test_local(n: int) -> None:
    for words in (THREE_SUM.instance(n, 1), THREE_SUM.hard["planted"](n)):
        assert_local(THREE_SUM.protocol(n), THREE_SUM.cluster(words), words)


def test_compiled() -> None:
    protocol, words = three_sum(20), np.array([1, 40, 22, 30, 19, 8, 19])
    cluster = fit_cluster(protocol, 7, "1/2", "1/2", largest_word=40)
    transformer = compile_protocol(protocol, cluster)
    assert transformer.run(words).tolist() == [1] * 7
    assert transformer.run(words[[0, 0, 0, 1, 1, 1, 1]]).tolist() == [0] * 7


# --- refusals and canaries ---


def test_refusals() -> None:
    with pytest.raises(InputError, match="it is at least 0"):
        three_sum(-1)
    with pytest.raises(
        ShapeError, match="10 triples of blocks, one machine each; P = 9: raise c_p"
    ):
        Simulation(three_sum(), Cluster(16, 64, 9, 4), [0] * 16)
    with pytest.raises(ShapeError, match=r"to copy blocks; local memory is 16: raise c_s"):
        Simulation(three_sum(), Cluster(16, 16, 16, 4), [0] * 16)
    with pytest.raises(ShapeError, match="use at most 60"):
        Simulation(three_sum(), Cluster(16, 64, 16, 4, word_bits=61), [0] * 16)
    assert n_lines(Cluster(16, 64, 16, 4)) == 10


@dataclass(frozen=True)
class LosesALine(CopyBlocks):
    """The machine that looks at line 1 is told zeros."""

    def step(self, round: int, inbox: Any, cluster: Cluster) -> Outbox:
        outbox, changed = super().step(round, inbox, cluster), Outbox()
        for channel in outbox:
            source, to, columns = outbox.rows(channel)
            if channel == "piece" and round == 2:
                columns = {"word": np.where(to == 1, 0, columns["word"])}
            changed.send(channel, source=source, to=to, **columns)
        return changed


def test_canary_a_lost_line() -> None:
    """Only the triple (0, 0, 1) of line 1 holds a solution here."""
    values = np.array([-9, -8, 17, 30])
    cluster = Cluster(4, 48, 8, 2, largest_word=100)

    def output(copy: CopyBlocks) -> list[int]:
        found: list[int] = (
            Simulation(
                sequence(
                    Rename("input", "records"),
                    Columnsort(("word",)),
                    TellBoundaries(),
                    copy,
                    ConvergeCast(Maximum(), ("word",), channel="found", everywhere=True),
                    Broadcast(("word",)),
                    FillBlocks(),
                ),
                cluster,
                values + 50,
            )
            .run()
            .tolist()
        )
        return found

    assert output(CopyBlocks(150, True)) == [1] * 4
    assert output(LosesALine(150, True)) == [0] * 4


def test_canary_bounds() -> None:
    sim = run(THREE_SUM.instance(64, 0))
    bounds = {bound.quantity: bound for bound in THREE_SUM.bounds_of(sim.cluster)}
    assert bounds["rounds"].check(sim.ledger.n_rounds + 1).status == "FAIL"
    for name in ("local_memory", "sent_words", "received_words", "machines"):
        assert bounds[name].check(bounds[name].value + 1).status == "FAIL"
