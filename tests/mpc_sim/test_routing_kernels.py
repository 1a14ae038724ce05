"""The counting sort of a round against one in plain Python, at all its levels and thread counts.

``forced`` lowers the sizes at which threads and buckets come in, so that small inputs meet them.
"""

from __future__ import annotations

import functools
import multiprocessing
import operator
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, strategies as st

from mpc_sim import Channel, Cluster, Outbox, counting_sort
from mpc_sim.counting_sort import (
    Histogram,
    MachineCounts,
    parts_of,
    sort_by_machine,
    threads,
    union,
)
from mpc_sim.errors import UnknownMachine
from mpc_sim.kernels import routing as kernels
from mpc_sim.routing import Messages, Traffic, collect
from repository import ROOT

STRAIGHT, BUCKETS = 2**62, 0
Rows = list[tuple[int, int, tuple[int, ...]]]


@contextmanager
def forced(n_threads: int, rows_in_cache: int, bucket_bits: int = 1) -> Iterator[None]:
    """Use this many threads and buckets whatever the size."""
    sizes = {"ROWS_A_THREAD": 1, "ROWS_IN_CACHE": rows_in_cache}
    sizes |= {"MAX_STREAMS": 2**bucket_bits, "BUCKET_BITS": bucket_bits}
    threads_too = mock.patch.object(kernels, "N_THREADS", n_threads)
    with mock.patch.multiple(counting_sort, **sizes), threads_too:
        yield


LEVELS = [(1, STRAIGHT, 1), (1, BUCKETS, 1), (1, BUCKETS, 3), (2, STRAIGHT, 1), (2, BUCKETS, 2)]
LEVELS += [(3, BUCKETS, 1), (5, BUCKETS, 2), (5, STRAIGHT, 1)]


# --- what is right, in plain Python ---


def plain_sort(machine: list[int], n_machines: int) -> list[int]:
    """The stable order: the rows of machine 0, then those of machine 1, and so on."""
    held: list[list[int]] = [[] for _ in range(n_machines)]
    for row, owner in enumerate(machine):
        held[owner].append(row)
    return [row for rows in held for row in rows]


def plain_round(rows: Rows, n_machines: int) -> list[tuple[int, tuple[int, ...]]]:
    """(owner, words) in canonical order: by destination, source, emission."""
    emitted: list[Rows] = [[] for _ in range(n_machines)]
    for row in rows:
        emitted[row[0]].append(row)
    arrived: list[list[tuple[int, ...]]] = [[] for _ in range(n_machines)]
    for queue in emitted:
        for _, to, words in queue:
            arrived[to].append(words)
    return [(to, words) for to, queue in enumerate(arrived) for words in queue]


