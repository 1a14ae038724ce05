"""A forward pass of ANNA against references, for pytest-benchmark: ``pytest benchmarks``."""

from __future__ import annotations

from typing import Any

import pytest

from reductions.benchmarks.attention import CASES, Forward, contestants
from reductions.benchmarks.timing import keep_freed_memory

pytest.importorskip("pytest_benchmark")

NAMES = list(contestants(Forward(64)))
PAIRS = [pytest.param(case, name, id=f"{case}: {name}") for case in CASES for name in NAMES]


@pytest.mark.parametrize(("case", "name"), PAIRS)
def test_attention(benchmark: Any, case: Forward, name: str) -> None:
    keep_freed_memory()
    benchmark.group = str(case)
    found = contestants(case)
    if name not in found:
        pytest.skip(f"{name} is left out at this size")
    benchmark.pedantic(found[name], rounds=5, warmup_rounds=1)
