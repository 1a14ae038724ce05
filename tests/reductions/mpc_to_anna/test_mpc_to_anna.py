"""Theorem 4.1 on objects: the transformer is the protocol, and as small as the theory says.

The bounds are those of Theorem 4.1: R + 1 layers, k + 1 heads, width b (w + 1) + 2 for a head
of messages with b = min(k, P), and a self head of s words and a count per channel.
"""

from __future__ import annotations

import copy
import inspect
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

import oracles
from cases.compiled_protocols import (
    CLUSTERS,
    ROUNDS,
    a_gossip,
    compiled,
    input_rows,
)
from cases.per_machine import PerMachine, first_words, gossips
from mpc_sim import Channel, Cluster, MPCError, Protocol, Simulation, fit_cluster
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.errors import ChannelExceeded, MemoryExceeded, ShapeError, WordOverflow
from mpc_sim.stages.columnsort import columnsort
from reductions.mpc_to_anna.codes import CODE_NAMES, CodeDomainError, CodeOverload
from reductions.mpc_to_anna.compile import CompiledProtocol, compile_protocol
from reductions.mpc_to_anna.route_layer import RouteLayer
from repository import ROOT

EPSILONS = ("0.45", "1/2", "2/3", "0.8")


# --- the same output ---


@given(
    words=st.lists(st.integers(0, 3), min_size=1, max_size=30),
    k=st.integers(0, 9),
    epsilon=st.sampled_from(["1/3", *EPSILONS, "1"]),
    gamma=st.sampled_from(["0", "1/4"]),
)
def test_transformer_protocol_and_oracle_agree(
    words: list[int], k: int, epsilon: str, gamma: str
) -> None:
    transformer = compiled(k, len(words), epsilon, gamma)
    output = transformer.run(words).tolist()
    assert output == Simulation(k_hop(k), transformer.cluster, words).run().tolist()
    assert output == oracles.k_hop(words, k)


@pytest.mark.parametrize("epsilon", EPSILONS)
@pytest.mark.parametrize(("n", "k"), [(1, 0), (1, 1), (2, 3), (7, 2000), (64, 5), (1000, 64)])
def test_named_sizes(n: int, k: int, epsilon: str) -> None:
    transformer = compiled(k, n, epsilon)
    alternating, random = np.arange(n) % 2, np.random.default_rng(n).integers(0, 4, n)
    for words in (np.zeros(n, int), alternating, random):
        assert transformer.run(words).tolist() == oracles.k_hop(words.tolist(), k)


PERMUTED = [7 * i % 32 for i in range(32)]


def letters(n: int, seed: int) -> list[int]:
    return [int(letter) for letter in np.random.default_rng(seed).integers(0, 3, n)]


@pytest.mark.parametrize("code", CODE_NAMES)
@pytest.mark.parametrize("seed", [0, 1])
def test_every_code_carries_the_messages(code: str, seed: int) -> None:
    """The same output by every code, in heads of the width that the code declares."""
    for protocol, words in [(k_hop(2), letters(14, seed)), (columnsort(), PERMUTED)]:
        cluster = fit_cluster(protocol, len(words), "2/3", largest_word=max(words))
        transformer = compile_protocol(protocol, cluster, code=code, seed=seed)
        expected = Simulation(protocol, cluster, words).run()
        assert transformer.run(words).tolist() == expected.tolist()
        for layer in transformer.layers[1:]:
            assert isinstance(layer, RouteLayer)
            if layer.code is not None:
                assert layer.code.name == code
                front = layer.self_width if layer.in_one_head else 0
                assert layer.heads[-1].value_width == front + layer.code.width


def test_a_code_that_is_unknown_is_refused() -> None:
    with pytest.raises(CodeDomainError, match="'hamming' is unknown; use one of syndrome"):
        compile_protocol(k_hop(1), fit_cluster(k_hop(1), 8, "2/3"), code="hamming")


@pytest.mark.parametrize("block", [3, 49, 98, 103])
def test_the_init_layer_reads_every_word_of_a_block(block: int) -> None:
    """A mean is a rounded fraction: 1/49 times 49 is less than 1."""
    cluster = Cluster(2 * block + 1, block, 3, block, word_bits=31)
    words = [2**31 - 1 - i if i % 3 else i for i in range(2 * block + 1)]
    assert compile_protocol(PerMachine((), lambda *_: []), cluster).run(words).tolist() == words


