"""Far collisions of a run by hashing: counted in every head, corrected or not.

A far collision is a query class and a key of another id in one bucket. In a head of messages the
receiver drops what is not for it, so the collision is *corrected* as long as no more messages meet
than the code can distinguish. In the heads without a code, those of the input and of what a machine
keeps, and where more messages meet, it is *uncorrected*: the run raises, and has no output.

Axes: P machines, T tokens, U = P + 2 ids, z hashes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import sympy
from numpy.typing import ArrayLike

from anna_model import ExactMatch, Layer, SparseHeads
from anna_model.answers import Answer
from anna_model.heads import HeadBlock
from reductions.arrays import Integers
from reductions.bounds import Bound
from reductions.mpc_to_anna.codes import CodeOverload
from reductions.mpc_to_anna.compile import CompiledProtocol
from reductions.mpc_to_anna.hashed_ids import FarCollision, HashedIds
from reductions.mpc_to_anna.init_layer import InitLayer
from reductions.mpc_to_anna.route_layer import RouteLayer
from reductions.mpc_to_anna.used import Told, both

RARE = 100
"""A bound with high probability holds with probability 1 - 1 / RARE."""
_SOURCE = "Theorem 3.4 (arXiv 2509.09001) at r = 0, with probability 99/100 over the seed"
_RULE = "a run with a far collision that no code corrects is not exact"


@dataclass
class FarCounter:
    """A trace of a run by hashing that counts its far collisions.

    Parameters
    ----------
    layers : tuple of Layer
        Of the compiled protocol.
    met : int
        Pairs of a class and a key of another id in one bucket, over all heads and layers.
    uncorrected : int
        Those of them in a head without a code, or of what a machine keeps, or where more messages
        met than its code can distinguish.
    """

    layers: tuple[Layer, ...]
    met: int = 0
    uncorrected: int = 0

    def __call__(self, layer: int, block: HeadBlock, answer: Answer) -> None:
        heard = self.layers[layer]
        mechanism = heard.mechanism
        assert isinstance(mechanism, HashedIds)
        assert isinstance(block, SparseHeads)
        pairs = mechanism.far_pairs(block)
        self.met += pairs
        if pairs and isinstance(heard, RouteLayer) and heard.is_coded(block):
            assert heard.code is not None
            kept = block.key_token < heard.cluster.n_machines
            pairs = mechanism.far_pairs(
                block, beyond=heard.code.capacity, and_of=kept & heard.in_one_head
            )
        self.uncorrected += pairs


@dataclass(frozen=True, eq=False)
class HashedRun:
    """A run by hashing.

    Parameters
    ----------
    output : int64[N] or None
        None where the run raised.
    met, uncorrected : int
        As in `FarCounter`.
    error : FarCollision, CodeOverload or None
    """

    output: Integers | None
    met: int
    uncorrected: int
    error: FarCollision | CodeOverload | None = None


@dataclass(frozen=True)
class _Apart(HashedIds):
    """Ids answered as if no two met; which tokens send to NULL depends on their buckets."""

    inner: HashedIds

    @property
    def buckets(self) -> Integers:
        return self.inner.buckets

    def answer(self, block: HeadBlock) -> Answer:
        return ExactMatch().answer(block)

    def refuse_far_pairs(self, block: SparseHeads) -> None:
        """Let all pass: they are counted."""


def run_counted(
    compiled: CompiledProtocol,
    words: ArrayLike,
    progress: Callable[[int, int], object] | None = None,
    trace: Told | None = None,
) -> HashedRun:
    """Run a protocol that was compiled to hash its ids, and count the far collisions.

    A run that raises stops at its first collision; then all that the hash functions bring together
    in the heads of an exact run are counted, so that the count is that of every head all the same.

    Parameters
    ----------
    compiled : CompiledProtocol
        With ``attention="anna"``.
    words : int64[N]
    progress : callable, optional
    trace : callable, optional
        Told of all heads as well.

    Returns
    -------
    HashedRun
        Its output is exact if `uncorrected` is 0, and there is none otherwise.

    Raises
    ------
    CodeOverload
        More messages meet in a head than its code can distinguish even where no two ids do.
    """
    counter = FarCounter(compiled.layers)
    try:
        output = compiled.run(words, trace=both(counter, trace), progress=progress)
    except (FarCollision, CodeOverload) as error:
        counter = FarCounter(compiled.layers)
        _apart(compiled).run(words, trace=both(counter, trace))
        return HashedRun(None, counter.met, counter.uncorrected, error)
    return HashedRun(output, counter.met, counter.uncorrected)


def far_collision_bounds(compiled: CompiledProtocol) -> tuple[Bound, ...]:
    """Return the bounds on the far collisions of a run, over the seed of the hash functions.

    Two ids meet with probability at most 1 / Q = p2^z, and U (U - 1) / 2 pairs of them share one
    function: with probability 99/100 none meet if that is at most 1/100. In any case a head has at
    most P T pairs of a machine and a token, so H heads, over all layers, are expected to show at
    most P T H / Q, and show a hundred times that with probability at most 1/100 (Markov).
    """
    mechanism = _mechanism(compiled)
    p, t, u, h, q = sympy.symbols("P T U H Q", integer=True, positive=True)
    values = {
        "P": compiled.cluster.n_machines,
        "T": compiled.n_tokens,
        "U": mechanism.codewords.n_ids,
        "H": sum(shape.count for layer in compiled.layers for shape in layer.heads),
        "Q": int(1 / mechanism.shares),
    }
    some = sympy.floor(RARE * p * t * h / q)
    met = sympy.Piecewise((0, RARE * u * (u - 1) <= 2 * q), (some, True))
    return (
        Bound("far_collisions", met, values, "whp", _SOURCE),
        Bound("far_uncorrected", sympy.Integer(0), {}, "exact", _RULE),
    )


def _mechanism(compiled: CompiledProtocol) -> HashedIds:
    mechanism = compiled.layers[0].mechanism
    if not isinstance(mechanism, HashedIds):
        raise ValueError("no ids are hashed here; compile with attention='anna'")
    return mechanism


def _apart(compiled: CompiledProtocol) -> CompiledProtocol:
    inner = _mechanism(compiled)
    apart = _Apart(inner.codewords, inner.family, inner.hashes, inner.seed, inner)
    layers: list[Layer] = []
    for layer in compiled.layers:
        assert isinstance(layer, InitLayer | RouteLayer)
        layers.append(replace(layer, mechanism=apart))
    return replace(compiled, layers=tuple(layers))
