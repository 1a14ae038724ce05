"""Protocols: what every machine does in every round, in a shape fixed before any input."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from numbers import Rational
from typing import ClassVar

from mpc_sim.charge import Mode
from mpc_sim.cluster import Cluster
from mpc_sim.columns import is_integer
from mpc_sim.cost import Cost, declared, in_sequence
from mpc_sim.errors import MPCError, OutputError, ShapeError, StepError
from mpc_sim.records import Channel, Inbox, Outbox, Records

FACTORS = (1, 2, 4, 8, 16)
MOST_ROUNDS = 10**5
"""A run of more takes hours, and so does reading the shape of all its rounds."""

MAX_CHANNELS = 16
"""Channels of a round. The name of its channel is not charged to a record, so every record may
carry log2 of this, 4 bits, more than its words. The library uses at most nine."""


class Protocol(ABC):
    """An MPC protocol; subclasses are frozen dataclasses, so that k, seeds and sizes are fields.

    The shape, ``n_rounds`` and ``channels``, depends on the cluster and on the fields only.
    ``step`` acts for all machines of a batch at once, on columns, but locally: what it emits for a
    machine depends on that machine's inbox alone. No state lives outside the inbox. Round 0 finds
    the input in channel ``input``, field ``word``; after the last delivery ``finish`` leaves the
    output in channel ``output``, field ``word``, in the blocks of the input.

    References
    ----------
    Liu et al., arXiv 2509.09001, section 2.

    Examples
    --------
    >>> from mpc_sim import Simulation, Cluster, Protocol, Channel, Outbox, Inbox
    >>> class Rotate(Protocol):
    ...     "Every machine hands its words to the next machine."
    ...     def n_rounds(self, cluster): return 1
    ...     def channels(self, round, cluster):
    ...         return (Channel("word", ("word",), cluster.block_words, cluster.block_words),)
    ...     def step(self, round, inbox, cluster):
    ...         out, words = Outbox(), inbox["input"]
    ...         to = (words.machine + 1) % cluster.n_machines
    ...         out.send("word", source=words.machine, to=to, word=words["word"])
    ...         return out
    ...     def finish(self, inbox, cluster):
    ...         return Inbox(inbox.machines, {"output": inbox["word"]})
    >>> cluster = Cluster(n_words=4, memory_words=4, n_machines=2, block_words=2)
    >>> Simulation(Rotate(), cluster, [1, 2, 3, 4]).run().tolist()
    [3, 4, 1, 2]
    """

    late_imports: ClassVar[tuple[str, ...]] = ()
    """Modules that its steps import when they run, as compiled kernels: in isolation they are
    imported once, not by every worker."""

    @abstractmethod
    def n_rounds(self, cluster: Cluster) -> int:
        """Return R, the number of deliveries."""

    @abstractmethod
    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        """Return the channels of a round: names, fields and how many records a machine moves."""

    @abstractmethod
    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        """Return what the machines of the batch keep and send in ``round``."""

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        """Map the memory after the last delivery to the output, locally and free of charge."""
        return inbox

    def leaves(self, cluster: Cluster) -> tuple[Channel, ...]:
        """Return the channels that ``finish`` leaves, with the most records of a machine.

        Only needed of a part of a parallel composition that may end before another part: what it
        leaves waits on its machine and is charged.
        """
        raise ShapeError(
            f"{type(self).__name__} does not say what it leaves, so it cannot wait for a longer "
            "part of a parallel composition: define leaves()"
        )

    def joint_limit(self, round: int, cluster: Cluster) -> int | None:
        """Return the most words that a machine holds after a round, on all channels together.

        Needed where a machine may keep and receive more than s words by what the channels declare
        one by one; it is enforced as they are. None: the channels say enough.
        """
        return None

    def cost(self, cluster: Cluster) -> Cost:
        """Return rounds, the most words of a machine, and machines; by default what is declared.

        A stage whose loads have a closed form says it here, and the numbers that it is made of.
        """
        return in_sequence(
            declared(self.channels(round, cluster), cluster.memory_words, cluster.n_machines)
            for round in range(self.n_rounds(cluster))
        )

    def label(self, round: int, cluster: Cluster) -> str:
        """Return the name of the algorithm step that a round belongs to."""
        return type(self).__name__

    def check(self, cluster: Cluster) -> None:  # noqa: B027
        """Reject a cluster that is too small for the algorithm, naming the parameter to change.

        Algorithms say here what they need. What holds for every protocol stands in
        :func:`check_shape`, which calls this.

        Raises
        ------
        ShapeError
        """


def check_shape(protocol: Protocol, cluster: Cluster, mode: Mode = "strict") -> None:
    """Reject a protocol without a shape, or a cluster that is too small for it, before any input.

    The algorithm's own rules (``protocol.check``), and for all: rounds are few enough to be run,
    and rounds and channels are what they should be; a machine can send in one delivery, and keep,
    what is declared for it on each channel; and it can hold what it may keep and receive on all of
    them, or the protocol declares a joint limit. Receipts that are not declared count nothing. In
    the mode ``charge`` a channel says how much is sent and not how much of it is kept, so only
    local channels count as kept.

    Raises
    ------
    ShapeError
        Naming what to change.
    """
    protocol.check(cluster)
    _check_rounds(protocol, cluster, mode)


def _check_rounds(protocol: Protocol, cluster: Cluster, mode: Mode = "strict") -> None:
    """Check the rounds of a protocol whose own rules hold."""
    for round in range(_rounds_of(protocol, cluster)):
        channels = _channels_of(protocol, round, cluster)
        for channel in channels:
            need = channel.per_machine * channel.words
            if need > cluster.memory_words and (channel.local or mode == "strict"):
                raise ShapeError(
                    f"round {round} ({protocol.label(round, cluster)}): channel {channel.name!r} "
                    f"declares {need} words per machine; local memory is "
                    f"{cluster.memory_words}; raise epsilon or c_s",
                    round=round,
                    words=need,
                )
        most = most_held(channels, mode)
        if most > cluster.memory_words:
            _check_joint_limit(protocol, round, most, cluster)


def most_held(channels: Iterable[Channel], mode: Mode = "strict") -> int:
    """Return the words that a machine may keep and receive in a round by what is declared."""
    held = 0
    for channel in channels:
        kept = channel.per_machine if channel.local or mode == "strict" else 0
        received = 0 if channel.local else channel.per_receiver or 0
        held += channel.words * (kept + received)
    return held


def open_receipts(channels: Iterable[Channel]) -> tuple[str, ...]:
    """Return the channels on which only local memory limits what a machine receives."""
    return tuple(
        channel.name for channel in channels if not channel.local and channel.per_receiver is None
    )


def act(protocol: Protocol, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
    """Run a step of a protocol; an exception in it gets a note that names round and step.

    Raises
    ------
    StepError
        If it returns no outbox.
    """
    where = f"round {round} ({protocol.label(round, cluster)})"
    with _noted(where, round=round):
        outbox: object = protocol.step(round, inbox, cluster)
    if not isinstance(outbox, Outbox):
        raise StepError(
            f"{where}: the step of {type(protocol).__name__} returns {_shown(outbox)}; "
            "return the Outbox that it filled",
            round=round,
        )
    return outbox


def left_by(protocol: Protocol, inbox: Inbox, cluster: Cluster) -> Inbox:
    """Run the output map of a protocol; an exception in it gets a note that says so.

    Raises
    ------
    OutputError
        If it returns no inbox, or one that does not hold records by channel.
    """
    where = f"the output map of {type(protocol).__name__}"
    with _noted(where):
        left: object = protocol.finish(inbox, cluster)
    if not isinstance(left, Inbox):
        raise OutputError(f"{where} returns {_shown(left)}; finish returns an Inbox")
    channels: object = left.records
    if not isinstance(channels, Mapping):
        raise OutputError(f"{where} leaves {_shown(channels)}; an Inbox holds Records by channel")
    for channel, records in channels.items():
        if not isinstance(records, Records):
            raise OutputError(
                f"{where} leaves {_shown(records)} in channel {channel!r}; use Records.of"
            )
    return left


@contextmanager
def _noted(where: str, **details: int) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if isinstance(error, MPCError):
            error.details = details | error.details
        error.add_note(f"in {where}")
        raise


def _rounds_of(protocol: Protocol, cluster: Cluster) -> int:
    rounds: object = protocol.n_rounds(cluster)
    if not is_integer(rounds) or rounds < 0:  # type: ignore[operator]
        raise ShapeError(
            f"n_rounds of {type(protocol).__name__} is {_shown(rounds)}; return an int from 0 on"
        )
    if rounds > MOST_ROUNDS:  # type: ignore[operator]
        raise ShapeError(
            f"the protocol has {rounds} rounds, and at most {MOST_ROUNDS} are run: choose a "
            "smaller input or smaller parameters",
            rounds=rounds,
        )
    return int(rounds)  # type: ignore[call-overload,no-any-return]


def _channels_of(protocol: Protocol, round: int, cluster: Cluster) -> tuple[Channel, ...]:
    channels: object = protocol.channels(round, cluster)
    if not isinstance(channels, tuple) or not all(isinstance(one, Channel) for one in channels):
        raise ShapeError(
            f"round {round}: channels of {type(protocol).__name__} are {_shown(channels)}; "
            "return a tuple of Channel, (Channel(..),) for one",
            round=round,
        )
    if len(channels) > MAX_CHANNELS:
        raise ShapeError(
            f"round {round}: {type(protocol).__name__} has {len(channels)} channels, at most "
            f"{MAX_CHANNELS} are allowed: which channel a record takes is information that is not "
            "charged; write it into a field",
            round=round,
            channels=len(channels),
        )
    return channels


def _check_joint_limit(protocol: Protocol, round: int, most: int, cluster: Cluster) -> None:
    """Reject channels that may fill a machine beyond s, and no word of the protocol about it."""
    limit: object = protocol.joint_limit(round, cluster)
    where = f"round {round} ({protocol.label(round, cluster)})"
    if limit is None:
        raise ShapeError(
            f"{where}: a machine may keep and receive {most} words by what its channels declare; "
            f"local memory is {cluster.memory_words}; declare fewer records, raise epsilon or c_s, "
            "or define joint_limit(round, cluster), the most that it holds together",
            round=round,
            words=most,
        )
    if not is_integer(limit) or not 0 <= limit <= cluster.memory_words:  # type: ignore[operator]
        raise ShapeError(
            f"{where}: joint_limit is {_shown(limit)}; return an int from 0 to the local memory, "
            f"{cluster.memory_words}",
            round=round,
        )


def _shown(value: object) -> str:
    """Return a value as a line can hold it."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:60]}.."


