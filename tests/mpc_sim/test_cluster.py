"""The machines of the model: exact sizes, refusals, constants that are searched, blocks."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, dataclass
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, strategies as st

import oracles
from cases.per_machine import Answer, PerMachine
from mpc_sim import (
    Channel,
    Cluster,
    Inbox,
    Outbox,
    Protocol,
    Records,
    Simulation,
    fit_cluster,
)
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.errors import OutputError, ShapeError, WordOverflow
from mpc_sim.protocol import check_shape
from mpc_sim.stages.columnsort import columnsort

FACTORS = (1, 2, 4, 8, 16)


# --- sizes ---


@pytest.mark.parametrize(
    ("n", "epsilon", "block", "n_machines"),
    [
        (124, "1/3", 5, 25),
        (125, "1/3", 5, 25),
        (126, "1/3", 6, 26),
        (243, "1/5", 3, 81),
        (244, "1/5", 4, 82),
        (1024, "1/2", 32, 32),
        (1025, "1/2", 33, 33),
        (1000, "2/3", 100, 10),
        (1001, "2/3", 101, 11),
        (10**6, "2/3", 10**4, 100),
        (10**15, "1/3", 10**5, 10**10),
        (10**18, "1/2", 10**9, 10**9),
        (7, "1", 7, 1),
        (1, "1/2", 1, 1),
    ],
)
def test_named_sizes_are_exact(n: int, epsilon: str, block: int, n_machines: int) -> None:
    cluster = Cluster.from_exponents(n, epsilon, memory_factor=2)
    assert (cluster.block_words, cluster.memory_words) == (block, 2 * block)
    assert cluster.n_machines == n_machines
    assert cluster.n_input_machines == -(-n // block)


@given(
    n=st.integers(1, 3000),
    epsilon=st.fractions(Fraction(1, 10), 1, max_denominator=12),
    gamma=st.fractions(0, Fraction(1, 2), max_denominator=6),
    c_s=st.integers(2, 16),
    c_p=st.integers(1, 16),
)
def test_sizes_are_the_ceilings_of_their_powers(
    n: int, epsilon: Fraction, gamma: Fraction, c_s: int, c_p: int
) -> None:
    cluster = Cluster.from_exponents(n, epsilon, gamma, memory_factor=c_s, machine_factor=c_p)
    block = oracles.ceil_power(n, epsilon.numerator, epsilon.denominator)
    power = 1 + gamma - epsilon
    # P is a power of up to 10^5: its defining inequalities instead of a loop
    p, q = power.numerator, power.denominator
    wanted = c_p**q * n**p
    assert cluster.n_machines**q >= wanted > (cluster.n_machines - 1) ** q
    assert (cluster.block_words, cluster.memory_words) == (block, c_s * block)
    assert cluster.n_machines * block >= n
    assert (cluster.epsilon, cluster.gamma) == (epsilon, gamma)
    assert (cluster.memory_factor, cluster.machine_factor) == (c_s, c_p)
    assert cluster.is_scarce == (c_s * block < n)


@pytest.mark.parametrize("epsilon", [0.45, "0.45", "9/20", Fraction(9, 20)], ids=repr)
def test_exponents_are_read_as_written(epsilon: object) -> None:
    assert Cluster.from_exponents(2**20, epsilon, memory_factor=2).block_words == 2**9  # type: ignore[arg-type]


@given(
    n=st.integers(1, 40),
    extra=st.integers(0, 100),
    largest=st.integers(0, 300),
)
def test_word_bits_are_the_least_above_n_p_and_the_largest_word(
    n: int, extra: int, largest: int
) -> None:
    sizes = {"n_words": n, "memory_words": 2, "n_machines": n + extra, "block_words": 1}
    least = oracles.bits_beyond(n, n + extra, largest)
    cluster = Cluster(**sizes, largest_word=largest)
    assert cluster.word_bits == least
    assert cluster.word_limit == 2**least
    assert Cluster(**sizes, largest_word=largest, word_bits=least + 3).word_bits == least + 3
    if least > 1:
        with pytest.raises(ShapeError, match="word_bits"):
            Cluster(**sizes, largest_word=largest, word_bits=least - 1)


# --- refusals ---

GIVEN = {"n_words": 8, "memory_words": 4, "n_machines": 4, "block_words": 2}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"n_words": 0}, r"N = 0"),
        ({"n_words": -1}, r"N = -1"),
        ({"memory_words": 1, "block_words": 1, "n_machines": 8}, r"s = 1\b"),
        ({"memory_words": 0}, r"s = 0\b"),
        ({"block_words": 0}, r"block = 0\b"),
        ({"block_words": 5}, r"block = 5\b"),
        ({"n_machines": 3}, r"P = 3\b"),
        ({"n_machines": 0}, r"P = 0\b"),
        ({"word_bits": 3}, r"word_bits = 3\b"),
        ({"word_bits": -4}, r"word_bits = -4\b"),
        ({"word_bits": 63}, r"word_bits = 63\b"),
        ({"word_bits": 4, "largest_word": 16}, r"word_bits = 4\b"),
    ],
)
def test_an_impossible_size_is_refused_by_name(change: dict[str, int], named: str) -> None:
    Cluster(**GIVEN)
    with pytest.raises(ShapeError, match=named):
        Cluster(**GIVEN | change)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"n_words": 0}, "N = 0"),
        ({"epsilon": 0}, "epsilon = 0"),
        ({"epsilon": "-1/2"}, "epsilon = -1/2"),
        ({"epsilon": "3/2"}, "epsilon = 3/2"),
        ({"gamma": "-1/4"}, "gamma = -1/4"),
        ({"memory_factor": 0}, "memory_factor"),
        ({"machine_factor": 0}, "machine_factor"),
        ({"n_words": 1, "memory_factor": 1}, "s = 1"),
    ],
)
def test_impossible_exponents_are_refused_by_name(arguments: dict[str, object], named: str) -> None:
    good = {"n_words": 64, "epsilon": "1/2", "memory_factor": 2}
    Cluster.from_exponents(**good)  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match=named):
        Cluster.from_exponents(**good | arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["two thirds", "1/0", "nan", ""])
def test_what_is_no_number_is_refused_by_name(text: str) -> None:
    with pytest.raises(ShapeError, match="epsilon"):
        Cluster.from_exponents(64, text)
    with pytest.raises(ShapeError, match="gamma"):
        Cluster.from_exponents(64, "1/2", text)


def test_one_word_is_legal() -> None:
    cluster = Cluster(n_words=1, memory_words=2, n_machines=1, block_words=1)
    assert (cluster.word_bits, cluster.n_input_machines, cluster.is_scarce) == (1, 1, False)
    assert Cluster.from_exponents(1, "2/3", memory_factor=2) != cluster  # it knows its constants


def test_a_cluster_is_a_value() -> None:
    cluster = Cluster(**GIVEN)
    assert cluster == Cluster(**GIVEN)
    assert hash(cluster) == hash(Cluster(**GIVEN))
    with pytest.raises(FrozenInstanceError):
        cluster.memory_words = 5  # type: ignore[misc]


# --- the constants that a protocol needs ---


@dataclass(frozen=True)
class Declares(Protocol):
    """Declares records of one word, ``blocks`` blocks a machine, if it has so many machines."""

    blocks: int
    machines: int = 1

    def n_rounds(self, cluster: Cluster) -> int:
        return 1

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel("x", ("word",), self.blocks * cluster.block_words),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        return Outbox()

    def check(self, cluster: Cluster) -> None:
        super().check(cluster)
        if cluster.n_machines < self.machines:
            raise ShapeError(f"P = {cluster.n_machines} is too small")


@pytest.mark.parametrize("blocks", range(1, 17))
def test_memory_is_the_least_that_the_declared_records_need(blocks: int) -> None:
    cluster = fit_cluster(Declares(blocks), 64, "1/2")
    assert cluster.memory_factor == min(c for c in FACTORS if c >= blocks)
    assert cluster.machine_factor == 1


def test_machines_are_the_least_that_are_needed() -> None:
    for machines, factor in [(8, 1), (9, 2), (33, 8), (128, 16)]:
        assert fit_cluster(Declares(1, machines), 64, "1/2").machine_factor == factor


def test_no_constants_are_refused_with_the_reason() -> None:
    with pytest.raises(ShapeError, match=r"declares 136 words per machine; local memory is 128"):
        fit_cluster(Declares(17), 64, "1/2")
    with pytest.raises(ShapeError, match="P = 128"):
        fit_cluster(Declares(1, 129), 64, "1/2")


def test_a_given_constant_is_not_searched() -> None:
    assert fit_cluster(Declares(3), 64, "1/2", memory_factor=9).memory_factor == 9
    assert fit_cluster(Declares(3), 64, "1/2", machine_factor=5).machine_factor == 5
    with pytest.raises(ShapeError, match="local memory is 16"):
        fit_cluster(Declares(3), 64, "1/2", memory_factor=2)


@pytest.mark.parametrize("protocol", [columnsort(), k_hop(2)], ids=["columnsort", "k-hop"])
@pytest.mark.parametrize("epsilon", ["0.3", "0.45", "1/2", "2/3", "0.8", "1"])
@pytest.mark.parametrize("n", [1, 2, 3, 7, 64, 1000, 16384])
def test_smaller_constants_are_refused_or_need_more_rounds(
    protocol: Protocol, epsilon: str, n: int
) -> None:
    cluster = fit_cluster(protocol, n, epsilon)
    chosen = cluster.memory_factor, cluster.machine_factor
    assert chosen[0] in FACTORS
    assert chosen[1] in FACTORS
    rounds = protocol.n_rounds(cluster)
    for c_s, c_p in product(FACTORS, FACTORS):
        if (c_s, c_p) >= chosen:
            continue
        try:
            smaller = Cluster.from_exponents(n, epsilon, memory_factor=c_s, machine_factor=c_p)
            check_shape(protocol, smaller)
        except ShapeError:
            continue
        assert protocol.n_rounds(smaller) > rounds, (c_s, c_p)


# --- the input and the output ---


def test_the_input_lies_in_blocks_and_counts_as_memory() -> None:
    cluster = Cluster(n_words=7, memory_words=5, n_machines=4, block_words=3)
    sim = Simulation(PerMachine((), lambda *_: []), cluster, [6, 5, 4, 3, 2, 1, 0])
    assert [sim.machine(i)["input"] for i in range(4)] == [
        ((6,), (5,), (4,)),
        ((3,), (2,), (1,)),
        ((0,),),
        (),
    ]
    assert sim.ledger.input_held.tolist() == [3, 3, 1, 0]
    assert sim.ledger.max_held_words == 3
    assert sim.run().tolist() == [6, 5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize("words", [[1], [1, 1, 1], [[1, 1]], [0.0, 1.0], [True, False]], ids=str)
def test_an_input_of_another_shape_or_type_is_refused(words: object) -> None:
    with pytest.raises(ValueError, match="this cluster takes 2 integer words"):
        Simulation(PerMachine((), lambda *_: []), Cluster(2, 2, 2, 1), words)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [-1, 4, 2**62])
def test_an_input_word_out_of_range_is_refused(bad: int) -> None:
    cluster = Cluster(3, 2, 3, 1)
    assert Simulation(PerMachine((), lambda *_: []), cluster, [0, 3, 0]).run().tolist() == [0, 3, 0]
    with pytest.raises(WordOverflow, match="input") as caught:
        Simulation(PerMachine((), lambda *_: []), cluster, [1, bad, 0])
    assert caught.value.word == bad


@pytest.mark.parametrize(
    "answer",
    [
        lambda i, m: [],
        lambda i, m: [0] if i == 0 else [],
        lambda i, m: [0, 0, 0],
        lambda i, m: [0] * (3 - i),
        lambda i, m: [0] * (2, 1, 1)[i],
        lambda i, m: [0] * (1, 2, 0)[i],
    ],
    ids=[
        "no word",
        "one block only",
        "three each",
        "wrong blocks",
        "a machine without a block",
        "as many words elsewhere",
    ],
)
def test_an_output_in_other_blocks_is_refused(answer: Answer) -> None:
    cluster = Cluster(n_words=3, memory_words=2, n_machines=3, block_words=2)
    good = PerMachine((), lambda *_: [], lambda i, m: [0] * (2, 1, 0)[i])
    assert Simulation(good, cluster, [1, 1, 1]).run().tolist() == [0, 0, 0]
    with pytest.raises(OutputError, match="output words"):
        Simulation(PerMachine((), lambda *_: [], answer), cluster, [1, 1, 1]).run()


@pytest.mark.parametrize("machine", [-1, 3])
def test_an_output_on_an_unknown_machine_is_refused(machine: int) -> None:
    class Elsewhere(PerMachine):
        def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
            return Inbox(inbox.machines, {"output": Records.of([0, 0, machine], word=[1, 1, 1])})

    cluster = Cluster(n_words=3, memory_words=2, n_machines=3, block_words=2)
    with pytest.raises(OutputError):
        Simulation(Elsewhere((), lambda *_: []), cluster, [1, 1, 1]).run()


def test_an_output_without_its_channel_or_out_of_range_is_refused() -> None:
    class Nothing(PerMachine):
        def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
            return inbox

    cluster = Cluster(2, 2, 2, 1)
    with pytest.raises(OutputError, match="'output'"):
        Simulation(Nothing((), lambda *_: []), cluster, [1, 1]).run()
    for bad in (-1, 4):
        answer: Answer = lambda i, m, bad=bad: [bad if i else 0]  # type: ignore[misc] # noqa: E731
        with pytest.raises(WordOverflow, match="output") as caught:
            Simulation(PerMachine((), lambda *_: [], answer), cluster, [1, 1]).run()
        assert caught.value.word == bad
