"""Traces of transformers: against the run itself, the definition of attention and the simulator."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anna_model import Anna, HeadMaps, Rows, RowwiseLayer, Transformer, attention_patterns
from anna_model.lsh import Hyperplane
from anna_model.mechanisms import Softmax
from cases.pages import data_of, outward, unpacked
from mpc_sim import InputError, Simulation, fit_cluster
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.pages import Matrix
from reductions import CompiledProtocol, compile_protocol
from reductions.inspect.explore import TransformerExplorer
from reductions.inspect.transformer_trace import UNIT, TransformerTrace, same_memory, side_text
from reductions.mpc_to_anna.route_layer import RouteLayer
from reductions.mpc_to_anna.trace import CompiledTrace

WORDS = np.random.default_rng(0).integers(0, 5, 40).tolist()
PROTOCOL = k_hop(3)
CLUSTER = fit_cluster(PROTOCOL, len(WORDS), "2/3", largest_word=6)


def dense(matrix: Matrix, n_tokens: int) -> np.ndarray[Any, Any]:
    weights = np.zeros((n_tokens, n_tokens))
    weights[matrix.row, matrix.column] = matrix.value / matrix.unit
    return weights


def two_layers() -> tuple[Transformer, Rows]:
    def first(width: int) -> Any:
        return lambda position, rows: rows[:, :width]

    anna = Anna(Hyperplane(), hashes=2, tables=5, seed=3)
    widths = ((3, 2), (2, 1))
    heads = tuple(HeadMaps(first(q), first(q), first(m), q, m) for q, m in widths)
    layers = (RowwiseLayer(anna, heads), RowwiseLayer(Softmax(), heads))
    return Transformer(layers, 9), Rows.from_dense(np.random.default_rng(9).standard_normal((9, 3)))


@pytest.fixture(
    scope="module",
    params=[{}, {"attention": "anna"}, {"head_order": "spread", "fan_out": "1/3"}],
    ids=str,
)
def compiled(request: pytest.FixtureRequest) -> CompiledProtocol:
    return compile_protocol(PROTOCOL, CLUSTER, failure=Fraction(1, 100), **request.param)


@pytest.fixture(scope="module")
def trace(compiled: CompiledProtocol) -> CompiledTrace:
    return compiled.trace(WORDS)


def test_rows_and_answers_are_those_of_the_run(trace: CompiledTrace) -> None:
    transformer = trace.transformer
    assert isinstance(transformer, CompiledProtocol)
    assert trace.rows[-1].values[:, 0].tolist() == transformer.run(WORDS).tolist()
    assert trace.output.tolist() == Simulation(PROTOCOL, CLUSTER, WORDS).run().tolist()
    assert len(trace.rows) == len(trace.asked) + 1 == len(trace.labels) == trace.n_layers + 1


def test_every_token_holds_what_its_machine_holds(trace: CompiledTrace) -> None:
    n_machines = trace.machines.ledger.cluster.n_machines
    for step in range(1, trace.n_layers):
        token, machine = trace.sides(step)[:2]
        for item in range(n_machines):
            assert same_memory(token, machine, item)
            text = str(trace.machines.machine(item, round=step - 1)).split("\n")[1:]
            assert sorted(side_text(token, item).split("\n")[1:]) == sorted(text)
    own, machine = trace.sides(trace.n_layers)[:2]
    columns = [side.sections[0].columns[0].tolist() for side in (own, machine)]
    assert columns[0] == columns[1] == trace.output.tolist()


def test_the_messages_heard_are_those_sent(trace: CompiledTrace) -> None:
    """Plain loops over what the simulator is about to send, record by record."""
    first = trace.transformer.layers[1]
    assert isinstance(first, RouteLayer)
    sim = Simulation(first.protocol, first.cluster, WORDS)
    for index, layer in enumerate(trace.transformer.layers[1:], start=1):
        assert isinstance(layer, RouteLayer)
        expected: Counter[Any] = Counter()
        for part in sim.peek().messages:
            for at in range(len(part.to)):
                source, to = int(part.source[at]), int(part.to[at])
                words = [int(part.columns[name][at]) for name in part.channel.fields]
                block = first.cluster.block_words  # at the end a token asks for its word's owner
                hears = range(to * block, min(len(WORDS), (to + 1) * block))
                acting = range(to, layer.groups.n_acting, first.cluster.n_machines)
                for token in hears if layer.is_last else acting:
                    if source != to:
                        expected[part.channel.name, token, source, *words] += 1
        heard: Counter[Any] = Counter()
        for side in trace.sides(index + 1)[2:]:
            for section in side.sections:
                columns = [section.owner.tolist()]
                columns += [column.tolist() for column in section.columns[1:]]
                heard.update((section.name, *row) for row in zip(*columns, strict=True))
        assert heard == expected
        sim.step()


def test_patterns_are_those_of_the_definition() -> None:
    transformer, rows = two_layers()
    trace = TransformerTrace.of(transformer, rows)
    for pattern in attention_patterns(transformer, rows):
        found = trace.pattern(pattern.layer, pattern.head)
        assert np.array_equal(found.weights, pattern.weights)
        shown = dense(trace.matrix(pattern.layer, pattern.head), 9)
        assert np.abs(shown - pattern.weights).max() <= 0.5 / UNIT
        assert found.statistics == pattern.statistics
    total = trace.pattern(0, 0).weights + trace.pattern(0, 1).weights
    assert np.abs(dense(trace.sum_of_heads(0), 9) - total).max() <= 0.5 / UNIT
    assert "largest bucket" in " ".join(trace.matrix(0, 1).notes)
    with pytest.raises(InputError, match=r"layer 1 has the heads 0 \.\. 1, not 2"):
        trace.pattern(1, 2)


def test_too_many_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    trace = TransformerTrace.of(*two_layers())
    monkeypatch.setattr("reductions.inspect.transformer_trace.MOST_WEIGHTS", 161)
    with pytest.raises(InputError, match="layer 0 has 2 heads over 9 tokens; at most 161 weights"):
        trace.sum_of_heads(0)


def test_canary_one_wrong_word_is_different(trace: CompiledTrace) -> None:
    token, machine = trace.sides(2)[:2]
    section = next(one for one in token.sections if len(one.owner))
    columns = (section.columns[0] + (np.arange(len(section.owner)) == 0), *section.columns[1:])
    sections = tuple(
        replace(one, columns=columns) if one is section else one for one in token.sections
    )
    assert not same_memory(replace(token, sections=sections), machine, int(section.owner[0]))


def test_the_page_holds_patterns_and_memories(trace: CompiledTrace, tmp_path: Path) -> None:
    trace.save_html(tmp_path / "run.html", most_heads=2)
    html = (tmp_path / "run.html").read_text(encoding="utf-8")
    assert outward(html) == []
    data = data_of(html)
    assert max(map(len, str(trace).split("\n"))) <= 80
    assert data["steps"] == list(trace.labels)
    for layer, matrices in enumerate(data["matrices"][1:]):
        expected = [trace.sum_of_heads(layer)]
        n_heads = trace.transformer.layers[layer].n_heads
        expected += [trace.matrix(layer, head) for head in range(min(2, n_heads))]
        assert [one["name"] for one in matrices] == [one.name for one in expected]
        for shown, matrix in zip(matrices, expected, strict=True):
            assert unpacked(shown["value"]) == matrix.value.tolist()
            assert shown["notes"] == list(matrix.notes)
    assert [len(sides) for sides in data["sides"]] == [
        len(trace.sides(step)) for step in range(trace.n_layers + 1)
    ]


# --- the explorer ---


def text_of(widget: Any) -> str:
    return unescape(widget.value.split(">", 1)[1].removesuffix("</pre>"))


def test_the_explorer_shows_layers_heads_and_tokens(trace: CompiledTrace) -> None:
    explorer = TransformerExplorer(trace)
    assert unpacked(explorer.pattern.content["value"]) == []
    for step in range(1, trace.n_layers + 1):
        explorer.layer.value = step
        assert text_of(explorer.said) == trace.labels[step]
        assert explorer.head.max == trace.transformer.layers[step - 1].n_heads - 1
        explorer.head.value = explorer.head.max
        matrix = trace.matrix(step - 1, explorer.head.max)
        assert unpacked(explorer.pattern.content["value"]) == matrix.value.tolist()
        assert text_of(explorer.statistics) == "\n".join(matrix.notes)
        explorer.pattern.hit = [step % 3, 0, step]
        assert (explorer.token.value, explorer.pattern.row) == (step % 3, step % 3)
        assert "\nthe same" in text_of(explorer.memory)
        for side in trace.sides(step):
            assert side_text(side, step % 3) in text_of(explorer.memory)
    assert explorer._repr_mimebundle_()["text/plain"] == str(explorer)


def test_a_transformer_without_machines_has_an_explorer() -> None:
    explorer = TransformerExplorer(TransformerTrace.of(*two_layers()))
    explorer.layer.value = 1
    assert text_of(explorer.memory) == ""
    assert "largest bucket" in text_of(explorer.statistics)


def test_canary_a_difference_is_told(trace: CompiledTrace) -> None:
    wrong = replace(trace, output=trace.output + 1)
    explorer = TransformerExplorer(wrong)
    explorer.layer.value = trace.n_layers
    assert "DIFFERENT" in text_of(explorer.memory)


def test_without_widgets_one_line_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, compiled: CompiledProtocol
) -> None:
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(ImportError, match=r"^[^\n]*pip install 'anna-mpc\[notebooks\]'$"):
        compiled.explore(WORDS)