def frozen(values: list[int] | np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    array = np.array(values, np.int64)
    array.flags.writeable = False
    return array


@st.composite
def rounds(draw: st.DrawFn) -> tuple[int, int, Rows]:
    """(machines, words of a message, rows in any order)."""
    n_machines = draw(st.sampled_from([1, 2, 3, 7, 8, 9, 64, 65, 200]))
    width = draw(st.integers(0, 5))
    machine = st.one_of(st.integers(0, n_machines - 1), st.integers(0, min(n_machines - 1, 2)))
    word = st.integers(0, 2**62 - 1)
    row = st.tuples(machine, machine, st.tuples(*[word] * width))
    return n_machines, width, draw(st.lists(row, max_size=60))


def deliver(n_machines: int, width: int, rows: Rows) -> list[tuple[int, tuple[int, ...]]]:
    """Rows through an outbox, all limits checked, to (owner, words); inputs are read-only."""
    names = tuple("abcde"[:width])
    cluster = Cluster(1, 10**6, n_machines, 1, word_bits=62)
    columns = [frozen([row[2][i] for row in rows]) for i in range(width)]
    source, to = frozen([row[0] for row in rows]), frozen([row[1] for row in rows])
    outbox = Outbox()
    outbox.send("x", source=source, to=to, **dict(zip(names, columns, strict=True)))
    batch = frozen(np.arange(n_machines))
    channels = (Channel("x", names, 10**5, 10**5),)
    traffic = collect(outbox, channels, batch, cluster, round=0, label="test")
    traffic.check()
    records = traffic.deliver()["x"]
    assert list(records.columns) == list(names)
    loads = np.zeros((3, n_machines), int)
    for start, end, _ in rows:
        loads[0, start] += max(1, width)
        loads[1 if start == end else 2, end] += max(1, width)
    assert [traffic.sent.tolist(), traffic.kept.tolist(), traffic.received.tolist()] == [
        load.tolist() for load in loads
    ]
    assert traffic.n_messages == sum(start != end for start, end, _ in rows)
    words = zip(*(records[name].tolist() for name in names), strict=True) if names else ()
    arrived = list(words) if names else [()] * len(records)
    return list(zip(records.machine.tolist(), arrived, strict=True))


# --- properties ---


@pytest.mark.parametrize("level", LEVELS, ids=str)
@given(case=rounds())
def test_a_round_is_a_plain_counting_sort(
    level: tuple[int, int, int], case: tuple[int, int, Rows]
) -> None:
    n_machines, width, rows = case
    with forced(*level):
        assert deliver(n_machines, width, rows) == plain_round(rows, n_machines)


@pytest.mark.parametrize("level", LEVELS, ids=str)
@pytest.mark.parametrize("n_machines", [1, 5, 1000])
@pytest.mark.parametrize("n_rows", [0, 1, 2, 3000])
@pytest.mark.parametrize("shape", ["any", "one", "sorted", "reversed"])
def test_larger_sorts(
    level: tuple[int, int, int], n_machines: int, n_rows: int, shape: str
) -> None:
    machine = np.random.default_rng(n_rows).integers(0, n_machines, n_rows)
    if shape == "one":
        machine[:] = n_machines - 1
    elif shape != "any":
        machine = np.sort(machine)[:: 1 if shape == "sorted" else -1].copy()
    columns = [frozen(np.arange(n_rows) * factor) for factor in (1, -1, 2**40)]
    with forced(*level):
        parts = parts_of(n_rows, 1)
        by_part = [np.bincount(machine[part], minlength=n_machines) for part in parts]
        counts = Histogram.of(np.array(by_part, np.int32))
        owner, moved = sort_by_machine(frozen(machine), counts, columns)
    order = plain_sort(machine.tolist(), n_machines)
    assert owner.tolist() == [machine[row] for row in order]
    for column, out in zip(columns, moved, strict=True):
        assert out.tolist() == column[order].tolist()


@given(case=rounds(), silent=st.sets(st.integers(0, 200), max_size=2))
def test_counts(case: tuple[int, int, Rows], silent: set[int]) -> None:
    n_machines, _, rows = case
    acts = np.array([machine not in silent for machine in range(n_machines)])
    source, to = ([row[i] for row in rows] for i in (0, 1))
    for n_threads in (1, 2, 3):
        with forced(n_threads, STRAIGHT):
            found = MachineCounts.of(frozen(source), frozen(to), acts)
        if silent & set(source):
            assert found is None
            continue
        assert found is not None
        assert found.is_sorted == (source == sorted(source))
        machines = range(n_machines)
        assert found.sent.rows.tolist() == [source.count(machine) for machine in machines]
        assert found.arriving.rows.tolist() == [to.count(machine) for machine in machines]
        staying = [a for a, b in zip(source, to, strict=True) if a == b]
        assert found.kept.tolist() == [staying.count(machine) for machine in machines]


@given(st.integers(0, 5), st.lists(st.tuples(*[st.integers(-(2**63), 2**63 - 1)] * 5), max_size=9))
def test_union(width: int, rows: list[tuple[int, ...]]) -> None:
    expected = [functools.reduce(operator.or_, (row[i] for row in rows), 0) for i in range(width)]
    columns = [np.array([row[i] for row in rows], np.int64) for i in range(width)]
    for n_threads in (1, 2):
        with forced(n_threads, STRAIGHT):
            assert union(columns) == expected


# --- edges ---


WRONG = [-1, -(2**63), 4, 2**32, 2**32 + 1, 2**63 - 1]


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("at", [0, 1, 4, 5])
@pytest.mark.parametrize("column", [0, 1])
def test_no_machine_beyond_the_cluster_is_counted(
    n_threads: int, wrong: int, at: int, column: int
) -> None:
    machines = [[0, 0, 1, 2, 2, 3], [3, 2, 1, 0, 3, 2]]
    machines[column][at] = wrong
    with forced(n_threads, STRAIGHT):
        given = [frozen(machine) for machine in machines]
        assert MachineCounts.of(*given, np.ones(4, bool)) is None


@pytest.mark.parametrize("wrong", WRONG)
def test_the_first_unknown_machine_is_named(wrong: int) -> None:
    cluster = Cluster(4, 9, 4, 1)
    outbox = Outbox()
    outbox.send("x", source=[3, 1, 0, 2], to=[0, wrong, 9, 0])
    with pytest.raises(UnknownMachine, match=rf"message goes to machine {wrong};"):
        collect(outbox, (Channel("x", (), 9),), np.arange(4), cluster, round=0, label="test")
    outbox.send("x", source=[wrong, 7], to=[0, 0])
    with pytest.raises(UnknownMachine, match=rf"message comes from machine {wrong};"):
        collect(outbox, (Channel("x", (), 9),), np.arange(4), cluster, round=0, label="test")


def test_scalars_and_strides_are_routed() -> None:
    cluster = Cluster(4, 9, 4, 1, word_bits=40)
    wide = frozen(np.arange(12))
    outbox = Outbox()
    outbox.send("x", source=wide[:8:2] // 2, to=2, a=wide[::-3], b=7)
    channel = Channel("x", ("a", "b"), 4)
    traffic = collect(outbox, (channel,), np.arange(4), cluster, round=0, label="test")
    records = traffic.deliver()["x"]
    assert records.machine.tolist() == [2] * 4
    assert (records["a"].tolist(), records["b"].tolist()) == ([11, 8, 5, 2], [7] * 4)


def test_messages_made_by_hand_are_counted_when_they_are_needed() -> None:
    cluster, zeros = Cluster(4, 9, 4, 1), np.zeros(4, np.int64)
    channel = Channel("x", ("a",), 4)

    def traffic(to: list[int]) -> Traffic:
        part = Messages(channel, frozen([1, 0]), frozen(to), {"a": frozen([5, 6])})
        return Traffic(0, "test", cluster, np.arange(4), (part,), zeros, zeros, zeros)

    whole = traffic([3, 0])
    whole.check()
    assert whole.n_messages == 1
    assert whole.deliver()["x"]["a"].tolist() == [6, 5]
    assert whole.deliver()["x"]["a"].tolist() == [6, 5]  # counts are not used up
    with pytest.raises(UnknownMachine):
        traffic([4, 0]).deliver()


def test_parts_share_the_rows_and_stay_short() -> None:
    with mock.patch.object(kernels, "N_THREADS", 64):
        for n_rows in (0, 1, 2**17, 2**18, 10**6, 10**7, 2**40):
            for n_machines in (1, 10**5, 10**7):
                parts = parts_of(n_rows, n_machines)
                assert [0, *(part.stop for part in parts)] == [
                    *(part.start for part in parts),
                    n_rows,
                ]
                longest = max(part.stop - part.start for part in parts)
                assert longest < 2**31
                threaded = n_rows < 2**33 and len(parts) > 1
                assert not threaded or len(parts) * max(n_machines, 2**17) <= n_rows
    assert len(parts_of(10**7, 10**5)) == min(kernels.N_THREADS, 8)
    assert len(parts_of(2**12, 10)) == 1


# --- threads ---


def some_messages(n_rows: int, n_machines: int) -> tuple[np.ndarray, ...]:  # type: ignore[type-arg]
    rng = np.random.default_rng(7)
    source = np.sort(rng.integers(0, n_machines, n_rows))
    return source, rng.integers(0, n_machines, n_rows), rng.integers(0, 2**40, n_rows)


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT", "0") != "0", reason="compiled sizes")
@pytest.mark.parametrize(("n_rows", "n_machines"), [(2**19, 100), (2**20 + 5, 3000)])
def test_threads_do_not_change_a_byte(n_rows: int, n_machines: int) -> None:
    source, to, word = some_messages(n_rows, n_machines)
    results = []
    for n_threads in (1, 2, 3):
        with mock.patch.object(kernels, "N_THREADS", n_threads):
            tally = MachineCounts.of(source, to, np.ones(n_machines, bool))
            assert tally is not None
            assert len(tally.sent.by_part) == n_threads
            owner, moved = sort_by_machine(to, tally.arriving, [word, source])
            results.append((tally.kept, tally.sent.rows, tally.arriving.rows, owner, *moved))
    for other in results[1:]:
        for first, again in zip(results[0], other, strict=True):
            assert first.tobytes() == again.tobytes()
    order = np.argsort(to, kind="stable")
    assert (results[0][4] == word[order]).all()


def test_two_sorted_sends_on_one_channel_are_put_in_order() -> None:
    """2^19 rows, two threads: each finds its half sorted, and the second half begins anew."""
    n_rows, n_machines = 2**18, 64
    source, to, word = some_messages(n_rows, n_machines)
    outbox = Outbox()
    for first in (0, n_rows):
        outbox.send("x", source=source, to=to, word=word + first)
    cluster = Cluster(64, 2 * n_rows, n_machines, 1, word_bits=62)
    channels = (Channel("x", ("word",), 2 * n_rows),)
    with mock.patch.object(kernels, "N_THREADS", 2):
        assert len(parts_of(2 * n_rows, n_machines)) == 2
        traffic = collect(outbox, channels, np.arange(64), cluster, round=0, label="test")
        found = traffic.deliver()["x"]["word"]
    order = np.lexsort((np.tile(source, 2), np.tile(to, 2)))  # stable: then as they were emitted
    assert np.array_equal(found, np.concatenate([word, word + n_rows])[order])


def test_threads_end_with_the_call() -> None:
    before = threading.active_count()
    with forced(3, BUCKETS):
        deliver(9, 2, [(i % 9, i % 7, (i, i)) for i in range(50)])
    assert threading.active_count() == before


def test_what_a_thread_raises_is_raised() -> None:
    for n_threads in (1, 2, 3):
        with pytest.raises(ZeroDivisionError), threads(n_threads) as run:
            run(divmod, [(1, 1), (1, 1), (1, 0)])


def _child(answers: Any) -> None:
    with forced(3, BUCKETS):
        answers.put(deliver(9, 2, [(i % 9, i % 7, (i, i)) for i in range(50)]))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_run_after_a_fork_does_not_hang() -> None:
    with forced(3, BUCKETS):
        expected = deliver(9, 2, [(i % 9, i % 7, (i, i)) for i in range(50)])
    fork = multiprocessing.get_context("fork")
    answers = fork.Queue()
    child = fork.Process(target=_child, args=(answers,))
    child.start()
    assert answers.get(timeout=60) == expected
    child.join(60)
    assert child.exitcode == 0


# --- canaries ---


SCATTER = kernels.scatter


def unstable(key: Any, shift: int, place: Any, column: Any, out: Any) -> None:
    """A scatter that fills a bucket in the order of the words, not of the rows."""
    order = np.argsort(column, kind="stable")
    SCATTER(key[order], shift, place, column[order], out)


def short(key: Any, shift: int, place: Any, column: Any, out: Any) -> None:
    """A scatter that leaves out the last row of a part."""
    out[:] = 0
    SCATTER(key[:-1], shift, place, column[:-1], out)


@pytest.mark.parametrize("broken", [unstable, short])
def test_canary_scatter(broken: Callable[..., None]) -> None:
    rows: Rows = [(0, 1, (9,)), (0, 1, (8,)), (1, 0, (7,)), (2, 1, (6,))]
    assert deliver(3, 1, rows) == plain_round(rows, 3)
    with mock.patch.object(kernels, "scatter", broken):
        assert deliver(3, 1, rows) != plain_round(rows, 3)


def test_canary_parts_with_a_gap() -> None:
    rows: Rows = [(i, (5 * i) % 8, (i,)) for i in range(8)]

    def gap(n_rows: int, n_parts: int) -> list[slice]:
        return [slice(0, n_rows // 2), slice(n_rows // 2 + 1, n_rows)][:n_parts]

    cut = mock.patch.object(counting_sort, "_cut", gap)
    with forced(2, STRAIGHT), cut, pytest.raises(AssertionError):
        assert deliver(8, 1, rows) == plain_round(rows, 8)


# --- memory ---


MEMORY = """
import resource, sys
import numpy as np
from mpc_sim import Channel, Cluster, Outbox
from mpc_sim.routing import collect

def deliver(n_rows, n_machines):
    rng = np.random.default_rng(0)
    source = np.arange(n_rows) * n_machines // n_rows
    to, a, b = (rng.integers(0, n_machines, n_rows) for _ in range(3))
    cluster = Cluster(n_rows, 10**6, n_machines, -(-n_rows // n_machines))
    outbox = Outbox()
    outbox.send("x", source=source, to=to, a=a, b=b)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    traffic = collect(outbox, (Channel("x", ("a", "b"), 10**5),), np.arange(n_machines), cluster,
                      round=0, label="test")
    traffic.check()
    traffic.deliver()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

deliver(1000, 10)
print(deliver(int(sys.argv[1]), int(sys.argv[2])))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss in KiB")
def test_memory_is_at_most_three_times_the_data() -> None:
    n_rows, n_machines = 2**22, 10**5
    command = [sys.executable, "-c", MEMORY, str(n_rows), str(n_machines)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    data = 3 * 8 * n_rows  # destinations and both columns
    allowed = 2 * data + 2**25  # beside the outbox itself, and small change
    assert 1024 * int(run.stdout) <= allowed
