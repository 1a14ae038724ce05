"""A protocol that solves a problem, with everything that a reader needs to check it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from mpc_sim import Cluster, Protocol, fit_cluster
from mpc_sim.cluster import failure_word
from mpc_sim.inputs.graphs import GraphShape
from mpc_sim.records import Words
from reductions.bounds import Bound
from reductions.problems.laws import RoundLaw
from reductions.problems.problem import Instance, Problem, Shape

Fit = Callable[["ProtocolSolver", Shape, str | None, str | None], Cluster]


@dataclass(frozen=True, eq=False, kw_only=True)
class ProtocolSolver:
    """An MPC protocol for a problem: regime, bounds and constants.

    What is *given* to it is int64[N], a `Graph`, or the `Shape` that is known of it.

    Parameters
    ----------
    source : str
        Paper and theorem.
    regime : str
        Which exponents it is made for.
    constants : str
        How c_s was chosen: which round needs how many words.
    protocol : callable
        Shape -> Protocol; the shape is N, or the `GraphShape`. Parameters are keywords.
    bounds : callable
        (shape, Cluster) -> bounds on rounds, local_memory, sent_words, received_words and
        machines, with explicit constants: from the shape that ``protocol`` takes and the sizes of
        the machines alone, never from what the protocol plans. Parameters are keywords.
    epsilon, gamma : str
        Default exponents.
    is_randomised : bool
        Whether the protocol may fail; then every output word is ``failure_word``.
    back_up_to : int
        A certificate takes the way back to machines up to so many words unless it is left out.
    layer_claims : callable, optional
        Cluster -> closed forms of the transformer that it becomes by the default options.
        Parameters are keywords.
    way : str
        How it is done, the part of its name behind the problem; empty for the default way.
    of_shape : callable
        Shape -> further keywords of ``protocol`` and ``bounds``, such as the number of letters.
    largest_sent : callable
        Shape -> the largest word that the machines send; by default that of the shape.
    fit : callable, optional
        (self, shape, epsilon or None, gamma or None) -> Cluster, where the memory is not
        c_s N^epsilon.
    law : RoundLaw, optional
        What a paper states of the rounds.
    symbols : mapping of str to str
        What the symbols of the bounds mean, beside `reductions.bounds.SYMBOLS`.
    not_tight : collection of str
        The quantities whose bound no named input is known to reach; the tests name one for
        every other.
    """

    problem: Problem
    source: str = ""
    regime: str = ""
    constants: str = ""
    protocol: Callable[..., Protocol]
    bounds: Callable[..., tuple[Bound, ...]]
    epsilon: str = "2/3"
    gamma: str = "0"
    is_randomised: bool = False
    back_up_to: int = 0
    layer_claims: Callable[..., tuple[Bound, ...]] | None = None
    way: str = ""
    of_shape: Callable[[Shape], Mapping[str, int]] = lambda shape: {}
    largest_sent: Callable[[Shape], int] = lambda shape: shape.largest_word
    fit: Fit | None = None
    law: RoundLaw | None = None
    symbols: Mapping[str, str] = field(default_factory=dict)
    not_tight: Collection[str] = ()

    @property
    def name(self) -> str:
        """The name of the problem, and of the way where it is not the default one."""
        return f"{self.problem.name}/{self.way}" if self.way else self.problem.name

    @property
    def compiles(self) -> ProtocolSolver:
        """The protocol that a certificate compiles: this one."""
        return self

    @cached_property
    def hard(self) -> Mapping[str, Callable[[int], Any]]:
        """The named hard inputs: int n -> what is given."""
        return {name: _given(make) for name, make in self.problem.hard.items()}

    def instance(self, n: int, seed: int) -> Any:
        """Return a seeded input."""
        return self.problem.random["uniform"](n, seed).given

    def oracle(self, given: Any) -> Words:
        """Return what the oracle of the problem puts out."""
        return self.problem.expected(self.problem.instance(given))

    def n_wrong(self, given: Any, output: Words) -> int:
        """Return how much of an output is wrong."""
        return self.problem.n_wrong(self.problem.instance(given), output)

    def words(self, given: Any) -> Words:
        """Return the N words of an input."""
        return self.problem.instance(given).words

    def largest_word(self, given: Any) -> int:
        """Return the largest word that a run on an input may need."""
        return self.problem.most_word(given)

    def shape_of(self, given: Any, **parameters: int) -> Shape:
        """Return what is known of an input before a model is built for it."""
        if isinstance(given, Shape):
            return given
        return self.problem.instance(given, **parameters).shape

    def protocol_for(self, given: Any, **parameters: int) -> Protocol:
        """Return the protocol for inputs of the shape of this one."""
        shape = self.shape_of(given, **parameters)
        return self.protocol(known_of(shape), **shape.parameters, **self.of_shape(shape))

    def most_word(self, shape: Shape) -> int:
        """Return the largest word of the input and of what the machines send."""
        return max(shape.largest_word, self.largest_sent(shape))

    def cluster(
        self, given: Any, epsilon: str | None = None, gamma: str | None = None, **parameters: int
    ) -> Cluster:
        """Return the cluster with the least constants for an input."""
        shape = self.shape_of(given, **parameters)
        if self.fit is not None:
            return self.fit(self, shape, epsilon, gamma)
        return fit_cluster(
            self.protocol_for(shape),
            shape.n_words,
            self.epsilon if epsilon is None else epsilon,
            self.gamma if gamma is None else gamma,
            largest_word=self.most_word(shape),
        )

    def bounds_of(
        self, cluster: Cluster, given: Any = None, **parameters: int
    ) -> tuple[Bound, ...]:
        """Return the bounds on a cluster, before anything has run.

        ``given`` is an input, where the protocol needs more than N to know its shape.
        """
        if given is None:
            return self.defined(self.bounds(cluster.n_words, cluster, **parameters))
        shape = self.shape_of(given, **parameters)
        known = {**shape.parameters, **self.of_shape(shape)}
        return self.defined(self.bounds(known_of(shape), cluster, **known))

    def defined(self, bounds: tuple[Bound, ...]) -> tuple[Bound, ...]:
        """Return bounds whose symbols say what they mean, and which say whether they are tight."""
        return tuple(
            replace(bound, symbols=self.symbols, is_tight=bound.quantity not in self.not_tight)
            for bound in bounds
        )

    def has_failed(self, output: Words, cluster: Cluster) -> bool:
        """Return whether a randomised run put out the failure word."""
        return self.is_randomised and bool(np.all(output == failure_word(cluster)))


def known_of(shape: Shape) -> int | GraphShape:
    """Return what a protocol is made for: N, or the shape of a graph."""
    return shape.graph or shape.n_words


def _given(make: Callable[[int], Instance]) -> Callable[[int], Any]:
    return lambda n: make(n).given


HARD_SEQUENCES: Mapping[str, Callable[[int], Words]] = {
    "sorted": lambda n: np.arange(n),
    "reversed": lambda n: np.arange(n)[::-1].copy(),
    "all equal": lambda n: np.full(n, 7),
    "skewed": lambda n: np.where(np.arange(n) % 10 == 0, np.arange(n), 3),
}
