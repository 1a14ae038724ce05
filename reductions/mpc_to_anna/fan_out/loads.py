"""How much is on its way on one machine: loads that hold with high probability, for every input.

Axes: P machines, B lower digits, R rounds of the protocol, C channels of a round, s its memory.

The waypoint of every record is a random machine, independently of all others. What a machine holds
after a hop is therefore a sum of independent indicators, one per record. Before the waypoint, a
machine sends at most S records, and the records on machine y can come from e sources and have one
of q waypoints (`Digits.reach`): the mean is at most e S q p, p = ceil(2^32 / cB) / 2^32 the largest
probability of a waypoint (``random_below``); e q <= ceil(P / B) B, so this is S ceil(P / B) / c up
to the rounding of p. Behind the waypoint the same holds of the R' records that a machine receives.

Bernstein (Boucheron, Lugosi, Massart, Concentration Inequalities, 2013, corollary 2.11): a sum of
independent variables in [0, 1] with mean at most mu is mu + x or more with probability at most
exp(-x^2 / (2 (mu + x / 3))). This is at most exp(-t) if 3 x^2 - 2 t x - 6 t mu >= 0, so for
x = ceil((t + ceil(sqrt(t^2 + 18 t mu))) / 3). For records of at most W words it is used on words
divided by W.

The events are (round, one of 2 L - 1 hops, machine, channel or all words); the last hop brings what
the protocol receives. With t = ceil(ln(R (2 L - 1) P (C + 1) / delta)), summed over rounds with
their own C, all loads hold together with probability 1 - delta.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from mpc_sim.integers import ceil_div
from mpc_sim.records import Channel
from reductions.mpc_to_anna.fan_out.digits import Digits

HEADER_WORDS = 3
"""Destination, source and emission of a record on its way."""

GRAIN = 1 << 32


def excess(mean: int, tail: int) -> int:
    """Return x: mu + x or more has probability at most exp(-t)."""
    inside = tail * tail + 18 * tail * mean
    root = math.isqrt(inside)
    return ceil_div(tail + root + (root * root < inside), 3)


@dataclass(frozen=True)
class WordLoad:
    """The most words on their way on a machine, after a hop.

    Parameters
    ----------
    most : int
        Words that a machine sends or receives in the whole round, with their headers.
    ends : int
        Machines whose words can be on one machine.
    widest : int
        W.
    mean : int
        mu, in units of W words, rounded up.
    tail : int
        t.
    """

    most: int
    ends: int
    widest: int
    mean: int
    tail: int

    @property
    def value(self) -> int:
        """W (mu + x), or all that can be there."""
        likely = self.widest * (self.mean + excess(self.mean, self.tail))
        return min(self.most * self.ends, likely)


@dataclass(frozen=True)
class RoundPlan:
    """The loads of the 2 L hops that stand for one round.

    Parameters
    ----------
    channels : tuple of Channel
        Those of the round.
    memory_words : int
        s of the protocol.
    tail : int
        t.
    """

    channels: tuple[Channel, ...]
    memory_words: int
    digits: Digits
    tail: int

    @property
    def away(self) -> tuple[Channel, ...]:
        """The channels that send."""
        return tuple(channel for channel in self.channels if not channel.local)

    @property
    def kept_words(self) -> int:
        """The most words that a machine keeps for itself all the way."""
        declared = sum(channel.per_machine * channel.words for channel in self.channels)
        return min(declared, self.memory_words)

    @property
    def memory(self) -> int:
        """The most words that a machine sends, with what it keeps, or holds, after any hop."""
        ends = (self.end_words(received, self.kept_words) for received in (False, True))
        return max(
            self.kept_words,
            *(words + HEADER_WORDS * records for words, records in ends),
            *(self.kept_words + load.value for load in self.word_loads()),
        )

    def word_loads(self) -> tuple[WordLoad, ...]:
        """Return the loads after all hops but the last."""
        if not self.away:
            return ()
        return tuple(self.words_after(hop) for hop in range(2 * self.digits.n_hops - 1))

    def words_after(self, hop: int) -> WordLoad:
        """Return the most words on their way after a hop that is not the last."""
        ends, waypoints = self.digits.reach(hop)
        ends_words = (self.end_words(received) for received in self._sides(hop))
        most = min(words + HEADER_WORDS * records for words, records in ends_words)
        widest = max(len(channel.fields) for channel in self.away) + HEADER_WORDS
        mean = self._mean(ceil_div(most, widest), ends * waypoints)
        return WordLoad(most, ends, widest, mean, self.tail)

    def end_words(self, received: bool, kept_words: int = 0) -> tuple[int, int]:
        """Return the most words, without headers, and records that a machine sends or receives.

        ``kept_words`` of them are none of these records.
        """
        words, records, room = kept_words, 0, self.memory_words
        # the most records that fit are the narrowest ones
        for channel in sorted(self.away, key=lambda channel: channel.words):
            most = most_records(channel, self.memory_words, received)
            words += most * len(channel.fields)
            taken = min(most, room // channel.words)
            room -= taken * channel.words
            records += taken
        return min(words, self.memory_words), records

    def records_after(self, hop: int, channel: Channel) -> int:
        """Return the most records of a channel on their way after a hop that is not the last."""
        ends, waypoints = self.digits.reach(hop)
        most = min(most_records(channel, self.memory_words, side) for side in self._sides(hop))
        mean = self._mean(most, ends * waypoints)
        words = len(channel.fields) + HEADER_WORDS
        return min(
            most * ends, mean + excess(mean, self.tail), self.words_after(hop).value // words
        )

    def hop_channels(self, hop: int) -> tuple[Channel, ...]:
        """Return the channels of a hop: what is kept, and what moves with its headers."""
        out = []
        is_last = hop == 2 * self.digits.n_hops - 1
        for channel in self.channels:
            out.append(Channel(kept(channel), channel.fields, channel.per_machine, local=True))
            if channel.local:
                continue
            sent = channel.per_machine if hop == 0 else self.records_after(hop - 1, channel)
            received = (
                most_records(channel, self.memory_words, received=True)
                if is_last
                else self.records_after(hop, channel)
            )
            fields = channel.fields + headers(channel)
            out.append(Channel(moving(channel), fields, sent, received))
        return tuple(out)

    def _sides(self, hop: int) -> tuple[bool, ...]:
        """Return whether the received records count (True), the sent ones (False), or both.

        At the waypoints all records meet in random places, so the fewer of the two may be taken.
        """
        if hop == self.digits.n_hops - 1:
            return (False, True)
        return (hop >= self.digits.n_hops,)

    def _mean(self, most: int, places: int) -> int:
        """Return mu for ``most`` records per machine and e q = ``places``."""
        return ceil_div(most * places * ceil_div(GRAIN, self.digits.n_waypoints), GRAIN)


def most_records(channel: Channel, memory_words: int, received: bool) -> int:
    """Return the most records that a machine sends on a channel, or receives from others."""
    most = memory_words // channel.words
    declared = channel.per_receiver if received else channel.per_machine
    return most if declared is None else min(declared, most)


def kept(channel: Channel) -> str:
    """Return the name of the channel of what stays on its machine."""
    return f"kept/{channel.name}"


def moving(channel: Channel) -> str:
    """Return the name of the channel of what is on its way."""
    return f"moving/{channel.name}"


def headers(channel: Channel) -> tuple[str, str, str]:
    """Return the fields that a record on its way has besides its own; no channel has them."""
    destination, source, emission = (
        f"{channel.name}/{header}" for header in ("destination", "source", "emission")
    )
    return destination, source, emission


@lru_cache(maxsize=1024)
def tail_exponent(events: int, inverse_failure: int) -> int:
    """Return t = ceil(ln(events / delta)), at least 1."""
    return max(1, math.ceil(math.log(max(1, events) * inverse_failure)))
