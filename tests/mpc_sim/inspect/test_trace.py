"""Traces: flows and memories against plain loops, changes between rounds, the page."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, strategies as st

from cases.pages import data_of, finished, outward, unpacked
from mpc_sim import Simulation, fit_cluster
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.errors import LedgerError
from mpc_sim.machine_view import MachineView


def test_a_trace_holds_what_the_simulation_shows() -> None:
    sim = finished(k=3, n=40)
    before = str(sim.ledger), sim.output().tolist()
    trace = sim.trace()
    assert (str(sim.ledger), sim.output().tolist()) == before
    assert str(trace) == str(trace.ledger) == before[0]
    again = Simulation(sim.protocol, sim.cluster, np.random.default_rng(0).integers(0, 4, 40))
    for round in range(sim.n_rounds + 1):
        for machine in range(sim.cluster.n_machines):
            assert trace.machine(machine, round) == again.machine(machine)
        if round < sim.n_rounds:
            expected: Counter[tuple[int, int]] = Counter()
            for part in again.peek().messages:
                for source, to in zip(part.source.tolist(), part.to.tolist(), strict=True):
                    expected[source, to] += max(1, len(part.channel.fields))
            flow = trace.flows[round]
            rows = zip(flow.source.tolist(), flow.to.tolist(), flow.words.tolist(), strict=True)
            assert {(source, to): words for source, to, words in rows} == dict(expected)
            again.step()


def test_a_trace_stops_where_the_run_stopped() -> None:
    sim = finished(k=3, n=40)
    sim.goto(4)
    trace = sim.trace()
    assert (trace.n_rounds, sim.round, len(trace.inboxes)) == (4, 4, 5)
    sim.step()
    assert trace.ledger.n_protocol_rounds == 4


def test_the_page_of_a_trace_holds_every_word(tmp_path: Path) -> None:
    sim = finished(k=3, n=40)
    trace = sim.trace()
    trace.save_html(tmp_path / "run.html", title="k-hop")
    html = (tmp_path / "run.html").read_text(encoding="utf-8")
    assert outward(html) == []
    data = data_of(html)
    assert len(data["sides"]) == len(data["matrices"]) == len(data["steps"]) == sim.n_rounds + 1
    assert data["matrices"][0] == []
    for round, (side,) in enumerate(data["sides"]):
        for machine in range(sim.cluster.n_machines):
            view = trace.machine(machine, round)
            assert {one["name"]: rows_of(one, machine) for one in side["sections"]} == view.records
    for flow, (matrix,) in zip(trace.flows, data["matrices"][1:], strict=True):
        for name, column in (("row", flow.source), ("column", flow.to), ("value", flow.words)):
            assert unpacked(matrix[name]) == column.tolist()
    with pytest.raises(LedgerError, match="cannot be written"):
        trace.save_html(tmp_path / "none" / "run.html")


def rows_of(section: dict[str, Any], machine: int) -> tuple[tuple[int, ...], ...]:
    owners = unpacked(section["owner"])
    columns = [unpacked(column) for column in section["columns"]]
    return tuple(
        tuple(column[row] for column in columns)
        for row, owner in enumerate(owners)
        if owner == machine
    )


# --- what has changed ---


@given(st.lists(st.integers(0, 2)), st.lists(st.integers(0, 2)))
def test_changes_are_the_differences_of_multisets(old: list[int], new: list[int]) -> None:
    before, now = (
        MachineView(0, round, 9, {"x": ("a",)}, {"x": tuple((word,) for word in words)})
        for round, words in enumerate((old, new))
    )
    lines = now.changes(before).split("\n")[1:]
    found = {line[2]: Counter(line.split(": ")[1].split()) for line in lines}
    for sign, kept, lost in (("+", new, old), ("-", old, new)):
        expected = Counter(f"({word})" for word in kept) - Counter(f"({word})" for word in lost)
        assert found.get(sign, Counter()) == expected


def test_channels_with_other_fields_are_other_channels() -> None:
    before = MachineView(0, 0, 9, {"x": ("a",), "y": ("a",)}, {"x": ((1,),), "y": ((2,),)})
    now = MachineView(0, 1, 9, {"x": ("b",), "z": ()}, {"x": ((1,),), "z": ((), ())})
    assert now.changes(before).split("\n")[1:] == [
        "  + x(b): (1)",
        "  + z(): () ()",
        "  - x(a): (1)",
        "  - y(a): (2)",
    ]


def test_changes_of_a_run() -> None:
    protocol = k_hop(2)
    sim = Simulation(protocol, fit_cluster(protocol, 9, "2/3"), [0, 0, 1, 2, 1, 0, 1, 2, 0])
    first = sim.machine(0)
    assert sim.machine(0).changes(first).split("\n")[1:] == []
    sim.step()
    assert sim.machine(0).changes(first).startswith("machine 0 before round 1: ")
