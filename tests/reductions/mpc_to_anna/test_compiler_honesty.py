"""The compiled transformer computes: no simulation behind it, no hidden path between tokens."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anna_model import ExactMatch, SparseHeads
from anna_model.answers import Answer
from anna_model.heads import HeadBlock
from cases.protocols import MANY_ROUNDS, PROTOCOLS
from mpc_sim import MPCError, Simulation
from reductions.mpc_to_anna.codes import CodeOverload
from reductions.mpc_to_anna.compile import CompiledProtocol, compile_protocol
from reductions.mpc_to_anna.options import CompilerOptions
from reductions.registry import solver
from repository import ROOT

STRUCTURED = {"boolean-circuit", "list-ranking"}  # a word changed alone is no input of theirs


OTHER_WAYS = [
    CompilerOptions(attention="anna"),
    CompilerOptions(fan_out="1/5"),
    CompilerOptions("repetition", "spread", "anna", fan_out="1/5"),
]


def instance(name: str, n: int) -> tuple[Any, Any, CompiledProtocol]:
    algorithm = solver(name)
    given = algorithm.instance(n, 3)
    cluster = algorithm.cluster(given)
    return algorithm, given, compile_protocol(algorithm.protocol_for(given), cluster)


IN_A_TRAP = """
import pickle, sys
import mpc_sim
from mpc_sim import simulation

def spring(*given, **named):
    raise RuntimeError("a simulation was used")

for name in ("__init__", "run", "step", "peek"):
    setattr(simulation.Simulation, name, spring)
try:
    mpc_sim.Simulation()
except RuntimeError:
    print("trap")
with open(sys.argv[1], "rb") as file:
    for transformer, words, expected in pickle.load(file):
        print(transformer.run(words).tolist() == expected)
"""


@pytest.mark.parametrize(
    "chosen",
    [
        pytest.param(("columnsort", "k-hop", "triangle-count"), id="three"),
        pytest.param(PROTOCOLS, id="all", marks=pytest.mark.slow),
    ],
)
def test_no_transformer_uses_a_simulation(chosen: tuple[str, ...], tmp_path: Path) -> None:
    """In a process where a simulation cannot be made, run or stepped."""
    cases = []
    for name in chosen:
        algorithm, given, transformer = instance(name, 10)
        words = algorithm.words(given)
        expected = Simulation(algorithm.protocol_for(given), transformer.cluster, words).run()
        cases.append((transformer, words.tolist(), expected.tolist()))
    sort = solver("columnsort")
    words = sort.instance(20, 1)
    for options in OTHER_WAYS:
        transformer = compile_protocol(
            sort.protocol_for(words), sort.cluster(words), **options.keywords
        )
        cases.append((transformer, words.tolist(), sorted(words.tolist())))
    file = tmp_path / "cases.pickle"
    file.write_bytes(pickle.dumps(cases))
    command = [sys.executable, "-c", IN_A_TRAP, str(file)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == ["trap", *["True"] * len(cases)]


@pytest.mark.parametrize(
    "name",
    [
        name
        for name in PROTOCOLS
        if name not in STRUCTURED and isinstance(solver(name).instance(10, 3), np.ndarray)
    ],
)
def test_one_changed_word_changes_what_the_oracle_says(name: str) -> None:
    """Every input with one word replaced by another of its words is answered as the oracle does."""
    algorithm, given, transformer = instance(name, 16)
    plain = transformer.run(given)
    assert algorithm.n_wrong(given, plain) == 0
    rng = np.random.default_rng(7)
    changed_outputs = 0
    for place in rng.choice(len(given), 4, replace=False):
        changed = given.copy()
        changed[place] = given[(place + 2) % len(given)]
        output = transformer.run(changed)
        assert algorithm.n_wrong(changed, output) == 0
        changed_outputs += int((output != plain).sum())
    print(name, changed_outputs)


@dataclass(frozen=True)
class Shuffled(ExactMatch):
    """Exact match on tokens that were shuffled together with their positions."""

    seed: int = 0

    def answer(self, block: HeadBlock) -> Answer:
        assert isinstance(block, SparseHeads)
        new = np.random.default_rng(self.seed).permutation(len(block.token_class))
        token = new[block.key_token]
        order = np.lexsort((token, block.key_head))
        token_class = np.empty_like(block.token_class)
        token_class[new] = block.token_class
        return super().answer(
            replace(
                block,
                token_class=token_class,
                key_head=block.key_head[order],
                key_token=token[order],
                K=block.K[order],
                V=block.V[order],
            )
        )


@dataclass(frozen=True)
class DeafToToken(Shuffled):
    """The canary: the token that now stands first is not heard."""

    def answer(self, block: HeadBlock) -> Answer:
        assert isinstance(block, SparseHeads)
        new = np.random.default_rng(self.seed).permutation(len(block.token_class))
        heard = new[block.key_token] != 0
        return super().answer(
            replace(
                block,
                key_head=block.key_head[heard],
                key_token=block.key_token[heard],
                K=block.K[heard],
                V=block.V[heard],
            )
        )


def with_mechanism(transformer: CompiledProtocol, mechanism: ExactMatch) -> CompiledProtocol:
    layers = tuple(replace(layer, mechanism=mechanism) for layer in transformer.layers)  # type: ignore[type-var]
    return replace(transformer, layers=layers)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in MANY_ROUNDS else [])
        for name in PROTOCOLS
    ],
)
def test_shuffled_tokens_give_the_same_words_at_their_positions(name: str) -> None:
    algorithm, given, transformer = instance(name, 10)
    words = algorithm.words(given)
    expected = transformer.run(words)
    for seed in (1, 2):
        shuffled = with_mechanism(transformer, Shuffled(seed=seed))
        assert np.array_equal(shuffled.run(words), expected)


@pytest.mark.parametrize("code", ["syndrome", "disjunct", "repetition"])
def test_shuffled_tokens_by_every_code(code: str) -> None:
    algorithm = solver("columnsort")
    given = algorithm.instance(64, 0)
    options = CompilerOptions(code, "spread")
    transformer = compile_protocol(
        algorithm.protocol_for(given), algorithm.cluster(given), **options.keywords
    )
    shuffled = with_mechanism(transformer, Shuffled(seed=5))
    assert np.array_equal(shuffled.run(given), transformer.run(given))


def test_a_mechanism_that_minds_the_place_of_a_token_is_caught() -> None:
    algorithm, given, transformer = instance("columnsort", 64)
    expected = transformer.run(given)
    caught = 0
    for seed in range(5):
        try:
            output = with_mechanism(transformer, DeafToToken(seed=seed)).run(given)
        except (CodeOverload, MPCError, ValueError, IndexError, ArithmeticError):
            caught += 1
        else:
            caught += int(not np.array_equal(output, expected))
    assert caught == 5
    assert algorithm.n_wrong(given, expected) == 0
