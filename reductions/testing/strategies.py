"""Inputs and clusters for hypothesis: what protocols break on, at sizes where checks are fast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mpc_sim import Cluster, InputError, Protocol, ShapeError, fit_cluster
from mpc_sim.extras import needed

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

SIZES = (1, 2, 3, 7, 12, 16)
EPSILONS = ("1/2", "2/3", "0.8")
GAMMAS = ("0", "1/4")
LARGEST_WORD = 15


def word_inputs(
    max_size: int = 16, largest_word: int = LARGEST_WORD, *, min_size: int = 1
) -> SearchStrategy[list[int]]:
    """Draw inputs of min_size .. max_size words in 0 .. largest_word.

    Besides any words: few different ones, all equal, sorted, reversed, none twice where they
    suffice, the least and the largest word only, and one that is unlike the others.

    Raises
    ------
    InputError
        There is no such input.
    ImportError
        hypothesis is not installed.

    Examples
    --------
    >>> from hypothesis import find
    >>> find(word_inputs(5), lambda words: words == sorted(words) and len(set(words)) == 5)
    [0, 1, 2, 3, 4]
    """
    if not 1 <= min_size <= max_size or largest_word < 0:
        raise InputError(
            f"no input has {min_size} to {max_size} words in 0 .. {largest_word}; give "
            "1 <= min_size <= max_size and largest_word >= 0"
        )
    st = _strategies()
    words = st.integers(0, largest_word)

    def lists(of: SearchStrategy[int]) -> SearchStrategy[list[int]]:
        drawn: SearchStrategy[list[int]] = st.lists(of, min_size=min_size, max_size=max_size)
        return drawn

    sizes = st.integers(min_size, max_size)
    kinds = [
        lists(words),
        lists(words).map(sorted),
        lists(words).map(lambda drawn: sorted(drawn, reverse=True)),
        lists(st.integers(0, min(1, largest_word))),
        lists(words).map(
            lambda drawn: [largest_word * (2 * word > largest_word) for word in drawn]
        ),
        st.builds(lambda word, size: [word] * size, words, sizes),
        st.builds(_outlier, words, words, sizes, st.integers(0, max_size - 1)),
    ]
    if largest_word + 1 >= min_size:
        most = min(max_size, largest_word + 1)
        kinds.append(st.lists(words, min_size=min_size, max_size=most, unique=True))
    drawn: SearchStrategy[list[int]] = st.one_of(kinds)
    return drawn


def words(cluster: Cluster, largest_word: int | None = None) -> SearchStrategy[list[int]]:
    """Draw inputs for a cluster: N words of every kind of `word_inputs`.

    ``largest_word`` is by default that of the cluster, and N where it names none.

    Examples
    --------
    >>> from hypothesis import find
    >>> cluster = Cluster(n_words=3, memory_words=4, n_machines=2, block_words=2)
    >>> find(words(cluster), lambda drawn: drawn == sorted(drawn, reverse=True) and drawn[2])
    [1, 1, 1]
    """
    largest = cluster.largest_word or cluster.n_words if largest_word is None else largest_word
    return word_inputs(cluster.n_words, largest, min_size=cluster.n_words)


def clusters(
    protocol: Protocol,
    *,
    sizes: Sequence[int] = SIZES,
    epsilons: Sequence[str] = EPSILONS,
    gammas: Sequence[str] = GAMMAS,
    largest_word: int = LARGEST_WORD + 1,
    word_bits: int = 0,
) -> SearchStrategy[Cluster]:
    """Draw from the clusters that fit a protocol on a grid of N, epsilon and gamma.

    Parameters
    ----------
    protocol : Protocol
    sizes, epsilons, gammas : sequence
        The grid; points where `fit_cluster` finds no constants are left out.
    largest_word, word_bits : int
        As for `fit_cluster`.

    Raises
    ------
    ShapeError
        No point of the grid fits.

    Examples
    --------
    >>> from hypothesis import find
    >>> from mpc_sim.stages.columnsort import columnsort
    >>> find(clusters(columnsort()), lambda cluster: cluster.gamma > 0).n_machines
    1
    """
    st = _strategies()
    fitting: list[Cluster] = []
    last_error = ShapeError("the grid of clusters has no point; give sizes, epsilons and gammas")
    for n_words in sizes:
        for epsilon in epsilons:
            for gamma in gammas:
                try:
                    cluster = fit_cluster(
                        protocol,
                        n_words,
                        epsilon,
                        gamma,
                        largest_word=largest_word,
                        word_bits=word_bits,
                    )
                except ShapeError as error:
                    last_error = error
                else:
                    fitting.append(cluster)
    if not fitting:
        raise last_error
    drawn: SearchStrategy[Cluster] = st.sampled_from(fitting)
    return drawn


def cases(
    protocol: Protocol, *, largest_word: int = LARGEST_WORD, **grid: Any
) -> SearchStrategy[tuple[Cluster, list[int]]]:
    """Draw pairs of a cluster from `clusters` and an input for it; words up to ``largest_word``.

    The clusters have room for words up to ``largest_word + 1``, so that a protocol may use 0 or the
    largest word for nothing, and the failure word is no input; ``word_bits`` gives more.

    Examples
    --------
    >>> from hypothesis import find
    >>> from mpc_sim.stages.columnsort import columnsort
    >>> cluster, drawn = find(cases(columnsort()), lambda case: case[0].n_words == 3)
    >>> drawn, cluster.largest_word
    ([0, 0, 0], 16)
    """
    return clusters(protocol, largest_word=largest_word + 1, **grid).flatmap(
        lambda cluster: words(cluster, largest_word).map(lambda drawn: (cluster, drawn))
    )


def _outlier(word: int, other: int, size: int, at: int) -> list[int]:
    return [other if i == at % size else word for i in range(size)]


def _strategies() -> Any:
    return needed("hypothesis.strategies", "drawing inputs (explicit ones need nothing)")
