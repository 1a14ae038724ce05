"""The conformance kit accepts protocols and rejects, by name, what is none.

Every wrong protocol stands beside its corrected twin, which passes the same checks.
"""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import reductions.testing.compiled_side as compiled_side
from cases.conformance import (
    ALGORITHMS,
    CLUSTER,
    FAILING,
    FAST,
    ROOT,
    SLOW,
    STATE,
    WORDS,
    WRONG,
    AddsRound,
    ChecksumsText,
    FailsOnNine,
    HashesText,
    Integers,
    Overloaded,
    Receives,
    Sends,
    Shift,
    Spoiled,
    TiresAfter,
    TiresOnce,
    bound,
    check_algorithm,
    no_state,  # noqa: F401
    readme_files,
)
from mpc_sim import (
    Cluster,
    InputError,
    Protocol,
    ShapeError,
    fit_cluster,
)
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.algorithms.prefix_sum import prefix_sum
from mpc_sim.cluster import failure_word
from mpc_sim.errors import ChannelExceeded, MemoryExceeded, SendExceeded, WordOverflow
from mpc_sim.stages.columnsort import columnsort
from mpc_sim.stages.operations import Addition
from reductions.problems.k_hop import k_hop_oracle
from reductions.testing import (
    CHECKS,
    NotConforming,
    assert_conforms,
    cases,
    clusters,
    word_inputs,
    words,
)

pytest_plugins = ["reductions.testing", "pytester"]


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_protocol_is_named_and_its_twin_passes(name: str) -> None:
    wrong = WRONG[name]
    assert_conforms(wrong.twin, WORDS, cluster=CLUSTER)
    STATE.clear()
    with pytest.raises(NotConforming, match=rf"^{wrong.check}: .*{wrong.says}") as caught:
        assert_conforms(wrong.protocol, WORDS, cluster=CLUSTER)
    assert caught.value.check == wrong.check
    if wrong.round is not None:
        assert caught.value.round == wrong.round


# --- checks that need more than one wrong step ---


def test_state_that_shows_late_is_found_however_late_that_is() -> None:
    """Calls of the checks, of the simulation, of a later repetition and of the second run."""
    assert_conforms(TiresAfter(10**6), WORDS, cluster=CLUSTER, codes=())
    n_calls = STATE["calls"]
    found = set()
    for calls in range(1, n_calls):
        STATE.clear()
        with pytest.raises(NotConforming) as caught:
            assert_conforms(TiresAfter(calls), WORDS, cluster=CLUSTER, codes=())
        found.add(caught.value.check)
    assert n_calls > 10
    assert found == {"hidden state", "locality", "order", "isolation", "seed"}


def test_a_second_run_must_give_the_same() -> None:
    """The last call of all is that of the second run."""
    assert_conforms(TiresAfter(10**6), WORDS, cluster=CLUSTER, codes=())
    last = STATE["calls"] - 1
    STATE.clear()
    with pytest.raises(NotConforming, match=r"^seed: in a second run word 0 is \d instead of \d"):
        assert_conforms(TiresAfter(last), WORDS, cluster=CLUSTER, codes=())


@pytest.mark.slow
def test_text_that_hashes_otherwise_in_a_new_process() -> None:
    """Isolation starts a new interpreter too, and comes first."""
    assert_conforms(ChecksumsText(), WORDS, cluster=CLUSTER, codes=(), new_process=True)
    told = r"^(isolation: round \d+|new process: word \d+ is .* hash\(\))"
    with pytest.raises(NotConforming, match=told):
        assert_conforms(HashesText(), WORDS, cluster=CLUSTER, codes=(), new_process=True)


def test_a_protocol_of_a_notebook_does_not_run_in_a_new_process() -> None:
    namespace: dict[str, Any] = {"Shift": Shift, "__name__": "a notebook"}
    exec("class Here(Shift): pass", namespace)
    assert_conforms(namespace["Here"](), WORDS, cluster=CLUSTER, codes=())
    with pytest.raises(NotConforming, match=r"^new process: it does not run there: .*Here"):
        assert_conforms(namespace["Here"](), WORDS, cluster=CLUSTER, codes=(), new_process=True)


