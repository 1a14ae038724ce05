"""Bounds, checks, certificates, and k-hop against all of them on a grid of sizes."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given, settings, strategies as st

import oracles
from mpc_sim import Channel, Cluster, Inbox, MPCError, Outbox, Protocol, Simulation, fit_cluster
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.inputs.instances import Letters
from reductions import Bound, Certificate, How, compile_protocol
from reductions.bounds import Check, Kind, Order
from reductions.certify import certify
from reductions.certify.certificate import Recorder
from reductions.constructions.match2 import match2_bounds
from reductions.mpc_to_anna.bounds import layer_bounds
from reductions.mpc_to_anna.options import CompilerOptions
from reductions.problems.k_hop import K_HOP, k_hop_bounds
from reductions.problems.problem import Problem
from reductions.problems.protocol_solver import ProtocolSolver

KINDS: tuple[Kind, ...] = ("exact", "upper", "whp", "expected")
SIZES, HOPS = (1, 2, 3, 7, 64, 1000), (0, 1, 2, 3, 5, 64, 2000)
EPSILONS, ALPHABETS = ("0.45", "1/2", "2/3", "0.8"), ("one letter", "all distinct", "text")
GRID = list(product(SIZES, HOPS, EPSILONS, ALPHABETS))
THINNED = GRID[::37]  # 37 divides no side of the grid, so every value comes up
RESOURCES = {
    *("rounds", "local_memory", "sent_words", "received_words", "machines"),
    *("layers", "heads", "head_width", "token_width", "precision_bits"),
}
TEXT = """\
Whoever keeps a garden keeps a calendar. The first row is for the beans, the second row is for the
peas, and the third row, the long row by the wall, is for whatever the wind brings: a poppy here, a
thistle there, and once a whole row of radishes that nobody had sown. The gardener says that the
wind sows better than the gardener; the wind, when asked, says nothing, and sows the next row. In
the spring the rows are straight. In the summer the rows lean. In the autumn there are no rows, only
leaves upon leaves upon leaves, and the calendar, which says that the rows will be back. So the
gardener waits, and counts the rows that were, and the rows that will be, and sharpens the spade.
Whoever keeps a calendar keeps a garden, the gardener says, and hangs the calendar by the spade. The
first row will be for the peas, the second row will be for the beans, and the third row, the long
row by the wall, will be for the wind. And the wind, when asked, says nothing, and sows the row, and
the row comes up as a poppy here, a thistle there, and a whole row of radishes that nobody had sown.
"""


def letters(n: int, alphabet: str) -> Letters:
    """The input of a grid point."""
    if alphabet == "text":
        return Letters.of(TEXT[:n])
    return Letters.of(["a"] * n if alphabet == "one letter" else [f"{i:04}" for i in range(n)])


@cache
def certified(n: int, k: int, epsilon: str, alphabet: str = "drawn") -> Certificate:
    """A certificate of k-hop; runs once."""
    sequence = Letters.random(n, seed=n) if alphabet == "drawn" else letters(n, alphabet)
    return certify("k-hop", sequence, How(epsilon=epsilon), k=k)


def failing(certificate: Certificate) -> list[str]:
    return [check.name for check in certificate.checks if check.status == "FAIL"]


# --- bounds and checks ---


def bound_of(value: int, kind: Kind = "upper", quantity: str = "rows") -> Bound:
    return Bound(quantity, sympy.Integer(value), {}, kind, "a lemma")


@given(value=st.integers(0, 2**70), off=st.sampled_from([-1, 0, 1]), kind=st.sampled_from(KINDS))
def test_exact_is_equal_and_the_others_are_at_most(value: int, off: int, kind: Kind) -> None:
    expected = off == 0 if kind == "exact" else off <= 0
    check = bound_of(value, kind).check(value + off)
    assert check.status == ("PASS" if expected else "FAIL")
    assert (check.measured, check.bound, check.kind) == (value + off, value, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_measured_is_unverified(kind: Kind) -> None:
    check = bound_of(3, kind).check(None)
    assert (check.status, check.measured, check.bound, check.slack) == ("UNVERIFIED", None, 3, None)


@settings(max_examples=20)
@given(N=st.integers(1, 10**9), w=st.integers(1, 50))
def test_a_bound_is_its_formula_on_its_values(N: int, w: int) -> None:
    n, width, s = sympy.symbols("N w s")
    half = sympy.Min(sympy.floor(n / width), s) + sympy.Max(2 * width, 5)
    bound = Bound("rows", half, {"N": N, "w": w, "s": 400, "unused": 1}, "upper", "a lemma")
    assert bound.value == min(N // w, 400) + max(2 * w, 5)
    check = bound.check(1)
    assert check.substitution == f"N = {N}, s = 400, w = {w}"
    assert check.formula == "Max(5, 2*w) + Min(s, floor(N/w))"


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("N + x", {"N": 3}),
        ("N", {}),
        ("N / 2", {"N": 3}),
        ("sqrt(N)", {"N": 2}),
        ("1 / N", {"N": 0}),
        ("N * 1.0", {"N": 2}),
    ],
)
def test_a_bound_that_is_no_integer_is_refused(expression: str, values: dict[str, int]) -> None:
    parsed = sympy.sympify(expression, locals={"N": sympy.Symbol("N")})
    bound = Bound("rows", parsed, values, "upper", "a lemma")
    with pytest.raises(ValueError, match=r"the bound on rows is .* no integer"):
        _ = bound.value
    with pytest.raises(ValueError, match="rows"):
        bound.check(1)


@pytest.mark.parametrize(
    ("measured", "bound", "slack"), [(2, 3, 1.5), (3, 3, 1.0), (0, 3, None), (0, 0, None)]
)
def test_slack_is_bound_over_measured(measured: int, bound: int, slack: float | None) -> None:
    assert bound_of(bound).check(measured).slack == slack


def test_a_check_explains_itself() -> None:
    n = sympy.Symbol("N")
    text = Bound("rows", 2 * n + 1, {"N": 3}, "exact", "Lemma 7").check(8).explain()
    for part in ("rows", "8", "7", "exact", "2*N + 1", "N = 3", "Lemma 7", "FAIL"):
        assert part in text


def test_a_check_as_json() -> None:
    n = sympy.Symbol("N")
    row = Bound("rows", n, {"N": 3}, "upper", "Lemma 7").check(2).to_json()
    assert json.loads(json.dumps(row)) == row
    assert row == {
        **{"name": "rows", "measured": 2, "bound": 3, "kind": "upper", "source": "Lemma 7"},
        **{"status": "PASS", "slack": 1.5, "formula": "N", "substitution": "N = 3"},
        **{"latex": "N", "symbols": {"N": "words of the input"}, "paper": "", "constant": None},
        "tight": None,
    }
    stated = Order("O(N)", "Lemma 7", 2)
    of_paper = Bound("rows", n, {"N": 3}, "upper", "Lemma 7", paper=stated).check(2)
    assert (of_paper.to_json()["paper"], of_paper.constant) == ("O(N), Lemma 7", 1.5)
    assert "1.5 x O(N), Lemma 7" in of_paper.explain()
    assert Check("output-x", 0, 0, "exact", "", "PASS", compared=9).to_json()["compared"] == 9


# --- the record ---


def test_a_record_counts_differing_words() -> None:
    recorder = Recorder(task="demo", parameters={"n": 4})
    recorder.compare("mpc", np.array([1, 2, 3, 4]), np.array([1, 2, 3, 4]), "a loop")
    assert recorder.certificate().ok
    recorder.compare("transformer", np.array([1, 0, 3, 0]), np.array([1, 2, 3, 4]), "a loop")
    certificate = recorder.certificate()
    row = certificate["output-transformer"]
    assert (row.measured, row.bound, row.compared, row.status) == (2, 0, 4, "FAIL")
    assert (row.kind, row.source) == ("exact", "a loop")
    assert failing(certificate) == ["output-transformer"]
    assert not certificate.ok
    assert certificate.outputs["transformer"].tolist() == [1, 0, 3, 0]


def test_outputs_of_other_lengths_are_refused() -> None:
    recorder = Recorder(task="demo", parameters={})
    with pytest.raises(ValueError, match=r"mpc gave \(1,\) words, the oracle \(2,\)"):
        recorder.compare("mpc", np.array([1]), np.array([1, 1]), "a loop")
    assert recorder.certificate().checks == ()


@pytest.mark.parametrize(
    ("measured", "ok", "statuses"),
    [
        ({"a": 3, "b": 3}, True, ["PASS", "PASS"]),
        ({"a": 3}, True, ["PASS", "UNVERIFIED"]),
        ({}, True, ["UNVERIFIED", "UNVERIFIED"]),
        ({"a": 4}, False, ["FAIL", "UNVERIFIED"]),
        ({"a": 3, "b": 4, "c": 9}, False, ["PASS", "FAIL"]),
    ],
    ids=str,
)
def test_ok_means_that_nothing_failed(
    measured: dict[str, int], ok: bool, statuses: list[str]
) -> None:
    recorder = Recorder(task="demo", parameters={})
    recorder.measure([bound_of(3, quantity="a"), bound_of(3, "exact", "b")], measured)
    certificate = recorder.certificate()
    assert certificate.ok is ok
    assert [check.status for check in certificate.checks] == statuses
    row = certificate.to_json()
    assert json.loads(json.dumps(row)) == row
    assert row["ok"] is ok


def test_a_certificate_as_json() -> None:
    certificate = certified(64, 3, "2/3")
    row = certificate.to_json()
    assert json.loads(json.dumps(row)) == row
    assert (row["task"], row["ok"], row["parameters"]["k"]) == ("k-hop", True, 3)
    assert row["seconds"] == pytest.approx(certificate.seconds, abs=1e-3)
    assert [one["name"] for one in row["checks"]] == [one.name for one in certificate.checks]


def test_rows_are_found_by_name() -> None:
    certificate = certified(64, 3, "2/3")
    assert certificate["layers"].name == "layers"
    with pytest.raises(KeyError, match=r"no row 'depth'; this certificate has .*layers"):
        certificate["depth"]


# --- certifying a protocol of one's own ---


@dataclass(frozen=True)
class Rotate(Protocol):
    """Every machine hands its words on; a heavy one sends a word more than it holds."""

    heavy: bool = False

    def n_rounds(self, cluster: Cluster) -> int:
        return 1

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel("word", ("word",), cluster.block_words, cluster.block_words),)

    def joint_limit(self, round: int, cluster: Cluster) -> int:
        return cluster.block_words

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        outbox, words = Outbox(), inbox["input"]
        to = (words.machine + 1) % cluster.n_machines
        outbox.send("word", source=words.machine, to=to, word=words["word"])
        if self.heavy:
            outbox.send("word", source=[0], to=[1], word=[0])
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        return Inbox(inbox.machines, {"output": inbox["word"]})


RING = Cluster(n_words=6, memory_words=2, n_machines=3, block_words=2)
WORDS, ROTATED = np.arange(6), np.array([4, 5, 0, 1, 2, 3])


def certify_rotation(
    expected: Any = ROTATED, bounds: Iterable[Bound] = (), heavy: bool = False, **options: Any
) -> Certificate:
    problem = Problem.of_words(
        name="rotate",
        statement="the words of the machine before",
        instance=lambda n, seed: WORDS,
        oracle=lambda words: expected,
    )
    solver = ProtocolSolver(
        problem=problem,
        protocol=lambda n: Rotate(heavy),
        bounds=lambda protocol, cluster: tuple(bounds),
        layer_claims=lambda cluster: (),
    )
    return certify(solver, WORDS, How(cluster=RING, **options))


def test_a_protocol_of_ones_own_is_certified() -> None:
    bounds = [
        bound_of(1, "exact", "rounds"),
        bound_of(2, "exact", "layers"),
        bound_of(2, "upper", "local_memory"),
        bound_of(7, "upper", "mirrors"),
    ]
    certificate = certify_rotation(bounds=bounds)
    assert certificate.ok
    rows = {check.name: check.status for check in certificate.checks}
    assert rows.pop("mirrors") == "UNVERIFIED"
    assert set(rows.values()) == {"PASS"}
    outputs = {"output-mpc", "output-transformer", "sides-differ", "isolated"}
    assert set(rows) == {*outputs, "rounds", "layers", "local_memory"}
    assert (certificate.parameters["memory_words"], certificate.parameters["c_s"]) == (2, None)
    assert set(certificate.outputs) == {"mpc", "transformer"}


def test_canary_a_wrong_oracle_and_a_wrong_bound_fail() -> None:
    assert failing(certify_rotation(ROTATED[::-1])) == ["output-mpc", "output-transformer"]
    for quantity, kind, value in [("rounds", "exact", 2), ("local_memory", "upper", 1)]:
        bounds = [bound_of(value, kind, quantity), bound_of(2, "exact", "layers")]  # type: ignore[arg-type]
        assert failing(certify_rotation(bounds=bounds)) == [quantity]


def test_a_broken_limit_is_raised_and_not_recorded() -> None:
    with pytest.raises(MPCError, match="round 0"):
        certify_rotation(heavy=True)


def test_progress_counts_rounds_and_layers() -> None:
    calls: list[tuple[str, int, int]] = []
    certify_rotation(progress=lambda *call: calls.append(call))
    assert calls == [("simulate", 1, 1), ("transformer", 1, 2), ("transformer", 2, 2)]


def test_ample_memory_is_remarked() -> None:
    width = "mH = 9 >= N = 6: one token could hold the whole input"
    (remark,) = certify_rotation().remarks
    assert remark.startswith(width)
    memory, _ = certified(7, 1, "2/3").remarks
    assert "s = " in memory
    (remark,) = certified(1024, 6, "2/3").remarks
    assert "mH = " in remark


# --- bounds of the tasks ---


def task_certificates() -> list[tuple[Certificate, tuple[Bound, ...]]]:
    """Certificates of both tasks, each with its bounds computed anew."""
    found = []
    for n, k, epsilon in [(64, 0, "1/2"), (64, 6, "2/3"), (1024, 6, "2/3")]:
        cluster = fit_cluster(k_hop(k), n, epsilon, largest_word=4)
        layers = layer_bounds(k_hop(k), cluster, CompilerOptions())
        found.append((certified(n, k, epsilon), (*k_hop_bounds(cluster, k), *layers)))
    numbers = np.arange(40) % 37
    return [*found, (certify("match2", numbers, modulus=37), match2_bounds(40, 37))]


@pytest.mark.parametrize("which", range(4))
def test_canary_every_bound_fails_beyond_itself(which: int) -> None:
    certificate, bounds = task_certificates()[which]
    measured = {bound.quantity: certificate[bound.quantity].measured for bound in bounds}
    for bound in bounds:
        value = bound.value
        assert bound.check(value).status == "PASS"
        assert bound.check(value + 1).status == "FAIL"
        assert bound.check(value - 1).status == ("FAIL" if bound.kind == "exact" else "PASS")
        assert certificate[bound.quantity].bound == value
        # The same bound, less than what was measured by one, fails the whole certificate.
        found = measured[bound.quantity]
        assert found is not None
        smaller = replace(bound, expression=bound.expression - (value - found + 1))
        recorder = Recorder(task="canary", parameters={})
        recorder.measure([smaller if one is bound else one for one in bounds], measured)
        assert failing(recorder.certificate()) == [bound.quantity]


LEAST = "least_rounds"
"""What is needed beside what is taken: not a bound of the protocol."""


def test_bounds_do_not_read_the_input() -> None:
    """The same rows for every input of a shape, computed before there is one."""
    assert list(inspect.signature(k_hop_bounds).parameters) == ["cluster", "k"]
    n, k = 200, 5
    alphabet = ("a", "b", "c", "d")
    inputs = [np.zeros(n, np.int64), np.arange(n) % 4, np.sort(np.arange(n) % 4)]
    cluster = fit_cluster(k_hop(k), n, "2/3", largest_word=len(alphabet))
    layers = layer_bounds(k_hop(k), cluster, CompilerOptions(), K_HOP.bounds_of(cluster, k=k))
    claims = (*K_HOP.bounds_of(cluster, k=k), *layers)
    before = [replace(bound.check(None), is_tight=None) for bound in claims]
    for words in inputs:
        certificate = certify("k-hop", Letters(words, alphabet), k=k)
        rows = [row for row in certificate.checks if row.compared is None and row.name != LEAST]
        unknown = {"measured": None, "status": "UNVERIFIED", "paper": None, "is_tight": None}
        assert [replace(check, **unknown) for check in rows] == before  # type: ignore[arg-type]
        assert certificate.ok


# --- the grid ---


def misses(certificate: Certificate, k: int) -> list[str]:
    """What keeps a certificate of k-hop from what is promised at every size."""
    given = certificate.parameters
    rows = {check.name: check.measured for check in certificate.checks}
    promises = {
        "ok": certificate.ok,
        "nothing unverified": all(check.status == "PASS" for check in certificate.checks),
        "rows": set(rows) >= RESOURCES | {"output-mpc", "output-transformer"},
        "c_s": 1 <= given["c_s"] <= 16,
        "c_p": 1 <= given["c_p"] <= 16,
        "layers": rows["layers"] == rows["rounds"] + 1,
        # records of k-hop that travel have two words or more
        "heads": rows["heads"] <= given["memory_words"] // 2 + 1,
        "head width": rows["head_width"] <= 3 * given["memory_words"] + 8,
        "precision": rows["precision_bits"] <= 53,
        "memory": rows["local_memory"] <= given["memory_words"],
        "sent": rows["sent_words"] <= given["memory_words"],
        "received": rows["received_words"] <= given["memory_words"],
        "machines": rows["machines"] <= given["n_machines"],
        "no round for no hop": k > 0 or rows["rounds"] == 0,
        "depth": given["epsilon"] != "2/3" or k == 0 or rows["layers"] < k.bit_length() + 12,
    }
    return [promise for promise, kept in promises.items() if not kept]


def assert_grid_point(n: int, k: int, epsilon: str, alphabet: str) -> None:
    sequence = letters(n, alphabet)
    certificate = certify("k-hop", sequence, How(epsilon=epsilon), k=k)
    assert misses(certificate, k) == []
    expected = oracles.k_hop(sequence.words.tolist(), k)
    assert {side: words.tolist() for side, words in certificate.outputs.items()} == {
        "mpc": expected,
        "transformer": expected,
    }


@pytest.mark.parametrize(("n", "k", "epsilon", "alphabet"), THINNED)
def test_thinned_grid(n: int, k: int, epsilon: str, alphabet: str) -> None:
    assert_grid_point(n, k, epsilon, alphabet)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "epsilon"), list(product(SIZES, EPSILONS)))
def test_full_grid(n: int, epsilon: str) -> None:
    for k, alphabet in product(HOPS, ALPHABETS):
        assert_grid_point(n, k, epsilon, alphabet)


def test_the_grid_is_the_promised_one() -> None:
    assert len(GRID) == 6 * 7 * 4 * 3
    for side, values in enumerate((SIZES, HOPS, EPSILONS, ALPHABETS)):
        assert {point[side] for point in THINNED} == set(values)
    assert len(TEXT) >= max(SIZES)
    assert len(set(TEXT)) < 40
    assert [len(letters(64, alphabet).alphabet) for alphabet in ALPHABETS[:2]] == [1, 64]


def test_canary_misses() -> None:
    certificate = certified(64, 3, "2/3")
    assert misses(certificate, 3) == []
    for row, value, promise in [
        ("layers", 13, "layers"),
        ("heads", 10**4, "heads"),
        ("head_width", 10**4, "head width"),
        ("local_memory", 10**4, "memory"),
        ("precision_bits", 54, "precision"),
    ]:
        checks = tuple(
            replace(check, measured=value) if check.name == row else check
            for check in certificate.checks
        )
        assert misses(replace(certificate, checks=checks), 3) == [promise]
    few = replace(certificate, parameters={**certificate.parameters, "c_s": 17})
    assert misses(few, 3) == ["c_s"]


# --- depth ---


def layers(k: int, n: int, epsilon: str) -> int:
    protocol = k_hop(k)
    return len(compile_protocol(protocol, fit_cluster(protocol, n, epsilon)).layers)


@pytest.mark.parametrize("epsilon", EPSILONS)
@pytest.mark.parametrize("n", [7, 64, 1000])
def test_a_layer_more_when_k_doubles(n: int, epsilon: str) -> None:
    assert [layers(2**j, n, epsilon) - layers(1, n, epsilon) for j in range(11)] == list(range(11))


@pytest.mark.parametrize("n", [1, 2, 3, 7, 64, 1000, 2**14, 2**20])
def test_depth_at_two_thirds(n: int) -> None:
    for k in (1, 2, 3, 5, 64, 1000, 2000):
        assert layers(k, n, "2/3") <= math.floor(math.log2(k)) + 12


# --- scarce memory, slack, growth ---

POINTS = [(256, "2/3"), (1024, "2/3"), (1024, "7/20"), (4096, "9/20"), (16384, "1/2")]


@pytest.mark.parametrize(("n", "epsilon"), POINTS)
@pytest.mark.slow
def test_measured_is_within_bounds(n: int, epsilon: str) -> None:
    certificate = certified(n, 64, epsilon)
    assert misses(certificate, 64) == []
    for check in certificate.checks:
        assert check.measured is not None
        assert check.measured <= check.bound


def test_memory_is_really_scarce() -> None:
    given = certified(16384, 64, "1/2").parameters
    assert given["memory_words"] == 2048 == 16384 // 8
    assert certified(16384, 64, "1/2")["machines"].measured >= 73
    scarce = [(n, e) for n, e in POINTS if 8 * certified(n, 64, e).parameters["memory_words"] <= n]
    assert len(scarce) >= 2


def test_slack_is_at_most_4_somewhere() -> None:
    best: dict[str, float] = {}
    for n, epsilon in POINTS:
        for check in certified(n, 64, epsilon).checks:
            if check.slack is not None and check.name != LEAST:
                best[check.name] = min(best.get(check.name, math.inf), check.slack)
    assert set(best) >= RESOURCES
    assert {name: slack for name, slack in best.items() if slack > 4} == {}


def slope(x: list[float], y: list[float]) -> float:
    """Of the least-squares line."""
    mean = sum(x) / len(x)
    spread = sum((one - mean) ** 2 for one in x)
    return sum((a - mean) * b for a, b in zip(x, y, strict=True)) / spread


def slope_limits(n: list[int]) -> tuple[float, float]:
    """The least and the greatest slope that local memory can show, from the sizes alone.

    With c_p = 2 a machine has T <= N^(2/3)/2 + 1 tokens and a block has B <= N^(2/3) + 1 words. The
    longest column r satisfies r >= N/c and r >= 2 (c-1)^2 for its c columns. Let c* solve N/c* =
    2 (c*-1)^2; then u = (N/2)^(1/3) < c* < u + 1, and r >= N/c* > N/(u+1) whatever c is. With
    c = floor(c*) > u - 1 a column of N/c rows, rounded up to a multiple of c, is legal, so r <=
    N/(u-1) + u + 1. Local memory is at least 2 r and at most max(2 r, 5 T, 2 T + 2, 2 B). A fitted
    slope is a sum of log2(memory) with fixed weights, extreme where every term is.
    """
    x = [math.log2(one) for one in n]
    mean = sum(x) / len(x)
    low, high = [], []
    for one, where in zip(n, x, strict=True):
        u, block = (one / 2) ** (1 / 3), one ** (2 / 3)
        least = math.log2(2 * one / (u + 1))
        most = math.log2(max(2 * (one / (u - 1) + u + 1), 5 * (block / 2 + 1), 2 * (block + 1)))
        low.append(most if where < mean else least)
        high.append(least if where < mean else most)
    return slope(x, low), slope(x, high)


def test_local_memory_grows_as_its_exponent() -> None:
    sizes, memory = [2**j for j in range(8, 15)], []
    for n in sizes:
        cluster = fit_cluster(k_hop(1), n, "2/3", largest_word=4)
        assert cluster.machine_factor == 2
        sim = Simulation(k_hop(1), cluster, Letters.random(n, seed=n).words)
        sim.run()
        memory.append(sim.ledger.max_held_words)
    least, greatest = slope_limits(sizes)
    assert 2 / 3 - 0.12 < least < 2 / 3 < greatest < 2 / 3 + 0.12
    assert least <= slope([math.log2(n) for n in sizes], [math.log2(m) for m in memory]) <= greatest


@pytest.mark.parametrize("exponent", [0.5, 1.0])
def test_canary_slope(exponent: float) -> None:
    sizes = [2**j for j in range(8, 15)]
    least, greatest = slope_limits(sizes)
    found = slope([math.log2(n) for n in sizes], [math.log2(2.5 * n**exponent) for n in sizes])
    assert found == pytest.approx(exponent)
    assert not least <= found <= greatest
