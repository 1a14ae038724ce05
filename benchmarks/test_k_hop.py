"""k-hop end to end, for pytest-benchmark: ``pytest benchmarks`` (extra: bench)."""

from __future__ import annotations

from typing import Any

import pytest

from reductions.benchmarks.k_hop import CASES, REFERENCES, Hops, Reference, simulate
from reductions.benchmarks.timing import keep_freed_memory

pytest.importorskip("pytest_benchmark")


@pytest.mark.parametrize("task", CASES, ids=str)
def test_simulation(benchmark: Any, task: Hops) -> None:
    keep_freed_memory()
    benchmark.group = str(task)
    benchmark.pedantic(simulate, (task.draw(), task), rounds=5, warmup_rounds=1)


@pytest.mark.parametrize("reference", REFERENCES, ids=lambda reference: reference.name)
@pytest.mark.parametrize("task", CASES, ids=str)
def test_reference(benchmark: Any, task: Hops, reference: Reference) -> None:
    keep_freed_memory()
    benchmark.group = str(task)
    letters = task.draw()[: reference.n]
    benchmark.pedantic(reference.run, (letters, task), rounds=5, warmup_rounds=1)
