"""A certificate of failure: two inputs with different answers that a model does not distinguish.

It claims that a model gives one output at one token for both inputs while the right answers there
differ; so at least one of the outputs is wrong. The claim does not say how it was found. It is
checked by `refute`, which knows the model, the oracle and the two inputs, and runs both on both.
Numbers are compared as what they are: no integer becomes a float.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import index

import numpy as np
from numpy.typing import ArrayLike

from anna_model.frozen_arrays import FrozenArrays
from reductions.arrays import Integers
from reductions.problems.exact import FalseCertificate as FalseCertificate

Row = tuple[int | float, ...]
WordFunction = Callable[[Integers], ArrayLike]
Oracle = Callable[[Integers], ArrayLike]


@dataclass(frozen=True, eq=False)
class TwoInputs(FrozenArrays):
    """The claim.

    Parameters
    ----------
    first, second : int64[N]
        The words of the two inputs.
    token : int
        Where the outputs agree and the answers differ, in 0 .. N-1.

    Raises
    ------
    TypeError, ValueError
        A wrong dtype or shape, inputs of different lengths, a token that is no place.
    """

    task: str
    first: Integers
    second: Integers
    token: int

    def __post_init__(self) -> None:
        n = len(self._freeze("first", np.int64, (None,)))
        self._freeze("second", np.int64, (n,))
        object.__setattr__(self, "token", index(self.token))
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
    output: Row
    answers: tuple[tuple[int, ...], tuple[int, ...]]

    def __str__(self) -> str:
        shown = ", ".join(
            str(number) if isinstance(number, int) else f"{number:.6g}"
            for number in self.output[:4]
        )
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

    Returns
    -------
    Refutation

    Raises
    ------
    FalseCertificate
        The inputs or their answers agree, the outputs differ (by a bit is enough), there is none at
        the token, an answer is no integer, or oracle or model say something else when asked again.
    """
    if not len(claim.places):
        raise FalseCertificate(f"{claim.task}: both inputs are the same")
    right, also_right = _asked_twice(oracle, claim, "answers")
    if not all(isinstance(number, int) for number in (*right, *also_right)):
        raise FalseCertificate(f"{claim.task}: answers are whole numbers, not {right}")
    if right == also_right:
        raise FalseCertificate(
            f"{claim.task}: both inputs have the answer {right} at token {claim.token}"
        )
    said, also_said = _asked_twice(model, claim, "outputs")
    if said != also_said:
        raise FalseCertificate(
            f"{claim.task}: the model distinguishes the inputs at token {claim.token}: "
            f"{said} and {also_said}"
        )
    answers = (tuple(map(int, right)), tuple(map(int, also_right)))
    return Refutation(claim.task, claim.token, len(claim.places), said, answers)


def _asked_twice(function: WordFunction, claim: TwoInputs, what: str) -> tuple[Row, Row]:
    """Run on the first input, on the second, and on the first again, which must agree."""
    first, second, again = (
        row_at(function(words), claim, what) for words in (claim.first, claim.second, claim.first)
    )
    if any(one != other and one == one for one, other in zip(first, again, strict=True)):
        raise FalseCertificate(
            f"{claim.task}: {what} at token {claim.token} are {first}, and {again} when asked again"
        )
    return first, second


def row_at(rows: ArrayLike, claim: TwoInputs, what: str) -> Row:
    """Return the numbers at the token, each as it is: an array of mixed ones would be of floats."""
    table = rows if isinstance(rows, np.ndarray) else np.array(rows, dtype=object)
    if table.ndim < 1 or len(table) != len(claim.first):
        raise FalseCertificate(
            f"{claim.task}: {len(claim.first)} tokens, but {what} of shape {table.shape}"
        )
    row = np.asarray(table[claim.token], dtype=object).ravel().tolist()
    if not row:
        raise FalseCertificate(f"{claim.task}: {what} of shape {table.shape} hold no number")
    numbers = [number.item() if isinstance(number, np.generic) else number for number in row]
    if not all(isinstance(number, int | float) for number in numbers):
        raise FalseCertificate(f"{claim.task}: {what} are integers or floats, not {numbers}")
    return tuple(numbers)