def fit_cluster(
    protocol: Protocol,
    n_words: int,
    epsilon: str | float | Rational,
    gamma: str | float | Rational = 0,
    *,
    memory_factor: int | None = None,
    machine_factor: int | None = None,
    word_bits: int = 0,
    largest_word: int = 0,
) -> Cluster:
    """Return the cluster with the least constants on which a protocol needs the fewest rounds.

    c_s and c_p come from 1, 2, 4, 8, 16. Of the pairs that ``check_shape`` accepts, those with
    the fewest rounds remain; of these the least c_s wins, then the least c_p. A factor that is
    given is not searched.

    Raises
    ------
    ShapeError
        If no pair is accepted: the error of the largest one.

    Examples
    --------
    >>> from mpc_sim.algorithms.k_hop import k_hop
    >>> cluster = fit_cluster(k_hop(16), 1024, "2/3")
    >>> cluster.memory_factor, cluster.machine_factor
    (4, 2)
    """
    best: tuple[int, Cluster] | None = None
    last: ShapeError | None = None
    for c_s in FACTORS if memory_factor is None else (memory_factor,):
        for c_p in FACTORS if machine_factor is None else (machine_factor,):
            try:
                cluster = Cluster.from_exponents(
                    n_words,
                    epsilon,
                    gamma,
                    memory_factor=c_s,
                    machine_factor=c_p,
                    word_bits=word_bits,
                    largest_word=largest_word,
                )
                protocol.check(cluster)
                rounds = _rounds_of(protocol, cluster)
                if best is None or rounds < best[0]:
                    _check_rounds(protocol, cluster)
                    best = rounds, cluster
            except ShapeError as error:
                last = error
    if best is not None:
        return best[1]
    assert last is not None
    raise last