def test_a_class_inside_a_function_does_not_pickle() -> None:
    class Inside(Shift):
        pass

    with pytest.raises(NotConforming, match=r"^pickling: Inside does not pickle .*Inside"):
        assert_conforms(Inside(), WORDS, cluster=CLUSTER)


def test_a_wrong_output_is_told_from_the_oracle() -> None:
    def oracle(words: Integers) -> Integers:
        return np.roll(words, 2)

    assert_conforms(Shift(), WORDS, cluster=CLUSTER, oracle=oracle)
    with pytest.raises(NotConforming) as caught:
        assert_conforms(AddsRound(), WORDS, cluster=CLUSTER, oracle=oracle)
    assert str(caught.value) == (
        "oracle: by the oracle word 0 is 6 instead of 5, and 12 of 12 words differ; "
        "input of 12 words [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8] on P = 6 machines, s = 8"
    )


def test_a_violation_of_the_model_is_the_cause() -> None:
    kinds = {
        "sends s + 1 words": SendExceeded,
        "makes a machine hold more than s words": MemoryExceeded,
        "sends a word that is too long": WordOverflow,
        "sends more records than declared": ChannelExceeded,
    }
    for name, kind in kinds.items():
        with pytest.raises(NotConforming) as caught:
            assert_conforms(WRONG[name].protocol, WORDS, cluster=CLUSTER)
        assert type(caught.value.__cause__) is kind


def test_a_randomised_protocol_may_fail_but_not_always() -> None:
    inputs = [WORDS[:6] * 2, [1] * 12, [9] * 12]

    def oracle(words: Integers) -> Integers:
        return np.roll(np.where(words == 9, failure_word(CLUSTER), words), 2)

    assert_conforms(FailsOnNine(), inputs, cluster=CLUSTER, oracle=oracle, codes=())
    plain: Any = lambda words: np.roll(words, 2)  # noqa: E731
    options = {"cluster": CLUSTER, "oracle": plain, "codes": ()}
    assert_conforms(FailsOnNine(), inputs[1:], may_fail=True, **options)
    with pytest.raises(NotConforming, match=r"^oracle: by the oracle word 0 is 1023 instead of 9"):
        assert_conforms(FailsOnNine(), inputs[1:], **options)
    with pytest.raises(NotConforming, match=r"^oracle: by the oracle word \d+ is 1023 instead"):
        assert_conforms(FailsOnNine(), inputs, may_fail=True, **options)  # half an answer
    with pytest.raises(NotConforming, match=r"^oracle: the failure word came out on all 1 inputs"):
        assert_conforms(FailsOnNine(), inputs[2:], may_fail=True, **options)


# --- the compiled side ---


def test_words_that_no_code_carries() -> None:
    long = replace(CLUSTER, word_bits=60)
    assert_conforms(Shift(), WORDS, cluster=long, codes=())
    fault = r"^compilation: it does not compile by the disjunct code: ShapeError: word_bits = 60"
    with pytest.raises(NotConforming, match=fault):
        assert_conforms(Shift(), WORDS, cluster=long, codes=("disjunct",))
    with pytest.raises(NotConforming, match=r"^compilation: .*'hamming' is unknown"):
        assert_conforms(Shift(), WORDS, cluster=CLUSTER, codes=("hamming",))


