"""The way back in a certificate: a transformer that was run is simulated on machines again.

Theorem 4.2 for what Theorem 4.1 built, or for a transformer written by hand: its tokens are packed
on machines, its tables become sorts and sums, and the words that come out are compared like those
of every other side. Rounds, machines and local memory stand beside bounds of the construction.

Axes: N input words, T tokens, s' words of local memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from anna_model import Rows
from anna_model.fixed_point.grid import GridOverflow
from mpc_sim import InputError, ShapeError, Simulation
from reductions.arrays import Integers
from reductions.attention_to_mpc import TransformerProtocol
from reductions.attention_to_mpc.anna import BucketsBy
from reductions.attention_to_mpc.anna_bounds import bounds
from reductions.attention_to_mpc.hashed_bounds import failure_of
from reductions.attention_to_mpc.plan import TokenPlan
from reductions.attention_to_mpc.round_trip import compiled_to_mpc, fit_compiled_to_mpc
from reductions.bounds import Bound
from reductions.certify.certificate import Progress
from reductions.certify.host_memory import available_bytes
from reductions.certify.measured import measured_rounds
from reductions.certify.regimes import failure_remark
from reductions.certify.runs import Judged
from reductions.mpc_to_anna.compile import CompiledProtocol

GAP = "1/2"
"""eps' - eps: machines of s' = c_b m H ceil(T^(1/2)) words."""

QUANTITIES = ("rounds", "machines", "local_memory")
WORDS_ALIVE = 4
"""A record lies in an inbox, an outbox and a sorted copy at once, with its part of a scan."""


class NoWayBack(InputError):
    """The transformer does not fit machines of the way back; the message says why."""


@dataclass(frozen=True, eq=False)
class WayBack:
    """A transformer as a protocol that has not run, made by `way_back` before all else runs."""

    executed: TransformerProtocol

    @property
    def parameters(self) -> dict[str, int]:
        """The sizes of the machines, by the names under which a certificate shows them."""
        cluster = self.executed.cluster
        return {
            "back_memory_words": cluster.memory_words,
            "back_n_machines": cluster.n_machines,
            "back_word_bits": cluster.word_bits,
        }

    @property
    def bounds(self) -> tuple[Bound, ...]:
        """The bounds of the construction: back_rounds, back_machines, back_local_memory."""
        known = {bound.quantity: bound for bound in bounds(self.executed)}
        return tuple(replace(known[name], quantity=f"back_{name}") for name in QUANTITIES)

    def run(self, judged: Judged) -> dict[str, int]:
        """Simulate it under all limits on the input words, record the output, return what it used.

        Raises
        ------
        MPCError
            A limit of the model is broken.
        """
        recorder, words = judged.recorder, judged.words
        tokens = self.executed.transformer.n_tokens
        rows = Rows(tokens, np.arange(len(words)), np.asarray(words)[:, None].astype(np.float64))
        simulation = self.executed.simulation(rows, keep_bytes=0)
        output = self._output(simulation, judged.progress)[: len(words)]
        judged.count("back", output)
        if self.executed.cluster.memory_words >= len(words):
            recorder.remarks.append(
                f"the way back has machines of {self.executed.cluster.memory_words} words for "
                f"an input of {len(words)}: it shows that the simulation is exact, not that "
                "memory is scarce"
            )
        overload = failure_of(self.executed)
        risks = {"a hashed machine is overloaded": overload} if overload else {}
        recorder.remarks.extend(failure_remark(risks, "the way back"))
        measured = measured_rounds(simulation.ledger)
        return {f"back_{name}": measured[name] for name in QUANTITIES}

    def _output(self, simulation: Simulation, progress: Progress | None) -> Integers:
        """Return int64[T]: the first number of every row that comes out."""

        def shown(done: int, total: int) -> None:
            if progress is not None:
                progress("back", done, total)

        rows = self.executed.rows(simulation.run(progress=shown))
        return rows.dense()[:, 0].astype(np.int64)


def way_back(
    compiled: CompiledProtocol,
    buckets: BucketsBy | str = BucketsBy.SORTED,
    *,
    seed: int = 0,
    over: int | None = None,
) -> WayBack:
    """Plan the simulation of a compiled protocol on machines of c_b m H ceil(T^(1/2)) words.

    Parameters
    ----------
    buckets, seed
        As of `anna_to_mpc`.
    over : int, optional
        On machines of so many times the words of those of the protocol instead.

    Returns
    -------
    WayBack
        Of the fewest rounds, then of the least c_b in 1, 2, 4, 8, 16.

    Raises
    ------
    NoWayBack
        Sums of coded words could reach 2^53, no c_b suffices, or the run needs more memory than
        this machine has.

    References
    ----------
    Liu et al., arXiv 2509.09001, Theorem 4.2 and Theorem C.1.
    """
    if over is not None:
        words = over * compiled.cluster.memory_words
        return planned(lambda: compiled_to_mpc(compiled, words, buckets=buckets, seed=seed))
    return planned(lambda: fit_compiled_to_mpc(compiled, GAP, buckets=buckets, seed=seed))


def planned(build: Callable[[], TransformerProtocol]) -> WayBack:
    """Build a protocol of the way back, or say in one line why there is none.

    Raises
    ------
    NoWayBack
    """
    try:
        executed = build()
    except (ShapeError, GridOverflow, InputError) as error:
        raise NoWayBack(f"no way back: {error}") from None
    need, available = run_bytes(executed), available_bytes()
    if need > available:
        raise NoWayBack(
            f"no way back: it may take {need / 2**30:.3g} GiB and this machine has "
            f"{available / 2**30:.3g}: choose fewer words"
        )
    return WayBack(executed)


def run_bytes(executed: TransformerProtocol) -> int:
    """Return about how many bytes a run takes: the records of the layer that has most of them."""
    assert isinstance(executed.plan, TokenPlan)
    words = max(shape.n_records * shape.record_words for shape in executed.plan.shapes)
    return 8 * WORDS_ALIVE * words
