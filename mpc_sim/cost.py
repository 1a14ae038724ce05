"""What a protocol takes on a cluster, known before any input: costs compose as protocols do."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from mpc_sim.records import Channel


@dataclass(frozen=True)
class Cost:
    """Rounds, exactly, and the most words and machines that a protocol uses in the mode strict.

    Parameters
    ----------
    held, sent, received : int
        Words of a machine: held after a round, sent in it with what is kept, received from others.
    numbers : mapping of str to tuple of int
        What the formulas of the stages are made of, in the order of the stages that have it.
    """

    rounds: int = 0
    held: int = 0
    sent: int = 0
    received: int = 0
    machines: int = 0
    numbers: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> tuple[int, ...]:
        return self.numbers.get(name, ())

    def naming(self, **numbers: int | Iterable[int]) -> Cost:
        """Return this cost with numbers put before its own."""
        named = {
            name: (found,) if isinstance(found, int) else tuple(found)
            for name, found in numbers.items()
        }
        return replace(self, numbers=_joined((named, self.numbers)))

    def within(self, memory_words: int) -> Cost:
        """Return this cost with no more words than a machine can hold, send and receive."""
        held, sent, received = (
            min(words, memory_words) for words in (self.held, self.sent, self.received)
        )
        return replace(self, held=held, sent=sent, received=received)


def declared(channels: Iterable[Channel], memory_words: int, machines: int) -> Cost:
    """Return what one round declares.

    A machine sends and keeps ``per_machine`` records on a channel and receives ``per_receiver``,
    so it holds no more than both together: it may send all its records to itself.
    """
    held = sent = received = 0
    for channel in channels:
        out = channel.per_machine * channel.words
        most = channel.per_receiver
        arriving = memory_words if most is None else most * channel.words
        arriving = 0 if channel.local else arriving
        held, sent, received = held + out + arriving, sent + out, received + arriving
    return Cost(1, held, sent, received, machines).within(memory_words)


def in_sequence(costs: Iterable[Cost]) -> Cost:
    """Return the cost of stages in order: rounds add, words are those of the largest stage."""
    return _composed(costs, sum, max)


def in_parallel(costs: Iterable[Cost]) -> Cost:
    """Return the cost of stages side by side: rounds are those of the longest, words add."""
    return _composed(costs, max, sum)


def _composed(
    costs: Iterable[Cost],
    rounds: Callable[[Iterable[int]], int],
    words: Callable[[Iterable[int]], int],
) -> Cost:
    found = (Cost(), *costs)
    return Cost(
        rounds=rounds([cost.rounds for cost in found]),
        held=words([cost.held for cost in found]),
        sent=words([cost.sent for cost in found]),
        received=words([cost.received for cost in found]),
        machines=max(cost.machines for cost in found),
        numbers=_joined(cost.numbers for cost in found),
    )


def _joined(mappings: Iterable[Mapping[str, tuple[int, ...]]]) -> dict[str, tuple[int, ...]]:
    joined: dict[str, tuple[int, ...]] = {}
    for numbers in mappings:
        for name, found in numbers.items():
            joined[name] = joined.get(name, ()) + found
    return joined