@pytest.mark.slow
def test_a_scarce_memory() -> None:
    transformer = compiled(64, 16384, "1/2")
    assert transformer.cluster.memory_words * 8 == 16384
    words = np.random.default_rng(1).integers(0, 4, 16384)
    assert transformer.run(words).tolist() == oracles.k_hop(words.tolist(), 64)


@given(gossips())
def test_any_protocol_compiles_to_what_it_does(
    case: tuple[PerMachine, oracles.Gossip, Cluster, list[int]],
) -> None:
    """Several channels, idle machines, messages to oneself, overfull machines: all of it."""
    protocol, _, cluster, words = case
    transformer = compile_protocol(protocol, cluster)
    assert len(transformer.layers) == len(protocol.rounds) + 1
    assert transformer.n_tokens == max(cluster.n_words, cluster.n_machines)
    try:
        expected = Simulation(protocol, cluster, words).run().tolist()
    except MPCError:
        with pytest.raises((MPCError, CodeOverload)):
            transformer.run(words)
    else:
        assert transformer.run(words).tolist() == expected


@pytest.mark.parametrize("cluster", CLUSTERS, ids=["more machines", "more words", "one word"])
@pytest.mark.parametrize("name", ROUNDS)
def test_protocols_of_every_shape(name: str, cluster: Cluster) -> None:
    for seed in range(5):
        protocol = a_gossip(name, cluster, seed)
        words = [(seed + i) % 7 for i in range(cluster.n_words)]
        expected = Simulation(protocol, cluster, words).run().tolist()
        assert compile_protocol(protocol, cluster).run(words).tolist() == expected


@pytest.mark.parametrize("code", ["syndrome", "disjunct"])
def test_more_channels_than_a_word_can_number(code: str) -> None:
    """Two machines, words of 2 bits, five channels: the tag of a message has to travel too."""
    rounds = (tuple(Channel(name, ("word",), 1) for name in "abcde"),)
    act: oracles.Act = lambda r, i, m: [(name, 1 - i, (i,)) for name in "abcde"]  # noqa: E731
    answer = lambda i, m: [sum(len(rows) for rows in m.values()) % 4]  # noqa: E731
    protocol, cluster = PerMachine(rounds, act, answer), Cluster(2, 10, 2, 1)
    assert Simulation(protocol, cluster, [0, 1]).run().tolist() == [1, 1]
    assert compile_protocol(protocol, cluster, code=code).run([0, 1]).tolist() == [1, 1]


@pytest.mark.parametrize("budget_bytes", [1, 500, 2500])
def test_a_small_budget_only_splits_the_heads(budget_bytes: int) -> None:
    transformer = compiled(3, 20, "1/2", tokens=1)
    words = [i * i % 4 for i in range(20)]
    trace: list[object] = []
    rows = input_rows(transformer, words)
    rows = transformer.forward(rows, budget_bytes=budget_bytes, trace=trace)  # type: ignore[arg-type]
    assert rows.values[:, 0].tolist() == oracles.k_hop(words, 3)
    assert len(trace) > 1 + 2 * (len(transformer.layers) - 1)


# --- what it costs ---


