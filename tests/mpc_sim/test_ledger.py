"""The ledger: nested labels, three counters, tables, files and differences."""

from __future__ import annotations

import json
import tempfile
import zipfile
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, strategies as st

from mpc_sim import Cluster, Ledger, Protocol, Simulation, fit_cluster, sequence
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.errors import LedgerError, ShapeError
from mpc_sim.ledger.loads import RoundLoads
from mpc_sim.stages.columnsort import Columnsort, Rename, columnsort

CLUSTER = Cluster(n_words=8, memory_words=4, n_machines=3, block_words=4)


def run(protocol: Protocol, n: int = 64, seed: int = 0) -> Simulation:
    words = np.random.default_rng(seed).integers(0, 4, n)
    sim = Simulation(protocol, fit_cluster(protocol, n, "2/3", largest_word=5), words)
    sim.run()
    return sim


def ledger_of(*labels: str, sent: int = 2, deliveries: int = 1) -> Ledger:
    load = np.array([sent, 0, 1])
    rounds = [RoundLoads(label, load, load // 2, load // 2, 1, deliveries) for label in labels]
    return Ledger(CLUSTER, np.array([4, 4, 0]), rounds)


# --- labels and counters ---


def named_sort(name: str, inner: str = "") -> Protocol:
    sort = sequence(Rename("input", "records"), Columnsort(("word",)), name=inner)
    return sequence(sort, Rename("records", "output"), name=name)


@pytest.mark.parametrize(
    ("name", "inner", "label"),
    [
        ("", "", "columnsort / load"),
        ("sort", "", "sort / columnsort / load"),
        ("", "core", "core / columnsort / load"),
        ("sort", "core", "sort / core / columnsort / load"),
    ],
)
def test_named_sequences_nest_and_compute_the_same(name: str, inner: str, label: str) -> None:
    sim = run(named_sort(name, inner))
    plain = run(columnsort())
    assert sim.ledger.labels[0] == label
    assert np.array_equal(sim.output(), plain.output())
    assert np.array_equal(sim.ledger.sent, plain.ledger.sent)


def test_every_depth_of_columnsort_nests() -> None:
    cluster = Cluster(n_words=100, memory_words=16, n_machines=40, block_words=4)
    sim = Simulation(columnsort(), cluster, np.arange(100)[::-1])
    sim.run()
    assert sim.n_rounds == 17
    assert sim.ledger.labels[16] == "columnsort / unshift / unshift"
    assert sim.ledger.n_logical_rounds == 1
    assert [step.n_protocol_rounds for step in sim.ledger.steps(2)] == [1, 4, 4, 4, 4]


def test_the_three_counters() -> None:
    ledger = ledger_of("sort / a", "sort / b", "answer", "sort / a", deliveries=2)
    assert (ledger.n_rounds, ledger.n_protocol_rounds, ledger.n_logical_rounds) == (8, 4, 3)
    assert (Ledger(CLUSTER, np.array([4, 4, 0])).n_logical_rounds, ledger.total_messages) == (0, 4)


def test_steps_add_up_to_the_totals() -> None:
    ledger = run(k_hop(13)).ledger
    for depth in (1, 2, 3):
        steps = ledger.steps(depth)
        assert sum(step.n_rounds for step in steps) == ledger.n_rounds
        assert sum(step.n_protocol_rounds for step in steps) == ledger.n_protocol_rounds
        assert sum(step.moved_words for step in steps) == ledger.total_words
        assert sum(step.n_messages for step in steps) == ledger.total_messages
        assert max(step.max_sent_words for step in steps) == ledger.max_sent_words
        assert [step.first_round for step in steps][:2] == [0, 5 if depth == 1 else 1]
    assert len(ledger.steps(1)) == ledger.n_logical_rounds == 7
    assert len(ledger.steps(3)) == ledger.n_protocol_rounds


def test_columns_are_those_of_the_rounds() -> None:
    ledger = run(k_hop(3)).ledger
    columns = ledger.columns()
    assert {len(column) for column in columns.values()} == {ledger.n_protocol_rounds}
    assert columns["max_held_words"].tolist() == ledger.held.max(axis=1).tolist()
    assert columns["max_sent_words"].tolist() == ledger.sent.max(axis=1).tolist()
    assert columns["moved_words"].tolist() == ledger.received.sum(axis=1).tolist()
    assert columns["step"].tolist() == list(ledger.labels)
    most = np.maximum(ledger.sent, ledger.held).max(axis=1)
    assert columns["used_share"].tolist() == (most / ledger.cluster.memory_words).tolist()
    assert {len(column) for column in Ledger(CLUSTER, np.zeros(3, int)).columns().values()} == {0}


def test_loads_cannot_be_written() -> None:
    ledger = run(k_hop(1)).ledger
    for array in (ledger.input_held, ledger.rounds[0].sent, ledger.rounds[-1].held):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


# --- tables ---


@given(st.lists(st.text("ab /<&", max_size=60), max_size=6), st.integers(0, 10**8))
def test_text_has_80_columns(labels: list[str], sent: int) -> None:
    roomy = replace(CLUSTER, memory_words=10**8)
    ledger = Ledger(roomy, np.array([4, 4, 0]), ledger_of(*labels, sent=sent).rounds)
    for table in (str(ledger), ledger.step_table(), ledger.step_table(3)):
        assert max(map(len, table.split("\n"))) <= 80
    assert max(map(len, str(ledger.diff(ledger_of(*labels[1:], "c"))).split("\n"))) <= 80


def test_text_names_charged_deliveries_and_the_end_of_long_labels() -> None:
    ledger = ledger_of("outer step / columnsort / transpose", "fan out", deliveries=3)
    lines = str(ledger).split("\n")
    assert lines[3].startswith("    0  ...transpose (3 deliveries)")
    assert lines[4].startswith("    1  fan out (3 deliveries)")
    assert lines[5] == "deliveries 6, protocol rounds 2, logical rounds 2; words moved 2"


def test_a_cluster_without_scarcity_says_so() -> None:
    roomy = Ledger(Cluster(n_words=4, memory_words=4, n_machines=1, block_words=4), np.array([4]))
    for table in (str(roomy), roomy._repr_html_()):
        assert "s &gt;= N" in table or "s >= N" in table
    assert "s >= N" not in str(ledger_of("a"))


class Strict(HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.styles: set[str] = set()
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.styles |= {value or "" for name, value in attrs if name == "style"}
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


ALLOWED = {"table", "caption", "thead", "tbody", "tfoot", "tr", "th", "td", "br"}


def test_html_needs_no_trust() -> None:
    ledger = ledger_of('<script>alert("x")</script>', "a & b", deliveries=2)
    page = Strict(ledger._repr_html_())
    assert page.open == []
    assert page.tags <= ALLOWED
    assert page.attributes == {"style", "colspan"}
    assert not any("url" in style or "expression" in style for style in page.styles)
    assert '<script>alert("x")</script> (2 deliveries)' in page.text
    assert "deliveries 4, protocol rounds 2, logical rounds 2; words moved 2" in page.text


def test_html_says_what_the_text_says() -> None:
    ledger = run(k_hop(5)).ledger
    words = " ".join(Strict(ledger._repr_html_()).text).split()
    assert sorted(words) == sorted(str(ledger).split())


def test_canary_html() -> None:
    page = Strict("<script>x</script><b onclick='y'>z</b>")
    assert not page.tags <= ALLOWED
    assert page.attributes == {"onclick"}


# --- files ---


@pytest.mark.parametrize("k", [0, 1, 6])
def test_a_ledger_survives_its_file(tmp_path: Path, k: int) -> None:
    ledger = run(k_hop(k)).ledger
    ledger.save(tmp_path / "one.npz")
    loaded = Ledger.load(tmp_path / "one.npz")
    assert not ledger.diff(loaded)
    assert str(loaded) == str(ledger)
    assert loaded.cluster == ledger.cluster
    for name in ("sent", "received", "held"):
        assert getattr(loaded, name).dtype == np.int64
        assert np.array_equal(getattr(loaded, name), getattr(ledger, name))
    loaded.save(tmp_path / "two.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.npz", "two.npz"]


@given(st.integers(0, 2**62), st.integers(1, 9))
def test_every_size_of_word_survives(sent: int, deliveries: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ledger = ledger_of("a / b", "ü", sent=sent, deliveries=deliveries)
        ledger.save(f"{folder}/a.npz")
        assert not ledger.diff(Ledger.load(f"{folder}/a.npz"))


def test_other_programs_read_the_file(tmp_path: Path) -> None:
    ledger = run(k_hop(2)).ledger
    ledger.save(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert np.array_equal(arrays["sent"], ledger.sent)
    with zipfile.ZipFile(tmp_path / "a.npz") as file:
        header = json.loads(file.read("header.json"))
    assert (header["format"], header["version"]) == ("mpc_sim ledger", 1)
    assert header["cluster"]["epsilon"] == "2/3"
    assert header["labels"] == list(ledger.labels)


def test_a_damaged_ledger_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    run(k_hop(2)).ledger.save(path)
    whole = path.read_bytes()
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        with pytest.raises(LedgerError, match=r"^[^\n]*a\.npz[^\n]*$"):
            Ledger.load(path)
    path.write_bytes(whole)
    Ledger.load(path)


def test_a_file_of_another_kind_is_named(tmp_path: Path) -> None:
    sim = run(k_hop(2))
    sim.save(tmp_path / "run.npz")
    with pytest.raises(LedgerError, match=r"run\.npz is a mpc_sim checkpoint file, no ledger"):
        Ledger.load(tmp_path / "run.npz")
    with pytest.raises(LedgerError, match=r"none\.npz cannot be read: No such file"):
        Ledger.load(tmp_path / "none.npz")
    with pytest.raises(LedgerError, match=r"a\.npz cannot be written: No such file"):
        sim.ledger.save(tmp_path / "folder" / "a.npz")


def test_a_cluster_survives_json() -> None:
    cluster = Cluster.from_exponents(1024, "3/7", "1/10", memory_factor=4, largest_word=99)
    assert Cluster.from_json(json.loads(json.dumps(cluster.to_json()))) == cluster
    for wrong in ({"n_words": "8"}, {"n_words": True}, {"epsilon": 1}, {"extra": 1}):
        with pytest.raises(ShapeError):
            Cluster.from_json(cluster.to_json() | wrong)


# --- differences ---


def test_equal_runs_do_not_differ() -> None:
    same = run(k_hop(11)).ledger.diff(run(k_hop(11)).ledger)
    assert not same
    assert str(same).startswith("no difference: deliveries 11, protocol rounds 11")


def test_canary_one_word_on_one_machine_differs() -> None:
    one, other = ledger_of("a", "b", "c"), ledger_of("a", "b", "c")
    for name in ("sent", "received", "held"):
        changed = dict(vars(other.rounds[1]))
        changed[name] = changed[name] + np.array([0, 1, 0])
        other.rounds[1] = RoundLoads(**changed)
        diff = one.diff(other)
        assert [(a and a[0], b and b[0]) for a, b in diff.rounds] == [(1, 1)]
        other.rounds[1] = one.rounds[1]
        assert not one.diff(other)


def test_an_inserted_round_shifts_no_other() -> None:
    diff = ledger_of("a", "b", "c").diff(ledger_of("a", "new", "b", "c", "end"))
    assert [(a and a[1], b and b[1]) for a, b in diff.rounds] == [(None, "new"), (None, "end")]
    assert diff.totals[0] == ("deliveries", 3, 5)
    lines = str(diff).split("\n")
    assert [line.split()[0] for line in lines[2:4]] == ["+1", "+4"]
    assert lines[5].split() == ["deliveries", "3", "5", "+2"]


def test_other_charges_clusters_and_inputs_differ() -> None:
    ledger = ledger_of("a")
    assert [b and b[1] for _, b in ledger.diff(ledger_of("a", deliveries=2)).rounds] == [
        "a (2 deliveries)"
    ]
    wider = Cluster(n_words=8, memory_words=5, n_machines=3, block_words=4)
    diff = ledger.diff(Ledger(wider, np.array([4, 3, 1]), ledger.rounds))
    assert diff.cluster == (("memory_words", 4, 5),)
    assert [a and a[0] for a, _ in diff.rounds] == ["input"]
    assert "memory_words: -4 +5" in str(diff)


def test_two_inputs_of_one_protocol() -> None:
    diff = run(k_hop(4), seed=1).ledger.diff(run(k_hop(4), seed=2).ledger)
    assert diff
    assert diff.totals[0] == ("deliveries", 10, 10)