@pytest.mark.parametrize(
    ("spoil", "fault"),
    [
        ({"add": 1}, "transformer: compiled by the disjunct code .* word 7 is 10 instead of 9"),
        ({"layers": 1}, r"bounds: layers: measured 4, exact bound 3 = R \+ 1 with R = 2"),
        ({"layers": -1}, "bounds: layers: measured 2, exact bound 3"),
        (
            {"heads": 1},
            r"bounds: heads: measured 3, upper bound 2 = ceiling\(K/g\) \+ 1 with K = 2, g = 2",
        ),
        ({"head_width": 999}, r"bounds: head_width: measured \d+, upper bound .* disjunct code"),
        ({"token_width": 999}, r"bounds: token_width: measured \d+, upper bound .* disjunct code"),
    ],
)
def test_a_spoiled_transformer_is_named(
    spoil: dict[str, int], fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = compiled_side.compile_protocol

    def compile_protocol(*args: Any, code: str, **options: Any) -> Any:
        transformer = honest(*args, code=code, **options)
        return Spoiled(transformer, **spoil) if code == "disjunct" else transformer

    # Channel w declares 2 records, and 8 may arrive: k is 2 only if receivers are declared too.
    protocol = Receives()
    monkeypatch.setattr(compiled_side, "compile_protocol", compile_protocol)
    assert_conforms(protocol, WORDS, cluster=CLUSTER, codes=("syndrome", "repetition"))
    with pytest.raises(NotConforming, match=f"^{fault}") as caught:
        assert_conforms(protocol, WORDS, cluster=CLUSTER)
    assert caught.value.details["code"] == "disjunct"


def test_a_code_that_was_drawn_badly_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = compiled_side.compile_protocol
    bad: set[int] = set()

    def compile_protocol(*args: Any, seed: int, **options: Any) -> Any:
        return Overloaded() if seed in bad else honest(*args, seed=seed, **options)

    monkeypatch.setattr(compiled_side, "compile_protocol", compile_protocol)
    bad.update({5, 6, 7})
    assert_conforms(Shift(), WORDS, cluster=CLUSTER, codes=("repetition",), seed=5)
    bad.add(8)
    with pytest.raises(NotConforming, match=r"^transformer: .* with 4 seeds: row 17 is no average"):
        assert_conforms(Shift(), WORDS, cluster=CLUSTER, codes=("repetition",), seed=5)


def test_bounds_of_ones_own() -> None:
    held = bound("local_memory", 2, "exact")
    assert_conforms(Shift(), WORDS, cluster=CLUSTER, bounds=[held, bound("rounds", 2, "exact")])
    assert_conforms(Shift(), WORDS, cluster=CLUSTER, bounds=lambda c: [bound("machines", 6)])
    fault = r"^bounds: local_memory: measured 2, upper bound 1 = x with x = 1 \(a test\); input of"
    low = bound("local_memory", 1)
    for codes in ((), ("syndrome",)):
        with pytest.raises(NotConforming, match=fault):
            assert_conforms(Shift(), WORDS, cluster=CLUSTER, bounds=[low], codes=codes)
    with pytest.raises(NotConforming, match=r"^bounds: nothing measures 'energy'; measured are ro"):
        assert_conforms(Shift(), WORDS, cluster=CLUSTER, bounds=[bound("energy", 1)])


# --- the library conforms ---


@pytest.mark.parametrize(
    ("protocol", "oracle", "grid"),
    [
        (columnsort(), sorted, {}),
        (k_hop(3), lambda words: k_hop_oracle(words, 3), {}),
        (k_hop(0), lambda words: words + 1, {}),
        (prefix_sum(Addition()), np.cumsum, {"word_bits": 8}),
    ],
    ids=["columnsort", "three hops", "no hop", "prefix sum"],
)
@pytest.mark.slow
def test_the_library_conforms_on_what_hypothesis_draws(
    protocol: Protocol, oracle: Any, grid: dict[str, Any]
) -> None:
    assert_conforms(protocol, cases(protocol, **grid), oracle=oracle)


@pytest.mark.parametrize("name", FAST)
def test_an_algorithm_conforms(name: str) -> None:
    assert name in ALGORITHMS
    check_algorithm(name, 12, ("syndrome",))


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_an_algorithm_of_many_rounds_conforms(name: str) -> None:
    check_algorithm(name, 12, ("syndrome",))


# --- what is drawn ---


def test_inputs_of_every_kind_are_drawn() -> None:
    drawn: list[list[int]] = []

    @settings(max_examples=300, derandomize=True, database=None)
    @given(word_inputs(8, 20))
    def collect(one: list[int]) -> None:
        assert 1 <= len(one) <= 8
        assert set(one) <= set(range(21))
        drawn.append(one)

    collect()
    long = [one for one in drawn if len(one) >= 4]
    kinds: dict[str, Callable[[list[int]], bool]] = {
        "sorted": lambda one: one == sorted(one) and len(set(one)) > 2,
        "reversed": lambda one: one == sorted(one, reverse=True) and len(set(one)) > 2,
        "all equal": lambda one: len(set(one)) == 1,
        "none twice": lambda one: len(set(one)) == len(one),
        "extremes": lambda one: set(one) == {0, 20},
        "two words": lambda one: set(one) == {0, 1},
        "an outlier": lambda one: sorted(map(one.count, set(one)))[:-1] == [1] and max(one) > 1,
    }
    assert [kind for kind, test in kinds.items() if not any(map(test, long))] == []
    assert any(len(one) == 1 for one in drawn)


@given(words(CLUSTER), words(CLUSTER, 0), word_inputs(3, 1, min_size=3))
@settings(max_examples=20)
def test_inputs_fit_their_cluster(one: list[int], zeros: list[int], three: list[int]) -> None:
    assert len(one) == 12
    assert set(one) <= set(range(13))
    assert zeros == [0] * 12
    assert len(three) == 3


def test_clusters_are_those_of_the_grid_that_fit() -> None:
    drawn: set[Cluster] = set()

    @settings(max_examples=200, derandomize=True, database=None)
    @given(clusters(columnsort(), sizes=(4, 9), epsilons=("1/2", "2/3"), gammas=("0", "1/4")))
    def collect(cluster: Cluster) -> None:
        drawn.add(cluster)

    collect()
    assert drawn == {
        fit_cluster(columnsort(), n, epsilon, gamma, largest_word=16)
        for n in (4, 9)
        for epsilon in ("1/2", "2/3")
        for gamma in ("0", "1/4")
    }
    assert {cluster.word_limit for cluster in drawn} == {32}  # 15, 16 and the failure word fit


def test_grids_and_inputs_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ShapeError, match=r"declares 1000000 words per machine"):
        clusters(Sends(declared=10**6))
    with pytest.raises(ShapeError, match="the grid of clusters has no point"):
        clusters(columnsort(), sizes=())
    for wrong in ((0, 3, 1), (3, -1, 1), (3, 1, 4)):
        with pytest.raises(InputError, match=r"give 1 <= min_size <= max_size and largest_word"):
            word_inputs(wrong[0], wrong[1], min_size=wrong[2])


