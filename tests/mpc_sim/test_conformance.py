"""Steps are local, and it is noticed when they are not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from cases.per_machine import PerMachine, keep_all
from mpc_sim import (
    Channel,
    Cluster,
    Inbox,
    Outbox,
    Protocol,
    Records,
    assert_local,
    sequence,
)
from mpc_sim.errors import LocalityError

# --- local steps ---

CLUSTER = Cluster(n_words=6, memory_words=4, n_machines=6, block_words=1)
WORDS = [3, 1, 4, 1, 5, 2]


@dataclass(frozen=True)
class TwoRounds(Protocol):
    """Keep the word in round 0; in round 1 send ``tell``(inbox) to the next machine."""

    tell: Callable[[Inbox], object]
    after: Callable[[Records], object] = lambda records: records["word"]
    calls: list[int] = field(default_factory=list)

    def n_rounds(self, cluster: Cluster) -> int:
        return 2

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return (Channel("w", ("word",), 1),)

    def label(self, round: int, cluster: Cluster) -> str:
        return ("keep", "tell")[round]

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        outbox = Outbox()
        if round == 0:
            words = inbox["input"]
            outbox.keep("w", words.machine, word=words["word"])
        else:
            self.calls.append(1)
            words = inbox["w"]
            to = (words.machine + 1) % cluster.n_machines
            told = np.asarray(self.tell(inbox)) % cluster.word_limit  # type: ignore[operator]
            outbox.send("w", source=words.machine, to=to, word=told)
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        words = inbox["w"]
        shown = np.asarray(self.after(words)) % cluster.word_limit  # type: ignore[operator]
        return Inbox(inbox.machines, {"output": Records.of(words.machine, word=shown)})


def own(inbox: Inbox) -> object:
    return inbox["w"]["word"] + inbox["w"].machine


TELLS: dict[str, tuple[Callable[[Inbox], object], str]] = {
    "the word of the machine before": (
        lambda inbox: np.roll(inbox["w"]["word"], 1),
        r"run on \d of 6 machines, machine \d emits other rows on channel 'w'",
    ),
    "the largest word of all machines": (
        lambda inbox: np.full(len(inbox["w"]), inbox["w"]["word"].max(initial=0)),
        r"run on \d of 6 machines, machine \d emits other rows on channel 'w'",
    ),
    "how many machines are in the batch": (
        lambda inbox: np.full(len(inbox["w"]), len(inbox.machines)),
        r"run on \d of 6 machines, machine \d emits other rows on channel 'w'",
    ),
    "the place of the machine in the batch": (
        lambda inbox: np.arange(len(inbox["w"])),
        r"run on \d of 6 machines, machine \d emits other rows on channel 'w'",
    ),
    "the first machine of the batch": (
        lambda inbox: inbox["w"]["word"] + inbox["w"].machine[:1],
        r"run on \d of 6 machines, machine \d emits other rows on channel 'w'",
    ),
    "a word that is not in every batch": (
        lambda inbox: inbox["w"]["word"] + inbox["w"]["word"][5],
        r"fails on a part of the machines: .*index 5 is out of bounds",
    ),
}


def test_a_local_protocol_is_accepted() -> None:
    assert_local(TwoRounds(own), CLUSTER, WORDS)
    assert_local(PerMachine(((Channel("w", ("word",), 1),),), keep_all), CLUSTER, WORDS)


@pytest.mark.parametrize("name", TELLS)
@pytest.mark.parametrize("seed", range(3))
def test_a_step_that_reads_more_than_each_inbox_is_named(name: str, seed: int) -> None:
    tell, fault = TELLS[name]
    with pytest.raises(LocalityError, match=rf"^round 1 \(tell\): {fault}"):
        assert_local(TwoRounds(tell), CLUSTER, WORDS, seed=seed)


def test_hidden_state_is_named() -> None:
    calls: list[int] = []
    counting = TwoRounds(lambda inbox: np.full(len(inbox["w"]), len(calls)), calls=calls)
    fault = r"^round 1 \(tell\): run twice on the same inbox, machine 0 emits other rows"
    with pytest.raises(LocalityError, match=fault) as caught:
        assert_local(counting, CLUSTER, WORDS)
    assert (caught.value.machine, caught.value.channel) == (0, "w")


def test_an_output_map_that_reads_another_machine_is_named() -> None:
    rolled = TwoRounds(own, after=lambda records: np.roll(records["word"], 1))
    fault = r"^round 2 \(output\): run on \d of 6 machines, machine \d emits other rows on channel"
    with pytest.raises(LocalityError, match=fault):
        assert_local(rolled, CLUSTER, WORDS)


def test_a_stage_that_hands_over_another_memory_is_named() -> None:
    rolled = TwoRounds(own, after=lambda records: np.roll(records["word"], 1))

    @dataclass(frozen=True)
    class Keep(TwoRounds):
        def n_rounds(self, cluster: Cluster) -> int:
            return 1

        def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
            outbox = Outbox()
            outbox.keep("w", inbox["output"].machine, word=inbox["output"]["word"])
            return outbox

    assert_local(sequence(TwoRounds(own), Keep(own)), CLUSTER, WORDS)
    with pytest.raises(LocalityError, match=r"^round 2 \(keep\)"):
        assert_local(sequence(rolled, Keep(own)), CLUSTER, WORDS)


def test_a_step_that_acts_for_machines_outside_the_batch_is_named() -> None:
    """A source must lie in the batch, even where the rows happen to be those of the whole."""

    class All(PerMachine):
        def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
            outbox, everyone = Outbox(), np.arange(cluster.n_machines)
            outbox.send("w", source=everyone, to=everyone, word=1)
            return outbox

    with pytest.raises(LocalityError, match=r"^round 0"):
        assert_local(All(((Channel("w", ("word",), 1),),), keep_all), CLUSTER, WORDS)


def test_an_error_of_the_whole_step_is_no_question_of_locality() -> None:
    def broken(inbox: Inbox) -> object:
        raise KeyError("nothing here")

    with pytest.raises(KeyError, match="nothing here"):
        assert_local(TwoRounds(broken), CLUSTER, WORDS)
