"""How many bits a compiled transformer needs, by running it on fewer.

On ``bits`` bits every number that it handles, of rows, keys, queries, values and averages, keeps
its ``bits`` leading binary digits, rounded half to even. Attention then delivers rounded averages,
and the row-wise map after it knows how many messages can meet, so it puts back the one average that
they can come from (`MessageCode.restore`). With the bits that a layer declares that is always the
right one; with fewer a run may still come out right. The fewest with which it does are the
measurement that stands beside the bound.

Ids that are hashed stand for codewords, whose coordinates need few bits; they are not rounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from anna_model import Combine, HeadShape, Layer, Mechanism, Rows, SparseAnswer, SparseHeads
from anna_model.answers import Answer
from anna_model.heads import HeadBlock
from anna_model.mechanisms.mechanism import Attended, Matrix
from reductions.arrays import Integers
from reductions.mpc_to_anna.codes.code import rounded
from reductions.mpc_to_anna.compile import CompiledProtocol
from reductions.mpc_to_anna.hashed_ids import HashedIds
from reductions.mpc_to_anna.route_layer import RouteLayer


def run_on_bits(compiled: CompiledProtocol, words: ArrayLike, bits: int) -> Integers:
    """Run a compiled protocol in which every number keeps so many leading binary digits.

    Parameters
    ----------
    words : int64[N]
    bits : int
        At least 1. With `resources().precision_bits`, or more, the output is that of
        `CompiledProtocol.run`; with fewer it may differ, and the run may raise.

    Returns
    -------
    int64[N]
    """
    if bits < 1:
        raise ValueError(f"bits = {bits}: a number needs at least 1")
    layers = tuple(_RoundedLayer(layer, bits) for layer in compiled.layers)
    return replace(compiled, layers=layers).run(words)


def fewest_bits(compiled: CompiledProtocol, words: ArrayLike) -> int:
    """Return the fewest bits on which a run has the output that it has in full.

    The search goes up from the digits that the output itself needs, so nothing is assumed of how
    runs on fewer bits behave; it costs a run, or the part of one up to its error, for each number
    of bits.

    Raises
    ------
    ArithmeticError
        Not even the bits that the layers declare give the output: a bound is wrong.
    """
    expected = compiled.run(words)
    declared = compiled.resources().precision_bits
    for bits in range(_digits(expected), declared + 1):
        try:
            with np.errstate(all="ignore"):
                output = run_on_bits(compiled, words, bits)
        except Exception:
            continue
        if np.array_equal(output, expected):
            return bits
    raise ArithmeticError(f"the output is not that of the full run on the {declared} bits declared")


def _digits(words: Integers) -> int:
    """Return the most digits between the first and the last 1 of a word."""
    values = np.unique(words[words > 0]).tolist()
    return max((value // (value & -value)).bit_length() for value in values) if values else 1


@dataclass(frozen=True)
class _RoundedMechanism(Mechanism):
    inner: Mechanism
    bits: int

    def weights(self, Q: Matrix, K: Matrix) -> NDArray[np.float64]:
        return self.inner.weights(Q, K)

    def apply(self, Q: Matrix, K: Matrix, V: Matrix) -> Attended:
        return self.inner.apply(Q, K, V)

    def answer(self, block: HeadBlock) -> Answer:
        assert isinstance(block, SparseHeads)
        cut = replace(block, V=rounded(block.V[:], self.bits))
        if not isinstance(self.inner, HashedIds):
            cut = replace(cut, Q=rounded(block.Q, self.bits), K=rounded(block.K, self.bits))
        answer = self.inner.answer(cut)
        assert isinstance(answer, SparseAnswer)
        return replace(answer, mean=rounded(answer.mean, self.bits))


@dataclass(frozen=True)
class _RoundedLayer(Layer):
    layer: Layer
    bits: int

    @property
    def mechanism(self) -> Mechanism:  # type: ignore[override]
        return _RoundedMechanism(self.layer.mechanism, self.bits)

    @property
    def heads(self) -> tuple[HeadShape, ...]:  # type: ignore[override]
        return self.layer.heads

    @property
    def precision_bits(self) -> int:  # type: ignore[override]
        return self.bits

    def blocks(self, rows: Rows, budget_bytes: int) -> Iterator[HeadBlock]:
        cut = replace(rows, values=rounded(rows.values, self.bits))
        yield from self.layer.blocks(cut, budget_bytes)

    def combine(self, rows: Rows) -> Combine:
        route = self.layer if isinstance(self.layer, RouteLayer) else None
        return _Restore(self.layer.combine(rows), route, self.bits)


class _Restore(Combine):
    """The fold of a layer, given the averages as they were before they were rounded."""

    def __init__(self, inner: Combine, route: RouteLayer | None, bits: int) -> None:
        self._inner = inner
        self._route = route
        self._bits = bits

    def absorb(self, block: HeadBlock, answer: Answer) -> None:
        if self._route is not None:
            assert isinstance(block, SparseHeads)
            assert isinstance(answer, SparseAnswer)
            restored = self._route.restore(block, answer.mean, self._bits)
            answer = replace(answer, mean=restored)
        self._inner.absorb(block, answer)

    def finish(self) -> Rows:
        rows = self._inner.finish()
        return replace(rows, values=rounded(rows.values, self._bits))