def test_hidden_state_is_named_where_hypothesis_would_call_it_flaky() -> None:
    """What fails once and never again is the fault that was seen, not a FlakyFailure."""
    strategy = word_inputs(12, min_size=12)
    with pytest.raises(NotConforming, match=r"^seed|^hidden state|^locality|^order"):
        assert_conforms(TiresOnce(), strategy, cluster=CLUSTER, codes=())
    assert_conforms(Shift(), strategy, cluster=CLUSTER, codes=())


# --- what is given ---


def test_one_input_or_several_or_with_clusters() -> None:
    both = [[2, 1], [3, 1, 2, 0]]
    seen: list[int] = []

    def oracle(words: Integers) -> Integers:
        seen.append(len(words))
        return np.sort(words)

    assert_conforms(columnsort(), both, oracle=oracle, codes=())
    assert_conforms(columnsort(), (np.array(one) for one in both), oracle=oracle, codes=())
    assert_conforms(columnsort(), np.array([3, 1, 2]), oracle=oracle, codes=())
    pairs = [(fit_cluster(columnsort(), 4, "1/2", largest_word=3), both[1])]
    assert_conforms(columnsort(), pairs, oracle=oracle, codes=())
    fitted: Any = lambda words: fit_cluster(columnsort(), len(words), "1/2", largest_word=9)  # noqa: E731
    assert_conforms(columnsort(), both, cluster=fitted, oracle=oracle, codes=())
    assert seen == [2, 4, 2, 4, 3, 4, 2, 4]


def test_inputs_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="no input was given, so nothing was checked"):
        assert_conforms(columnsort(), [])
    with pytest.raises(InputError, match="this cluster takes 12 integer words"):
        assert_conforms(Shift(), [1, 2], cluster=CLUSTER)
    with pytest.raises(WordOverflow, match="input words lie in"):
        assert_conforms(Shift(), [5000] * 12, cluster=CLUSTER)
    with pytest.raises(NotConforming, match=r"^shape: it fits no cluster of 12 words"):
        assert_conforms(Sends(declared=10**6), WORDS)


