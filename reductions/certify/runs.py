"""The runs of the transformer: by exact match, by hashing, and with bounded fan-out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from mpc_sim import Cluster, Protocol, ShapeError
from reductions.arrays import Integers
from reductions.certify.certificate import Progress, Recorder
from reductions.certify.host_memory import available_bytes
from reductions.certify.regimes import failure_remark
from reductions.mpc_to_anna.bounds import meeting_bound
from reductions.mpc_to_anna.codes import CodeDomainError
from reductions.mpc_to_anna.compile import CompiledProtocol, compile_protocol
from reductions.mpc_to_anna.fan_out import BoundedFanOut, fan_out_bounds, run_with_partners
from reductions.mpc_to_anna.far_collisions import far_collision_bounds, run_counted
from reductions.mpc_to_anna.hashed_ids import HashedIds
from reductions.mpc_to_anna.meetings import MeetingCounter
from reductions.mpc_to_anna.options import CompilerOptions
from reductions.mpc_to_anna.used import UsedHeads, both

COPIES = 4
"""Of the messages of a head: as values, as averages, and twice in the decoder."""


@dataclass(frozen=True, eq=False)
class Judged:
    """What every side of a run shares: the record, the input, and who judges its output.

    Parameters
    ----------
    words : int64[N]
        The input.
    n_wrong : callable
        Output words -> how many of them are wrong.
    judge : str
        What says so, shown as the source of the output rows.
    progress : callable, optional
        Called with (side, rounds or layers done, in all).
    """

    recorder: Recorder
    words: Integers
    n_wrong: Callable[[Integers], int]
    judge: str
    options: CompilerOptions
    progress: Progress | None = None

    def count(self, side: str, output: Integers) -> None:
        """Add the output row of a side."""
        self.recorder.count(side, output, self.n_wrong(output), self.judge)

    def shown(self, side: str) -> Callable[[int, int], object] | None:
        """Report the progress of one side."""
        return named(self.progress, side)


@dataclass(frozen=True, eq=False)
class Compiled:
    """A transformer whose resources count, and what its run used."""

    transformer: CompiledProtocol
    used: UsedHeads


def run_compiled(judged: Judged, protocol: Protocol, cluster: Cluster) -> Compiled:
    """Compile a protocol, run it by exact match and where asked by hashing, record both outputs.

    With spread heads the messages that meet in one are counted beside the capacity. With bounded
    fan-out that protocol is simulated as well, and its rows are added.

    Returns
    -------
    Compiled
        The one whose resources count: of hashed ids where anna is asked for, else of exact match.
    """
    recorder, words, options = judged.recorder, judged.words, judged.options
    counter = MeetingCounter() if options.head_order.made.is_drawn else None
    transformer = compile_protocol(protocol, cluster, **options.by_exact_match.keywords)
    refuse_what_cannot_fit(transformer)
    used = UsedHeads()
    output = transformer.run(words, trace=both(counter, used), progress=judged.shown("transformer"))
    judged.count("transformer", output)
    if counter is not None:
        met = meeting_bound(protocol, cluster, options)
        recorder.measure([met], {met.quantity: counter.most})
    risky = transformer
    if options.hashed:
        risky = transformer = compile_protocol(protocol, cluster, **options.keywords)
        used = UsedHeads(null_of(transformer))
        run_hashed(judged, transformer, used)
    elif options.beside is not None:
        try:
            risky = compile_protocol(protocol, cluster, **options.beside.keywords)
            refuse_what_cannot_fit(risky)
        except (ShapeError, CodeDomainError) as error:
            recorder.remarks.append(f"no run by hashing: {error}")
        else:
            run_hashed(judged, risky)
    if options.fan_out is not None:
        run_fan_out(judged, protocol, cluster)
    recorder.remarks.extend(
        failure_remark(
            risky.risks,
            "such a transformer" if risky is transformer else "the transformer that hashes",
        )
    )
    return Compiled(transformer, used)


def null_of(transformer: CompiledProtocol) -> int | None:
    """Return the key that no token asks for, where ids are hashed."""
    mechanism = transformer.layers[0].mechanism
    return mechanism.null if isinstance(mechanism, HashedIds) else None


def named(progress: Progress | None, side: str) -> Callable[[int, int], object] | None:
    """Report the progress of one side."""
    if progress is None:
        return None
    return lambda done, total: progress(side, done, total)


def refuse_what_cannot_fit(transformer: CompiledProtocol) -> None:
    """Refuse a transformer of which not one head fits this machine.

    Raises
    ------
    ShapeError
    """
    widths = [shape.value_width for layer in transformer.layers for shape in layer.heads]
    need = 8 * COPIES * transformer.cluster.n_machines * max(widths)
    available = available_bytes()
    if need > available:
        raise ShapeError(
            f"a head of width {max(widths)} needs about {need / 2**30:.3g} GiB; this machine has "
            f"{available / 2**30:.3g}: choose a narrower code, spread heads, or a smaller input"
        )


def run_hashed(
    judged: Judged, transformer: CompiledProtocol, used: UsedHeads | None = None
) -> None:
    """Run a transformer that hashes, and add its output and the far collisions that it met."""
    recorder = judged.recorder
    mechanism = transformer.layers[0].mechanism
    assert isinstance(mechanism, HashedIds)
    recorder.parameters["hashes"] = mechanism.hashes
    run = run_counted(transformer, judged.words, judged.shown("lsh"), used)
    if run.output is None:
        recorder.missing("lsh", len(judged.words), judged.judge)
        recorder.remarks.append(
            f"the run by hashing raised {type(run.error).__name__}: {run.error}"
        )
    else:
        judged.count("lsh", run.output)
    counted = {"far_collisions": run.met, "far_uncorrected": run.uncorrected}
    recorder.measure(far_collision_bounds(transformer), counted)


def run_fan_out(judged: Judged, protocol: Protocol, cluster: Cluster) -> None:
    """Simulate the protocol with bounded fan-out on its cluster, and add its rows."""
    bounded, its_cluster = judged.options.reduced(protocol, cluster)
    assert isinstance(bounded, BoundedFanOut)
    run = run_with_partners(bounded, its_cluster, judged.words)
    judged.count("fan-out", run.output)
    rows = (
        replace(bound, quantity=f"fan_out_{bound.quantity}") for bound in fan_out_bounds(bounded)
    )
    judged.recorder.measure(
        rows, {f"fan_out_{name}": value for name, value in run.measured.items()}
    )
