"""What must be so before any input exists: a frozen value that pickles, and a static shape."""

from __future__ import annotations

import dataclasses
import io
import pickle
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mpc_sim import Channel, Cluster, Protocol
from reductions.testing.not_conforming import NotConforming


@dataclass(frozen=True)
class Shape:
    """Rounds and channels of a protocol on a cluster."""

    n_rounds: int
    channels: tuple[tuple[Channel, ...], ...]

    @classmethod
    def of(cls, protocol: Protocol, cluster: Cluster) -> Shape:
        """Ask a protocol for its shape.

        Raises
        ------
        NotConforming
            It is no whole number of rounds, or a round has no tuple of distinct channels.
        """
        n_rounds = protocol.n_rounds(cluster)
        if type(n_rounds) is not int or n_rounds < 0:
            raise NotConforming(
                "shape", f"n_rounds is {n_rounds!r}; return an int that is at least 0"
            )
        rounds = []
        for round in range(n_rounds):
            channels = protocol.channels(round, cluster)
            if type(channels) is not tuple or not all(isinstance(c, Channel) for c in channels):
                raise NotConforming(
                    "shape",
                    f"round {round}: channels gives {channels!r}; return a tuple of Channel",
                    round=round,
                )
            if len({channel.name for channel in channels}) < len(channels):
                raise NotConforming(
                    "shape", f"round {round}: two channels have one name", round=round
                )
            rounds.append(channels)
        return cls(n_rounds, tuple(rounds))

    def require(
        self, protocol: Protocol, cluster: Cluster, when: str, rounds: range | None = None
    ) -> None:
        """Reject a protocol that has another shape now, in all rounds or in some.

        Raises
        ------
        NotConforming
        """
        rule = "the shape may depend on the cluster and the protocol's own fields only"
        now = protocol.n_rounds(cluster)
        if now != self.n_rounds:
            raise NotConforming(
                "shape", f"{when} it has {now} rounds, before {self.n_rounds}; {rule}"
            )
        for round in range(self.n_rounds) if rounds is None else rounds:
            new, old = protocol.channels(round, cluster), self.channels[round]
            if new != old:
                raise NotConforming(
                    "shape",
                    f"{when} round {round} declares {_listed(new)}, before {_listed(old)}; {rule}",
                    round=round,
                )


def check_frozen(protocol: Protocol) -> None:
    """Reject a protocol, or a part of one, that can be changed or cannot be hashed.

    Raises
    ------
    NotConforming
    """
    for part in _parts(protocol):
        name = type(part).__name__
        frozen = dataclasses.is_dataclass(part) and type(part).__dataclass_params__.frozen
        if not frozen and (vars(part) or dataclasses.is_dataclass(part)):
            raise NotConforming(
                "frozen",
                f"{name} can be changed after it was made; make it a @dataclass(frozen=True) whose "
                "fields say everything",
            )
        try:
            hash(part)
        except TypeError as error:
            raise NotConforming(
                "frozen", f"{name} cannot be hashed ({error}); use tuples instead of lists"
            ) from error


@dataclass(frozen=True)
class Pickled:
    """A protocol as bytes, made before anything ran.

    A class that was defined at the top of something that is no module (a notebook's example, a
    doctest) is found in this process alone; what is defined inside a function is rejected.
    """

    data: bytes
    classes: tuple[type[Any], ...]

    @classmethod
    def of(cls, protocol: Protocol) -> Pickled:
        """Pickle a protocol.

        Raises
        ------
        NotConforming
            It does not pickle, or does not come back equal.
        """
        buffer = io.BytesIO()
        pickler = _Pickler(buffer)
        try:
            pickler.dump(protocol)
            pickled = cls(buffer.getvalue(), tuple(pickler.classes))
            copy = pickled.fresh()
        except Exception as error:
            raise NotConforming(
                "pickling",
                f"{type(protocol).__name__} does not pickle ({error}); its class and every "
                "function among its fields stand at the top of a module, and no field is a lambda, "
                "a generator or a file",
            ) from error
        if dataclasses.is_dataclass(protocol) and _has_equality(protocol) and copy != protocol:
            raise NotConforming(
                "pickling", f"{type(protocol).__name__} is another protocol after pickling"
            )
        return pickled

    def fresh(self) -> Protocol:
        """Return the protocol as it was before anything ran."""
        protocol = _Unpickler(io.BytesIO(self.data), self.classes).load()
        assert isinstance(protocol, Protocol)
        return protocol


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.classes: list[type[Any]] = []

    def persistent_id(self, obj: object) -> int | None:
        if not isinstance(obj, type) or "<locals>" in obj.__qualname__:
            return None
        if getattr(sys.modules.get(obj.__module__), obj.__qualname__.split(".")[0], None):
            return None
        if obj not in self.classes:
            self.classes.append(obj)
        return self.classes.index(obj)


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, classes: tuple[type[Any], ...]) -> None:
        super().__init__(file)
        self._classes = classes

    def persistent_load(self, number: int) -> type[Any]:
        return self._classes[number]


def _parts(value: object) -> Iterator[Protocol]:
    """Give a protocol and every protocol among its fields."""
    if isinstance(value, tuple):
        for one in value:
            yield from _parts(one)
    if isinstance(value, Protocol):
        yield value
        if dataclasses.is_dataclass(value):
            for field in dataclasses.fields(value):
                yield from _parts(getattr(value, field.name))


def _has_equality(protocol: Protocol) -> bool:
    return all(
        not dataclasses.is_dataclass(part) or type(part).__dataclass_params__.eq
        for part in _parts(protocol)
    )


def _listed(channels: tuple[Channel, ...]) -> str:
    listed = ", ".join(f"{c.name}({', '.join(c.fields)}) x {c.per_machine}" for c in channels)
    return listed or "no channel"