def test_a_fault_pickles_and_knows_its_checks() -> None:
    with pytest.raises(NotConforming) as caught:
        assert_conforms(WRONG["sends s + 1 words"].protocol, WORDS, cluster=CLUSTER)
    fault = caught.value
    again = pickle.loads(pickle.dumps(fault))
    assert (str(again), again.check, again.details) == (str(fault), fault.check, fault.details)
    assert (fault.round, fault.machine, fault.details["cluster"]) == (1, 1, CLUSTER)
    assert fault.details["words"] == WORDS
    with pytest.raises(ValueError, match="check 'mood' is none of frozen, pickling, shape"):
        NotConforming("mood", "is bad")


def test_every_check_has_a_protocol_that_fails_it() -> None:
    elsewhere = {"seed", "new process", "oracle", "compilation", "transformer", "bounds"}
    assert {wrong.check for wrong in WRONG.values()} | elsewhere == set(CHECKS)
    assert len(WRONG) == 37


def test_a_small_protocol_takes_less_than_five_seconds() -> None:
    assert_conforms(k_hop(3), [0, 1, 0])  # compiles kernels where they are not cached
    started = time.process_time()
    assert_conforms(k_hop(3), cases(k_hop(3)), oracle=lambda words: k_hop_oracle(words, 3))
    assert time.process_time() - started < 5


# --- without hypothesis, without pytest, and inside pytest ---


def test_explicit_inputs_need_neither_hypothesis_nor_pytest() -> None:
    code = """
import sys
sys.modules["hypothesis"] = sys.modules["pytest"] = None
from mpc_sim.stages.columnsort import columnsort
from reductions.testing import assert_conforms, word_inputs
assert_conforms(columnsort(), [3, 1, 2, 0], oracle=sorted, codes=())
try:
    word_inputs()
except ImportError as error:
    print(error)
"""
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True, text=True
    )
    assert run.stdout == (
        "drawing inputs (explicit ones need nothing) needs hypothesis: "
        "pip install 'anna-mpc[test]'\n"
    )


def test_the_fixture_passes_a_protocol(conforms: Callable[..., None]) -> None:
    conforms(columnsort(), [3, 1, 2, 0], oracle=sorted)


def test_the_fixture_adds_the_failing_check_to_the_report(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(FAILING)
    result = pytester.runpytest_inprocess(
        "-p", "reductions.testing", "--junit-xml=report.xml", "-o", "junit_family=xunit1"
    )
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*Captured conformance call*",
            "check   oracle: the output is the oracle's",
            "fault   by the oracle word 0 is 0 instead of 3, and 4 of 4 words differ; *",
            "words   [[]3, 1, 2, 0[]]",
        ]
    )
    junit = (pytester.path / "report.xml").read_text(encoding="utf-8")
    assert '<property name="conformance" value="oracle"' in junit


def test_the_readme_takes_a_protocol_of_twenty_lines_through_the_kit(
    pytester: pytest.Pytester,
) -> None:
    files = readme_files()
    assert list(files) == ["largest.py", "test_largest.py"]
    start = files["largest.py"].index("class Largest")
    assert len(re.findall(r"^.*\S", files["largest.py"][start:], re.MULTILINE)) <= 20
    for name, source in files.items():
        (pytester.path / name).write_text(source, encoding="utf-8")
    pytester.runpytest_subprocess("-W", "error").assert_outcomes(passed=1)


@pytest.mark.slow
def test_canary_a_wrong_protocol_of_the_readme_is_rejected(pytester: pytest.Pytester) -> None:
    files = readme_files()
    spoiled = files["largest.py"].replace("[largest] *", "[largest + 1] *")
    assert spoiled != files["largest.py"]
    (pytester.path / "largest.py").write_text(spoiled, encoding="utf-8")
    (pytester.path / "test_largest.py").write_text(files["test_largest.py"], encoding="utf-8")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*Captured conformance call*", "check   oracle: *"])
