"""Composition of protocols: one after the other, or side by side; stages without rounds."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from itertools import accumulate

from mpc_sim.by_identity import by_identity
from mpc_sim.cluster import Cluster
from mpc_sim.cost import Cost, declared, in_parallel, in_sequence
from mpc_sim.errors import ShapeError, UnknownChannel
from mpc_sim.labels import nest
from mpc_sim.protocol import Protocol, check_shape, left_by, most_held, open_receipts
from mpc_sim.records import Channel, Inbox, Outbox, Records


class LocalStage(Protocol):
    """A stage without rounds: only its ``finish`` acts, on each machine's own memory."""

    def n_rounds(self, cluster: Cluster) -> int:
        return 0

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        raise IndexError(f"round {round} of 0")

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        raise IndexError(f"round {round} of 0")


@dataclass(frozen=True)
class Stages(Protocol):
    """Stages in order: ``finish`` of a stage prepares what step 0 of the next one reads.

    Use :func:`sequence` to make one. Nothing passes from a stage to the next but what lies in the
    inbox. A name becomes the outer step of every label of the stages.
    """

    stages: tuple[Protocol, ...]
    name: str = ""

    def n_rounds(self, cluster: Cluster) -> int:
        return _ends(self.stages, cluster)[-1]

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        index, inner = self._locate(round, cluster)
        return self.stages[index].channels(inner, cluster)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        index, inner = self._locate(round, cluster)
        if inner == 0:
            inbox = self._enter(index, inbox, cluster)
        return self.stages[index].step(inner, inbox, cluster)

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        return self._enter(len(self.stages), inbox, cluster)

    def cost(self, cluster: Cluster) -> Cost:
        return in_sequence(stage.cost(cluster) for stage in self.stages)

    def label(self, round: int, cluster: Cluster) -> str:
        index, inner = self._locate(round, cluster)
        return nest(self.name, self.stages[index].label(inner, cluster))

    def joint_limit(self, round: int, cluster: Cluster) -> int | None:
        index, inner = self._locate(round, cluster)
        return self.stages[index].joint_limit(inner, cluster)

    def leaves(self, cluster: Cluster) -> tuple[Channel, ...]:
        return self.stages[-1].leaves(cluster)

    def check(self, cluster: Cluster) -> None:
        for stage in self.stages:
            stage.check(cluster)

    def _locate(self, round: int, cluster: Cluster) -> tuple[int, int]:
        """Return (stage, round of that stage)."""
        ends = _ends(self.stages, cluster)
        index = bisect_right(ends, round)  # past the stages without rounds
        if index == len(ends):
            raise IndexError(f"round {round} of {ends[-1]}")
        return index, round - (ends[index - 1] if index else 0)

    def _enter(self, index: int, inbox: Inbox, cluster: Cluster) -> Inbox:
        """Run ``finish`` of the stages that end where stage ``index`` begins.

        These are the last stage before it that has rounds, and those without rounds in between.
        """
        first = index
        while first > 0 and (first == index or self.stages[first].n_rounds(cluster) == 0):
            first -= 1
        for stage in self.stages[first:index]:
            inbox = left_by(stage, inbox, cluster)
        return inbox


@by_identity
def _ends(stages: tuple[Protocol, ...], cluster: Cluster) -> tuple[int, ...]:
    """Return for every stage the round after its last one."""
    return tuple(accumulate(stage.n_rounds(cluster) for stage in stages))


def sequence(*stages: Protocol, name: str = "") -> Stages:
    """Run protocols one after the other; nested sequences without a name are flattened.

    Parameters
    ----------
    *stages : Protocol
    name : str
        The step that the stages make up together: the label "transpose" of a round becomes
        "sort / transpose" in a sequence named "sort".

    Returns
    -------
    Stages
        Rounds add; loads are those of each stage.

    Raises
    ------
    ValueError
        If there is no stage.

    Examples
    --------
    >>> from mpc_sim.algorithms.k_hop import OwnLetter
    >>> len(sequence(OwnLetter(), sequence(OwnLetter(), OwnLetter())).stages)
    3
    >>> from mpc_sim import Cluster
    >>> from mpc_sim.stages.columnsort import Columnsort
    >>> cluster = Cluster(n_words=8, memory_words=8, n_machines=4, block_words=4)
    >>> sequence(sequence(Columnsort(("word",)), name="prepare"), name="all").label(0, cluster)
    'all / prepare / columnsort / load'
    """
    if not stages:
        raise ValueError("a sequence has at least one stage")
    flat: list[Protocol] = []
    for stage in stages:
        flat.extend(stage.stages if isinstance(stage, Stages) and not stage.name else (stage,))
    return Stages(tuple(flat), name)


