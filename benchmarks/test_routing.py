"""Delivery of one round, for pytest-benchmark: ``pytest benchmarks`` (extra: bench)."""

from __future__ import annotations

from typing import Any

import pytest

from reductions.benchmarks.routing import CASES, Messages, contestants
from reductions.benchmarks.timing import keep_freed_memory

pytest.importorskip("pytest_benchmark")

NAMES = list(contestants(Messages(100, 10, 2)))
PAIRS = [pytest.param(case, name, id=f"{case}: {name}") for case in CASES for name in NAMES]


@pytest.mark.parametrize(("case", "name"), PAIRS)
def test_routing(benchmark: Any, case: Messages, name: str) -> None:
    keep_freed_memory()
    benchmark.group = str(case)
    benchmark.pedantic(contestants(case)[name], rounds=5, warmup_rounds=1)
