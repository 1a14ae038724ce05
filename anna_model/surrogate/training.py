"""Training of a recipe: Adam on the cross entropy of all tokens, validated, resumable.

The run is a function of its recipe: the instances of step t, and the tables drawn there, follow
from (seed, t). On one machine with one version of torch and one thread it gives the same bits, also
when it was interrupted and went on.
"""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anna_model.surrogate.data import TRAINING, VALIDATION, Batch
from anna_model.surrogate.network import initial_parameters, logits
from anna_model.surrogate.recipe import CollisionStandIn, Recipe
from anna_model.surrogate.stand_ins import (
    CollisionLaw,
    attention_weights,
    sampled_weights,
    table_seed,
)
from anna_model.weights_file import (
    Array,
    WeightsFileError,
    read_weights,
    write_weights,
    write_whole,
)

if TYPE_CHECKING:
    from torch import Tensor

SCHEMA = "anna-mpc/learned/1"
CHECKPOINT = "checkpoint.safetensors"

Progress = Callable[[int, int, dict[str, Any]], object]


class TrainingError(ValueError):
    """A run that cannot begin or go on; the message says what to change."""


def train(
    recipe: Recipe,
    folder: str | Path,
    *,
    n_threads: int = 1,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Train, or go on from the last checkpoint in a folder.

    Parameters
    ----------
    recipe : Recipe
    folder : str or Path
        Gets ``checkpoint.safetensors`` and ``card.json`` at every validation, and
        ``weights.safetensors``, the weights of the best validation so far. Made if missing.
    n_threads : int
        Of torch. Sums of floats depend on it.
    progress : callable, optional
        Called after every step with (steps done, steps, the last validation).

    Returns
    -------
    dict
        The card: recipe, history, best validation, versions, date, and whether it ``finished``.

    Raises
    ------
    TrainingError
        torch is missing, or the folder holds another recipe.

    Notes
    -----
    A GPU is used if there is one. A run that is interrupted loses the steps since its last
    validation. A validation scores the attention that was trained in its last form: softmax, or
    for a collision stand-in Algorithm 1 on tables of its own.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "card.json").write_text('{"recipe": {}}')
    ...     train(None, folder)
    Traceback (most recent call last):
        ...
    anna_model.surrogate.training.TrainingError: card.json ...: take another folder
    """
    place = Path(folder)
    history = _history(recipe, place)
    if find_spec("torch") is None:
        raise TrainingError("training needs torch: pip install 'anna-mpc[train]'")
    place.mkdir(parents=True, exist_ok=True)
    run = _Run(recipe, place, history, n_threads)
    while not run.is_over():
        run.advance()
        if progress:
            progress(run.step, recipe.steps, run.history[-1] if run.history else {})
    return run.save(finished=True)


def _history(recipe: Recipe, place: Path) -> list[dict[str, Any]]:
    card = place / "card.json"
    if not card.exists():
        return []
    found = json.loads(card.read_text())
    if not _is_of(found, recipe):
        raise TrainingError(f"{card.name} in {place} is of another recipe: take another folder")
    history: list[dict[str, Any]] = found["history"]
    return history


def _is_of(card: dict[str, Any], recipe: Recipe) -> bool:
    """Whether a card is of a recipe; what it does not name has the value it had before."""
    try:
        return Recipe.from_json(card["recipe"]) == recipe
    except (KeyError, ValueError):
        return False


class _Run:
    """The state of a run: weights, moments of Adam, the best weights, the history."""

    def __init__(
        self, recipe: Recipe, place: Path, history: list[dict[str, Any]], n_threads: int
    ) -> None:
        import torch

        torch.set_num_threads(n_threads)
        self.recipe, self.place, self.history = recipe, place, history
        self.n_threads = n_threads
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.law = None
        if isinstance(recipe.stand_in, CollisionStandIn):
            self.law = CollisionLaw.of(recipe.family, recipe.architecture.query_width, self.device)
        first = initial_parameters(recipe.task, recipe.architecture, recipe.seed)
        self.parameters = {name: one.to(self.device) for name, one in first.items()}
        self.step, self.best = 0, {name: one.clone() for name, one in self.parameters.items()}
        for one in self.parameters.values():
            one.requires_grad_()
        self.adam = torch.optim.Adam(self.parameters.values(), lr=recipe.learning_rate)
        if (place / CHECKPOINT).exists():
            try:
                self._resume()
            except (KeyError, RuntimeError, WeightsFileError) as error:
                raise TrainingError(
                    f"{CHECKPOINT} in {place} is damaged ({error}): take another folder"
                ) from None
        self.history = [entry for entry in history if entry["step"] <= self.step]
        held = recipe.task.batch(recipe.validation, seed=recipe.seed, stream=VALIDATION, number=0)
        self.validation = self._tensors(held)
        self.fixed = None
        if recipe.samples:
            self.fixed = recipe.task.batch(
                recipe.samples, seed=recipe.seed, stream=TRAINING, number=0
            )

    def is_over(self) -> bool:
        """Whether all steps are done or the last validations brought nothing."""
        if self.step >= self.recipe.steps:
            return True
        settled = [entry for entry in self.history if entry["settled"]]
        if not settled:
            return False
        best = min(range(len(settled)), key=lambda at: settled[at]["error"])
        return len(settled) - 1 - best >= self.recipe.patience

    def advance(self) -> None:
        """One step, and a validation where one is due."""
        import torch
        from torch.nn.functional import cross_entropy

        tokens, answers = self._tensors(self._instances())
        for group in self.adam.param_groups:
            group["lr"] = self._learning_rate()
        scores = self._logits(tokens, self._attend_in_training)
        loss = cross_entropy(scores.flatten(0, 2), answers.flatten())
        self.adam.zero_grad()
        torch.autograd.backward([loss])
        self.adam.step()
        self.step += 1
        if self.step % self.recipe.validate_every == 0 or self.step == self.recipe.steps:
            with torch.no_grad():
                wrong = (scores.argmax(dim=3) != answers).float().mean()
                self._validate(float(loss), float(wrong))
            self.save(finished=False)

    def save(self, *, finished: bool) -> dict[str, Any]:
        """Write the card, the best weights, then the checkpoint; return the card."""
        settled = [entry for entry in self.history if entry["settled"]] or self.history
        card = {
            "schema": SCHEMA,
            "recipe": self.recipe.to_json(),
            "finished": finished,
            "steps": self.step,
            "best": min(settled, key=lambda entry: entry["error"]) if settled else None,
            "history": self.history,
            "date": datetime.now(UTC).date().isoformat(),
            "device": self.device,
            "threads": self.n_threads,
            "versions": {
                "anna-mpc": version("anna-mpc"),
                "numpy": np.__version__,
                "python": platform.python_version(),
                "torch": version("torch"),
            },
        }
        write_whole(self.place / "card.json", (json.dumps(card, indent=1) + "\n").encode())
        write_weights(self.place / "weights.safetensors", _arrays(self.best))
        state = {f"parameter.{name}": one for name, one in self.parameters.items()}
        state |= {f"best.{name}": one for name, one in self.best.items()}
        for name, one in self.parameters.items():
            for moment in ("exp_avg", "exp_avg_sq"):
                if one in self.adam.state:
                    state[f"{moment}.{name}"] = self.adam.state[one][moment]
        arrays = _arrays(state)
        arrays["step"] = np.array([self.step], np.int64)
        write_weights(self.place / CHECKPOINT, arrays)
        return card

    def _resume(self) -> None:
        import torch

        arrays = read_weights(self.place / CHECKPOINT)
        self.step = int(arrays["step"][0])
        with torch.no_grad():
            for name, one in self.parameters.items():
                one.copy_(torch.from_numpy(arrays[f"parameter.{name}"]))
                self.best[name].copy_(torch.from_numpy(arrays[f"best.{name}"]))
                if f"exp_avg.{name}" in arrays:
                    moments = {
                        moment: torch.from_numpy(arrays[f"{moment}.{name}"]).to(self.device)
                        for moment in ("exp_avg", "exp_avg_sq")
                    }
                    done = torch.tensor(float(self.step))
                    self.adam.state[one] = {"step": done, **moments}

    def _instances(self) -> Batch:
        recipe = self.recipe
        if self.fixed is None:
            return recipe.task.batch(
                recipe.batch, seed=recipe.seed, stream=TRAINING, number=self.step
            )
        rng = np.random.default_rng([recipe.seed, TRAINING, 1, self.step])
        chosen = rng.integers(0, recipe.samples, recipe.batch)
        return Batch(self.fixed.tokens[chosen], self.fixed.answers[chosen])

    def _learning_rate(self) -> float:
        recipe = self.recipe
        falling = (1 + math.cos(math.pi * self.step / recipe.steps)) / 2
        return recipe.learning_rate * min(1.0, (self.step + 1) / recipe.warm_up) * falling

    def _tensors(self, batch: Batch) -> tuple[Tensor, Tensor]:
        import torch

        tokens, answers = (torch.from_numpy(part) for part in (batch.tokens, batch.answers))
        return tokens.to(self.device), answers.to(self.device)

    def _logits(self, tokens: Tensor, attend: Callable[..., Tensor]) -> Tensor:
        recipe = self.recipe
        return logits(self.parameters, recipe.task, recipe.architecture, tokens, attend)

    def _attend_in_training(self, layer: int, Q: Tensor, K: Tensor, V: Tensor) -> Tensor:
        return attention_weights(self.recipe, self.law, layer, Q, K, self.step) @ V

    def _attend_by_hashing(self, layer: int, Q: Tensor, K: Tensor, V: Tensor) -> Tensor:
        seed = table_seed(self.recipe, layer, self.recipe.steps + self.step)
        return sampled_weights(self.recipe, layer, Q, K, seed=seed) @ V

    def _validate(self, loss: float, training_error: float) -> None:
        tokens, answers = self.validation
        hashed, trained = (
            [float(one) for one in (scores.argmax(dim=3) != answers).float().mean(dim=(0, 1))]
            for scores in (
                self._logits(tokens, self._attend_by_hashing),
                self._logits(tokens, self._attend_in_training),
            )
        )
        stand_in, steps = self.recipe.stand_in, self.recipe.steps
        settled, error = True, float(np.mean(trained))
        if isinstance(stand_in, CollisionStandIn):
            settled = self.step >= stand_in.anneal_until * steps
            error = float(np.mean(hashed))
        earlier = [one["error"] for one in self.history if one["settled"]]
        if not settled or not earlier or error < min(earlier):
            self.best = {name: one.detach().clone() for name, one in self.parameters.items()}
        self.history.append(
            {
                "step": self.step,
                "loss": loss,
                "training_error": training_error,
                "error": error,
                "as_trained": trained,
                "by_hashing": hashed,
                "settled": settled,
            }
        )


def _arrays(tensors: dict[str, Tensor]) -> dict[str, Array]:
    return {name: one.detach().cpu().numpy() for name, one in tensors.items()}
