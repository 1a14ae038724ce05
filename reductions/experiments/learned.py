"""The experiments of the paper on learned models: what is run, and the rows that come out.

Figure 1 of arXiv 2509.09001: error against hash tables, for several numbers of hashes, averaged
over 10 draws of the hash functions; here for two stand-ins, with intervals and collision counts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import sqrt
from statistics import fmean, stdev
from typing import Any

from anna_model.surrogate import (
    Batch,
    Learned,
    Measured,
    guessing_errors,
    measure,
    trained_attention,
)
from anna_model.surrogate.data import TEST, Task
from anna_model.surrogate.evaluation import Setting
from reductions.experiments.fit import student

Row = dict[str, Any]
Progress = Callable[[str, int, int], object]


@dataclass(frozen=True)
class Experiment:
    """A grid of settings, and what it is run on.

    Parameters
    ----------
    models : tuple of str
        Names of shipped weights.
    settings : tuple of settings
        (tables, hashes) of every layer.
    quick : tuple of settings
        Those of a quick run.
    samples : int
        Instances of the test.
    runs, quick_runs : int
        Draws of the hash functions.
    """

    name: str
    statement: str
    source: str
    models: tuple[str, ...]
    settings: tuple[Setting, ...]
    quick: tuple[Setting, ...]
    samples: int
    runs: int = 10
    quick_runs: int = 3

    def batch(self, task: Task, seed: int, samples: int | None = None) -> Batch:
        """Draw the test instances of a task."""
        return task.batch(samples or self.samples, seed=seed, stream=TEST, number=0)


def alike(tables: Sequence[Sequence[int]], hashes: Sequence[int]) -> tuple[Setting, ...]:
    """Combine the tables of every layer with hashes that all layers share."""
    return tuple(
        tuple((layer, z) for layer in chosen) for chosen in product(*tables) for z in hashes
    )


MATCH2 = Experiment(
    "match2",
    "error of Match2 on 32 residues modulo 37 against tables, one layer",
    "Figure 1a of arXiv 2509.09001",
    ("match2-softmax", "match2-collisions"),
    alike([[1, 2, 4, 6, 8, 10, 12, 14, 16]], [1, 2, 3, 4, 5, 6]),
    alike([[1, 2, 4, 6, 8, 16]], [1, 2]),
    samples=256,
)

INDUCTION = Experiment(
    "induction",
    "error of induction heads on 100 of 4 letters against tables, two layers",
    "Figure 1b of arXiv 2509.09001",
    ("induction-softmax", "induction-collisions"),
    alike([[32, 64, 96], [4, 8, 16, 32]], [1, 2, 3, 4]),
    alike([[32, 96], [4, 8, 32]], [1, 2]),
    samples=100,
)

K_HOP = Experiment(
    "k-hop",
    "error of 1 to 4 hops on 50 of 4 letters against tables, four layers",
    "beyond the paper, which has one hop",
    ("k-hop-softmax", "k-hop-collisions"),
    tuple(((tables, z),) * 4 for tables in (8, 16, 32, 64, 96) for z in (1, 2, 3)),
    tuple(((tables, 2),) * 4 for tables in (8, 32, 96)),
    samples=100,
)

EXPERIMENTS: Mapping[str, Experiment] = {one.name: one for one in (MATCH2, INDUCTION, K_HOP)}


def interval(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the mean of shares, and the 95 % interval of Student's t within 0 .. 1.

    Of one value there is none: low and high are the ends of the range.
    """
    mean = fmean(values)
    if len(values) < 2:
        return mean, 0.0, 1.0
    reach = student(len(values) - 1) * stdev(values) / sqrt(len(values))
    return mean, max(0.0, mean - reach), min(1.0, mean + reach)


def rows_of(
    experiment: Experiment,
    learned: Learned,
    *,
    quick: bool = False,
    runs: int | None = None,
    samples: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[Row]:
    """Measure one model on the grid of an experiment.

    Parameters
    ----------
    learned : Learned
        A model of its task.
    quick : bool
        The coarse grid and fewer runs.
    runs, samples : int, optional
        In place of the experiment's own.
    seed : int
        Of the test instances and the hash functions.
    progress : callable, optional
        Called with (stand-in, settings done, settings in all).

    Returns
    -------
    list of dict
        One row per setting: tables, hashes, surrogate, error with its interval over the runs,
        collisions per query and more; see `row_of`.
    """
    settings = experiment.quick if quick else experiment.settings
    n_runs = runs or (experiment.quick_runs if quick else experiment.runs)
    batch = experiment.batch(learned.recipe.task, seed, samples)
    name = learned.recipe.stand_in.name
    figures: dict[Setting, list[Row]] = {one: [] for one in settings}
    for run in range(n_runs):
        before = run * len(settings)

        def report(done: int, before: int = before) -> None:
            if progress:
                progress(name, before + done, n_runs * len(settings))

        for one in measure(learned, batch, settings, seed=seed + run, progress=report):
            figures[one.setting].append(figures_of(one))
    return [row_of(name, setting, of_runs) for setting, of_runs in figures.items()]


def figures_of(measured: Measured) -> Row:
    """Sum up one run of one setting, by its last layer."""
    collisions = measured.collisions[-1]
    return {
        "error": measured.error,
        **{f"error_hop_{hop}": one for hop, one in enumerate(measured.error_of_question, start=1)},
        "collisions": float(collisions.mean()),
        "collisions_least": int(collisions.min()),
        "collisions_most": int(collisions.max()),
        "keys_met": float(measured.keys_met[-1].mean()),
        "sought_weight": measured.mean_sought_weight,
    }


def row_of(surrogate: str, setting: Setting, runs: Sequence[Row]) -> Row:
    """Average the runs of one setting.

    Returns
    -------
    dict
        tables, or tables_layer_1, tables_layer_2, ...; hashes; surrogate; error, error_low,
        error_high; error_hop_1, ... where there are several questions; collisions (pairs of a table
        and a key that a query of the last layer met, on average), the least and most of any query,
        keys_met (different keys); sought_weight, the share of the collisions that were with what
        the query looks for; runs.
    """
    tables = {f"tables_layer_{at}": pair[0] for at, pair in enumerate(setting, start=1)}
    error, low, high = interval([run["error"] for run in runs])
    by_hop = [name for name in runs[0] if name.startswith("error_hop_")]
    return {
        **(tables if len(setting) > 1 else {"tables": setting[0][0]}),
        "hashes": setting[-1][1],
        "surrogate": surrogate,
        "error": error,
        "error_low": low,
        "error_high": high,
        **{name: fmean(run[name] for run in runs) for name in by_hop if len(by_hop) > 1},
        "collisions": fmean(run["collisions"] for run in runs),
        "collisions_least": min(run["collisions_least"] for run in runs),
        "collisions_most": max(run["collisions_most"] for run in runs),
        "keys_met": fmean(run["keys_met"] for run in runs),
        "sought_weight": fmean(run["sought_weight"] for run in runs),
        "runs": len(runs),
    }


def baselines_of(experiment: Experiment, learned: Learned, batch: Batch) -> dict[str, float]:
    """Return the errors of guessing and of the attention that was trained."""
    answered = learned.answer(batch.tokens, trained_attention(learned))
    name = learned.recipe.stand_in.name
    trained = float((answered != batch.answers).mean())
    return {**guessing_errors(learned.recipe.task, batch), f"{name}, exact": trained}
