"""What a protocol of one's own gets wrong is one typed error that says what, and for whom."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from cases.own_protocols import (
    Columns,
    Divides,
    Keeps,
    PutsNothingOut,
    ReturnsNothing,
    SendsHalf,
    changed,
    leaves,
    of_shape,
    words_are,
)
from mpc_sim import (
    Channel,
    Cluster,
    Inbox,
    Memory,
    MPCError,
    Outbox,
    PerMachine,
    Protocol,
    Records,
    ShapeError,
    Simulation,
    parallel,
)
from mpc_sim.errors import ChannelExceeded, ColumnError, OutputError, StepError, WordOverflow
from mpc_sim.protocol import MAX_CHANNELS, check_shape, open_receipts
from reductions.registry import names, solver

CLUSTER = Cluster(n_words=6, memory_words=4, n_machines=4, block_words=2)
WORDS = [5, 1, 4, 1, 0, 3]


def run(protocol: Protocol, cluster: Cluster = CLUSTER) -> list[int]:
    return Simulation(protocol, cluster, WORDS).run().tolist()


@pytest.mark.parametrize("protocol", [Keeps(), Columns(), words_are(lambda w: w.astype(np.int8))])
def test_right_ones_pass(protocol: Protocol) -> None:
    assert run(protocol) == WORDS


NOT_WORDS: dict[str, Callable[[Any], Any]] = {
    "float": lambda w: w / 1,
    "nan": lambda w: np.where(w > 3, np.nan, w),
    "bool": lambda w: w > 3,
    "object": lambda w: w.astype(object),
    "text": lambda w: w.astype(str),
    "ragged": lambda w: [[1], [2, 3]],
    "2-D": lambda w: np.stack([w, w]),
    "2-D, one column": lambda w: w[:, None],
    "too long": lambda w: np.append(w, 1),
    "too short": lambda w: w[1:],
    "beyond int64": lambda w: w.astype(np.uint64) + np.uint64(2**63),
    "none": lambda w: None,
}


@pytest.mark.parametrize("name", NOT_WORDS)
def test_a_column_that_is_no_words_is_refused(name: str) -> None:
    change = NOT_WORDS[name]
    with pytest.raises(ColumnError) as caught:
        run(words_are(change))
    assert "\n" not in str(caught.value)
    assert caught.value.__notes__ == ["in round 0 (Words)"]
    assert caught.value.round == 0
    if not name.startswith("too"):
        assert (caught.value.machine, caught.value.field) == (0, "word")
    with pytest.raises(WordOverflow) as caught:  # a column error is one
        run(leaves(lambda w: Records(("word",), w.machine, {"word": change(w["word"])})))
    assert caught.value.__notes__ == ["in the output map of Leaves"]
    assert isinstance(pickle.loads(pickle.dumps(caught.value)), ColumnError)


def test_empty_columns_are_words_of_whatever_type() -> None:
    outbox = Outbox()
    for nothing in ([], np.zeros(0), np.zeros(0, np.int8)):
        outbox.send("w", source=nothing, to=nothing, word=nothing)
    source, _, columns = outbox.rows("w")
    assert (source.dtype, columns["word"].dtype, len(source)) == (np.int64, np.int64, 0)
    with pytest.raises(ColumnError):
        outbox.send("w", source=[], to=[], word=np.zeros(0, bool))


def test_an_outbox_copies_what_it_is_given() -> None:
    source, word = np.arange(3), np.array([7, 8, 9])
    view, frozen = word[:], word[:]
    frozen.flags.writeable = False  # its base is not
    outbox = Outbox()
    outbox.keep("a", source, word=word)
    outbox.send("b", source=source, to=source, word=frozen)
    source[:], view[:] = 0, 0
    for channel in "ab":
        found = outbox.rows(channel)
        assert [found[0].tolist(), found[2]["word"].tolist()] == [[0, 1, 2], [7, 8, 9]]


def test_an_outbox_does_not_copy_what_nobody_can_write_into() -> None:
    records = Records.of([0, 1], word=[7, 8]).freeze()
    outbox = Outbox()
    outbox.keep("a", records.machine, **records.columns)
    assert outbox.rows("a")[2]["word"] is records["word"]


WRONG_OUTPUT: dict[str, tuple[Callable[[Records], Any], str]] = {
    "out of order": (lambda w: changed(w, machine=[0, 0, 2, 1, 1, 2]), "out of order"),
    "outside": (lambda w: changed(w, machine=[0, 0, 1, 1, 2, 9]), "machine 2 holds 1 output"),
    "negative": (lambda w: changed(w, machine=[-1, 0, 1, 1, 2, 2]), "machine -1 holds 1 output"),
    "other field": (lambda w: Records.of(w.machine, letter=w["word"]), "has the fields letter"),
    "no records": (lambda w: w["word"], r"leaves array\(.*\) in channel 'output'; use Records.of"),
}


@pytest.mark.parametrize("name", WRONG_OUTPUT)
def test_an_output_that_lies_elsewhere_is_refused(name: str) -> None:
    change, says = WRONG_OUTPUT[name]
    with pytest.raises(OutputError, match=says):
        run(leaves(change))


def test_fields_and_columns_agree() -> None:
    owner = np.zeros(1, np.int64)
    for fields, columns in ((("a",), {"b": owner}), (("a", "b"), {"a": owner}), ((), {"a": owner})):
        with pytest.raises(ColumnError, match="give one column per field"):
            Records(fields, owner, columns)


@pytest.mark.parametrize(
    ("protocol", "kind", "says"),
    [
        (ReturnsNothing(), StepError, r"round 0 \(ReturnsNothing\): the step .* returns None"),
        (PutsNothingOut(), OutputError, "output of machine 0 is None; return the list of its 2"),
        (SendsHalf(), ColumnError, "machine 0 sends 0.5 on channel 'w'; words and machines are"),
        (of_shape(n_rounds=1.0), ShapeError, "n_rounds of Shape is 1.0; return an int"),
        (of_shape(n_rounds=True), ShapeError, "n_rounds of Shape is True"),
        (of_shape(n_rounds=-1), ShapeError, "n_rounds of Shape is -1"),
        (of_shape(n_rounds=10**18), ShapeError, "at most 100000 are run"),
        (of_shape(n_rounds=None), ShapeError, "n_rounds of Shape is None"),
        (
            of_shape(channels=None),
            ShapeError,
            "channels of Shape are None; return a tuple",
        ),
        (of_shape(channels=Channel("w", (), 1)), ShapeError, "return a tuple of Channel"),
        (of_shape(channels=[Channel("w", (), 1)]), ShapeError, "return a tuple of Channel"),
        (of_shape(channels=("w",)), ShapeError, "return a tuple of Channel"),
    ],
)
def test_what_is_no_protocol_is_said_in_one_line(
    protocol: Protocol, kind: type[MPCError], says: str
) -> None:
    with pytest.raises(kind, match=says) as caught:
        run(protocol)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("left", [None, {}, [1], 3])
def test_an_output_map_returns_an_inbox(left: Any) -> None:
    class Leaves(Columns):
        def finish(self, inbox: Inbox, cluster: Cluster) -> Any:
            return left

    with pytest.raises(OutputError, match=r"the output map of Leaves returns .*; finish returns"):
        run(Leaves())


@pytest.mark.parametrize(
    "wrong",
    [("w", "word", 1), ("w", ("word",), 1.5), ("w", ("word",), True), (3, ("word",), 1)],
    ids=str,
)
def test_a_channel_is_of_texts_and_ints(wrong: Any) -> None:
    with pytest.raises(ShapeError):
        Channel(*wrong)


def test_an_exception_in_a_step_has_a_note_with_round_and_label() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        run(Divides())
    assert caught.value.__notes__ == ["in round 0 (Divides)"]


# --- one machine ---


def test_a_field_that_no_other_process_finds_is_refused() -> None:
    offset = 1

    def inside(word: int) -> int:
        return word + offset

    for function in (inside, lambda word: word):
        for arguments in ((0, function), ()):
            named = {} if arguments else {"of": function}
            with pytest.raises(ShapeError, match=r"field 'of' of Keeps is .*: define the function"):
                Keeps(*arguments, **named)
    assert Keeps(1, abs).of is abs
    assert pickle.loads(pickle.dumps(Keeps(1, abs))) == Keeps(1, abs)


def test_a_protocol_of_one_machine_is_frozen_and_complete() -> None:
    @dataclass
    class Thaws(PerMachine):
        add: int = 0

    with pytest.raises(
        ShapeError, match=r"Thaws can be changed: make it a @dataclass\(frozen=True\)"
    ):
        Thaws()  # type: ignore[abstract]

    class Half(PerMachine):
        pass

    with pytest.raises(TypeError, match="abstract"):
        Half()  # type: ignore[abstract]


def test_a_subclass_calls_the_step_that_it_extends() -> None:
    class Twice(Keeps):
        def step(self, round: int, memory: Memory) -> None:  # type: ignore[override]
            super().step(round, memory)
            assert memory.emitted[0][0] == "w" if memory.n_words else not memory.emitted

    assert run(Twice(add=1)) == [word + 1 for word in WORDS]


@pytest.mark.parametrize("words", [[1], [1, 2, 3], [1, None], [1, 0.5], [1, True], [1, 2**63]])
def test_the_output_of_a_machine_is_its_words(words: Any) -> None:
    class Wrong(Keeps):
        def output(self, memory: Memory) -> list[int]:
            return words if memory.machine == 1 else super().output(memory)

    with pytest.raises(OutputError, match="the output of machine 1 has") as caught:
        run(Wrong())
    assert caught.value.machine == 1


# --- what is declared ---


class Declares(Columns):
    """One channel that keeps all words, and what it says of them."""

    def __init__(self, channel: Channel, limit: Any = None) -> None:
        self.channel, self.limit = channel, limit

    def channels(self, round: int, cluster: Cluster) -> Any:
        return (self.channel,)

    def joint_limit(self, round: int, cluster: Cluster) -> Any:
        return self.limit


def w(per_machine: int, per_receiver: int | None = None) -> Channel:
    return Channel("w", ("word",), per_machine, per_receiver)


def test_what_may_be_kept_and_received_fits_or_is_declared_jointly() -> None:
    for right in (Declares(w(2, 2)), Declares(w(4)), Declares(w(3, 2), 2), Declares(w(3, 2), 4)):
        assert run(right) == WORDS
    with pytest.raises(ShapeError, match=r"keep and receive 5 words .* local memory is 4; .* def"):
        run(Declares(w(3, 2)))
    for limit in (5, -1, 2.0, True):
        with pytest.raises(ShapeError, match=r"joint_limit is .*; return an int from 0"):
            run(Declares(w(3, 2), limit))


def test_a_joint_limit_is_enforced() -> None:
    sim = Simulation(Declares(w(3, 2), 1), CLUSTER, WORDS)
    with pytest.raises(ChannelExceeded, match=r"machine 0 would hold 2 words .* joint limit of 1"):
        sim.step()
    assert sim.round == 0


def test_where_sending_is_charged_a_channel_does_not_say_what_is_kept() -> None:
    check_shape(Declares(w(9, 4)), CLUSTER, "charge")
    with pytest.raises(ShapeError, match="may keep and receive 5 words"):
        check_shape(Declares(w(9, 5)), CLUSTER, "charge")


def test_parts_side_by_side_declare_what_they_hold_together() -> None:
    assert parallel(Declares(w(2, 1)), Declares(w(3, 2), 1)).joint_limit(0, CLUSTER) == 4
    assert parallel(Declares(w(1, 1)), Declares(w(3, 2), 1)).joint_limit(0, CLUSTER) == 3
    assert parallel(Declares(w(1)), Declares(w(1, 0))).joint_limit(0, CLUSTER) == 4
    assert parallel(Declares(w(1)), Declares(w(3, 2))).joint_limit(0, CLUSTER) is None


def test_channels_of_a_round_are_few() -> None:
    channels = tuple(Channel(f"w{i}", (), 0, 0) for i in range(MAX_CHANNELS + 1))
    check_shape(of_shape(channels=channels[1:]), CLUSTER)
    with pytest.raises(ShapeError, match=r"Shape has 17 channels, at most 16 .* is information"):
        check_shape(of_shape(channels=channels), CLUSTER)


def test_the_library_declares_its_receipts_and_few_channels() -> None:
    most = 0
    for name in names("problem"):
        algorithm = solver(name).compiles
        if algorithm is None:
            continue
        given = algorithm.instance(16, 0)
        protocol, cluster = algorithm.protocol_for(given), algorithm.cluster(given)
        for round in range(min(200, protocol.n_rounds(cluster))):
            channels = protocol.channels(round, cluster)
            most = max(most, len(channels))
            assert open_receipts(channels) == ()
    assert most == 5
