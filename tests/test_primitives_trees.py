"""Scan, broadcast, converge-cast, aggregate, prefix sums, list ranking, circuits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from mpc_sim import (
    Channel,
    Cluster,
    Inbox,
    InputError,
    Ledger,
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
from mpc_sim.algorithms.broadcast import Broadcast, broadcast
from mpc_sim.algorithms.columnsort import Rename
from mpc_sim.algorithms.converge_cast import ConvergeCast, converge_cast
from mpc_sim.algorithms.list_ranking import list_ranking
from mpc_sim.algorithms.operations import (
    Addition,
    AffineMaps,
    Both,
    Keyed,
    Last,
    Maximum,
    Operation,
    Packed,
    Segmented,
)
from mpc_sim.algorithms.prefix_sum import PrefixOut, prefix_sum
from mpc_sim.algorithms.scan import Scan
from mpc_sim.algorithms.tree import Tree, plan_tree
from mpc_sim.algorithms.twins.aggregate import aggregate_twin
from mpc_sim.algorithms.twins.boolean_circuit import boolean_circuit_twin
from mpc_sim.algorithms.twins.broadcast import broadcast_twin
from mpc_sim.algorithms.twins.converge_cast import converge_cast_twin
from mpc_sim.algorithms.twins.list_ranking import list_ranking_twin
from mpc_sim.algorithms.twins.prefix_sum import prefix_sum_twin
from mpc_sim.algorithms.twins.scan import scan_twin
from mpc_sim.compose import Carry, LocalStage
from mpc_sim.errors import ChannelExceeded, MemoryExceeded, WordOverflow
from reductions import compile_protocol
from reductions.algorithms.aggregate import AGGREGATE
from reductions.algorithms.algorithm import Algorithm
from reductions.algorithms.boolean_circuit import BOOLEAN_CIRCUIT, DEPTH
from reductions.algorithms.broadcast import BROADCAST
from reductions.algorithms.converge_cast import CONVERGE_CAST
from reductions.algorithms.list_ranking import LIST_RANKING
from reductions.algorithms.prefix_sum import PREFIX_SUM

Words = NDArray[np.int64]

EPSILONS = ("9/20", "1/2", "2/3")


def affine_prefixes(words: Words) -> Words:
    """Compositions of the maps x -> (w // 7) x + w % 7 modulo 7, by a plain loop."""
    slope, offset, packed = 1, 0, []
    for word in words.tolist():
        a, b = divmod(word, 7)
        slope, offset = slope * a % 7, (offset * a + b) % 7
        packed.append(7 * slope + offset)
    return np.array(packed)


COMPOSE = replace(
    PREFIX_SUM,
    protocol=lambda n: prefix_sum(Packed(AffineMaps(7), 7)),
    instance=lambda n, seed: np.random.default_rng(seed).integers(0, 49, n),
    hard={name: lambda n, make=make: make(n) % 49 for name, make in PREFIX_SUM.hard.items()},
    oracle=affine_prefixes,
    largest_word=lambda words: 48,
)
ALGORITHMS: dict[str, Algorithm] = {
    "broadcast": BROADCAST,
    "converge_cast": CONVERGE_CAST,
    "aggregate": AGGREGATE,
    "prefix_sum": PREFIX_SUM,
    "prefix_sum of maps": COMPOSE,
    "list_ranking": LIST_RANKING,
    "boolean_circuit": BOOLEAN_CIRCUIT,
}
TWINS: dict[str, Callable[[int], Protocol]] = {
    "broadcast": lambda n: broadcast_twin(),
    "converge_cast": lambda n: converge_cast_twin(Maximum()),
    "aggregate": lambda n: aggregate_twin(Addition()),
    "prefix_sum": lambda n: prefix_sum_twin(Addition()),
    "prefix_sum of maps": lambda n: prefix_sum_twin(Packed(AffineMaps(7), 7)),
    "list_ranking": list_ranking_twin,
    "boolean_circuit": lambda n: boolean_circuit_twin(DEPTH),
}
every_algorithm = pytest.mark.parametrize("name", ALGORITHMS)


def measured(ledger: Ledger) -> dict[str, int]:
    return {
        "rounds": ledger.n_rounds,
        "local_memory": ledger.max_held_words,
        "sent_words": ledger.max_sent_words,
        "received_words": ledger.max_received_words,
        "machines": ledger.machines_used,
    }


def run(algorithm: Algorithm, words: Words, epsilon: str) -> Simulation:
    """Run, compare with the oracle, check every bound."""
    cluster = algorithm.cluster(words, epsilon)
    sim = Simulation(algorithm.protocol(len(words)), cluster, words)
    assert sim.run().tolist() == algorithm.oracle(words).tolist()
    assert cluster.memory_factor is not None
    assert cluster.memory_factor <= 16
    used = measured(sim.ledger)
    for bound in algorithm.bounds_of(cluster):
        check = bound.check(used[bound.quantity])
        assert check.status == "PASS", check.explain()
    return sim


def rows_of_ledger(ledger: Ledger) -> list[Any]:
    return [
        (row.label, row.sent.tolist(), row.received.tolist(), row.held.tolist(), row.n_messages)
        for row in ledger.rounds
    ]


# --- every algorithm ---


@every_algorithm
@pytest.mark.parametrize("n", [1, 2, 3, 7, 64, 300])
def test_hard_inputs_and_bounds(name: str, n: int) -> None:
    algorithm = ALGORITHMS[name]
    for which, make in enumerate(algorithm.hard.values()):
        run(algorithm, make(n), EPSILONS[(which + n) % 3])


@every_algorithm
def test_inputs_shorter_than_a_memory(name: str) -> None:
    algorithm = ALGORITHMS[name]
    words = algorithm.instance(5, 1)
    cluster = algorithm.cluster(words, "1")
    assert cluster.n_words < cluster.memory_words or cluster.n_input_machines == 1
    sim = Simulation(algorithm.protocol(5), cluster, words)
    assert sim.run().tolist() == algorithm.oracle(words).tolist()


@every_algorithm
@settings(max_examples=20)
@given(data=st.data())
def test_oracle(name: str, data: st.DataObject) -> None:
    algorithm = ALGORITHMS[name]
    n = data.draw(st.integers(1, 50))
    epsilon = data.draw(st.sampled_from(EPSILONS))
    if name == "list_ranking":
        order = np.array(data.draw(st.permutations(range(n))))
        words = np.full(n, n)
        words[order[:-1]] = order[1:]
        ends = data.draw(st.lists(st.sampled_from(range(n)), max_size=3))
        words[ends] = ends
        if data.draw(st.booleans()):
            words[order[-1]] = order[0]  # a cycle, unless it was cut
    else:
        most = {"prefix_sum of maps": 48, "boolean_circuit": max(8, n // 3 + 1)}.get(name, 99)
        words = np.array(data.draw(st.lists(st.integers(0, most), min_size=n, max_size=n)))
    run(algorithm, words, epsilon)


GRID = [(256, "1/2"), (1024, "9/20"), (1024, "1/2"), (1024, "2/3"), (4096, "2/3"), (16384, "1/2")]
LARGER = [(32768, "1/2"), (32768, "2/3")]  # where the sort of circuits has s <= N / 8


@every_algorithm
def test_bounds_on_a_grid(name: str) -> None:
    algorithm = ALGORITHMS[name]
    least_slack: dict[str, float] = {}
    scarce = 0
    for n, epsilon in GRID + LARGER if name == "boolean_circuit" else GRID:
        for seed in (0, 1) if n <= 1024 else (0,):
            sim = run(algorithm, algorithm.instance(n, seed), epsilon)
            scarce += sim.cluster.memory_words <= n / 8
            for bound in algorithm.bounds_of(sim.cluster):
                slack = bound.check(measured(sim.ledger)[bound.quantity]).slack
                least_slack[bound.quantity] = min(
                    least_slack.get(bound.quantity, 99.0), slack or 99.0
                )
    assert scarce > 0
    assert max(least_slack.values()) <= 4, least_slack


@every_algorithm
def test_canary_bounds(name: str) -> None:
    """A measurement that is larger by one than an exact bound fails."""
    algorithm = ALGORITHMS[name]
    sim = run(algorithm, algorithm.instance(64, 0), "1/2")
    bounds = {bound.quantity: bound for bound in algorithm.bounds_of(sim.cluster)}
    assert bounds["rounds"].kind == "exact"
    assert bounds["rounds"].check(sim.ledger.n_rounds + 1).status == "FAIL"
    over = bounds["local_memory"].value + 1
    assert bounds["local_memory"].check(over).status == "FAIL"


@every_algorithm
@pytest.mark.parametrize(("n", "epsilon"), [(1, "1/2"), (5, "2/3"), (24, "9/20"), (60, "1/2")])
def test_twin(name: str, n: int, epsilon: str) -> None:
    algorithm = ALGORITHMS[name]
    words = algorithm.instance(n, 3)
    cluster = algorithm.cluster(words, epsilon)
    columnar = Simulation(algorithm.protocol(n), cluster, words)
    twin = Simulation(TWINS[name](n), cluster, words)
    assert columnar.run().tolist() == twin.run().tolist()
    assert rows_of_ledger(columnar.ledger) == rows_of_ledger(twin.ledger)


@every_algorithm
@pytest.mark.parametrize("n", [3, 40])
def test_local(name: str, n: int) -> None:
    algorithm = ALGORITHMS[name]
    words = algorithm.instance(n, 2)
    assert_local(algorithm.protocol(n), algorithm.cluster(words, "1/2"), words)


@every_algorithm
@pytest.mark.parametrize(("n", "epsilon"), [(1, "1/2"), (12, "2/3"), (30, "1/2")])
def test_compiled(name: str, n: int, epsilon: str) -> None:
    algorithm = ALGORITHMS[name]
    words = algorithm.instance(n, 4)
    cluster = algorithm.cluster(words, epsilon)
    protocol = algorithm.protocol(n)
    transformer = compile_protocol(protocol, cluster)
    assert len(transformer.layers) == protocol.n_rounds(cluster) + 1
    assert transformer.run(words).tolist() == algorithm.oracle(words).tolist()


@pytest.mark.parametrize("operation", [Addition(), Addition(2), Maximum()], ids=repr)
@pytest.mark.parametrize("epsilon", ["1/5", "1/4", "1/3", "1/2"])
@pytest.mark.parametrize("c_s", [None, 1, 2])
def test_full_degree(operation: Operation, epsilon: str, c_s: int | None) -> None:
    """SUM, parity, OR: no run below ceil(log_s N) - 1 deliveries."""
    n = 1000
    words = np.random.default_rng(0).integers(0, 2, n)
    for protocol in (aggregate(operation), converge_cast(operation)):
        cluster = fit_cluster(protocol, n, epsilon, memory_factor=c_s, largest_word=n)
        sim = Simulation(protocol, cluster, words)
        total = reduce(lambda x, y: combined(operation, (x,), (y,))[0], words.tolist(), 0)
        assert sim.run()[0] == total
        least, reach = 0, 1
        while reach < n:
            least, reach = least + 1, reach * cluster.memory_words
        assert sim.ledger.n_rounds >= least - 1


# --- trees and operations ---


def combined(operation: Operation, left: tuple[int, ...], right: tuple[int, ...]) -> list[int]:
    met = operation.combine(np.array([left]), np.array([right]))
    assert met.shape == (1, operation.words)
    return [int(word) for word in met[0]]


digit = st.integers(0, 6)
OPERATIONS: list[tuple[Operation, st.SearchStrategy[tuple[int, ...]]]] = [
    (Addition(), st.tuples(st.integers(0, 2**62))),
    (Addition(2**62), st.tuples(st.integers(0, 2**62 - 1))),
    (Addition(5), st.tuples(st.integers(0, 4))),
    (Maximum(), st.tuples(digit)),
    (Last(), st.tuples(digit)),
    (Last(2), st.one_of(st.just((0, 0)), st.tuples(st.integers(1, 3), digit))),
    (AffineMaps(7), st.tuples(digit, digit)),
    (AffineMaps(2**31 - 1), st.tuples(*[st.integers(0, 2**31 - 2)] * 2)),
    (Packed(AffineMaps(7), 7), st.tuples(st.integers(0, 48))),
    (Segmented(AffineMaps(7)), st.tuples(st.integers(0, 1), digit, digit)),
    (Both(Maximum(), AffineMaps(7)), st.tuples(digit, digit, digit)),
]


@pytest.mark.parametrize(("operation", "element"), OPERATIONS, ids=lambda value: repr(value)[:40])
@given(data=st.data())
def test_operations_are_associative(
    operation: Operation, element: st.SearchStrategy[tuple[int, ...]], data: st.DataObject
) -> None:
    x, y, z = data.draw(element), data.draw(element), data.draw(element)
    left = combined(operation, tuple(combined(operation, x, y)), z)
    assert left == combined(operation, x, tuple(combined(operation, y, z)))
    if not isinstance(operation, Last | Segmented):
        assert combined(operation, operation.identity, x) == list(x)
    assert combined(operation, x, operation.identity) == list(x)


def test_keyed_is_associative_on_sorted_keys() -> None:
    operation, elements = Keyed(AffineMaps(7)), [(2, 3, 1), (2, 2, 5), (4, 6, 1), (0, 1, 0)]
    for x in elements[:1]:
        for y in elements[1:]:
            for z in elements[2:]:
                left = combined(operation, tuple(combined(operation, x, y)), z)
                assert left == combined(operation, x, tuple(combined(operation, y, z)))


def test_checked_sum_is_refused() -> None:
    protocol = prefix_sum(Addition())
    cluster = fit_cluster(protocol, 16, "1/2", largest_word=20)
    with pytest.raises(WordOverflow, match="words lie in"):
        Simulation(protocol, cluster, np.full(16, 20)).run()


@given(n=st.integers(1, 400), arity=st.integers(2, 30))
def test_every_leaf_hangs_in_the_tree(n: int, arity: int) -> None:
    tree, machines = Tree(n, arity), np.arange(n + 3)
    for level in range(tree.levels):
        nodes = machines[tree.hosts(level, machines)]
        above = tree.parent(level, nodes)
        hosts, children = np.unique(above, return_counts=True)
        assert hosts.tolist() == machines[tree.hosts(level + 1, machines)].tolist()
        assert children.tolist() == tree.n_children(level + 1, hosts).tolist()
        assert children.max() == tree.children(level + 1)
    assert machines[tree.hosts(tree.levels, machines)].tolist() == [0]


@given(n=st.integers(1, 300), most=st.integers(1, 40))
def test_planned_trees_have_the_fewest_levels(n: int, most: int) -> None:
    tree = plan_tree(n, max_arity=most)
    fitting = [Tree(n, arity).levels for arity in range(2, most + 1)]
    if tree is None:
        assert most == 1
        assert n > 1
    elif n > 1:
        assert tree.arity <= most
        assert tree.levels == min(fitting)
    bounded = plan_tree(n, max_arity=n, max_others=most)
    others = [t.levels for a in range(2, max(n, 2) + 1) if (t := Tree(n, a)).others <= most]
    assert (bounded.levels if bounded else None) == min(others, default=None)


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
    assert scan.words(cluster) == memory - 3

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
    protocol = prefix_sum(scan.operation)
    if (binary := Tree(cluster.n_input_machines, 2)).levels and (
        plan_tree(binary.n_leaves, max_arity=n, max_others=cluster.memory_words - block - 1) is None
    ):
        with pytest.raises(ShapeError, match="raise epsilon, c_s or c_p"):
            protocol.check(cluster)
        assert binary.others + 1 + block > cluster.memory_words
        return
    sim = Simulation(protocol, cluster, np.arange(n))
    assert sim.run().tolist() == (np.cumsum(np.arange(n)) % 1024).tolist()
    assert sim.ledger.max_held_words == scan.words(cluster)
    assert sim.ledger.max_sent_words == (scan.words(cluster) if sim.n_rounds else 0)


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

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        return self.inner.step(round, inbox, cluster)


@pytest.mark.parametrize(
    "protocol",
    [broadcast(), converge_cast(Maximum()), aggregate(Addition()), prefix_sum(Addition())],
    ids=["broadcast", "converge_cast", "aggregate", "prefix_sum"],
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
    (lambda: Scan(Last(2), ("x",), ("x",), ("y",)), "give 2 of each"),
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