@dataclass(frozen=True)
class Parallel(Protocol):
    """Independent protocols that share their rounds; on every machine loads add.

    Use :func:`parallel` to make one. Part i reads every channel of the first inbox; from then on
    its channels are called "i/name" and no part sees those of another. A part that is done early
    keeps what its ``finish`` left, as records that wait, and is charged for them in every further
    round.
    """

    parts: tuple[Protocol, ...]

    def n_rounds(self, cluster: Cluster) -> int:
        return max(_lengths(self.parts, cluster))

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        channels: list[Channel] = []
        lengths = _lengths(self.parts, cluster)
        for index, (part, length) in enumerate(zip(self.parts, lengths, strict=True)):
            if round < length:
                active = part.channels(round, cluster)
            else:
                active = tuple(replace(left, local=True) for left in part.leaves(cluster))
            channels += [replace(one, name=f"{index}/{one.name}") for one in active]
        return tuple(channels)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        outbox = Outbox()
        for index, part in enumerate(self.parts):
            own = _own_channels(inbox, index, round)
            length = part.n_rounds(cluster)
            if round < length:
                outbox.absorb(part.step(round, own, cluster), f"{index}/")
                continue
            if round == length:
                own = left_by(part, own, cluster)
            for left in part.leaves(cluster):
                records = own[left.name]
                outbox.keep(f"{index}/{left.name}", records.machine, **records.columns)
        return outbox

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        rounds = self.n_rounds(cluster)
        records: dict[str, Records] = {}
        for index, part in enumerate(self.parts):
            own = _own_channels(inbox, index, rounds)
            if part.n_rounds(cluster) == rounds:
                own = left_by(part, own, cluster)
            for name in own:
                if name in records:
                    raise UnknownChannel(
                        f"two parallel parts leave a channel {name!r}; rename one", channel=name
                    )
                records[name] = own[name]
        return Inbox(inbox.machines, records)

    def joint_limit(self, round: int, cluster: Cluster) -> int | None:
        """The sum of what the parts hold, at most s; None where a part alone says too little."""
        words, memory = 0, cluster.memory_words
        for part in self.parts:
            if round >= part.n_rounds(cluster):
                words += sum(left.per_machine * left.words for left in part.leaves(cluster))
                continue
            channels, limit = part.channels(round, cluster), part.joint_limit(round, cluster)
            if limit is None and most_held(channels) > memory:
                return None
            if limit is None:
                limit = memory if open_receipts(channels) else most_held(channels)
            words += limit
        return min(words, memory)

    def cost(self, cluster: Cluster) -> Cost:
        """Words add; a part that is done early holds what it leaves, and is charged for it."""
        rounds, costs = self.n_rounds(cluster), []
        for part in self.parts:
            cost = part.cost(cluster)
            if cost.rounds < rounds:
                kept = [replace(left, local=True) for left in part.leaves(cluster)]
                waiting = declared(kept, cluster.memory_words, cost.machines)
                cost = in_sequence((cost, replace(waiting, rounds=0)))
            costs.append(cost)
        return in_parallel(costs).within(cluster.memory_words)

    def label(self, round: int, cluster: Cluster) -> str:
        parts = zip(self.parts, _lengths(self.parts, cluster), strict=True)
        return " | ".join(part.label(round, cluster) for part, length in parts if round < length)

    def leaves(self, cluster: Cluster) -> tuple[Channel, ...]:
        return tuple(left for part in self.parts for left in part.leaves(cluster))

    def check(self, cluster: Cluster) -> None:
        for part in self.parts:
            part.check(cluster)


@by_identity
def _lengths(parts: tuple[Protocol, ...], cluster: Cluster) -> tuple[int, ...]:
    return tuple(part.n_rounds(cluster) for part in parts)


