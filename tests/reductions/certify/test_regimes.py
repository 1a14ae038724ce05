"""Regimes in which a figure shows nothing are said."""

from __future__ import annotations

from fractions import Fraction

from mpc_sim import fit_cluster
from mpc_sim.stages.columnsort import columnsort
from reductions.certify.regimes import failure_remark, reach_remarks, width_remarks
from reductions.mpc_to_anna.compile import compile_protocol
from reductions.mpc_to_anna.options import CompilerOptions


def test_widths_that_could_hold_the_input() -> None:
    assert width_remarks(100, 20, 1000, 16) == []
    (numbers,) = width_remarks(1000, 1, 1000, 16)
    assert numbers.startswith("mH = 1000 >= N = 1000")
    (bits,) = width_remarks(800, 20, 1000, 16)  # 16,000 bits on both sides
    assert "16000 bits of the input" in bits
    assert width_remarks(799, 20, 1000, 16) == []


def test_what_fails_is_named_and_a_bound_of_one_promises_nothing() -> None:
    assert failure_remark({}, "it") == []
    (said,) = failure_remark({"two ids meet": Fraction(1, 100)}, "it")
    assert "it raises with probability at most 0.01 (two ids meet)" in said
    assert "checked by the harness" in said
    (vacuous,) = failure_remark({"two ids meet": Fraction(3, 2)}, "it")
    assert "promises nothing (two ids meet)" in vacuous


def test_lines_of_pointer_chasing() -> None:
    assert reach_remarks(64, 2) == []
    assert "below 1 from k = 2 on" in reach_remarks(63, 2)[0]


def test_failure_is_split_over_rounds_clipped_and_named() -> None:
    cluster = fit_cluster(columnsort(), 64, "2/3")
    for code, heads, names in (
        ("repetition", "emission", 1),
        ("syndrome", "spread", 1),
        ("repetition", "spread", 2),
        ("syndrome", "emission", 0),
    ):
        options = CompilerOptions(code, heads, failure="1/50")
        made = compile_protocol(columnsort(), cluster, **options.keywords)
        assert len(made.risks) <= names  # spread heads are safe where no more than P can meet
        assert made.failure <= Fraction(1, 50)
    few = compile_protocol(columnsort(), cluster, attention="anna", hashes=1)
    assert few.failure == 1
    assert few.risks["two hashed ids meet"] > 1
