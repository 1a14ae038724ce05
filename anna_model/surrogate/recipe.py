"""What is trained, and how: everything that the weights follow from, as a value and as JSON.

A recipe is frozen, holds no array, and imports nothing heavy, so that a card can be read where
nothing can be trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from anna_model.lsh.cross_polytope import CrossPolytope
from anna_model.lsh.family import Family
from anna_model.lsh.hyperplane import Hyperplane
from anna_model.surrogate.data import KHop, Match2, Task


@dataclass(frozen=True)
class Architecture:
    """The shape of the network: one head per layer, a residual stream, an MLP of width 4 m.

    Parameters
    ----------
    layers, width, query_width : int
        L, m and m_qk.
    positions : bool
        Whether a token knows its position; Match2 needs none.

    Examples
    --------
    >>> Architecture(layers=1, width=64, query_width=64, positions=False).layers
    1
    """

    layers: int
    width: int
    query_width: int
    positions: bool

    def __post_init__(self) -> None:
        if min(self.layers, self.width, self.query_width) < 1:
            raise ValueError(f"layers and widths are at least 1, not {self}")


@dataclass(frozen=True)
class SoftmaxStandIn:
    """The paper's stand-in: softmax(beta Q K^T) V over rows of unit norm.

    Parameters
    ----------
    beta : float

    Examples
    --------
    >>> SoftmaxStandIn(beta=0.1).name
    'softmax'
    """

    beta: float

    @property
    def name(self) -> str:
        """The word for it in tables."""
        return "softmax"


@dataclass(frozen=True)
class CollisionStandIn:
    """Weights in proportion to the expected number of collisions, p(distance)^z.

    Parameters
    ----------
    first_power : float
        The share of z that training begins with; it grows to z evenly.
    anneal_until, sample_from : float
        Shares of the steps: when z is reached, and when tables begin to be drawn; 1 never draws.
        From then on the forward pass is Algorithm 1 on fresh tables, the backward pass that of the
        expectation, or of the counts.
    scatter : bool
        Whether the backward pass of drawn tables is that of the counts, which sees how far they
        scatter, and not of the expectation, which does not.

    Examples
    --------
    >>> stand_in = CollisionStandIn(first_power=0.5, anneal_until=0.5)
    >>> [stand_in.power(2, step=step, steps=100) for step in (0, 25, 50, 99)]
    [1.0, 1.5, 2.0, 2.0]
    """

    first_power: float = 0.25
    anneal_until: float = 0.5
    sample_from: float = 0.5
    scatter: bool = False

    def __post_init__(self) -> None:
        shares = (self.first_power, self.anneal_until, self.sample_from)
        if not all(0 <= share <= 1 for share in shares):
            raise ValueError(f"shares lie in 0 .. 1, not {shares}")

    @property
    def name(self) -> str:
        """The word for it in tables."""
        return "collisions"

    def power(self, hashes: int, *, step: int, steps: int) -> float:
        """Return the power of p at a step, for z hashes."""
        done = min(1.0, step / (self.anneal_until * steps)) if self.anneal_until else 1.0
        return hashes * (self.first_power + (1 - self.first_power) * done)

    def samples(self, *, step: int, steps: int) -> bool:
        """Whether tables are drawn at a step."""
        return step >= self.sample_from * steps


StandIn = SoftmaxStandIn | CollisionStandIn


@dataclass(frozen=True)
class Recipe:
    """All that a training run follows from.

    Parameters
    ----------
    task : Match2 or KHop
    architecture : Architecture
    stand_in : SoftmaxStandIn or CollisionStandIn
    tables, hashes : tuple of int
        l and z of every layer that validation runs, and that a collision stand-in draws.
    seed : int
        Of the first weights, the instances and the drawn tables.
    steps : int
        The most; the learning rate falls along half a cosine of this length.
    family : Family, optional
        Hashes the weights are meant for.
    batch, samples : int
        Instances per step, and instances in all; 0 draws new ones at every step.
    learning_rate : float
        Adam's, at its highest.
    warm_up, validate_every, patience : int
        Steps of linear growth; steps between validations; validations in a row that are not better
        than the best, after which training stops.
    validation : int
        Instances of a validation.

    Examples
    --------
    >>> recipe = Recipe(
    ...     Match2(), Architecture(1, 64, 64, False), SoftmaxStandIn(0.1), (8,), (1,), seed=0,
    ...     steps=100)
    >>> Recipe.from_json(recipe.to_json()) == recipe
    True
    """

    task: Task
    architecture: Architecture
    stand_in: StandIn
    tables: tuple[int, ...]
    hashes: tuple[int, ...]
    seed: int
    steps: int
    family: Family = CrossPolytope()  # noqa: RUF009 - frozen
    batch: int = 32
    samples: int = 0
    learning_rate: float = 0.003
    warm_up: int = 200
    validate_every: int = 250
    patience: int = 8
    validation: int = 64

    def __post_init__(self) -> None:
        named = ("steps", "batch", "warm_up", "validate_every", "patience", "validation")
        wrong = [name for name in named if getattr(self, name) < 1]
        if wrong:
            raise ValueError(f"{', '.join(wrong)} must be at least 1")
        for name in ("tables", "hashes"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
            if len(getattr(self, name)) != self.architecture.layers:
                raise ValueError(f"give {name} for each of {self.architecture.layers} layers")

    def to_json(self) -> dict[str, Any]:
        """Write it as plain values, with the names of the kinds."""
        plain = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in vars(self).items()
            if isinstance(value, int | float | tuple)
        }
        parts = {
            name: {"kind": type(part).__name__, **asdict(part)}
            for name, part in vars(self).items()
            if name in _KINDS
        }
        return {**parts, "architecture": asdict(self.architecture), **plain}

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Recipe:
        """Read it back.

        Raises
        ------
        ValueError
            An unknown kind or name, a missing value.
        """
        try:
            known = dict(entry)
            made = {name: _part(name, known.pop(name)) for name in _KINDS}
            made["architecture"] = Architecture(**known.pop("architecture"))
            return cls(**made, **known)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no recipe of a training run: {error}") from None


_KINDS: Mapping[str, Mapping[str, Any]] = {
    "task": {"Match2": Match2, "KHop": KHop},
    "stand_in": {"SoftmaxStandIn": SoftmaxStandIn, "CollisionStandIn": CollisionStandIn},
    "family": {"CrossPolytope": CrossPolytope, "Hyperplane": Hyperplane},
}


def _part(name: str, entry: Mapping[str, Any]) -> Any:
    values = dict(entry)
    kind = values.pop("kind")
    if kind not in _KINDS[name]:
        raise ValueError(f"{name} {kind!r} is unknown; known are {', '.join(_KINDS[name])}")
    return _KINDS[name][kind](**values)