def bounds(channels: tuple[Channel, ...], cluster: Cluster, g: int) -> tuple[int, int, int]:
    """Heads, width of a head of messages, width of the self head; from what a round declares.

    One head if g > k, which is then as wide as both.
    """
    s = cluster.memory_words
    own = s + len(channels)
    sending = [(max(1, len(c.fields)), c) for c in channels if not c.local]
    if not sending or cluster.n_machines == 1:
        return 1, 0, own
    sent = sum(c.per_machine for _, c in sending)
    received = sum(s // w if c.per_receiver is None else c.per_receiver for w, c in sending)
    k = min(max(sent, received), s // min(w for w, _ in sending))
    w = max(w for w, _ in sending) + (len(sending) > 1)
    if k * (w + 1) > 2 * s:  # word by word, where the words that are declared are so many
        k, w = s, 1
    b = min(k, (cluster.n_machines - 1) * g)
    if g > k:
        width = own + (b + 1) * (w + 1) + 2
        assert width <= 3 * s + len(channels) + w + 3
        return 1, 0, width
    return 1 + -(-k // g), b * (w + 1) + 2, own


def check_resources(protocol: Protocol, cluster: Cluster) -> CompiledProtocol:
    """Compare every layer with the bounds; the sizes of a run are those that are declared."""
    transformer = compile_protocol(protocol, cluster)
    n_rounds = protocol.n_rounds(cluster)
    resources, layers = transformer.resources(), transformer.layers
    assert resources.layers == len(layers) == n_rounds + 1
    g = transformer.layers[0].tokens  # type: ignore[attr-defined]
    assert resources.context_length == max(cluster.n_words, g * cluster.n_machines)
    assert resources.query_width == 1
    assert (layers[0].n_heads, layers[0].value_width) == (1, cluster.block_words)
    for round, layer in enumerate(layers[1:]):
        n_heads, coded, own = bounds(protocol.channels(round, cluster), cluster, g)
        assert layer.n_heads <= n_heads
        assert layer.heads[0].value_width <= own
        assert all(shape.value_width <= coded for shape in layer.heads[1:])
    assert resources.heads == max(layer.n_heads for layer in layers)
    assert resources.head_width == max(layer.value_width for layer in layers)
    widths = [sum(h.count * h.value_width for h in layer.heads) for layer in layers]
    assert resources.token_width == max(widths)
    assert resources.precision_bits <= 53
    return transformer


@pytest.mark.parametrize("gamma", ["0", "1/4"])
@pytest.mark.parametrize("epsilon", EPSILONS)
@pytest.mark.parametrize("n", [1, 2, 7, 64, 1000, 4096])
def test_k_hop_stays_within_the_bounds(n: int, epsilon: str, gamma: str) -> None:
    for k in (0, 1, 6, 64):
        cluster = fit_cluster(k_hop(k), n, epsilon, gamma)
        resources = check_resources(k_hop(k), cluster).resources()
        s = cluster.memory_words
        assert resources.head_width <= 3 * s + 10
        assert resources.heads <= s + 1
        check_resources(columnsort(), fit_cluster(columnsort(), n, epsilon, gamma))


@pytest.mark.parametrize("name", ROUNDS)
def test_protocols_of_every_shape_stay_within_the_bounds(name: str) -> None:
    for cluster in CLUSTERS:
        check_resources(a_gossip(name, cluster, 0), cluster)


def test_one_layer_more_when_k_doubles() -> None:
    for epsilon in EPSILONS:
        cluster = fit_cluster(k_hop(1), 256, epsilon)
        layers = [len(compile_protocol(k_hop(2**j), cluster).layers) for j in range(11)]
        assert [count - layers[0] for count in layers] == list(range(11))


# --- it is honest ---

IN_ANOTHER_PROCESS = """
import pickle, sys
sys.modules["mpc_sim.simulation"] = None
for statement in ("import mpc_sim.simulation", "from mpc_sim import Simulation"):
    try:
        exec(statement)
    except ImportError:
        continue
    raise SystemExit("the simulation can be imported")
with open(sys.argv[1], "rb") as file:
    transformer, inputs = pickle.load(file)
for words in inputs:
    print(*transformer.run(words))
"""


def test_one_pickled_transformer_runs_without_the_simulation(tmp_path: Path) -> None:
    n, k = 24, 5
    inputs = np.random.default_rng(0).integers(0, 4, (100, n)).tolist()
    file = tmp_path / "transformer.pickle"
    file.write_bytes(pickle.dumps((compiled(k, n), inputs)))
    command = [sys.executable, "-c", IN_ANOTHER_PROCESS, str(file)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    outputs = [[int(word) for word in line.split()] for line in ran.stdout.splitlines()]
    assert outputs == [oracles.k_hop(words, k) for words in inputs]


def test_compile_takes_no_input_and_runs_no_step() -> None:
    assert list(inspect.signature(compile_protocol).parameters) == [
        "protocol", "cluster", "code", "tokens_per_machine", "head_order", "failure", "attention",
        "family", "hashes", "seed", "fan_out",
    ]  # fmt: skip

    def act(round: int, machine: int, memory: oracles.Memory) -> list[oracles.Emission]:
        raise AssertionError("compile ran a step")

    rounds = ((Channel("x", ("word",), 1),),)
    transformer = compile_protocol(PerMachine(rounds, act), Cluster(2, 2, 2, 1))
    with pytest.raises(AssertionError, match="ran a step"):  # canary: to run it does
        transformer.run([0, 1])


def test_a_run_leaves_nothing_behind() -> None:
    transformer = compiled(3, 12)
    before = pickle.dumps(transformer)
    for words in ([0, 1] * 6, [2, 2, 1] * 4, [0, 1] * 6):
        assert transformer.run(np.array(words, np.int32)).tolist() == oracles.k_hop(words, 3)
    assert pickle.dumps(transformer) == before


@pytest.mark.parametrize("bad", [-1, 16, 2**40])
def test_words_out_of_range_are_refused(bad: int) -> None:
    transformer = compile_protocol(k_hop(1), Cluster(8, 40, 8, 1))
    assert transformer.run([14] * 8).tolist() == [0, *[15] * 7]
    with pytest.raises(WordOverflow):
        transformer.run([bad, *[14] * 7])


@pytest.mark.parametrize("bad", [[], [0] * 7, [0] * 9, [[0] * 8], [0.0] * 8], ids=str)
def test_inputs_of_another_shape_or_type_are_refused(bad: object) -> None:
    transformer = compile_protocol(k_hop(1), Cluster(8, 40, 8, 1))
    with pytest.raises((ValueError, MPCError), match="this cluster takes 8 integer words"):
        transformer.run(bad)  # type: ignore[arg-type]


# --- how wide a word may be ---


def reverse(n: int, word_bits: int) -> tuple[PerMachine, Cluster]:
    """Every machine sends its word to the opposite one."""
    act: oracles.Act = lambda r, i, m: [("w", n - 1 - i, m["input"][0])]  # noqa: E731
    protocol = PerMachine(((Channel("w", ("word",), 1, 1),),), act)
    return protocol, Cluster(n, 2, n, 1, word_bits=word_bits)


@pytest.mark.parametrize("word_bits", [4, 20, 31])
def test_the_ends_of_the_range_arrive(word_bits: int) -> None:
    protocol, cluster = reverse(8, word_bits)
    words = [0, 2**word_bits - 1, 1, 2**word_bits - 2] * 2
    assert compile_protocol(protocol, cluster).run(words).tolist() == words[::-1]
    with pytest.raises(CodeDomainError, match="word_bits is 32"):
        compile_protocol(*reverse(8, 32))


@pytest.mark.parametrize("rounds", [0, 1])
@pytest.mark.parametrize("word_bits", [40, 53, 54, 62])
def test_words_that_stay_are_exact_or_refused(word_bits: int, rounds: int) -> None:
    """Embeddings are float64: what exceeds 53 bits must be refused at construction."""
    act: oracles.Act = lambda r, i, m: [("w", i, row) for row in m["input"]]  # noqa: E731
    protocol = PerMachine(((Channel("w", ("word",), 3, local=True),),) * rounds, act)
    cluster = Cluster(7, 3, 3, 3, word_bits=word_bits)
    try:
        transformer = compile_protocol(protocol, cluster)
    except (CodeDomainError, MPCError):
        return
    for odd in (2 ** (word_bits - 1) + 1, 2**word_bits - 1):
        words = [odd, odd - 2, 1, odd, 0, odd // 3 | 1, odd]
        assert transformer.run(words).tolist() == words


def test_words_of_51_bits_are_taken_and_of_52_refused() -> None:
    act: oracles.Act = lambda r, i, m: [("w", i, row) for row in m["input"]]  # noqa: E731
    protocol = PerMachine(((Channel("w", ("word",), 7, local=True),),), act)
    words = [2**51 - 1 - 2 * i for i in range(7)]
    cluster = Cluster(7, 7, 1, 7, word_bits=51)
    assert compile_protocol(protocol, cluster).run(words).tolist() == words
    with pytest.raises(ShapeError, match="carries words of at most 51 bits exactly"):
        compile_protocol(protocol, replace(cluster, word_bits=52))


# --- overload ---


def with_capacity(transformer: CompiledProtocol, change: int) -> CompiledProtocol:
    """The same transformer, the code of every layer built for that many messages more."""
    layers = []
    for layer in transformer.layers:
        changed = copy.copy(layer)
        code = getattr(layer, "code", None)
        if code is not None:
            least = replace(code, capacity=max(1, code.capacity + change))
            object.__setattr__(changed, "code", least)
        layers.append(changed)
    return replace(transformer, layers=tuple(layers))


def to_machine_0(per_machine: int, s: int, n: int = 8) -> tuple[PerMachine, Cluster]:
    """Every machine but 0 sends machine 0 as many copies of its word as the word says."""
    act: oracles.Act = lambda r, i, m: [("x", 0, w) for w in m["input"] * m["input"][0][0] if i]  # noqa: E731
    answer = lambda i, m: [sum(first_words(i, m)) % 16]  # noqa: E731
    protocol = PerMachine(((Channel("x", ("word",), per_machine),),), act, answer)
    return protocol, Cluster(n, s, n, 1, word_bits=4)


@pytest.mark.parametrize("capacity", range(1, 8))
def test_a_capacity_too_small_raises(capacity: int) -> None:
    protocol, cluster = to_machine_0(1, s=7)  # seven messages meet in one head
    transformer = compile_protocol(protocol, cluster)
    changed = with_capacity(transformer, capacity - 7)
    assert changed.layers[1].code.capacity == capacity  # type: ignore[attr-defined]
    if capacity == 7:
        assert changed.run([1] * 8).tolist() == [7, *[0] * 7]
    else:
        with pytest.raises(CodeOverload):
            changed.run([1] * 8)


@given(words=st.lists(st.integers(0, 3), min_size=1, max_size=25), change=st.integers(-3, -1))
def test_a_capacity_too_small_never_answers_wrongly(words: list[int], change: int) -> None:
    transformer = with_capacity(compiled(2, len(words), "1/2"), change)
    try:
        output = transformer.run(words).tolist()
    except CodeOverload:
        return
    assert output == oracles.k_hop(words, 2)


@pytest.mark.parametrize("more", [0, 1])
def test_one_record_more_than_a_machine_may_receive_raises(more: int) -> None:
    """Each head has room for what meets in it; all heads together bring one record too many."""
    act: oracles.Act = lambda r, i, m: [("x", 0, (i,))] * (i if i < 2 else i - 1 + more)  # noqa: E731
    protocol = PerMachine(
        ((Channel("x", ("word",), 2, 2),),), act, lambda i, m: [sum(first_words(i, m)) % 4]
    )
    cluster = Cluster(3, 9, 3, 1, word_bits=4)
    transformer = compile_protocol(protocol, cluster)
    if not more:
        assert transformer.run([0] * 3).tolist() == [3, 0, 0]
        return
    with pytest.raises(ChannelExceeded, match="machine 0 receives 3 records on channel 'x'"):
        transformer.run([0] * 3)


@pytest.mark.parametrize("kept", [1, 2])
def test_a_memory_of_one_word_too_many_raises(kept: int) -> None:
    """Three words arrive, in a head each; with two that were kept they are s + 1."""

    def act(round: int, machine: int, memory: oracles.Memory) -> list[oracles.Emission]:
        return [("x", 0, (2,))] * 3 if machine else [("own", 0, (1,))] * kept

    channels = Channel("own", ("word",), 2, local=True), Channel("x", ("word",), 3)
    protocol = PerMachine((channels,), act, lambda i, m: [sum(first_words(i, m)) % 4])
    transformer = compile_protocol(protocol, Cluster(2, 4, 2, 1, word_bits=4))
    if kept == 1:
        assert len(transformer.run([0, 0])) == 2
        return
    with pytest.raises(MemoryExceeded, match="machine 0 would hold 5 words; local memory is 4"):
        transformer.run([0, 0])


@pytest.mark.parametrize("copies", [(4, 0, 0), (3, 1, 0), (2, 1, 1), (0, 0, 4)], ids=str)
def test_exactly_s_words_arrive_and_one_more_raises(copies: tuple[int, int, int]) -> None:
    protocol, cluster = to_machine_0(4, s=4, n=4)
    transformer = compile_protocol(protocol, cluster)
    words, total = [0, *copies], sum(word * word for word in copies) % 16
    assert Simulation(protocol, cluster, words).run().tolist() == [total, 0, 0, 0]
    assert transformer.run(words).tolist() == [total, 0, 0, 0]
    for at in (1, 2, 3):  # now s + 1 words are sent by one machine, or received by machine 0
        more = words.copy()
        more[at] += 1
        with pytest.raises(MPCError):
            Simulation(protocol, cluster, more).run()
        with pytest.raises((MPCError, CodeOverload)):
            transformer.run(more)
