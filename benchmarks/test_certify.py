"""Compiled protocols, for pytest-benchmark: ``pytest benchmarks`` (extra: bench)."""

from __future__ import annotations

from typing import Any

import pytest

from reductions.benchmarks.certify import CASES, Compiled, simulate_alone
from reductions.benchmarks.timing import keep_freed_memory

pytest.importorskip("pytest_benchmark")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_transformer(benchmark: Any, case: Compiled) -> None:
    keep_freed_memory()
    benchmark.group = str(case)
    _, _, transformer, words = case.build()
    benchmark.pedantic(transformer.run, (words,), rounds=5, warmup_rounds=1)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_simulation(benchmark: Any, case: Compiled) -> None:
    keep_freed_memory()
    benchmark.group = str(case)
    protocol, cluster, _, words = case.build()
    benchmark.pedantic(simulate_alone, (protocol, cluster, words), rounds=5, warmup_rounds=1)
