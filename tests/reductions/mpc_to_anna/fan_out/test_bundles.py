"""Bounded fan-out in the compiler: bundles of all that a machine sends to a partner."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from cases.per_machine import PerMachine
from cases.protocols import MANY_ROUNDS, PROTOCOLS
from mpc_sim import Channel, Cluster, Outbox, Simulation, fit_cluster
from mpc_sim.algorithms.k_hop import k_hop
from mpc_sim.errors import SendExceeded
from mpc_sim.routing import collect
from mpc_sim.stages.columnsort import columnsort
from reductions.bounds import Bound
from reductions.certify.run import How, certify
from reductions.cli import main
from reductions.mpc_to_anna.bounds import RoundShape, messages as theorem_messages
from reductions.mpc_to_anna.compile import compile_protocol
from reductions.mpc_to_anna.fan_out import fan_out_cluster, fan_out_of_exponent
from reductions.mpc_to_anna.init_layer import INPUT
from reductions.mpc_to_anna.messages import BundleMessages, Heard, RecordMessages, WordMessages
from reductions.mpc_to_anna.options import CompilerOptions
from reductions.mpc_to_anna.route_layer import RouteLayer
from reductions.mpc_to_anna.token_groups import TokenGroups
from reductions.problems.k_hop import k_hop_oracle
from reductions.registry import solver

CHANNELS = (Channel("pair", ("x", "y"), 6, 20), Channel("one", ("z",), 6, 20))
CLUSTER = Cluster(n_words=32, memory_words=64, n_machines=8, block_words=4)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_records_come_back_from_either_kind_of_message(data: st.DataObject) -> None:
    outbox = Outbox()
    for channel in CHANNELS:
        source = sorted(
            data.draw(
                st.lists(st.integers(0, 7), max_size=12).filter(lambda ids: no_more_than(ids, 6))
            )
        )
        to = data.draw(st.lists(st.integers(0, 7), min_size=len(source), max_size=len(source)))
        columns = {
            name: np.array(
                data.draw(st.lists(st.integers(0, 31), min_size=len(source), max_size=len(source))),
                np.int64,
            )
            for name in channel.fields
        }
        outbox.send(
            channel.name, source=np.array(source, np.int64), to=np.array(to, np.int64), **columns
        )
    traffic = collect(outbox, CHANNELS, np.arange(8), CLUSTER, round=0, label="test")
    for messages in (
        RecordMessages.of(CHANNELS, CLUSTER),
        WordMessages.of(CHANNELS, CLUSTER),
        BundleMessages.of(CHANNELS, CLUSTER, partners=7),
    ):
        source_of, to_of, words = messages.pack(traffic)
        assert words.shape == (len(source_of), messages.shape.words)
        place = np.arange(len(words))
        unpacked = messages.unpack(Heard(to_of, place, source_of, words, place))
        for part in traffic.messages:
            message, emission, columns = unpacked[part.channel.name]
            leaves = part.source != part.to
            expected = {}
            for source, to, *record in zip(
                part.source[leaves].tolist(),
                part.to[leaves].tolist(),
                *(part.columns[name][leaves].tolist() for name in part.channel.fields),
                strict=True,
            ):
                expected.setdefault((source, to), []).append(record)
            order = np.lexsort((emission, to_of[message], source_of[message]))
            found = {}
            for row in order:
                key = int(source_of[message[row]]), int(to_of[message[row]])
                record = [int(columns[name][row]) for name in part.channel.fields]
                found.setdefault(key, []).append(record)
            assert found == expected


def no_more_than(ids: list[int], most: int) -> bool:
    return all(ids.count(one) <= most for one in ids)


def test_a_pair_of_machines_shares_one_bundle() -> None:
    outbox = Outbox()
    outbox.send("pair", source=[0, 0, 0], to=[1, 1, 2], x=[1, 2, 3], y=[4, 5, 6])
    outbox.send("one", source=[0], to=[1], z=[9])
    traffic = collect(outbox, CHANNELS, np.arange(8), CLUSTER, round=0, label="test")
    source, to, words = BundleMessages.of(CHANNELS, CLUSTER, partners=2).pack(traffic)
    assert source.tolist() == [0, 0]
    assert to.tolist() == [1, 2]
    assert words[:, :7].tolist() == [[2, 1, 1, 4, 2, 5, 9], [1, 0, 3, 6, 0, 0, 0]]


def test_no_more_records_arrive_than_fit_into_a_memory() -> None:
    """Two channels that declare no receipts, of 1 and 2 words: s of the narrower fit, not 3 s / 2.

    So do two that declare s receipts each, and no capacity of a head is larger.
    """
    s, P = 12, 50
    cluster = Cluster(P, s, P, 1)
    for most in (None, s):
        channels = (Channel("one", ("z",), 3, most), Channel("pair", ("x", "y"), 2, most))
        shape = RecordMessages.of(channels, cluster).shape
        assert (shape.sent, shape.received, shape.words) == (5, s, 3)
        whole = CompilerOptions("disjunct")  # whose records do not travel word by word
        assert theorem_messages(channels, cluster, whole) == (5, s, 3, 0)
        for order, k in (("emission", 5), ("spread", s)):
            options = CompilerOptions("disjunct", order, tokens_per_machine=1)
            shape_of = RoundShape.of(channels, cluster, options).with_tokens(1, cluster, options, 1)
            assert shape_of.sent == k
    protocol = PerMachine((channels,), lambda *_: [])
    layer = compile_protocol(protocol, cluster, **whole.keywords).layers[1]
    assert isinstance(layer, RouteLayer)
    assert layer.code is not None
    assert layer.code.capacity == s


def test_the_shape_of_bundles() -> None:
    """At most P - 1 others; a header counts the longest channel; a full memory and its counts."""
    channels = Channel("long", ("x",), 60, 60), Channel("short", ("y",), 2, 2)
    shape = BundleMessages.of(channels, CLUSTER, partners=20).shape
    assert (shape.sent, shape.received, shape.largest_header) == (7, 7, 60)
    full = (*channels, Channel("more", ("z", "u"), 30, 30))
    words = BundleMessages.of(full, CLUSTER, partners=3).shape.words
    assert words == 3 + CLUSTER.memory_words
    assert RoundShape.of(full, CLUSTER, CompilerOptions(fan_out="1/3"), 3).words == words


def test_one_partner_more_is_refused() -> None:
    outbox = Outbox()
    outbox.send("one", source=[4, 4, 4, 1, 1], to=[0, 1, 1, 2, 3], z=[1, 2, 3, 4, 5])
    traffic = collect(outbox, CHANNELS, np.arange(8), CLUSTER, round=0, label="test")
    assert len(BundleMessages.of(CHANNELS, CLUSTER, partners=2).pack(traffic)[0]) == 4
    with pytest.raises(SendExceeded, match=r"machine 1 sends to 2 others; .* at most 1 partners"):
        BundleMessages.of(CHANNELS, CLUSTER, partners=1).pack(traffic)


def test_more_partners_than_were_compiled_for_are_refused() -> None:
    cluster = fit_cluster(columnsort(), 64, "1/2")
    inbox = Simulation(columnsort(), cluster, np.arange(64)[::-1].copy()).inbox
    arrived = TokenGroups(cluster.n_machines).rows(64, *INPUT.write(inbox))
    layer = RouteLayer(columnsort(), cluster, 0, INPUT, is_last=False, partners=1)
    with pytest.raises(SendExceeded, match=r"sends to .* compiled for at most 1 partners"):
        list(layer.blocks(arrived, 1 << 20))


@pytest.mark.parametrize("attention", ["ema", "anna"])
@pytest.mark.parametrize("heads", ["emission", "spread"])
@pytest.mark.parametrize("code", ["syndrome", "disjunct", "repetition"])
def test_every_code_and_assignment_carries_bundles(code: str, heads: str, attention: str) -> None:
    algorithm = solver("columnsort")
    words = algorithm.instance(48, 1)
    options = CompilerOptions(code, heads, attention, fan_out="1/6")
    certificate = certify(algorithm, words, How(options=options))
    assert certificate.ok, certificate
    assert certificate["output-fan-out"].measured == 0


LONG = MANY_ROUNDS | {"maximal-independent-set", "triangle-count", "three-sum"}


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] if name in LONG else []) for name in PROTOCOLS],
)
def test_every_algorithm_runs_with_few_partners(name: str) -> None:
    algorithm = solver(name)
    given_words = algorithm.instance(12, 0)
    cluster = algorithm.cluster(given_words)
    certificate = certify(
        algorithm, given_words, How(cluster=cluster, options=CompilerOptions(fan_out="1/5"))
    )
    assert certificate.ok, certificate


@pytest.mark.parametrize("rho", ["0", "1/12", "1/6", "1/3"])
def test_heads_and_widths_are_those_of_the_construction(rho: str) -> None:
    protocol = k_hop(3)
    rng = np.random.default_rng(5)
    words = rng.integers(1, 4, 128)
    cluster = fit_cluster(protocol, 128, "2/3", largest_word=3)
    transformer = compile_protocol(protocol, cluster, fan_out=rho, seed=2, tokens_per_machine=1)
    assert np.array_equal(transformer.run(words), k_hop_oracle(words, 3))
    bounded = fan_out_of_exponent(protocol, cluster, rho, seed=2)
    partners = bounded.partners
    assert partners <= max(1, 128 ** float(Fraction(rho)) + 1e-9)
    resources = transformer.resources()
    rounds = protocol.n_rounds(cluster)
    hops = next(L for L in range(1, 20) if (partners + 1) ** L >= cluster.n_machines)
    assert resources.layers == 2 * hops * rounds + 1
    assert resources.heads == partners + 1
    memory = fan_out_cluster(bounded).memory_words
    channels = max(len(bounded.channels(t, bounded.inner)) for t in range(2 * hops * rounds))
    assert resources.head_width <= partners * (memory + channels + 1) + 2
    assert transformer.failure == Fraction(1, 128)


def test_without_other_machines_there_is_nothing_to_bundle() -> None:
    cluster = fit_cluster(columnsort(), 1, "2/3")
    assert compile_protocol(columnsort(), cluster, fan_out="1/3").run([0]).tolist() == [0]


def test_certify_takes_a_fan_out(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["certify", "columnsort", "--n", "64", "--fan-out", "1/6"]) == 0
    shown = capsys.readouterr().out
    assert "output-fan-out" in shown
    assert "fan_out_sent_partners" in shown
    assert main(["certify", "k-hop", "--n", "64", "--no-back", "--fan-out", "1/6", "--json"]) == 0
    assert '"ok": true' in capsys.readouterr().out


@pytest.mark.parametrize("rho", ["-1/2", "x"])
def test_an_exponent_that_is_none_is_refused(rho: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["certify", "columnsort", f"--fan-out={rho}"]) == 2
    error = capsys.readouterr().err
    assert "fan-out" in error
    assert error.count("\n") == 1


def test_match2_has_no_partners(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["certify", "match2", "--fan-out", "1/6"]) == 2
    assert "--fan-out" in capsys.readouterr().err


def test_a_bound_that_forgets_the_partners_fails() -> None:
    """The canary of the rows: one partner less, and the number of heads is beyond its bound."""
    algorithm = solver("columnsort")
    words = algorithm.instance(64, 0)
    options = CompilerOptions(fan_out="1/3")
    certificate = certify(algorithm, words, How(options=options))
    heads = certificate["heads"]
    assert heads.status == "PASS"
    tight = Bound("heads", heads.measured - 1, {}, "upper", "one partner less")
    assert tight.check(heads.measured).status == "FAIL"