def parallel(*parts: Protocol) -> Parallel:
    """Run independent protocols side by side on the same machines.

    Returns
    -------
    Parallel
        Rounds: the maximum. Words held, sent and received on a machine: the sums, with what waits.
        A part that may end before another must say what it leaves (``Protocol.leaves``).

    Raises
    ------
    ValueError
        If there is no part.

    Examples
    --------
    >>> from mpc_sim.stages.columnsort import Columnsort
    >>> len(parallel(Columnsort(("word",)), Carry("input", ("word",))).parts)
    2
    """
    if not parts:
        raise ValueError("a parallel composition has at least one part")
    return Parallel(parts)


@dataclass(frozen=True)
class FewestRounds(Protocol):
    """Whichever of some protocols takes the fewest rounds on a cluster, of those that fit there.

    Use :func:`fewest_rounds` to make one.
    """

    ways: tuple[Protocol, ...]

    def chosen(self, cluster: Cluster) -> Protocol:
        """Return the way for a cluster.

        Raises
        ------
        ShapeError
            None fits: what the first one says.
        """
        return _fewest(self.ways, cluster)

    def n_rounds(self, cluster: Cluster) -> int:
        return self.chosen(cluster).n_rounds(cluster)

    def channels(self, round: int, cluster: Cluster) -> tuple[Channel, ...]:
        return self.chosen(cluster).channels(round, cluster)

    def step(self, round: int, inbox: Inbox, cluster: Cluster) -> Outbox:
        return self.chosen(cluster).step(round, inbox, cluster)

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        return self.chosen(cluster).finish(inbox, cluster)

    def leaves(self, cluster: Cluster) -> tuple[Channel, ...]:
        return self.chosen(cluster).leaves(cluster)

    def joint_limit(self, round: int, cluster: Cluster) -> int | None:
        return self.chosen(cluster).joint_limit(round, cluster)

    def cost(self, cluster: Cluster) -> Cost:
        return self.chosen(cluster).cost(cluster)

    def label(self, round: int, cluster: Cluster) -> str:
        return self.chosen(cluster).label(round, cluster)

    def check(self, cluster: Cluster) -> None:
        self.chosen(cluster)


@by_identity
def _fewest(ways: tuple[Protocol, ...], cluster: Cluster) -> Protocol:
    fitting: list[Protocol] = []
    refused: list[ShapeError] = []
    for way in ways:
        try:
            check_shape(way, cluster)
        except ShapeError as error:
            refused.append(error)
        else:
            fitting.append(way)
    if not fitting:
        raise refused[0]
    return min(fitting, key=lambda way: way.n_rounds(cluster))


def fewest_rounds(*ways: Protocol) -> FewestRounds:
    """Run whichever protocol takes the fewest rounds on the cluster; the first of equal ones.

    Returns
    -------
    FewestRounds
        The choice depends on the cluster alone, so the shape stays static.

    Raises
    ------
    ValueError
        If there is no protocol.

    Examples
    --------
    >>> from mpc_sim.algorithms.k_hop import OwnLetter
    >>> from mpc_sim.stages.columnsort import Columnsort
    >>> cluster = Cluster(n_words=8, memory_words=8, n_machines=4, block_words=4)
    >>> fewest_rounds(Columnsort(("word",)), OwnLetter()).chosen(cluster)
    OwnLetter()
    """
    if not ways:
        raise ValueError("there is at least one way")
    return FewestRounds(ways)


@dataclass(frozen=True)
class Carry(LocalStage):
    """Carry a channel along, unchanged and charged, while other parts of a parallel stage run."""

    channel: str
    fields: tuple[str, ...]

    def leaves(self, cluster: Cluster) -> tuple[Channel, ...]:
        most = cluster.memory_words // max(1, len(self.fields))
        return (Channel(self.channel, self.fields, most, local=True),)

    def finish(self, inbox: Inbox, cluster: Cluster) -> Inbox:
        return Inbox(inbox.machines, {self.channel: inbox[self.channel]})


def _own_channels(inbox: Inbox, index: int, round: int) -> Inbox:
    """Return what part ``index`` sees: in round 0 everything, later its own channels."""
    if round == 0:
        return inbox
    prefix = f"{index}/"
    own = {name.removeprefix(prefix): inbox[name] for name in inbox if name.startswith(prefix)}
    return Inbox(inbox.machines, own)
