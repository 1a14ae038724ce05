"""Sorting primitives: their randomness, their failure, and what they refuse."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, strategies as st

from cases.operations import AffineMaps
from cases.primitives_sorting import (
    Words,
    compare,
    every_algorithm,
    every_epsilon,
    run,
    within_bounds,
)
from mpc_sim import (
    Cluster,
    InputError,
    Protocol,
    ShapeError,
    Simulation,
    assert_local,
    fit_cluster,
)
from mpc_sim.algorithms import equi_join as join
from mpc_sim.algorithms.multi_search import multi_search
from mpc_sim.algorithms.reduce_by_key import reduce_by_key
from mpc_sim.algorithms.remove_duplicates import remove_duplicates
from mpc_sim.algorithms.sample_sort import Split, sample_sort
from mpc_sim.cluster import failure_word
from mpc_sim.compose import Stages, sequence
from mpc_sim.errors import WordOverflow
from mpc_sim.records import Channel, Inbox, Outbox, Records
from mpc_sim.stages import splitting
from mpc_sim.stages.splitting import SplitPlan, plan_splitting
from mpc_sim.stages.tally import Tally
from mpc_sim.stages.tree import Tree
from reductions import compile_protocol
from reductions.problems.equi_join import EQUI_JOIN
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.problems.sample_sort import SAMPLE_SORT
from twins.blocks import BLOCKS, twin_of
from twins.sample_sort import SPLITTING, split_twin

# --- randomness and failure ---

SEEDS = 200


def allowed_failures(probability: Fraction) -> int:
    """Least k with P[Bin(200, probability) > k] <= 10^-6, exactly."""
    tail, k = Fraction(0), SEEDS
    while k >= 0:
        tail += math.comb(SEEDS, k) * probability**k * (1 - probability) ** (SEEDS - k)
        if tail > Fraction(1, 10**6):
            return k
        k -= 1
    return 0


def outcomes(
    make: Callable[[int], Protocol], cluster: Cluster, words: Words, seeds: int = SEEDS
) -> list[str]:
    """What each seed ends in; an error ends the test, and so does half an answer."""
    expected, ends = np.sort(words), []
    for seed in range(seeds):
        output = Simulation(make(seed), cluster, words).run()
        if np.array_equal(output, expected):
            ends.append("sorted")
        else:
            np.testing.assert_array_equal(output, failure_word(cluster))
            ends.append("failed")
    return ends


@pytest.mark.parametrize("inverse_failure", [None, 4])
@pytest.mark.parametrize(
    ("n", "epsilon"), [(300, "1/2"), pytest.param(600, "9/20", marks=pytest.mark.slow)]
)
def test_sample_sort_fails_as_rarely_as_it_says(
    n: int, epsilon: str, inverse_failure: int | None
) -> None:
    """A bucket is larger than declared with probability at most delta, whatever the input.

    The runs are independent, so the failures of 200 seeds are dominated by Bin(200, delta); the
    margin is the exact 10^-6 quantile of it.
    """
    words = np.full(n, 7)
    protocol = sample_sort(0, inverse_failure)
    cluster = fit_cluster(protocol, n, epsilon)
    ends = outcomes(lambda seed: sample_sort(seed, inverse_failure), cluster, words)
    delta = Fraction(1, n if inverse_failure is None else inverse_failure)
    assert ends.count("failed") <= allowed_failures(delta)


@dataclass(frozen=True)
class Starved(Split):
    """Sample sort that is refused large buckets: percent of what the tail bound asks for."""

    percent: tuple[int, ...] = (100,)

    def plan(self, cluster: Cluster) -> SplitPlan:
        plan = super().plan(cluster)
        levels = tuple(
            replace(level, bucket=level.bucket * percent // 100)
            for level, percent in zip(plan.levels, self.percent, strict=True)
        )
        return replace(plan, levels=levels)


def starved(seed: int, *percent: int) -> Protocol:
    """Sample sort with every mention of the splitting replaced."""
    split, whole = Starved(seed, percent=percent), sample_sort(seed)
    assert isinstance(whole, Stages)
    number, _, rank, write = whole.stages
    return sequence(number, split, replace(rank, split=split), replace(write, source=split))  # type: ignore[type-var]


@dataclass(frozen=True)
class Loads:
    """A cluster, an input, and what of the declared buckets makes runs fail."""

    n: int
    epsilon: str
    percent: tuple[int, ...]

    @property
    def words(self) -> Words:
        words: Words = SAMPLE_SORT.instance(self.n, 1)
        return words

    @property
    def cluster(self) -> Cluster:
        return SAMPLE_SORT.cluster(self.words, self.epsilon)


FAILING = [
    Loads(300, "1/2", (50,)),
    Loads(600, "9/20", (45,)),
    Loads(2048, "9/20", (100, 30)),
    Loads(2048, "9/20", (50, 100)),
]


@pytest.mark.parametrize("loads", FAILING, ids=str)
def test_a_large_bucket_is_a_failure_never_an_error(loads: Loads) -> None:
    """On the first level or on the last one: some seeds fail, others do not."""
    words, cluster = loads.words, loads.cluster
    assert len(Split(0).plan(cluster).levels) == len(loads.percent)
    ends = outcomes(lambda seed: starved(seed, *loads.percent), cluster, words, seeds=50)
    print(loads, ends.count("failed"))
    assert 1 <= ends.count("failed") < 50


@dataclass(frozen=True)
class Capped(Split):
    """Sample sort of one level that is refused buckets of more than so many records."""

    most: int = 0

    def plan(self, cluster: Cluster) -> SplitPlan:
        plan = super().plan(cluster)
        (level,) = plan.levels
        return replace(plan, levels=(replace(level, bucket=self.most),))


def test_a_bucket_passes_up_to_its_limit_and_not_beyond() -> None:
    loads = FAILING[0]
    words, cluster = loads.words, loads.cluster
    whole = sample_sort()
    assert isinstance(whole, Stages)
    number, split, rank, write = whole.stages
    sim = Simulation(whole, cluster, words)
    (level,) = Split(0).plan(cluster).levels
    for round in range(split.n_rounds(cluster)):
        if 1 <= round <= level.tree.levels:  # as many splitters arrive as are declared
            told = next(one for one in sim.peek().messages if one.channel.name == "splitter")
            arriving = np.bincount(told.to[told.to != told.source])
            assert arriving.max() == told.channel.per_receiver == level.fan_out - 1
        sim.step()
    largest = int(np.bincount(sim.inbox["records"].machine).max())
    for most, passes in ((largest, True), (largest - 1, False)):
        capped = Capped(0, most=most)
        stages = number, capped, replace(rank, split=capped), replace(write, source=capped)  # type: ignore[type-var]
        output = Simulation(sequence(*stages), cluster, words).run()
        expected = np.sort(words) if passes else np.full_like(words, failure_word(cluster))
        assert output.tolist() == expected.tolist()


@pytest.mark.parametrize("loads", FAILING, ids=str)
def test_a_run_that_fails(loads: Loads) -> None:
    """Same rounds, same twin, still local; and no group can be so lucky with no room at all."""
    words, cluster = loads.words, loads.cluster
    percent = tuple(0 if one < 100 else one for one in loads.percent)
    protocol = starved(0, *percent)
    sim = Simulation(protocol, cluster, words)
    assert set(sim.run().tolist()) == {failure_word(cluster)}
    assert SAMPLE_SORT.has_failed(sim.output(), cluster)
    assert sim.n_rounds == sample_sort().n_rounds(cluster)
    within_bounds(SAMPLE_SORT, sim)
    if len(loads.percent) == 1:
        twin = twin_of(protocol, {**SPLITTING, Starved: split_twin}, BLOCKS)
        assert compare(protocol, twin, cluster, words) == []
        assert_local(protocol, cluster, words, n_batches=2)


@pytest.mark.parametrize(
    "percent",
    [100, 0],
)
def test_a_compiled_run_that_fails(percent: int) -> None:
    words = SAMPLE_SORT.instance(64, 2)
    cluster = SAMPLE_SORT.cluster(words, "9/20")
    protocol = starved(0, percent)
    expected = Simulation(protocol, cluster, words).run()
    assert (set(expected.tolist()) == {failure_word(cluster)}) == (percent == 0)
    np.testing.assert_array_equal(compile_protocol(protocol, cluster).run(words), expected)


@pytest.mark.parametrize(("most", "stride", "exponent"), [(5, 10, 8.0), (40, 3, 20.0), (1, 2, 1.0)])
def test_the_largest_bucket_is_w_plus_d_minus_2(most: int, stride: int, exponent: float) -> None:
    """w by trying all from q + 1 on, with the tail bound as it is written above it."""
    records, fan_out = 10**6, 4
    p = 1 / stride - 2.0**-32

    def tail(w: int) -> float:
        return most * math.log(most / (w * p)) + (w - most) * math.log((w - most) / (w - w * p))

    w = next(w for w in range(most + 1, records) if most <= w * p and tail(w) >= exponent)
    d = records // (8 * fan_out)
    assert splitting._bucket(most, stride, records, fan_out, exponent) == w + d - 2


def test_loads_of_sample_sort_are_certain() -> None:
    """Records, samples and what is dealt out: no seed and no input exceeds what is declared."""
    kinds = {bound.quantity: bound.kind for bound in SAMPLE_SORT.bounds_of(FAILING[0].cluster)}
    assert set(kinds.values()) == {"exact", "upper"}
    for loads in FAILING:
        level = Split(0).plan(loads.cluster).levels[0]
        assert level.samples == -(-loads.n // level.stride)
        assert level.received * level.within >= level.bucket


def test_buckets_are_dealt_out_evenly() -> None:
    """The machines of a subgroup hold as many records as each other, up to one."""
    loads = FAILING[2]
    level = Split(0).plan(loads.cluster).levels[0]
    sim = Simulation(sample_sort(), loads.cluster, loads.words)
    sim.goto(level.n_rounds)
    held = np.bincount(sim.inbox["records"].machine, minlength=loads.cluster.n_machines)
    dealt = held[: level.machines].reshape(level.fan_out, level.within)
    assert level.within > 1
    assert dealt.sum() == loads.n
    assert np.all(np.ptp(dealt, axis=1) <= 1)
    assert np.ptp(dealt) > 1


@dataclass(frozen=True)
class SumsBefore(Protocol):
    """One word a machine: the sum of the words before it, or its failure if the sum is wrong."""

    tally: Tally
    expected: int

    def n_rounds(self, cluster: Cluster) -> int:
        return self.tally.n_rounds

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return self.tally.channels(round)

    def joint_limit(self, round: int, cluster: Cluster) -> int:
        return cluster.memory_words

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        words = inbox["own"] if round else inbox["input"]
        own = Records.of(words.machine, x0=words["x0" if round else "word"])
        to_root = self.tally.tree.n_leaves - 1 - inbox.machines
        return self.tally.step(
            round, inbox, own, to_root, lambda totals: totals[:, 0] == self.expected, cluster
        )

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        told = np.full(cluster.n_machines, failure_word(cluster))
        told[inbox["offset"].machine] = inbox["offset"]["x0"]
        word = told[inbox["own"].machine]
        return Inbox(inbox.machines, {"output": Records.of(inbox["own"].machine, word=word)})


@given(
    words=st.lists(st.integers(0, 9), min_size=2, max_size=40),
    arity=st.integers(2, 5),
    more=st.integers(0, 1),
)
def test_tally(words: list[int], arity: int, more: int) -> None:
    """Trees of up to six levels; one more than the sum is a failure everywhere."""
    tally = Tally(Tree(len(words), arity), 1)
    cluster = Cluster(len(words), max(2, tally.words), len(words) + 2, 1, word_bits=10)
    protocol = SumsBefore(tally, sum(words) + more)
    expected = [sum(words[:machine]) for machine in range(len(words))]
    sim = Simulation(protocol, cluster, words)
    assert sim.run().tolist() == ([failure_word(cluster)] * len(words) if more else expected)
    assert max(sim.ledger.max_held_words, sim.ledger.max_sent_words) <= tally.words


def test_sample_sort_refuses_the_failure_word() -> None:
    cluster = Cluster(n_words=64, memory_words=96, n_machines=16, block_words=8)
    words = np.arange(64)
    words[5] = failure_word(cluster)
    with pytest.raises(WordOverflow, match="raise word_bits or largest_word"):
        Simulation(sample_sort(), cluster, words).run()
    words[5] -= 1
    assert Simulation(sample_sort(), cluster, words).run()[-1] == failure_word(cluster) - 1
    assert SAMPLE_SORT.cluster(np.full(7, 15), "1/2").word_limit > 16


def test_random_words_depend_on_the_seed_alone() -> None:
    words = SAMPLE_SORT.instance(300, 0)
    cluster = SAMPLE_SORT.cluster(words, "1/2")
    runs = [Simulation(sample_sort(seed), cluster, words) for seed in (5, 5, 6)]
    for sim in runs:
        sim.run()
    first, again, other = (str(sim.ledger) for sim in runs)
    assert first == again
    assert first != other


@pytest.mark.parametrize("probability", [Fraction(1, 20), Fraction(1, 3)])
def test_tail_bounds_are_above_the_exact_tails(probability: Fraction) -> None:
    n = 60
    exact = [math.comb(n, k) * probability**k * (1 - probability) ** (n - k) for k in range(n + 1)]
    for count in range(n + 1):
        exponent = splitting._deviation(count, n, float(probability))
        bound = math.exp(-exponent) * (1 + 1e-12)
        if count >= n * probability:
            assert sum(exact[count:]) <= bound
        if count <= n * probability:
            assert sum(exact[: count + 1]) <= bound


def test_a_plan_leaves_less_than_delta() -> None:
    """Each event of a plan has an exponent of at least ln(E / delta); canary: one less has not."""
    plan = plan_splitting(4096, 43, 688, 389, 4096)
    assert plan is not None
    assert len(plan.levels) == 2
    exponent = math.log(splitting._n_windows(plan.levels[0].fan_out, 2) * 4096)
    records = 4096
    for level in plan.levels:
        most = -(-level.samples // level.fan_out)
        window = level.bucket + 2 - max(1, records // (8 * level.fan_out))
        rate = 1 / level.stride - splitting.GRAIN
        assert splitting._deviation(most, window, rate) >= exponent
        assert splitting._deviation(most, window - 1, rate) < exponent
        records = level.bucket


def test_samples_of_strides_are_as_even_as_the_bound_asks() -> None:
    """A window that touches strides in any way holds few samples as rarely as a binomial does."""
    stride, window = 4, 24
    for touched in ([4] * 6, [1] * 24, [2] * 12, [4, 4, 4, 3, 3, 3, 1, 1, 1]):
        assert sum(touched) == window
        law = np.ones(1)
        for slots in touched:
            law = np.convolve(law, [1 - slots / stride, slots / stride])
        for count in range(window // stride):
            exponent = splitting._deviation(count, window, 1 / stride)
            assert law[: count + 1].sum() <= math.exp(-exponent) * (1 + 1e-12)


@every_epsilon
def test_sample_sort_fits_every_size(epsilon: str) -> None:
    """The Poisson form of the bound would refuse N = 247 .. 298 at epsilon = 0.45."""
    for n in (*range(1, 40), *range(100, 420, 13), 247, 297, 298):
        assert fit_cluster(sample_sort(), n, epsilon).memory_factor is not None


# --- refusals ---


@every_algorithm
def test_too_small_a_cluster_is_refused(algorithm: ProtocolSolver) -> None:
    """One line that names what to raise; before anything runs."""
    words = algorithm.instance(4096, 0)
    largest = algorithm.largest_word(words)
    cluster = Cluster.from_exponents(4096, "9/20", largest_word=largest)  # c_s = c_p = 1
    with pytest.raises(ShapeError, match=r"raise .*(epsilon|c_s)") as caught:
        Simulation(algorithm.protocol(4096), cluster, words)
    assert "\n" not in str(caught.value)


def test_every_stage_refuses() -> None:
    """Canary for the checks of single stages: one word too few is refused, in one line."""
    cluster = Cluster(n_words=48, memory_words=1000, n_machines=10, block_words=5)
    stages = [stage for stage in _stages(48) if type(stage).__name__ in CHECKED]
    assert {type(stage).__name__ for stage in stages} == CHECKED
    for stage in stages:
        enough = next(
            s for s in range(5, 1000) if _accepts(stage, replace(cluster, memory_words=s))
        )
        assert enough > cluster.block_words
        with pytest.raises(ShapeError, match=r"raise .*(epsilon|c_s)") as caught:
            stage.check(replace(cluster, memory_words=enough - 1))
        assert "\n" not in str(caught.value)


CHECKED = {
    "Rows", "SortRows", "EndRuns", "Split", "AnswerQueries", "Reverse", "Place", "WritePairs"
}  # fmt: skip


def _accepts(stage: Protocol, cluster: Cluster) -> bool:
    try:
        stage.check(cluster)
    except ShapeError:
        return False
    return True


def _stages(n: int) -> list[Protocol]:
    stages: list[Protocol] = []
    for protocol in (join.equi_join(n), reduce_by_key(n), multi_search(), sample_sort()):
        assert isinstance(protocol, Stages)
        stages += protocol.stages
    return stages


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sample_sort(-1), "seed = -1"),
        (lambda: sample_sort(0, 0), "inverse_failure = 0"),
        (lambda: reduce_by_key(8, AffineMaps(7)), "a value is one word"),
    ],
)
def test_arguments(make: Callable[[], Protocol], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize(
    ("protocol", "words"),
    [
        (multi_search(), [15, 0, 1, 2]),
        (remove_duplicates(), [15, 0, 1, 2]),
        (reduce_by_key(4), [15, 0, 1, 2]),
        (reduce_by_key(4), [1, 8, 1, 8]),
        (join.equi_join(4), [1, 14, 0, 0]),
        (join.equi_join(4), [2, 0, 14, 0]),
    ],
)
def test_words_that_leave_no_room(protocol: Protocol, words: list[int]) -> None:
    """An output word has to be a word; 15 + 1 and 8 + 8 have five bits, 14 + 1 is the failure."""
    cluster = Cluster(n_words=4, memory_words=64, n_machines=2, block_words=2, word_bits=4)
    with pytest.raises(WordOverflow):
        Simulation(protocol, cluster, words).run()
    smaller = [max(word - 1, 0) for word in words]
    Simulation(protocol, cluster, smaller).run()


def test_failure_word_of_a_join() -> None:
    words = EQUI_JOIN.hard["too many pairs"](31)
    sim = run(EQUI_JOIN, words, "1/2")
    assert set(sim.output()[:30].tolist()) == {sim.cluster.word_limit - 1}
    assert sim.output()[30] == 0
    exactly = np.array([1, 4, 0, 1, 4, 1, 2, 4, 0, 2, 4, 1])
    assert run(EQUI_JOIN, exactly, "2/3").output().max() == 5
