"""Sizes that are refused before anything is allocated: beside measured peaks, and every limit."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from mpc_sim import Cluster, ShapeError, Simulation, fit_cluster
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.stages.columnsort import columnsort
from reductions.certify import host_memory, run_size
from reductions.registry import solver


@pytest.mark.parametrize(
    ("name", "n"),
    [
        ("columnsort", 2**17),
        ("prefix-sum", 2**17),
        ("sample-sort", 2**16),
        ("k-hop", 2**15),
        ("list-ranking", 2**14),
        ("reduce-by-key", 2**16),
    ],
)
def test_the_guard_is_within_a_factor_of_two(name: str, n: int) -> None:
    """The peak is that of drawing, running and judging, once the kernels are compiled."""
    one = solver(name)

    def measured(size: int) -> tuple[int, int]:
        tracemalloc.start()
        try:
            instance = one.problem.draw(size, 0)
            protocol, cluster = one.protocol_for(instance), one.cluster(instance)
            output = Simulation(protocol, cluster, instance.words, keep_bytes=0).run()
            assert one.problem.n_wrong(instance, output) == 0
            return tracemalloc.get_traced_memory()[1], run_size.run_bytes(protocol, cluster)
        finally:
            tracemalloc.stop()

    measured(64)
    peak, need = measured(n)
    assert peak / 2 <= need <= 2 * peak


def test_large_runs_are_accepted() -> None:
    cluster = fit_cluster(columnsort(), 2**24, "2/3")
    assert run_size.run_bytes(columnsort(), cluster) < 3 * 2**30


def test_what_cannot_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_size, "available_bytes", lambda: 2**20)
    protocol = k_hop(2)
    run_size.refuse_run(protocol, fit_cluster(protocol, 1024, "2/3"))
    with pytest.raises(ShapeError, match=r"a run of 65536 words on .* needs about 0\.\d+ GiB"):
        run_size.refuse_run(protocol, fit_cluster(protocol, 2**16, "2/3"))
    with pytest.raises(ShapeError, match="an input of 80000 words needs about"):
        run_size.refuse_draw(solver("matrix-product").problem, 200)


@pytest.mark.parametrize("name", ["columnsort", "matrix-product", "connectivity", "k-hop"])
def test_words_are_foretold(name: str) -> None:
    problem = solver(name).problem
    words = len(problem.draw(100, 0).words)
    assert words / 1.2 <= run_size.words_drawn(problem, 100) <= 1.2 * words


def test_limits_of_containers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The least limit counts, of both versions, of groups around the own one; ``max`` is none."""

    def write(path: str, text: str) -> None:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    monkeypatch.setattr(host_memory, "physical_bytes", lambda: 2**40)
    assert host_memory.available_bytes(tmp_path) == 2**40
    write("proc/self/cgroup", "0::/a/b\n")
    write("sys/fs/cgroup/a/b/memory.max", "max\n")
    assert host_memory.available_bytes(tmp_path) == 2**40
    write("sys/fs/cgroup/a/memory.max", f"{2**33}\n")
    assert host_memory.available_bytes(tmp_path) == 2**33
    write("sys/fs/cgroup/memory.max", f"{2**32}\n")
    assert host_memory.available_bytes(tmp_path) == 2**32
    write("proc/self/cgroup", "4:cpu,memory:/c\n1:cpuset:/\n")
    write("sys/fs/cgroup/memory/c/memory.limit_in_bytes", f"{2**31}\n")
    assert host_memory.available_bytes(tmp_path) == 2**31


def test_other_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without sysconf psutil is asked; without psutil a cautious size is taken."""

    def no_sysconf(name: str) -> int:
        raise ValueError(name)

    real = host_memory.physical_bytes()
    monkeypatch.setattr(host_memory.os, "sysconf", no_sysconf)
    monkeypatch.setitem(__import__("sys").modules, "psutil", None)
    assert host_memory.physical_bytes() == host_memory.UNKNOWN_BYTES
    monkeypatch.undo()
    psutil = pytest.importorskip("psutil")
    monkeypatch.setattr(host_memory.os, "sysconf", no_sysconf)
    assert host_memory.physical_bytes() == psutil.virtual_memory().total
    assert abs(real - psutil.virtual_memory().total) < 2**20


def test_an_idle_machine_costs_its_ledger() -> None:
    cluster = Cluster(n_words=8, memory_words=8, n_machines=1000, block_words=8)
    assert run_size.run_bytes(columnsort(), cluster) > 24 * 1000
