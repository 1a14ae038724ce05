"""Waste is noticed: what takes more than its theorem gives turns a row to FAIL."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from mpc_sim import Channel, Cluster, Inbox, Outbox, Protocol
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.compose import sequence
from mpc_sim.stages import broadcast, columnsort, converge_cast
from mpc_sim.stages.columnsort import SortPlan
from mpc_sim.stages.tree import Tree
from reductions.certify import Certificate, How, certify
from reductions.certify.run import simulate
from reductions.mpc_to_anna.codes.choice import Code
from reductions.mpc_to_anna.codes.syndrome import SyndromeCode
from reductions.mpc_to_anna.compile import compile_protocol
from reductions.mpc_to_anna.head_assignment import EmissionOrder
from reductions.mpc_to_anna.options import CompilerOptions
from reductions.mpc_to_anna.route_layer import RouteLayer
from reductions.mpc_to_anna.token_groups import TokenGroups
from reductions.mpc_to_anna.used import UsedHeads
from reductions.problems.broadcast import BROADCAST
from reductions.problems.columnsort import COLUMNSORT
from reductions.problems.converge_cast import CONVERGE_CAST
from reductions.problems.k_hop import K_HOP
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.registry import names, solver

Patch = pytest.MonkeyPatch
EMA = CompilerOptions(attention="ema")  # type: ignore[arg-type]
FALLING = np.arange(64)[::-1].copy()


def failing(certificate: Certificate) -> set[str]:
    return {check.name for check in certificate.checks if check.status == "FAIL"}


# --- the machines ---


def test_a_sort_one_level_too_deep(monkeypatch: Patch) -> None:
    assert failing(simulate(COLUMNSORT, FALLING, COLUMNSORT.cluster(FALLING)).certificate) == set()
    cluster = COLUMNSORT.cluster(FALLING)

    def deeper(slots: int, rows: int, machines: int) -> SortPlan | None:
        plan = columnsort._fewest_columns(slots, 2, rows)
        assert plan is not None
        assert plan.n_machines <= machines
        return plan

    monkeypatch.setattr(columnsort, "plan_columnsort", deeper)
    assert "rounds" in failing(simulate(COLUMNSORT, FALLING, cluster).certificate)


def test_a_sort_of_k_hop_one_level_too_deep(monkeypatch: Patch) -> None:
    cluster = K_HOP.cluster(FALLING)
    right = columnsort.plan_columnsort

    def deeper(slots: int, rows: int, machines: int) -> SortPlan | None:
        plan = right(slots, rows, machines)
        assert plan is not None
        return columnsort._fewest_columns(slots, plan.depth + 1, rows)

    monkeypatch.setattr(columnsort, "plan_columnsort", deeper)
    certificate = certify(K_HOP, FALLING, How(options=EMA, cluster=cluster), k=2)
    assert failing(certificate) >= {"rounds", "layers"}
    assert certificate["output-mpc"].status == "PASS"


@dataclass(frozen=True)
class Pause(Protocol):
    """A round in which every machine keeps its words."""

    def n_rounds(self, cluster: Cluster) -> int:
        return 1

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel("input", ("word",), cluster.block_words, local=True),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        outbox, words = Outbox(), inbox["input"]
        outbox.keep("input", words.machine, word=words["word"])
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        return inbox

    def leaves(self, cluster: Cluster) -> tuple[Channel, ...]:
        return self.channels(0, cluster)


def test_an_empty_round() -> None:
    slow = replace(COLUMNSORT, protocol=lambda n: sequence(Pause(), columnsort.columnsort()))
    cluster = COLUMNSORT.cluster(FALLING)
    certificate = certify(slow, FALLING, How(options=EMA, cluster=cluster))
    assert failing(certificate) == {"rounds", "layers"}


def test_a_machine_too_many(monkeypatch: Patch) -> None:
    monkeypatch.setattr(
        broadcast, "plan_tree", lambda n_leaves, max_arity: Tree(n_leaves + 1, n_leaves + 1)
    )
    wide = Cluster.from_exponents(64, "1/2", machine_factor=2, memory_factor=2, largest_word=64)
    assert failing(simulate(BROADCAST, FALLING, wide).certificate) >= {"machines"}


@pytest.mark.parametrize("stage", [broadcast, converge_cast])
def test_a_tree_of_half_the_arity(stage: Any, monkeypatch: Patch) -> None:
    solver = {broadcast: BROADCAST, converge_cast: CONVERGE_CAST}[stage]
    cluster = solver.cluster(FALLING)
    monkeypatch.setattr(
        stage, "plan_tree", lambda n_leaves, max_arity: Tree(n_leaves, max_arity // 2)
    )
    assert "rounds" in failing(simulate(solver, FALLING, cluster).certificate)


# --- the transformer ---


class HeadTooMany(EmissionOrder):
    """Odd machines put their first message into a head of its own."""

    names_tokens = True

    @classmethod
    def of_round(cls, sent: int, received: int, groups: TokenGroups, **drawn: Any) -> HeadTooMany:
        right = EmissionOrder.in_one_head(received, groups)
        return cls(1 + -(-sent // groups.tokens), right.capacity - 1, tokens=groups.tokens)

    @property
    def _last(self) -> int:
        return (self.n_heads - 1) * self.tokens

    def slot(self, source: Any, emission: Any) -> Any:
        return np.where((source % 2 == 1) & (emission == 0), self._last, emission)

    def emission(self, source: Any, slot: Any) -> Any:
        return np.where(slot == self._last, 0, slot)


class RowTooMany(SyndromeCode):
    """A code word with a coordinate that says nothing."""

    @property
    def width(self) -> int:
        return super().width + 1

    @property
    def _plain(self) -> SyndromeCode:
        return SyndromeCode(self.capacity, self.n_words, self.word_bits, self.n_sources)

    def mean_codewords(self, *messages: Any) -> Any:
        return np.pad(self._plain.mean_codewords(*messages), ((0, 0), (0, 1)))

    def decode(self, mean: Any, likely: Any = None) -> Any:
        return self._plain.decode(np.ascontiguousarray(mean[:, :-1]), likely)


def a_head_too_many(monkeypatch: Patch) -> None:
    monkeypatch.setattr(EmissionOrder, "of_round", HeadTooMany.of_round)


def a_row_too_many(monkeypatch: Patch) -> None:
    monkeypatch.setattr(Code.SYNDROME, "made", RowTooMany)


def a_token_too_many(monkeypatch: Patch) -> None:
    from reductions.certify import runs

    right = runs.compile_protocol

    def longer(*given: Any, **options: Any) -> Any:
        compiled = right(*given, **options)
        return replace(compiled, n_tokens=compiled.n_tokens + 1)

    monkeypatch.setattr(runs, "compile_protocol", longer)


def bits_too_many(monkeypatch: Patch) -> None:
    monkeypatch.setattr(RouteLayer, "precision_bits", 53)


WASTE = {
    "heads": a_head_too_many,
    "code_width": a_row_too_many,
    "context_length": a_token_too_many,
    "precision_bits": bits_too_many,
}


@pytest.mark.parametrize("row", WASTE)
@pytest.mark.parametrize("is_own", [False, True])
def test_a_transformer_that_takes_more(row: str, is_own: bool, monkeypatch: Patch) -> None:
    letters = K_HOP.problem.draw(64, 0).words  # hops lead to other machines, in all rounds
    cluster = K_HOP.cluster(letters, k=3)
    what, given = (k_hop(3), {}) if is_own else (K_HOP, {"k": 3})
    WASTE[row](monkeypatch)
    certificate = certify(what, letters, How(options=EMA, cluster=cluster), **given)
    assert row in failing(certificate)
    assert certificate["output-transformer"].status == "PASS"


# --- protocols of a user: facts, and checks that can fail ---


def test_of_an_own_protocol_rounds_loads_and_layers_are_facts() -> None:
    cluster = COLUMNSORT.cluster(FALLING)
    certificate = certify(columnsort.columnsort(), FALLING, How(options=EMA, cluster=cluster))
    facts = {fact.name: fact.value for fact in certificate.facts}
    names = {check.name for check in certificate.checks}
    read_back = {"rounds", "layers", "local_memory", "sent_words", "received_words", "machines"}
    assert read_back <= facts.keys()
    assert not read_back & names
    assert (facts["rounds"], facts["layers"]) == (5, 6)
    assert names >= {"output-transformer", "isolated", "sides-differ", *WASTE}
    assert certificate.to_json()["facts"][0].keys() == {"name", "value", "source"}


FULL = {
    "k-hop": ("one letter", 8),
    "connectivity": ("empty", 8),
    "one-vs-two-cycle": ("one in order", 24),
    "broadcast": ("sorted", 12),
    "converge-cast": ("sorted", 8),
    "aggregate": ("sorted", 12),
    "prefix-sum": ("sorted", 8),
    "columnsort": ("sorted", 8),
    "selection": ("sorted", 8),
    "multi-search": ("sorted", 8),
    "remove-duplicates": ("sorted", 8),
    "reduce-by-key": ("skewed", 8),
    "equi-join": ("one heavy key", 8),
    "boolean-circuit": ("sorted", 8),
    "list-ranking": ("sorted", 12),
    "connectivity-log-diameter": ("cycle", 8),
    "spanning-forest": ("empty", 8),
    "minimum-spanning-forest": ("star", 8),
    "cycle-counting": ("one in order", 24),
    "bipartiteness": ("uniform", 64),
    "minimum-spanning-forest-filtering": ("empty", 8),
    "maximal-matching": ("star", 8),
    "maximal-independent-set": ("star", 8),
    "triangle-count": ("complete", 8),
}
"""Inputs on which all heads carry a message. A channel counts what a machine keeps, too, so that at
other sizes a head may stay empty; it always does for these:"""
LOOSE = {"three-sum", "sample-sort", "matrix-product"}


def test_every_head_is_looked_at() -> None:
    assert FULL.keys() | LOOSE == {
        name for name in names("problem") if isinstance(solver(name), ProtocolSolver)
    }


@pytest.mark.parametrize("name", FULL)
def test_every_head_carries_a_message(name: str) -> None:
    chosen, (label, n) = solver(name), FULL[name]
    given = chosen.problem.inputs(n, seed=1)[label]
    cluster = chosen.cluster(given)
    compiled = compile_protocol(chosen.protocol_for(given), cluster)
    used = UsedHeads()
    compiled.run(given.words, trace=used)
    assert used.measured["heads"] == compiled.resources().heads
