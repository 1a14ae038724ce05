"""Scans and the algorithms built on them, and what the primitives refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from cases.operations import AffineMaps
from cases.primitives_trees import combined, rows_of_ledger
from mpc_sim import (
    Channel,
    Cluster,
    Inbox,
    InputError,
    Outbox,
    Protocol,
    Records,
    ShapeError,
    Simulation,
    assert_local,
    fit_cluster,
    parallel,
    sequence,
)
from mpc_sim.algorithms.aggregate import aggregate
from mpc_sim.algorithms.boolean_circuit import Kind, boolean_circuit, largest_tag
from mpc_sim.algorithms.list_ranking import list_ranking
from mpc_sim.algorithms.prefix_sum import PrefixOut, prefix_sum
from mpc_sim.compose import Carry, LocalStage
from mpc_sim.errors import ChannelExceeded, MemoryExceeded
from mpc_sim.stages.broadcast import Broadcast, broadcast
from mpc_sim.stages.columnsort import Rename
from mpc_sim.stages.converge_cast import ConvergeCast, converge_cast
from mpc_sim.stages.operations import Addition, Keyed, Last, Maximum, Operation, Packed
from mpc_sim.stages.scan import Scan
from mpc_sim.stages.tree import Tree, plan_tree
from reductions.problems.list_ranking import LIST_RANKING
from twins.scan import scan_twin

# --- scan ---


@dataclass(frozen=True)
class Scatter(LocalStage):
    """Turn word v into records: v % 3 of them for every word, with key 1 + v."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        words = inbox["input"]
        rows = np.repeat(np.arange(len(words)), words["word"] % 3)
        owner, word = words.machine[rows], words["word"][rows]
        records = Records.of(owner, key=1 + word // 4, word=word)
        return Inbox(inbox.machines, {"records": records, "kept": words})


@dataclass(frozen=True)
class Gather(LocalStage):
    """Put out, for every input word, a mix of what the scan left on its machine."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        records, before, kept = inbox["records"], inbox["before"], inbox["kept"]
        mixed = np.zeros(cluster.n_machines, np.int64)
        names = [name for name in records.fields if name.startswith("y")]
        for name in names:
            weight = 1 + records.rank
            np.add.at(mixed, records.machine, records[name] * weight)
            mixed[before.machine] += 5 * before[name]
        return Inbox(
            inbox.machines,
            {"output": Records.of(kept.machine, word=mixed[kept.machine] % cluster.word_limit)},
        )


@dataclass(frozen=True)
class Beside(Scan):
    """A scan that leaves room for what waits in another part."""

    beside: int = 0

    def beside_words(self, cluster: Cluster) -> int:
        return self.beside


SCANS: list[tuple[Operation, tuple[str, ...]]] = [
    (Addition(1 << 12), ("word",)),
    (Last(2), ("key", "word")),
    (Keyed(Addition(1 << 12)), ("key", "word")),
    (AffineMaps(11), ("key", "word")),
]


class Probe(LocalStage):
    """Keep hold of what a scan left."""

    def __init__(self) -> None:
        self.left: Inbox | None = None

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        self.left = inbox
        return Inbox(inbox.machines, {"output": inbox["kept"]})


@pytest.mark.parametrize(("operation", "operand"), SCANS, ids=lambda value: repr(value)[:30])
@pytest.mark.parametrize("inclusive", [True, False])
@settings(max_examples=25)
@given(data=st.data())
def test_scan(
    operation: Operation, operand: tuple[str, ...], inclusive: bool, data: st.DataObject
) -> None:
    """Records in uneven numbers, beside a channel that waits, against a plain loop."""
    n, block = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 6))
    block = min(n, block)
    words = data.draw(st.lists(st.integers(0, 10), min_size=n, max_size=n))
    if isinstance(operation, Keyed):
        words.sort()  # equal keys are neighbours
    machines = -(-n // block) + data.draw(st.integers(0, 3))
    prefix = tuple(f"y{word}" for word in range(operation.words))
    held = 2 * block
    scan = Beside(
        operation,
        ("key", "word"),
        operand,
        prefix,
        inclusive=inclusive,
        n_slots=held * (-(-n // block)),
        held=held,
        beside=block,
    )
    need = 2 * held + operation.words * data.draw(st.integers(7, 20))
    cluster = Cluster(
        n_words=n,
        memory_words=need + block,
        n_machines=machines,
        block_words=block,
        word_bits=12,
    )
    probe = Probe()
    stages = (Rename("input", "input"), Scatter())
    protocol = sequence(*stages, parallel(scan, Carry("kept", ("word",))), probe)
    sim = Simulation(protocol, cluster, words)
    sim.run()
    assert sim.ledger.n_rounds == 2 * scan.tree(cluster).levels
    left = probe.left
    assert left is not None
    total, expected, before = list(operation.identity), [], []
    for machine in range(-(-n // block)):
        before.append(tuple(total))
        for word in words[machine * block : (machine + 1) * block]:
            for _ in range(word % 3):
                row = {"key": 1 + word // 4, "word": word}
                passed = total
                total = combined(operation, tuple(total), tuple(row[name] for name in operand))
                expected.append(tuple(total if inclusive else passed))
    assert list(zip(*(left["records"][name].tolist() for name in prefix), strict=True)) == expected
    assert list(zip(*(left["before"][name].tolist() for name in prefix), strict=True)) == before


@pytest.mark.parametrize(("operation", "operand"), SCANS, ids=lambda value: repr(value)[:30])
@pytest.mark.parametrize("inclusive", [True, False])
def test_scan_twin_and_locality(
    operation: Operation, operand: tuple[str, ...], inclusive: bool
) -> None:
    prefix = tuple(f"y{word}" for word in range(operation.words))
    words = np.sort(np.random.default_rng(5).integers(0, 10, 60))
    memory = 2 * 6 + 3 + 7 * operation.words  # the records, what waits, a tree of arity 3
    cluster = Cluster(n_words=60, memory_words=memory, n_machines=22, block_words=3, word_bits=12)
    scan = Beside(
        operation,
        ("key", "word"),
        operand,
        prefix,
        inclusive=inclusive,
        n_slots=120,
        held=6,
        beside=3,
    )
    assert scan.tree(cluster) == Tree(20, 3)
    assert scan.cost(cluster).held == memory - 3

    def whole(stage: Protocol) -> Protocol:
        return sequence(Scatter(), parallel(stage, Carry("kept", ("word",))), Gather())

    columnar = Simulation(whole(scan), cluster, words)
    twin = Simulation(whole(scan_twin(scan)), cluster, words)
    assert columnar.run().tolist() == twin.run().tolist()
    assert rows_of_ledger(columnar.ledger) == rows_of_ledger(twin.ledger)
    assert_local(whole(scan), cluster, words)


@given(
    n=st.integers(1, 300),
    block=st.integers(1, 20),
    spare=st.integers(0, 40),
    extra=st.integers(0, 3),
)
def test_scan_words_are_exact(n: int, block: int, spare: int, extra: int) -> None:
    block = min(block, n)
    scan = Scan(Addition(1 << 10), ("word",), ("word",), ("prefix",))
    cluster = Cluster(
        n_words=n,
        memory_words=max(2, block + spare),
        n_machines=-(-n // block) + extra,
        block_words=block,
        word_bits=10,
    )
    protocol = sequence(Rename("input", "records"), scan, PrefixOut())
    if (binary := Tree(cluster.n_input_machines, 2)).levels and (
        plan_tree(binary.n_leaves, max_arity=n, max_others=cluster.memory_words - block - 1) is None
    ):
        with pytest.raises(ShapeError, match="raise epsilon, c_s or c_p"):
            protocol.check(cluster)
        assert binary.others + 1 + block > cluster.memory_words
        return
    sim = Simulation(protocol, cluster, np.arange(n))
    assert sim.run().tolist() == (np.cumsum(np.arange(n)) % 1024).tolist()
    assert sim.ledger.max_held_words == scan.cost(cluster).held
    assert sim.ledger.max_sent_words == scan.cost(cluster).sent


@given(n=st.integers(2, 300), block=st.integers(1, 20))
def test_a_scan_at_once_fits_exactly_where_it_says(n: int, block: int) -> None:
    """One round on h + w (M - 1) words, which machine 0 sends; on a word less, the tree."""
    block = min(block, n - 1)
    n_machines = -(-n // block)
    sizes = {"n_words": n, "n_machines": n_machines, "block_words": block, "word_bits": 10}
    protocol = prefix_sum(Addition(1 << 10))
    sim = Simulation(protocol, Cluster(memory_words=block + n_machines - 1, **sizes), np.arange(n))
    assert sim.run().tolist() == (np.cumsum(np.arange(n)) % 1024).tolist()
    assert sim.ledger.n_rounds == 1
    assert sim.ledger.max_sent_words == block + n_machines - 1 == protocol.cost(sim.cluster).sent
    least = block + 1 + Tree(n_machines, 2).others
    if least <= block + n_machines - 2:
        assert protocol.n_rounds(Cluster(memory_words=block + n_machines - 2, **sizes)) >= 2


def test_canary_scan_of_one_word_too_many() -> None:
    """A tree that is planned for one word more than there is breaks the limit by that word."""
    sizes = {"n_words": 64, "n_machines": 16, "block_words": 4, "word_bits": 11}
    fields = (("word",), ("word",), ("prefix",))
    stages = (Rename("input", "records"), Beside(Addition(), *fields, beside=-1), PrefixOut())
    words = np.arange(64)
    enough = Simulation(sequence(*stages), Cluster(memory_words=11, **sizes), words)
    assert enough.run().tolist() == np.cumsum(words).tolist()
    sim = Simulation(sequence(*stages), Cluster(memory_words=10, **sizes), words)
    with pytest.raises(MemoryExceeded, match="machine 0 would hold 11 words; local memory is 10"):
        sim.run()
    assert sim.round == 1


@dataclass(frozen=True)
class OneLess(Protocol):
    """A protocol whose declaration on one channel of one round is lowered by one."""

    inner: Protocol
    lowered: tuple[int, int, str]

    def n_rounds(self, cluster: Cluster) -> int:
        return self.inner.n_rounds(cluster)

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        channels = list(self.inner.channels(round, cluster))
        at, number, limit = self.lowered
        if at == round:
            declared = channels[number]
            channels[number] = replace(declared, **{limit: getattr(declared, limit) - 1})
        return tuple(channels)

    def joint_limit(self, round: int, cluster: Cluster) -> int | None:
        return self.inner.joint_limit(round, cluster)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        return self.inner.step(round, inbox, cluster)


@pytest.mark.parametrize(
    "protocol",
    [broadcast(), converge_cast(Maximum()), aggregate(Addition()), prefix_sum(Addition())],
    ids=["broadcast", "converge-cast", "aggregate", "prefix-sum"],
)
def test_declarations_are_tight(protocol: Protocol) -> None:
    """Every declared number of every channel in every round is reached."""
    cluster = Cluster(
        n_words=640, memory_words=16, n_machines=160, block_words=4, largest_word=640**2
    )
    assert protocol.n_rounds(cluster) >= 2
    for round in range(protocol.n_rounds(cluster)):
        for number, channel in enumerate(protocol.channels(round, cluster)):
            for limit in ("per_machine", "per_receiver"):
                if getattr(channel, limit) is None:
                    continue
                lowered = OneLess(protocol, (round, number, limit))
                sim = Simulation(lowered, cluster, np.arange(640))
                with pytest.raises(ChannelExceeded, match=f"on channel {channel.name!r}"):
                    sim.run()
                assert sim.round == round


def test_scan_of_spread_records() -> None:
    scan = Scan(Maximum(), ("word",), ("word",), ("prefix",), spread=True)
    cluster = Cluster(n_words=40, memory_words=20, n_machines=20, block_words=10)
    assert (scan.n_held(cluster), scan.tree(cluster).n_leaves) == (2, 20)


@pytest.mark.parametrize(
    ("scan", "message"),
    [
        (Scan(Maximum(), ("word",), ("word",), ("y",), n_slots=4), "machine 1 holds records"),
        (Scan(Maximum(), ("word",), ("word",), ("y",), n_slots=8, held=8), "machine 1 holds"),
    ],
)
def test_canary_scan_records_beyond_the_slots(scan: Scan, message: str) -> None:
    cluster = Cluster(n_words=8, memory_words=16, n_machines=2, block_words=4)
    protocol = sequence(Rename("input", "records"), scan)
    with pytest.raises(ShapeError, match=message):
        Simulation(protocol, cluster, np.arange(8)).run()


# --- refusals ---


def tight(protocol: Protocol, **sizes: int) -> None:
    protocol.check(Cluster(**{"n_words": 64, "n_machines": 16, "block_words": 4} | sizes))


ACCEPTED: list[Callable[[], object]] = [  # each the least that is not refused below
    lambda: tight(Broadcast(("x", "y", "z")), memory_words=6),
    lambda: tight(ConvergeCast(Last(3), ("x", "y", "z")), memory_words=6),
    lambda: tight(prefix_sum(Addition()), memory_words=9),
    lambda: tight(list_ranking(64), memory_words=36),
    lambda: boolean_circuit(0),
    lambda: list_ranking(1),
    lambda: Addition(2**62),
    lambda: AffineMaps(2**31 - 1),
    lambda: Packed(AffineMaps(7), 2**31),
]
REFUSED: list[tuple[Callable[[], object], str]] = [
    (
        lambda: tight(Broadcast(("x", "y", "z")), memory_words=5),
        "broadcast of 3 words needs 6 words of local memory; s = 5: raise epsilon or c_s",
    ),
    (
        lambda: tight(ConvergeCast(Last(3), ("x", "y", "z")), memory_words=5),
        "converge-cast of elements of 3 words needs 6 words .* raise epsilon or c_s",
    ),
    (
        lambda: tight(prefix_sum(Addition()), memory_words=8),
        "scan of elements of 1 words over 4 records .* raise epsilon, c_s or c_p",
    ),
    (
        lambda: tight(list_ranking(64), memory_words=35),
        "jump 1: a machine may need 36 words; local memory is 35: raise c_p, gamma, epsilon",
    ),
    (lambda: boolean_circuit(-1), "depth = -1: a circuit has at least 0 layers"),
    (lambda: list_ranking(0), "N = 0: a list has at least one node"),
    (lambda: aggregate(AffineMaps(7)), r"use Packed\(operation, base\)"),
    (lambda: converge_cast(Last(2)), r"use Packed\(operation, base\)"),
    (lambda: prefix_sum(Last(2)), r"use Packed\(operation, base\)"),
    (lambda: Scan(Last(2), ("x",), ("x",), ("y",)), "give 2 and 2"),
    (lambda: Addition(0), "modulus = 0"),
    (lambda: Addition(2**62 + 1), "modulus = 4611686018427387905"),
    (lambda: AffineMaps(2**31), "prime = 2147483648: choose it in"),
    (lambda: Packed(AffineMaps(7), 2**31 + 1), "2 digits must fit"),
]


@pytest.mark.parametrize("accepted", ACCEPTED, ids=[str(at) for at in range(len(ACCEPTED))])
def test_accepted(accepted: Callable[[], object]) -> None:
    accepted()


@pytest.mark.parametrize(
    ("refused", "message"), REFUSED, ids=[str(at) for at in range(len(REFUSED))]
)
def test_refused(refused: Callable[[], object], message: str) -> None:
    with pytest.raises((ShapeError, InputError), match=message):
        refused()


def test_circuit_refuses_what_a_layer_cannot_hold() -> None:
    """Publishing holds 3 B + 2 T = 15 + 4 words."""
    sizes = {"n_words": 60, "n_machines": 12, "block_words": 5, "word_bits": 7}
    stages = boolean_circuit(1).stages[3:]
    sequence(*stages).check(Cluster(memory_words=19, **sizes))
    message = "layer 1: publish: a machine may need 19 words; local memory is 18: raise epsilon"
    with pytest.raises(ShapeError, match=message):
        sequence(*stages).check(Cluster(memory_words=18, **sizes))


def test_circuit_needs_words_for_its_edges() -> None:
    protocol = boolean_circuit(1)
    sizes = {"n_words": 6, "memory_words": 64, "n_machines": 2, "block_words": 3}
    protocol.check(Cluster(**sizes, largest_word=largest_tag(6)))
    with pytest.raises(ShapeError, match="words go up to 11, word_bits = 3: raise word_bits"):
        protocol.check(Cluster(**sizes))


# --- what is no list, what is no circuit ---


def test_what_is_no_list_is_reported_or_refused() -> None:
    """Node by node: beyond N, around a cycle, behind a node with two predecessors."""
    words = np.array([1, 2, 3, 3, 13, 4, 7, 6, 9, 10, 10, 9])
    cluster = Cluster(n_words=12, memory_words=64, n_machines=3, block_words=4)
    ranks = Simulation(list_ranking(12), cluster, words).run()
    no = 12
    assert ranks.tolist() == [3, 2, 1, 0, no, no, no, no, no, 1, 0, no]
    assert ranks.tolist() == LIST_RANKING.oracle(words).tolist()
    with pytest.raises(ChannelExceeded, match=r"predecessors.*machine 0 receives 8 records"):
        Simulation(list_ranking(12), cluster, np.zeros(12, np.int64)).run()


@settings(max_examples=150)
@given(data=st.data())
def test_no_list_gives_a_wrong_distance(data: st.DataObject) -> None:
    n = data.draw(st.integers(2, 24))
    words = np.array(data.draw(st.lists(st.integers(0, n + 1), min_size=n, max_size=n)))
    cluster = fit_cluster(list_ranking(n), n, "2/3", machine_factor=1, largest_word=n + 1)
    sim = Simulation(list_ranking(n), cluster, words)
    try:
        ranks = sim.run()
    except ChannelExceeded:
        assert sim.round == 0
        inner = words[(words < n) & (words != np.arange(n))]
        size = -(-n // cluster.n_machines)
        assert np.bincount(inner // size).max() > size
        return
    assert ranks.tolist() == LIST_RANKING.oracle(words).tolist()


def test_circuit_by_hand() -> None:
    """A full adder: sum and carry of three bits, with every kind of gate that it needs."""
    for bits in range(8):
        a, b, c = bits & 1, bits >> 1 & 1, bits >> 2
        kinds = [a, b, c, Kind.XOR, Kind.XOR, Kind.AND, Kind.AND, Kind.OR, Kind.NAND, Kind.NOT]
        left = [0, 0, 0, 0, 3, 0, 3, 5, 5, 7]
        right = [0, 0, 0, 1, 2, 1, 2, 6, 6, 99]
        words = np.array([*kinds, *left, *right])
        cluster = fit_cluster(boolean_circuit(4), 30, "2/3", largest_word=99)
        values = Simulation(boolean_circuit(4), cluster, words).run().tolist()
        total = a + b + c
        assert values[4] == total % 2
        assert values[7] == total // 2
        assert values[8] == 1 - (values[5] & values[6])
        assert values[9] == 1 - values[7]
        assert values[10:] == [0] * 20


def test_broadcast_reaches_every_machine() -> None:
    stage = Broadcast(("word",), everywhere=True)
    cluster = Cluster(n_words=8, memory_words=3, n_machines=14, block_words=2)
    probe_rounds = stage.n_rounds(cluster)
    assert probe_rounds == 3
    assert stage.tree(cluster).n_leaves == 14
    assert broadcast().n_rounds(cluster) == 2
