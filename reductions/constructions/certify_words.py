"""The certificate of a transformer of words, with the way back to machines where that is asked."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from anna_model.fixed_point.attention import Precision
from anna_model.fixed_point.grid import Grid
from mpc_sim.records import Words
from reductions.attention_to_mpc.fit import fit_anna_to_mpc
from reductions.bounds import Bound
from reductions.certify.certificate import Certificate, Progress, Recorder
from reductions.certify.measured import measured_layers
from reductions.certify.way_back import GAP, planned
from reductions.constructions.word_transformer import WordTransformer


def certify_words(
    task: str,
    parameters: dict[str, Any],
    transformer: WordTransformer,
    words: Words,
    expected: Words,
    bounds: Iterable[Bound],
    *,
    oracle: str,
    back: bool = False,
    progress: Progress | None = None,
) -> Certificate:
    """Run a transformer of words, and its simulation on machines, and compare both with an oracle.

    Parameters
    ----------
    task : str
    parameters : dict
        Shown with the sizes of the machines.
    transformer : WordTransformer
        Whose answer is in the first column; rows, keys and values are whole numbers of the declared
        bits.
    words, expected : int64[N]
    bounds : iterable of Bound
        On what the transformer uses.
    oracle : str
        What gave the expected words.
    back : bool
        Simulate the transformer on machines (`reductions.certify.way_back`).
    progress : callable, optional

    Raises
    ------
    NoWayBack
        The way back was asked for and does not fit.
    ValueError
        The way back of a transformer whose answer is in another column.
    """
    recorder = Recorder(task, parameters)
    returning = None
    if back:
        if transformer.column:
            raise ValueError("the way back reads the first column of the last rows")
        bits = max(layer.precision_bits for layer in transformer.layers)
        grid = Grid(bits + 1, 0)
        precision = Precision(rows=grid, keys=grid, values=grid)
        returning = planned(lambda: fit_anna_to_mpc(transformer, precision, GAP, input_width=1))
        recorder.parameters |= returning.parameters
    output = transformer.run(words)
    if progress is not None:
        progress("transformer", 1, 1)
    recorder.compare("transformer", output, expected, oracle)
    measured = measured_layers(transformer)
    if returning is not None:
        given = words + transformer.offset

        def n_wrong(found: Words) -> int:
            return int(np.count_nonzero(found != expected))

        measured |= returning.run(recorder, given, n_wrong, oracle, progress)
        bounds = (*bounds, *returning.bounds)
    recorder.measure(bounds, measured)
    return recorder.certificate()
