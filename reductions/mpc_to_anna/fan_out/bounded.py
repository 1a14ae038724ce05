"""Lemma B.12: any protocol as one in which a machine has at most d partners in a round.

A round becomes 2 L hops, L the least number with (d + 1)^L >= P. In a hop a record changes one
digit of the machine that it is on, so every machine sends to, and receives from, at most d others.
The first L hops bring it to its waypoint, a random machine, the others from there to its
destination: going straight, records of a bad pattern pile up on the way (those of a transposition
of digits on about sqrt(P) times too few machines), while the way by a random machine has loads near
the mean whatever the pattern is (Valiant).

On its way a record has three more words: destination, source, and emission, its rank among the
records of its source on its channel. The waypoint is no word: it is a public function of (seed,
round, channel, source, emission). What a machine keeps for itself stays on it, and is charged, in
all hops. After the last one, every machine puts its inbox in the order (source, emission); so the
next round, and the output map, see exactly what they would see without the reduction.

Loads are random, and the declared ones hold with probability 1 - delta (``loads``). A record that
is too many cannot be left behind: there is no failure word here, as the transformation does not
know what output says so. The limits of the model are enforced in every round anyway, so an
overload is the typed error ``ChannelExceeded`` (or ``MemoryExceeded``) of the simulation and never
a wrong answer; another seed draws other waypoints. ``run_with_partners`` says so in its error.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from mpc_sim.cluster import Cluster
from mpc_sim.columns import rank_in_group
from mpc_sim.errors import ChannelExceeded, InputError, MemoryExceeded, ShapeError
from mpc_sim.labels import nest
from mpc_sim.protocol import Protocol, act, check_shape, left_by
from mpc_sim.randomness import random_below, random_words
from mpc_sim.records import Channel, Inbox, Outbox, Records, Words
from mpc_sim.routing import check_joint_limit, collect
from reductions.mpc_to_anna.fan_out.digits import Digits, plan_digits
from reductions.mpc_to_anna.fan_out.loads import RoundPlan, headers, kept, moving, tail_exponent


@dataclass(frozen=True)
class BoundedFanOut(Protocol):
    """A protocol whose records travel by digits; use :func:`bounded_fan_out` to make one.

    Parameters
    ----------
    protocol : Protocol
        Whose output it has.
    inner : Cluster
        The cluster that ``protocol`` is written for.
    partners : int
        d.
    seed : int
        Public, at least 0.
    inverse_failure : int
        1 / delta.

    Examples
    --------
    >>> from mpc_sim.stages.columnsort import columnsort
    >>> cluster = Cluster(n_words=16, memory_words=16, n_machines=4, block_words=4)
    >>> bounded = bounded_fan_out(columnsort(), cluster, partners=1)
    >>> bounded.label(2, cluster)
    'columnsort / load / from waypoints 1/2'
    """

    late_imports: ClassVar[tuple[str, ...]] = ("mpc_sim.kernels.routing",)

    protocol: Protocol
    inner: Cluster
    partners: int
    seed: int
    inverse_failure: int

    @cached_property
    def digits(self) -> Digits:
        """The digits of machine ids."""
        return plan_digits(self.inner.n_machines, self.partners)

    @cached_property
    def plans(self) -> tuple[RoundPlan, ...]:
        """The loads of every round of the protocol."""
        n_rounds = self.protocol.n_rounds(self.inner)
        rounds = [self.protocol.channels(round, self.inner) for round in range(n_rounds)]
        sums = sum(1 + sum(not one.local for one in channels) for channels in rounds)
        events = sums * self.inner.n_machines * (2 * self.digits.n_hops - 1)
        tail = tail_exponent(events, self.inverse_failure)
        memory = self.inner.memory_words
        return tuple(RoundPlan(channels, memory, self.digits, tail) for channels in rounds)

    @cached_property
    def memory_words(self) -> int:
        """The words of local memory that it needs."""
        return max([self.inner.memory_words, *(plan.memory for plan in self.plans)])

    @cached_property
    def word_bits(self) -> int:
        """The bits of a word that it needs: an emission index may be the longest."""
        last = (one.per_machine - 1 for plan in self.plans for one in plan.away)
        return max(self.inner.word_bits, max(last, default=0).bit_length())

    def check(self, cluster: Cluster) -> None:
        for name in ("n_words", "n_machines", "block_words"):
            here, there = getattr(cluster, name), getattr(self.inner, name)
            if here != there:
                raise ShapeError(
                    f"bounded fan-out was made for {name} = {there}, this cluster has {here}; "
                    "take the one of fan_out_cluster"
                )
        for name in ("memory_words", "word_bits"):
            here, there = getattr(cluster, name), getattr(self, name)
            if here < there:
                raise ShapeError(
                    f"bounded fan-out needs {name} = {there}, this cluster has {here}; "
                    "take the one of fan_out_cluster"
                )

    def n_rounds(self, cluster: Cluster) -> int:
        return len(self.plans) * 2 * self.digits.n_hops

    def label(self, round: int, cluster: Cluster) -> str:
        number, hop = self.locate(round)
        length = self.digits.n_hops
        way = "to waypoints" if hop < length else "from waypoints"
        return nest(self.protocol.label(number, self.inner), f"{way} {hop % length + 1}/{length}")

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        number, hop = self.locate(round)
        return self.plans[number].hop_channels(hop)

    def joint_limit(self, round: int, cluster: Cluster) -> int:
        return cluster.memory_words  # the plans give it with their loads, see `loads`

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        number, hop = self.locate(round)
        if hop == 0:
            here = self._arrived(number - 1, inbox) if number else inbox
            return self._depart(round, number, here)
        return self._forward(number, hop, inbox)

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        last = len(self.plans) - 1
        here = self._arrived(last, inbox) if self.plans else inbox
        return left_by(self.protocol, here, self.inner)

    def leaves(self, cluster: Cluster) -> tuple[Channel, ...]:
        return self.protocol.leaves(self.inner)

    def locate(self, round: int) -> tuple[int, int]:
        """Return (round of the protocol, hop of that round)."""
        if not 0 <= round < self.n_rounds(self.inner):
            raise IndexError(f"round {round} of {self.n_rounds(self.inner)}")
        return divmod(round, 2 * self.digits.n_hops)

    def waypoint(self, number: int, index: int, source: Words, emission: Words) -> Words:
        """Return the random machine by which records go.

        Parameters
        ----------
        number : int
            Round of the protocol.
        index : int
            Of the channel among those that send.
        source, emission : int64[R]
        """
        plan = self.plans[number]
        before = sum(channel.per_machine for channel in plan.away[:index])
        # every record of the round has its own counter: emission < per_machine, source < P
        counter = (before + emission) * self.inner.n_machines + source
        words = random_words(self.seed, number, counter, 1)[:, 0]
        return random_below(self.digits.n_waypoints, words)

    def _depart(self, round: int, number: int, inbox: Inbox) -> Outbox:
        """Run a step of the protocol and send its records on the first hop."""
        plan = self.plans[number]
        traffic = collect(
            act(self.protocol, number, inbox, self.inner),
            plan.channels,
            inbox.machines,
            self.inner,
            round=round,
            label=self.label(round, self.inner),
        )
        traffic.check_senders()
        outbox = Outbox()
        for part in traffic.messages:
            leaves = part.source != part.to
            stays = ~leaves
            own = {name: column[stays] for name, column in part.columns.items()}
            outbox.keep(kept(part.channel), part.source[stays], **own)
            if part.channel.local:
                continue
            names = headers(part.channel)
            emission = rank_in_group(part.source)
            header = dict(zip(names, (part.to, part.source, emission), strict=True))
            columns = {name: column[leaves] for name, column in (part.columns | header).items()}
            self._send(number, 0, part.channel, part.source[leaves], columns, outbox)
        return outbox

    def _forward(self, number: int, hop: int, inbox: Inbox) -> Outbox:
        """Send what is on its way one hop on, and keep what is kept."""
        outbox = Outbox()
        for channel in self.plans[number].channels:
            own = inbox[kept(channel)]
            outbox.keep(kept(channel), own.machine, **own.columns)
            if not channel.local:
                records = inbox[moving(channel)]
                self._send(number, hop, channel, records.machine, dict(records.columns), outbox)
        return outbox

    def _send(
        self,
        number: int,
        hop: int,
        channel: Channel,
        machine: Words,
        columns: dict[str, Words],
        outbox: Outbox,
    ) -> None:
        destination, source, emission = (columns[name] for name in headers(channel))
        index = self.plans[number].away.index(channel)
        waypoint = self.waypoint(number, index, source, emission)
        to = self.digits.next(hop, machine, waypoint, destination)
        outbox.send(moving(channel), source=machine, to=to, **columns)

    def _arrived(self, number: int, inbox: Inbox) -> Inbox:
        """Return the inbox that the protocol would have after its round ``number``."""
        place = np.zeros(self.inner.n_machines, np.int64)
        place[inbox.machines] = np.arange(len(inbox.machines))
        arrived = {}
        for channel in self.plans[number].channels:
            records = inbox[kept(channel)]
            if not channel.local:
                others = inbox[moving(channel)]
                self._check_received(number, channel, others.machine)
                records = self._merged(channel, records, others, place)
            arrived[channel.name] = records
        whole = Inbox(inbox.machines, arrived).freeze()
        self._check_held(number, whole)
        return whole

    def _merged(self, channel: Channel, own: Records, others: Records, place: Words) -> Records:
        """Put what came and what was kept in the order (source, emission).

        All records that come from a machine to itself were kept, in the order of emission.
        """
        _, source, emission = headers(channel)
        machine = np.concatenate([own.machine, others.machine])
        sources = np.concatenate([own.machine, others[source]])
        emissions = np.concatenate([own.rank, others[emission]])
        order = np.lexsort((emissions, sources, place[machine]))
        columns = {
            name: np.concatenate([own[name], others[name]])[order] for name in channel.fields
        }
        return Records(channel.fields, machine[order], columns)

    def _check_received(self, number: int, channel: Channel, machine: Words) -> None:
        """Reject a machine that received more from others than the protocol declares.

        The last hop does not show it: some of the records may have been there before.
        """
        most = channel.per_receiver
        counts = np.bincount(machine, minlength=1)
        if most is not None and counts.max() > most:
            crowded = int(np.argmax(counts > most))
            raise ChannelExceeded(
                f"{self._inside(number)}: machine {crowded} receives {counts[crowded]} records "
                f"on channel {channel.name!r}; it declares {most}",
                round=number,
                machine=crowded,
                channel=channel.name,
                records=int(counts[crowded]),
                limit=most,
            )

    def _check_held(self, number: int, inbox: Inbox) -> None:
        """Reject a memory that the protocol could not have held."""
        held, limit = inbox.held_words(self.inner.n_machines), self.inner.memory_words
        if held.max() > limit:
            machine = int(np.argmax(held > limit))
            raise MemoryExceeded(
                f"{self._inside(number)}: machine {machine} would hold {held[machine]} words; "
                f"its local memory is {limit}",
                round=number,
                machine=machine,
                words=int(held[machine]),
                limit=limit,
            )
        joint = self.protocol.joint_limit(number, self.inner)
        check_joint_limit(held, joint, self._inside(number), number)

    def _inside(self, number: int) -> str:
        return f"round {number} ({self.protocol.label(number, self.inner)}) of the protocol inside"


def bounded_fan_out(
    protocol: Protocol,
    cluster: Cluster,
    *,
    partners: int,
    seed: int = 0,
    inverse_failure: int | None = None,
) -> BoundedFanOut:
    """Return the protocol with the same output in which machines have few partners per round.

    Parameters
    ----------
    protocol : Protocol
        A machine of it may send to any number of machines in a round.
    cluster : Cluster
        Where ``protocol`` runs. The result runs on that of :func:`fan_out_cluster`.
    partners : int
        d, at least 1: the most other machines that a machine sends to in a round, and the most
        that it receives from.
    seed : int
        Public, at least 0: of the random machines by which records go.
    inverse_failure : int, optional
        1 / delta, at least 1; N by default.

    Returns
    -------
    BoundedFanOut
        Of 2 L R rounds, exactly, for R rounds of ``protocol``; L >= 1 is the least number with
        (d + 1)^L >= P. The probability that a machine has more on its way than is declared, which
        is an error and never a wrong answer, is at most delta for every input.

    Raises
    ------
    ShapeError
        ``protocol`` does not fit ``cluster``, or there are no partners.
    InputError
        The seed is negative, or ``inverse_failure`` is less than 1.

    References
    ----------
    Liu et al., arXiv 2509.09001, Lemma B.12; Sanford et al., arXiv 2405.18512, Proposition 24;
    Valiant, A scheme for fast parallel communication, SIAM J. Comput. 11 (1982).

    Examples
    --------
    >>> from mpc_sim import Simulation
    >>> from mpc_sim.stages.columnsort import columnsort
    >>> cluster = Cluster(n_words=16, memory_words=16, n_machines=4, block_words=4)
    >>> bounded = bounded_fan_out(columnsort(), cluster, partners=1, seed=3)
    >>> words = np.arange(16) * 5 % 16
    >>> Simulation(bounded, fan_out_cluster(bounded), words).run().tolist() == list(range(16))
    True
    >>> columnsort().n_rounds(cluster), bounded.n_rounds(cluster)
    (5, 20)
    """
    if seed < 0:
        raise InputError(f"seed = {seed}: choose it at least 0")
    delta = cluster.n_words if inverse_failure is None else inverse_failure
    if delta < 1:
        raise InputError(f"inverse_failure = {delta}: choose it at least 1")
    check_shape(protocol, cluster)
    bounded = BoundedFanOut(protocol, cluster, partners, seed, delta)
    plan_digits(cluster.n_machines, partners)
    return bounded


def fan_out_cluster(protocol: BoundedFanOut) -> Cluster:
    """Return the cluster on which a protocol with bounded fan-out fits.

    N, P and the blocks are those of the protocol inside. The memory is what is declared: with s
    words inside and records of w words about s + kappa (1 + 3 / w) s plus deviations, that is
    O(s + w log(P R / delta)), kappa <= 2 the unevenness of the waypoints (``digits``).

    Examples
    --------
    >>> from mpc_sim.stages.columnsort import columnsort
    >>> cluster = Cluster(n_words=4096, memory_words=1024, n_machines=8, block_words=512)
    >>> fan_out_cluster(bounded_fan_out(columnsort(), cluster, partners=1)).memory_words
    3080
    """
    inner = protocol.inner
    return Cluster(
        n_words=inner.n_words,
        memory_words=protocol.memory_words,
        n_machines=inner.n_machines,
        block_words=inner.block_words,
        word_bits=protocol.word_bits,
        largest_word=inner.largest_word,
    )
