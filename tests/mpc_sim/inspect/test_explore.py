"""The explorer of a simulation: what its widgets say against the simulation itself."""

from __future__ import annotations

import sys
from collections.abc import Callable
from html import unescape
from typing import Any

import numpy as np
import pytest

from cases.pages import finished, unpacked
from mpc_sim import Channel, Cluster, Inbox, Outbox, Protocol, Simulation


def shown(canvas: Any) -> np.ndarray[Any, Any]:
    content = canvas.content
    return np.array(unpacked(content["values"])).reshape(content["rows"], content["columns"])


def text_of(widget: Any) -> str:
    return unescape(widget.value.split(">", 1)[1].removesuffix("</pre>"))


def test_the_slider_steps_the_simulation() -> None:
    sim, other = finished(k=3, n=40), finished(k=3, n=40)
    sim.goto(0)
    other.goto(0)
    explorer = sim.explore()
    explorer.machine.value = 2
    for round in range(1, sim.n_rounds + 1):
        before = other.machine(2)
        flow = {
            (int(source), int(to))
            for part in other.peek().messages
            for source, to in zip(part.source, part.to, strict=True)
        }
        loads = other.step()
        explorer.round.value = round
        assert (sim.round, str(sim.ledger)) == (round, str(other.ledger))
        assert text_of(explorer.memory) == str(other.machine(2))
        assert other.machine(2).changes(before) in text_of(explorer.changes)
        assert f"round {round - 1} ({loads.label}): {loads.n_messages}" in explorer.said.value
        content = explorer.messages.content
        assert flow == set(zip(*(unpacked(content[one]) for one in ("row", "column")), strict=True))
        assert np.array_equal(shown(explorer.loads)[round], loads.held)
        assert not shown(explorer.loads)[round + 1 :].any()
        assert (explorer.loads.row, explorer.loads.column, explorer.messages.row) == (round, 2, 2)


def test_going_back_keeps_the_heat_map() -> None:
    sim = finished(k=3, n=40)
    explorer = sim.explore()
    held = np.vstack([sim.ledger.input_held, sim.ledger.held])
    sent = np.vstack([0 * sim.ledger.input_held, sim.ledger.sent])
    explorer.round.value = 2
    assert sim.round == sim.ledger.n_protocol_rounds == 2
    assert np.array_equal(shown(explorer.loads), held)
    explorer.load.value = "sent"
    assert np.array_equal(shown(explorer.loads), sent)
    explorer.round.value = 0
    assert explorer.changes.value == ""
    assert unpacked(explorer.messages.content["row"]) == []
    assert "input: at most" in explorer.said.value


def test_a_click_chooses() -> None:
    sim = finished(k=3, n=40)
    explorer = sim.explore()
    explorer.loads.hit = [4, 3, 1]
    assert (sim.round, explorer.round.value, explorer.machine.value) == (4, 4, 3)
    assert text_of(explorer.memory) == str(sim.machine(3))
    explorer.messages.hit = [1, 0, 1]
    assert (sim.round, explorer.machine.value) == (4, 1)


class Hoard(Protocol):
    """All machines send all words to machine 0, in round 1."""

    def n_rounds(self, cluster: Cluster) -> int:
        return 3

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel("word", ("word",), cluster.memory_words),)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        out, words = Outbox(), inbox["word" if round else "input"]
        to = 0 if round == 1 else words.machine
        out.send("word", source=words.machine, to=to, word=words["word"])
        return out


def test_a_broken_limit_is_told_and_the_round_before_is_shown() -> None:
    cluster = Cluster(n_words=6, memory_words=3, n_machines=3, block_words=2)
    sim = Simulation(Hoard(), cluster, range(6))
    explorer = sim.explore()
    explorer.round.value = 3
    assert "<b>MemoryExceeded</b>: round 1" in explorer.said.value
    assert (sim.round, explorer.round.value) == (1, 1)
    assert shown(explorer.loads)[1].tolist() == [2, 2, 2]
    assert text_of(explorer.memory) == str(sim.machine(0))
    explorer.machine.value = 2
    assert text_of(explorer.memory) == str(sim.machine(2))


def test_text_stands_in_for_the_widgets() -> None:
    sim = finished(k=3, n=40)
    bundle = sim.explore()._repr_mimebundle_()
    assert bundle["text/plain"] == f"{sim.ledger}\n{sim.machine(0)}"
    assert "application/vnd.jupyter.widget-view+json" in bundle


@pytest.mark.parametrize("missing", ["ipywidgets", "anywidget"])
def test_without_widgets_one_line_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    sim = finished(k=1, n=40)
    explore: Callable[[], object] = sim.explore
    with pytest.raises(ImportError, match=r"^[^\n]*pip install 'anna-mpc\[notebooks\]'$"):
        explore()
