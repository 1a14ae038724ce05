"""The executor touches at most 8 (messages x m + N) numbers a layer, and the count can fail."""

from __future__ import annotations

from itertools import product
from unittest import mock

import numpy as np
import pytest

from anna_model import SparseAnswer, SparseHeads
from anna_model.answers import Answer
from anna_model.heads import HeadBlock
from anna_model.work import LayerWork, WorkCounter
from cases.protocols import PROTOCOLS
from mpc_sim import fit_cluster
from mpc_sim.algorithms.k_hop import k_hop
from reductions import compile_protocol
from reductions.benchmarks import certify
from reductions.mpc_to_anna.codes import CODE_NAMES
from reductions.mpc_to_anna.head_assignment import HEAD_NAMES
from reductions.mpc_to_anna.options import CompilerOptions
from reductions.problems.columnsort import COLUMNSORT
from reductions.registry import solver

FEW_ROUNDS = ["k-hop", "columnsort", "reduce-by-key", "multi-search"]


@pytest.mark.parametrize(("code", "heads"), [*product(CODE_NAMES, HEAD_NAMES)])
@pytest.mark.parametrize("n", [1, 7, 64, 200])
def test_every_layer_is_within_the_bound(code: str, heads: str, n: int) -> None:
    words = COLUMNSORT.instance(n, 0)
    cluster = COLUMNSORT.cluster(words)
    transformer = compile_protocol(
        COLUMNSORT.protocol_for(words), cluster, code=code, head_order=heads
    )
    counter = WorkCounter()
    assert transformer.run(words, trace=counter).tolist() == sorted(words)
    assert sorted(counter.layers) == list(range(len(transformer.layers)))
    for work in counter.layers.values():
        assert work.tokens == transformer.n_tokens
        assert work.messages <= work.message_numbers
        assert work.numbers <= work.bound


def work_of(name: str, n: int, options: CompilerOptions) -> WorkCounter:
    algorithm = solver(name)
    given = algorithm.instance(n, 0)
    protocol, cluster = algorithm.protocol_for(given), algorithm.cluster(given)
    counter = WorkCounter()
    compiled = compile_protocol(protocol, cluster, **options.keywords)
    output = compiled.run(algorithm.words(given), trace=counter)
    assert algorithm.n_wrong(given, output) == 0
    assert sorted(counter.layers) == list(range(len(compiled.layers)))
    return counter


@pytest.mark.parametrize("name", FEW_ROUNDS)
@pytest.mark.parametrize(
    "options", [CompilerOptions(attention="anna"), CompilerOptions(fan_out="1/5")], ids=str
)
def test_hashing_and_bounded_fan_out_are_within_it_too(name: str, options: CompilerOptions) -> None:
    for layer, work in work_of(name, 24, options).layers.items():
        assert work.numbers <= work.bound, layer


@pytest.mark.slow
@pytest.mark.parametrize("name", PROTOCOLS)
def test_so_is_every_algorithm(name: str) -> None:
    for layer, work in work_of(name, 10, CompilerOptions()).layers.items():
        assert work.numbers <= work.bound, layer


def test_work_does_not_follow_the_dense_product() -> None:
    cluster = fit_cluster(k_hop(4), 4096, "2/3", largest_word=8)
    transformer = compile_protocol(k_hop(4), cluster)
    counter = WorkCounter()
    transformer.run(np.arange(4096) % 8, trace=counter)
    busiest = max(work.numbers for work in counter.layers.values())
    assert 10 * busiest < transformer.n_tokens * transformer.resources().token_width


def test_counts_are_those_of_the_arrays() -> None:
    words = COLUMNSORT.instance(30, 0)
    transformer = compile_protocol(COLUMNSORT.protocol_for(words), COLUMNSORT.cluster(words))
    counter, kept = WorkCounter(), []
    transformer.run(words, trace=counter)
    transformer.run(words, trace=kept)
    for layer, work in counter.layers.items():
        blocks = [block for index, block, _ in kept if index == layer]
        assert all(isinstance(block, SparseHeads) for block in blocks)
        assert work.message_numbers == sum(block.V.size for block in blocks)
        assert work.messages == sum(len(block.V) for block in blocks)
        sizes = [
            array.size
            for index, *both in kept
            if index == layer
            for one in both
            for array in vars(one).values()
            if isinstance(array, np.ndarray)
        ]
        assert work.numbers == sum(sizes)


def test_the_same_questions_written_out_break_the_bound_of_their_messages() -> None:
    words = COLUMNSORT.instance(200, 0)
    transformer = compile_protocol(
        COLUMNSORT.protocol_for(words), COLUMNSORT.cluster(words), tokens_per_machine=1
    )
    sparse, dense = WorkCounter(), WorkCounter()

    def both(layer: int, block: HeadBlock, answer: Answer) -> None:
        assert isinstance(block, SparseHeads)
        assert isinstance(answer, SparseAnswer)
        sparse(layer, block, answer)
        dense(layer, block.dense(null_key=-1.0, nobody_query=-2.0), answer.dense(block))

    transformer.run(words, trace=both)
    for layer, work in list(sparse.layers.items())[1:]:
        assert work.numbers <= work.bound < dense.layers[layer].numbers


def test_the_benchmark_refuses_a_layer_beyond_the_bound() -> None:
    assert "no layer touches more" in certify.work_notes([certify.Compiled(27, 2)])[0]
    with (
        mock.patch.object(LayerWork, "bound", 3),
        pytest.raises(AssertionError, match="numbers touched, 3 allowed"),
    ):
        certify.work_notes([certify.Compiled(27, 2)])
