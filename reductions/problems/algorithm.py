"""An algorithm with everything that a reader needs to check it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mpc_sim import Cluster, Protocol, fit_cluster
from mpc_sim.cluster import failure_word
from mpc_sim.inputs.graphs import Graph
from mpc_sim.records import Words
from reductions.bounds import Bound

WORD, VERTEX, NOTHING = "word", "vertex", "nothing"


@dataclass(frozen=True, eq=False)
class Algorithm:
    """An MPC algorithm: statement, regime, bounds, oracle and hard inputs.

    Parameters
    ----------
    name : str
        The identifier, as in ``anna-mpc list``.
    statement : str
        Input and output, in one line.
    regime : str
        Which exponents it is made for.
    source : str
        Paper and theorem.
    constants : str
        How c_s was chosen: which round needs how many words.
    protocol : callable
        Shape -> Protocol; the shape of an input of N words is the int N.
    instance : callable
        (int n, int seed) -> a seeded input, int64[N] with N = n.
    hard : mapping of str to callable
        Named hard inputs: int n -> input.
    oracle : callable
        input -> int64[N], sharing no code with the protocol.
    bounds : callable
        (Protocol, Cluster) -> bounds on rounds, local_memory, sent_words, received_words and
        machines, with explicit constants.
    largest_word : callable
        input -> int, the largest word that a run on it may need.
    epsilon, gamma : str
        Default exponents.
    is_randomised : bool
        Whether the protocol may fail; then every output word is ``failure_word``.
    is_full_degree : bool
        Whether some output word has full degree in all N input words, as their sum has; then every
        run is held to the rounds of full information (`reductions.separations.lower_bounds`).
    """

    name: str
    statement: str
    regime: str
    source: str
    constants: str
    protocol: Callable[[Any], Protocol]
    instance: Callable[[int, int], Any]
    hard: Mapping[str, Callable[[int], Any]]
    oracle: Callable[[Any], Words]
    bounds: Callable[[Protocol, Cluster], tuple[Bound, ...]]
    largest_word: Callable[[Any], int] = field(default=lambda words: int(words.max()))
    epsilon: str = "2/3"
    gamma: str = "0"
    is_randomised: bool = False
    is_full_degree: bool = False

    def words(self, given: Any) -> Words:
        """Return the N words of an input."""
        words: Words = given
        return words

    def protocol_for(self, given: Any) -> Protocol:
        """Return the protocol for inputs of the shape of this one."""
        return self.protocol(len(given))

    def cluster(self, given: Any, epsilon: str | None = None, gamma: str | None = None) -> Cluster:
        """Return the cluster with the least constants for an input."""
        return fit_cluster(
            self.protocol_for(given),
            len(self.words(given)),
            self.epsilon if epsilon is None else epsilon,
            self.gamma if gamma is None else gamma,
            largest_word=self.largest_word(given),
        )

    def bounds_of(self, cluster: Cluster, given: Any = None) -> tuple[Bound, ...]:
        """Return the bounds on a cluster, before anything has run.

        ``given`` is an input, where the protocol needs more than N to know its shape.
        """
        protocol = self.protocol(cluster.n_words) if given is None else self.protocol_for(given)
        return self.bounds(protocol, cluster)

    @property
    def judge(self) -> str:
        """What finds wrong outputs: the oracle, or a verifier."""
        return "oracle"

    def n_wrong(self, given: Any, output: Words) -> int:
        """Return how many output words are wrong, by the oracle."""
        return int(np.count_nonzero(output != self.oracle(given)))

    def has_failed(self, output: Words, cluster: Cluster) -> bool:
        """Return whether a randomised run put out the failure word."""
        return self.is_randomised and bool(np.all(output == failure_word(cluster)))


@dataclass(frozen=True, eq=False)
class GraphAlgorithm(Algorithm):
    """An algorithm whose input is a `Graph`; ``protocol`` takes its `GraphShape`.

    Parameters
    ----------
    n_wrong_of : callable, optional
        (Graph, int64[N]) -> int, for problems with several right outputs: how many words, or
        vertices, or edges, break the statement, shown by a program that shares no code with the
        protocol. By default the words that differ from the oracle's.
    fit : callable, optional
        (GraphAlgorithm, Graph, epsilon or None, gamma or None) -> Cluster, where the memory is not
        c_s N^epsilon.
    on_vertices : str
        What the output words of the vertices mean: "word" (a number), "vertex" (the number of a
        vertex) or "nothing".
    on_edges : bool
        Whether the output words of the edges mean something.

    Raises
    ------
    ValueError
        ``on_vertices`` is none of the three.
    """

    n_wrong_of: Callable[[Graph, Words], int] | None = None
    fit: Callable[[GraphAlgorithm, Graph, str | None, str | None], Cluster] | None = None
    on_vertices: str = WORD
    on_edges: bool = False

    def __post_init__(self) -> None:
        if self.on_vertices not in (WORD, VERTEX, NOTHING):
            raise ValueError(
                f'on_vertices must be "{WORD}", "{VERTEX}" or "{NOTHING}", not "{self.on_vertices}"'
            )

    def words(self, given: Graph) -> Words:
        """Return the N words of a graph."""
        return given.words

    def protocol_for(self, given: Graph) -> Protocol:
        """Return the protocol for graphs of this shape."""
        return self.protocol(given.shape)

    def cluster(
        self, given: Graph, epsilon: str | None = None, gamma: str | None = None
    ) -> Cluster:
        """Return the cluster for a graph."""
        if self.fit is not None:
            return self.fit(self, given, epsilon, gamma)
        return super().cluster(given, epsilon, gamma)

    @property
    def judge(self) -> str:
        """What finds wrong outputs: the oracle, or a verifier."""
        return "oracle" if self.n_wrong_of is None else "verifier"

    def n_wrong(self, given: Graph, output: Words) -> int:
        """Return how much of an output is wrong."""
        if self.n_wrong_of is not None:
            return self.n_wrong_of(given, output)
        return super().n_wrong(given, output)


HARD_SEQUENCES: Mapping[str, Callable[[int], Words]] = {
    "sorted": lambda n: np.arange(n),
    "reversed": lambda n: np.arange(n)[::-1].copy(),
    "all equal": lambda n: np.full(n, 7),
    "skewed": lambda n: np.where(np.arange(n) % 10 == 0, np.arange(n), 3),
}
