"""The further runs of a certificate: by hashing, and with bounded fan-out."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mpc_sim import Cluster, Protocol, ShapeError
from reductions.mpc_to_anna.compile import CompiledProtocol
from reductions.mpc_to_anna.fan_out import BoundedFanOut, fan_out_bounds, run_with_partners
from reductions.mpc_to_anna.far_collisions import far_collision_bounds, run_counted
from reductions.mpc_to_anna.hashed_ids import HashedIds
from reductions.mpc_to_anna.options import CompilerOptions

if TYPE_CHECKING:
    from reductions.certify.certificate import Recorder

Integers = NDArray[np.int64]


COPIES = 4
"""Of the messages of a head: as values, as averages, and twice in the decoder."""


def refuse_what_cannot_fit(transformer: CompiledProtocol) -> None:
    """Refuse a transformer of which not one head fits this machine.

    Raises
    ------
    ShapeError
    """
    widths = [shape.value_width for layer in transformer.layers for shape in layer.heads]
    need = 8 * COPIES * transformer.cluster.n_machines * max(widths)
    available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if need > available:
        raise ShapeError(
            f"a head of width {max(widths)} needs about {need / 2**30:.3g} GiB; this machine has "
            f"{available / 2**30:.3g}: choose a narrower code, spread heads, or a smaller input"
        )


def run_hashed(
    recorder: Recorder,
    transformer: CompiledProtocol,
    words: Integers,
    n_wrong: Callable[[Integers], int],
    judge: str,
    progress: Callable[[int, int], object] | None,
) -> None:
    """Run a transformer that hashes, and add its output and the far collisions that it met."""
    mechanism = transformer.layers[0].mechanism
    assert isinstance(mechanism, HashedIds)
    recorder.parameters["hashes"] = mechanism.hashes
    run = run_counted(transformer, words, progress)
    if run.output is None:
        recorder.missing("lsh", len(words), judge)
        recorder.remarks.append(
            f"the run by hashing raised {type(run.error).__name__}: {run.error}"
        )
    else:
        recorder.count("lsh", run.output, n_wrong(run.output), judge)
    counted = {"far_collisions": run.met, "far_uncorrected": run.uncorrected}
    recorder.measure(far_collision_bounds(transformer), counted)


def run_fan_out(
    recorder: Recorder,
    protocol: Protocol,
    cluster: Cluster,
    words: Integers,
    n_wrong: Callable[[Integers], int],
    judge: str,
    options: CompilerOptions,
) -> None:
    """Simulate the protocol with bounded fan-out on its cluster, and add its rows."""
    bounded, its_cluster = options.reduced(protocol, cluster)
    assert isinstance(bounded, BoundedFanOut)
    run = run_with_partners(bounded, its_cluster, words)
    recorder.count("fan-out", run.output, n_wrong(run.output), judge)
    rows = (
        replace(bound, quantity=f"fan_out_{bound.quantity}") for bound in fan_out_bounds(bounded)
    )
    recorder.measure(rows, {f"fan_out_{name}": value for name, value in run.measured.items()})
