"""An algorithm with everything that a reader needs to believe it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mpc_sim import Cluster, Protocol, fit_cluster
from reductions.bounds import Bound

Words = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Algorithm:
    """An MPC algorithm: statement, regime, bounds, oracle and the inputs that hurt it.

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
        int N -> Protocol, for an input of N words.
    instance : callable
        (int N, int seed) -> int64[N], a seeded input.
    hard : mapping of str to callable
        Named inputs that hurt: int N -> int64[N].
    oracle : callable
        int64[N] -> int64[N], sharing no code with the protocol.
    bounds : callable
        (Protocol, Cluster) -> bounds on rounds, local_memory, sent_words, received_words and
        machines, with explicit constants.
    largest_word : callable
        int64[N] -> int, the largest word that a run on this input may need.
    epsilon, gamma : str
        Default exponents.

    Examples
    --------
    >>> from reductions.algorithms.columnsort import COLUMNSORT
    >>> words = COLUMNSORT.instance(64, 0)
    >>> cluster = COLUMNSORT.cluster(words)
    >>> cluster.n_words, [bound.value for bound in COLUMNSORT.bounds_of(cluster)][:1]
    (64, [5])
    """

    name: str
    statement: str
    regime: str
    source: str
    constants: str
    protocol: Callable[[int], Protocol]
    instance: Callable[[int, int], Words]
    hard: Mapping[str, Callable[[int], Words]]
    oracle: Callable[[Words], Words]
    bounds: Callable[[Protocol, Cluster], tuple[Bound, ...]]
    largest_word: Callable[[Words], int] = field(default=lambda words: int(words.max()))
    epsilon: str = "2/3"
    gamma: str = "0"

    def cluster(
        self, words: Words, epsilon: str | None = None, gamma: str | None = None
    ) -> Cluster:
        """Return the cluster with the least constants for an input."""
        return fit_cluster(
            self.protocol(len(words)),
            len(words),
            self.epsilon if epsilon is None else epsilon,
            self.gamma if gamma is None else gamma,
            largest_word=self.largest_word(words),
        )

    def bounds_of(self, cluster: Cluster) -> tuple[Bound, ...]:
        """Return the bounds on a cluster, before anything has run."""
        return self.bounds(self.protocol(cluster.n_words), cluster)


HARD_SEQUENCES: Mapping[str, Callable[[int], Words]] = {
    "sorted": lambda n: np.arange(n),
    "reversed": lambda n: np.arange(n)[::-1].copy(),
    "all equal": lambda n: np.full(n, 7),
    "skewed": lambda n: np.where(np.arange(n) % 10 == 0, np.arange(n), 3),
}
