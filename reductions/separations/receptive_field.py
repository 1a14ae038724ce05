"""Reformer with chunks fixed in advance: what a token can depend on, and a word that it cannot.

Proposition E.3 of Liu et al.: a token receives from its chunk only, so after L layers of chunks of
B it depends on at most B^L of the input words. If that is less than N, a word outside can be
changed: the token gives the same output, and where a task asks for all words it is wrong once. The
field is traced on the built layers, from the token back to the input; with H heads and R rounds of
different patterns per layer, a layer multiplies it by H R B at most.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import sympy
from numpy.typing import NDArray

from anna_model import Layer, Transformer
from anna_model.mechanisms import GivenCodes, Reformer
from anna_model.mechanisms.sorted_chunks import chunk_of_row
from mpc_sim import InputError
from reductions.arrays import Integers
from reductions.attention_to_mpc.questions import mechanism_of_head
from reductions.bounds import Bound
from reductions.separations.indistinguishable import Oracle, TwoInputs

SOURCE = "Liu et al., arXiv 2509.09001, Proposition E.3"
TRIES = 2000


@dataclass(frozen=True)
class Pattern:
    """The chunks of one round of a layer, fixed in advance.

    Parameters
    ----------
    chunk : tuple of int
        Of the token at every place.
    """

    chunk: tuple[int, ...]
    causal: bool

    @property
    def size(self) -> int:
        """Tokens of the largest chunk, B."""
        return int(np.bincount(np.array(self.chunk)).max())

    def reach(self, tokens: Integers) -> Integers:
        """Return the tokens that some tokens attend to, increasing."""
        chunk = np.array(self.chunk)
        latest = np.full(chunk.max() + 1, -1)
        np.maximum.at(latest, chunk[tokens], tokens)
        heard = latest[chunk] >= (np.arange(len(chunk)) if self.causal else 0)
        return np.flatnonzero(heard)


def patterns_of(layer: Layer, n_tokens: int) -> tuple[Pattern, ...]:
    """Return the different patterns of a layer's heads and rounds.

    Raises
    ------
    InputError
        A head of another mechanism, or one whose chunks depend on what the rows hold.
    """
    found = {}
    head = 0
    for run in layer.heads:
        for _ in range(run.count):
            mechanism = mechanism_of_head(layer, head, run.query_width, run.value_width)
            if not isinstance(mechanism, Reformer) or not isinstance(mechanism.codes, GivenCodes):
                raise InputError(
                    f"head {head}: {type(mechanism).__name__} attention whose pattern is not fixed "
                    "in advance; give Reformer heads with GivenCodes"
                )
            for codes in mechanism.codes.codes:
                if len(codes) != n_tokens:
                    raise InputError(f"codes for {len(codes)} tokens, not {n_tokens}")
                chunk = tuple(chunk_of_row(codes, mechanism.chunk_size).tolist())
                found[Pattern(chunk, mechanism.causal)] = True
            head += 1
    return tuple(found)


@dataclass(frozen=True, eq=False)
class ReceptiveField:
    """What one output token can depend on.

    Made by :func:`receptive_field`.

    Parameters
    ----------
    tokens : int64[F]
        Input tokens, increasing.
    after : tuple of int
        Sizes of the field one layer back, two layers back, ...
    reach : tuple of int
        What each layer can multiply it by, last layer first: the sum of B over its patterns.
    """

    token: int
    tokens: Integers
    after: tuple[int, ...]
    reach: tuple[int, ...]
    n_tokens: int

    @property
    def outside(self) -> Integers:
        """Input tokens that the output does not depend on."""
        return np.setdiff1d(np.arange(self.n_tokens), self.tokens)

    @property
    def bound(self) -> Bound:
        """The size of the field: min(N, B^L), one factor per layer."""
        names = [f"B_{number}" for number in range(len(self.reach), 0, -1)]
        n = sympy.Symbol("N", integer=True)
        product = sympy.prod(sympy.symbols(names, integer=True)) if names else sympy.Integer(1)
        values = {"N": self.n_tokens, **dict(zip(names, self.reach, strict=True))}
        return Bound("receptive_field", sympy.Min(n, product), values, "upper", SOURCE)


def receptive_field(transformer: Transformer, token: int) -> ReceptiveField:
    """Trace back what an output token can depend on, layer by layer.

    Parameters
    ----------
    transformer : Transformer
        Of Reformer heads with given codes.

    Raises
    ------
    InputError
        As `patterns_of`; a token that is not there.

    Notes
    -----
    O(N) for every pattern of every layer. No input is run.
    """
    n = transformer.n_tokens
    if not 0 <= token < n:
        raise InputError(f"token = {token}: choose it in 0 .. {n - 1}")
    tokens, after, reach = np.array([token]), [], []
    for layer in reversed(transformer.layers):
        patterns = patterns_of(layer, n)
        # a row-wise fold may keep the token's own row, which its own chunk holds anyway
        tokens = np.unique(np.concatenate([pattern.reach(tokens) for pattern in patterns]))
        after.append(len(tokens))
        reach.append(sum(pattern.size for pattern in patterns))
    return ReceptiveField(token, tokens, tuple(after), tuple(reach), n)


def two_inputs(
    task: str,
    field: ReceptiveField,
    oracle: Oracle,
    draw: Callable[[np.random.Generator], NDArray[np.int64]],
    *,
    seed: int = 0,
) -> TwoInputs | None:
    """Look for two inputs that agree on a field and have different answers at its token.

    Parameters
    ----------
    oracle : callable
        int64[N] words -> answers, one a token.
    draw : callable
        A generator -> int64[N] words of an input of the task.

    Returns
    -------
    TwoInputs or None
        None if nothing lies outside the field, or nothing was found in 2000 tries. Words that need
        not differ are put back, so that few are left.
    """
    outside, rng = field.outside, np.random.default_rng(seed)
    if not len(outside):
        return None

    def differ(first: Integers, second: Integers) -> bool:
        answers = [np.asarray(oracle(words))[field.token] for words in (first, second)]
        return not np.array_equal(*answers)

    for _ in range(TRIES):
        first, other = draw(rng), draw(rng)
        second = first.copy()
        second[outside] = other[outside]
        if differ(first, second):
            _put_back(first, second, differ)
            return TwoInputs(task, first, second, field.token)
    return None


def _put_back(
    first: Integers, second: Integers, differ: Callable[[Integers, Integers], bool]
) -> None:
    """Put back the words that need not differ: ever smaller runs of them, at last one by one."""
    run = max(1, int(np.count_nonzero(first != second)) // 2)
    while True:
        changed = np.flatnonzero(first != second)
        for start in range(0, len(changed), run):
            places = changed[start : start + run]
            kept = second[places]
            second[places] = first[places]
            if not differ(first, second):
                second[places] = kept
        if run == 1:
            return
        run //= 2
