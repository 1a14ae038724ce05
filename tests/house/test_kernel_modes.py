"""Every test of a kernel once more uncompiled, and once more with bounds checked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from repository import ROOT

FILES = (
    "anna_model/mechanisms/test_anna.py",
    "anna_model/mechanisms/test_exact_match.py",
    "anna_model/lsh/test_lsh.py",
    "anna_model/mechanisms/test_mechanisms.py",
    "anna_model/test_partitioned_join.py",
    "mpc_sim/test_routing_kernels.py",
    "reductions/mpc_to_anna/codes/test_syndrome_code.py",
)
MODES = ("NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK")


def run(file: Path | str, mode: str, cache: Path) -> subprocess.CompletedProcess[str]:
    """Run the tests of a file; a cache of its own, for numba keeps one whatever the mode."""
    environment = os.environ | {mode: "1", "NUMBA_CACHE_DIR": str(cache), "CI": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)]
    return subprocess.run(
        [*command, "-m", "not slow"], cwd=ROOT, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.rpartition("/")[2])
def test_the_other_modes(file: str, mode: str, tmp_path: Path) -> None:
    finished = run(ROOT / "tests" / file, mode, tmp_path)
    assert finished.returncode == 0, finished.stdout


def test_every_kernel_is_reached() -> None:
    """A file of kernels that none of these tests runs is found by its name."""
    tested = "".join((ROOT / "tests" / file).read_text() for file in FILES)
    rooms = {
        "anna_model/kernels": {
            "exact_match": "ExactMatch",
            "hashing": "bucket_ids",
            "partitioned_join": "mean_of_equal_words",
            "tables": "Anna(",
        },
        "mpc_sim/kernels": {"routing": "kernels import routing"},
        "reductions/mpc_to_anna/codes/kernels": {
            "prime_field": "SyndromeCode",
            "syndrome": "SyndromeCode",
        },
    }
    for room, kernels in rooms.items():
        found = {path.stem for path in (ROOT / room).glob("*.py")} - {"__init__", "compiled"}
        assert found == set(kernels), f"{room}: add its tests to FILES"
        assert all(sign in tested for sign in kernels.values())


@pytest.mark.slow
def test_canary_a_read_out_of_range(tmp_path: Path) -> None:
    """Compiled as usual it reads garbage and passes; checked it is an IndexError."""
    file = tmp_path / "test_out_of_range.py"
    file.write_text(
        "import numpy as np\nfrom numba import njit\n\n"
        "@njit\ndef beyond(row):\n    return row[len(row)]\n\n"
        "def test_it():\n    beyond(np.zeros(3))\n"
    )
    assert run(file, "NUMBA_NOTHING", tmp_path).returncode == 0
    for mode in MODES:
        assert "IndexError" in run(file, mode, tmp_path).stdout
