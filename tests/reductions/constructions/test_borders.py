"""Every model at its least sizes and at the largest words: right, or one line says what to give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mpc_sim import InputError, MPCError
from mpc_sim.inputs.graphs import Graph
from reductions.certify import How, certify
from reductions.constructions.chunk_sums import ChunkedSum, layers_for
from reductions.constructions.model import ModelSolver
from reductions.problems.problem import NUMBERS, Shape
from reductions.problems.protocol_solver import ProtocolSolver
from reductions.registry import find, names

SOLVERS = {name: find("solver", name).load() for name in names("solver")}
MODELS = {name: one for name, one in SOLVERS.items() if isinstance(one, ModelSolver)}
DIRECT = [name for name, one in MODELS.items() if one.compiles is None]
PROBLEMS = {name: find("problem", name).load() for name in names("problem")}
GRAPHS = {
    name: one
    for name, one in PROBLEMS.items()
    if isinstance(one, ProtocolSolver) and (one.problem.takes_both or one.problem.is_weighted)
}
every_model = pytest.mark.parametrize("name", MODELS)


def test_there_is_something_to_test() -> None:
    assert len(MODELS) > 10
    assert len(GRAPHS) >= 3


@pytest.mark.parametrize("name", DIRECT)
@pytest.mark.parametrize("n", [1, 2, 8])
@pytest.mark.parametrize("least", [True, False])
def test_the_least_sizes_pass_their_own_claims(name: str, n: int, least: bool) -> None:
    problem = MODELS[name].problem
    chosen = {one.name: one.least for one in problem.parameters} if least else {}
    certificate = certify(name, n=n, how=How(back=False), **chosen)
    assert certificate.ok, [(c.name, c.measured, c.bound) for c in certificate.checks]


@pytest.mark.parametrize("name", [name for name, m in MODELS.items() if m.problem.reads == NUMBERS])
@pytest.mark.parametrize("word", [2**52, 2**53, 2**62 - 1, 2**62, 2**63 - 1])
def test_large_words_are_right_or_refused(name: str, word: int) -> None:
    """Numbers alone: of letters the largest is a size, which a command holds against the memory."""
    solver = MODELS[name]
    words = np.array([1, word, 0, 1])
    try:
        instance = solver.problem.instance(words)
        output = solver.build(instance.shape).run(instance.words)
    except MPCError:
        return
    assert solver.n_wrong(instance, output) == 0


@every_model
def test_what_is_no_word_is_refused(name: str) -> None:
    """Floats are never cut off, nor are words below 0 taken as others."""
    solver = MODELS[name]
    instance = solver.problem.draw(4, 0)
    model = solver.build(instance.shape)
    bad: list[Any] = [np.array([1.5, 0, 0, 0]), np.array([1.0, 0, 0, 0]), [-1, 0, 0, 0], [1, 0]]
    for words in bad:
        with pytest.raises(MPCError):
            model.run(words)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ([2**53 + 1, 0, 0, 0], "keep sums below 2\\^51"),
        ([2**51 - 1, 1, 0, 0], "keep sums below 2\\^51"),
        ([2**62, 2**62, 0, 0], "keep sums below 2\\^51"),
        ([1.5, 0, 0, 0], "give integers of shape"),
    ],
)
def test_sums_over_chunks_are_exact_or_refused(words: list[Any], error: str) -> None:
    with pytest.raises(InputError, match=error):
        ChunkedSum(4, 4).run(words)


@pytest.mark.parametrize("chunk", [2, 3, 7, 97])
def test_the_largest_sums_over_chunks(chunk: int) -> None:
    """At 2^52 a mean over 7, times 7, would round to another number."""
    for total in 2**51 - 1 - 10**6 * np.arange(5):
        words = [int(total) - 1, 1, 0, 0]
        assert ChunkedSum(4, chunk).run(words).tolist() == [int(total)] * 4


@pytest.mark.parametrize("chunk", [1, 0, -1])
def test_chunks_that_never_end_are_refused(chunk: int) -> None:
    for make in (lambda: layers_for(3, chunk), lambda: ChunkedSum(3, chunk)):
        with pytest.raises(InputError, match="chunk >= 2"):
            make()


@pytest.mark.parametrize("name", GRAPHS)
def test_words_of_a_cluster_hold_the_weights(name: str) -> None:
    solver = GRAPHS[name]
    drawn = solver.instance(32, 0)
    weighted = Graph(drawn.n_vertices, drawn.edges, np.arange(drawn.n_edges) + 10**9)
    assert solver.cluster(weighted).largest_word >= 10**9 + drawn.n_edges - 1
    shape: Shape = solver.problem.instance(weighted).shape
    assert shape.largest_word >= 10**9 + drawn.n_edges - 1
