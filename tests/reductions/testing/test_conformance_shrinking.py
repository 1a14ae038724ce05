"""What the conformance kit shows of a fault: a smallest input that fails the same check."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis.strategies import integers, lists, sampled_from

import reductions.testing.compiled_side as compiled_side
import reductions.testing.conformance as conformance
from cases.conformance import CLUSTER, Integers, Shift
from mpc_sim import Cluster
from mpc_sim.stages.columnsort import columnsort
from reductions.testing import NotConforming, assert_conforms, cases, word_inputs


def wrong_from(limit: int) -> Callable[[Integers], Integers]:
    return lambda words: np.roll(words, 2) * (max(words) < limit)


@pytest.mark.parametrize(
    "strategy", [lists(integers(0, 15), min_size=12, max_size=12), word_inputs(12, min_size=12)]
)
def test_the_smallest_input_that_fails_is_shown(strategy: Any) -> None:
    """An oracle that is wrong from 7 on: one 7, and all other words 0."""
    with pytest.raises(NotConforming, match=r"^oracle: .* of 12 words \[0, ") as caught:
        assert_conforms(Shift(), strategy, cluster=CLUSTER, oracle=wrong_from(7))
    assert sorted(caught.value.details["words"]) == [0] * 11 + [7]


def test_clusters_shrink_too() -> None:
    with pytest.raises(NotConforming, match=r"^oracle") as caught:
        assert_conforms(columnsort(), cases(columnsort()), oracle=lambda words: words + 1, codes=())
    assert caught.value.details["words"] == [0]
    assert caught.value.details["cluster"].n_words == 1


class RaisesOnThree(Shift):
    def told(self, inbox: Any, cluster: Cluster) -> Integers:
        return inbox["w"]["word"] + 0 * np.arange(3)[inbox["w"]["word"] % 9]


def test_what_is_shown_is_the_check_that_failed_first() -> None:
    """A smaller input fails another check; that was not what was seen, so it is not shown."""
    inputs = [[0] * 12, [3] * 12, *([9] * n + [0] * (12 - n) for n in range(12, 0, -1))]
    with pytest.raises(NotConforming, match=r"^step: .* raises IndexError"):
        assert_conforms(RaisesOnThree(), inputs, cluster=CLUSTER, oracle=wrong_from(7), codes=())
    with pytest.raises(NotConforming, match=r"^oracle") as caught:
        assert_conforms(
            RaisesOnThree(), sampled_from(inputs), cluster=CLUSTER, oracle=wrong_from(7), codes=()
        )
    assert caught.value.details["words"] == [9] * 12


def test_a_transformer_that_fails_is_shrunk(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = compiled_side.compile_protocol

    class WrongFromSeven:
        def __init__(self, transformer: Any) -> None:
            self.transformer, self.layers = transformer, transformer.layers

        def run(self, words: Integers) -> Integers:
            output: Integers = self.transformer.run(words)
            return output + (max(words) >= 7)

        def resources(self) -> Any:
            return self.transformer.resources()

    monkeypatch.setattr(
        compiled_side,
        "compile_protocol",
        lambda *args, **options: WrongFromSeven(honest(*args, **options)),
    )
    strategy = lists(integers(0, 15), min_size=12, max_size=12)
    with pytest.raises(NotConforming, match=r"^transformer") as caught:
        assert_conforms(Shift(), strategy, cluster=CLUSTER, codes=("syndrome",))
    assert sorted(caught.value.details["words"]) == [0] * 11 + [7]


def test_shrinking_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """After so many inputs the smallest that was found is shown."""
    tries = []

    def oracle(words: Integers) -> Integers:
        tries.append(words)
        return np.zeros(12, np.int64) if len(set(words.tolist())) > 3 else np.roll(words, 2)

    monkeypatch.setattr(conformance, "SHRINKING", 20)
    with pytest.raises(NotConforming, match=r"^oracle") as caught:
        assert_conforms(
            Shift(), word_inputs(12, min_size=12), cluster=CLUSTER, oracle=oracle, codes=()
        )
    assert len(tries) <= 10 + 1 + 20
    assert len(set(caught.value.details["words"])) > 3
