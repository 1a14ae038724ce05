"""Exact match against joins of data frames, for pytest-benchmark: ``pytest benchmarks``."""

from __future__ import annotations

from typing import Any

import pytest

from reductions.benchmarks.exact_match import CASES, Keys, contestants
from reductions.benchmarks.timing import keep_freed_memory

pytest.importorskip("pytest_benchmark")

NAMES = list(contestants(Keys(100)))
PAIRS = [pytest.param(case, name, id=f"{case}: {name}") for case in CASES for name in NAMES]


@pytest.mark.parametrize(("case", "name"), PAIRS)
def test_exact_match(benchmark: Any, case: Keys, name: str) -> None:
    keep_freed_memory()
    benchmark.group = str(case)
    benchmark.pedantic(contestants(case)[name], rounds=5, warmup_rounds=1)
