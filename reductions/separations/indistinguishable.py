"""A certificate of failure: two inputs with different answers that a model does not distinguish.

It claims that a model gives one output at one token for both inputs while the right answers there
differ; so at least one of the outputs is wrong. The claim does not say how it was found. It is
checked by `refute`, which knows the model, the oracle and the two inputs, and runs both on both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anna_model.frozen_arrays import FrozenArrays
from mpc_sim import InputError
from reductions.arrays import Integers

WordFunction = Callable[[Integers], ArrayLike]
Oracle = Callable[[Integers], ArrayLike]


class FalseCertificate(InputError):
    """The certificate does not show what it claims; the message says why."""


@dataclass(frozen=True, eq=False)
class TwoInputs(FrozenArrays):
    """The claim.

    Parameters
    ----------
    task : str
    first, second : int64[N]
        The words of the two inputs.
    token : int
        Where the outputs agree and the answers differ, in 0 .. N-1.

    Raises
    ------
    TypeError, ValueError
        A wrong dtype or shape, inputs of different lengths, a token that is not there.
    """

    task: str
    first: Integers
    second: Integers
    token: int

    def __post_init__(self) -> None:
        n = len(self._freeze("first", np.int64, (None,)))
        self._freeze("second", np.int64, (n,))
        if not 0 <= self.token < n:
            raise ValueError(f"token = {self.token}: choose it in 0 .. {n - 1}")

    @property
    def places(self) -> Integers:
        """Where the inputs differ."""
        return np.flatnonzero(self.first != self.second)


@dataclass(frozen=True)
class Refutation:
    """A claim that was checked: what the model returns, and the right answers.

    Made by :func:`refute`.
    """

    task: str
    token: int
    changed: int
    output: tuple[float, ...]
    answers: tuple[tuple[int, ...], tuple[int, ...]]

    def __str__(self) -> str:
        shown = ", ".join(f"{number:.6g}" for number in self.output[:4])
        shown += ", ..." * (len(self.output) > 4)
        words = "word" if self.changed == 1 else "words"
        right, also_right = (", ".join(map(str, answer)) for answer in self.answers)
        return (
            f"inputs that differ in {self.changed} {words}: answers {right} and {also_right} at "
            f"token {self.token}, both outputs {shown}"
        )


def refute(model: WordFunction, oracle: Oracle, claim: TwoInputs) -> Refutation:
    """Check a claim: run the model and the oracle on both inputs, and compare at the token.

    Parameters
    ----------
    model : callable
        int64[N] words -> outputs, one or a row per token.
    oracle : callable
        int64[N] words -> answers, one or a row per token.
    claim : TwoInputs

    Returns
    -------
    Refutation

    Raises
    ------
    FalseCertificate
        The answers agree, the outputs differ (by a bit is enough), or there is none at the token.
    """
    right, also_right = (
        _at(oracle(words), claim, "answers") for words in (claim.first, claim.second)
    )
    if np.array_equal(right, also_right):
        raise FalseCertificate(
            f"{claim.task}: both inputs have the answer {_whole(right)} at token {claim.token}"
        )
    said, also_said = (_at(model(words), claim, "outputs") for words in (claim.first, claim.second))
    if not np.array_equal(said, also_said):
        raise FalseCertificate(
            f"{claim.task}: the model distinguishes the inputs at token {claim.token}: "
            f"{_real(said)} and {_real(also_said)}"
        )
    answers = (_whole(right), _whole(also_right))
    return Refutation(claim.task, claim.token, len(claim.places), _real(said), answers)


def _at(rows: ArrayLike, claim: TwoInputs, what: str) -> NDArray[np.float64]:
    table = np.asarray(rows)
    if table.ndim < 1 or len(table) != len(claim.first):
        raise FalseCertificate(
            f"{claim.task}: {len(claim.first)} tokens, but {what} of shape {table.shape}"
        )
    return np.atleast_1d(table[claim.token])


def _whole(row: NDArray[np.float64]) -> tuple[int, ...]:
    return tuple(int(number) for number in row.ravel())


def _real(row: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(float(number) for number in row.ravel())
