"""Errors to compare with: guessing, and the attention that the weights were trained with.

A guesser's error is its expectation on the given answers, not a draw.
"""

from __future__ import annotations

import numpy as np

from anna_model.mechanisms.mechanism import Mechanism
from anna_model.mechanisms.softmax import Softmax
from anna_model.surrogate.data import Batch, KHop, Task
from anna_model.surrogate.expected import ExpectedCollisions
from anna_model.surrogate.learned import Learned
from anna_model.surrogate.recipe import SoftmaxStandIn


def guessing_errors(task: Task, batch: Batch) -> dict[str, float]:
    """Return the errors of guesses that do not look at the tokens.

    Returns
    -------
    dict of str to float
        "guess": a letter, or a bit, at random. "guess the most frequent": one class for all. For
        k-hop "guess a different letter": one that is not the token's own, at random.

    Examples
    --------
    A text without equal neighbours never repeats a letter after one hop:

    >>> task = KHop(n_tokens=4)
    >>> tokens = np.array([[0, 1, 0, 1]])
    >>> errors = guessing_errors(task, Batch(tokens, task.answers(tokens)))
    >>> {name: round(error, 3) for name, error in errors.items()}
    {'guess': 0.875, 'guess the most frequent': 0.5, 'guess a different letter': 0.833}
    """
    answers = batch.answers
    shares = np.bincount(answers.ravel(), minlength=task.n_classes) / answers.size
    most = {"guess the most frequent": 1 - float(shares.max())}
    if not isinstance(task, KHop):
        return {"guess": 1 - 1 / task.n_classes, **most}
    is_letter = answers < task.n_letters
    differs = is_letter & (answers != batch.tokens[:, :, None])
    return {
        "guess": 1 - float(is_letter.mean()) / task.n_letters,
        **most,
        "guess a different letter": 1 - float(differs.mean()) / (task.n_letters - 1),
    }


def trained_attention(learned: Learned) -> list[Mechanism]:
    """Return the attention of a stand-in, one mechanism per layer: softmax or expected collisions.

    Examples
    --------
    >>> from anna_model.surrogate import shipped
    >>> trained_attention(shipped("match2-softmax"))
    [Softmax(beta=0.1, causal=False)]
    """
    recipe = learned.recipe
    if isinstance(recipe.stand_in, SoftmaxStandIn):
        return [Softmax(recipe.stand_in.beta)] * recipe.architecture.layers
    return [
        ExpectedCollisions(recipe.family, hashes, tables)
        for tables, hashes in zip(recipe.tables, recipe.hashes, strict=True)
    ]
