"""There and back: a compiled protocol is a transformer, and so becomes a protocol again.

Its layers carry words, not grid numbers: values are integers, and a head's mean is not rounded,
because the decoder distinguishes the messages by it. Every sum of coded words stays below 2^53.

Axes: N input words, T tokens, s words of the first protocol's machines.
"""

from __future__ import annotations

from numbers import Rational

from anna_model.fixed_point.attention import Precision
from anna_model.fixed_point.grid import Grid
from reductions.attention_to_mpc.anna import BucketsBy, anna_to_mpc
from reductions.attention_to_mpc.fit import fit_anna_to_mpc
from reductions.attention_to_mpc.transformer_protocol import TransformerProtocol
from reductions.mpc_to_anna.compile import CompiledProtocol
from reductions.mpc_to_anna.route_layer import RouteLayer


def compiled_to_mpc(
    compiled: CompiledProtocol,
    memory_words: int,
    *,
    buckets: BucketsBy | str = BucketsBy.SORTED,
    seed: int = 0,
) -> TransformerProtocol:
    """Turn a compiled protocol back into a protocol: of one token per word, of R + 1 layers.

    Parameters
    ----------
    memory_words : int
        s' of the machines of the way back; at least about 5 times the width of all heads, and as
        much as the sort of the fewest rounds wants. With one head, which is within 3 s + c + w + 3
        wide, a constant times s is enough: 32 s for k-hop from N = 256 on, whatever N, and 64 s
        for fewer rounds.
    buckets, seed
        As of `anna_to_mpc`.
    """
    return anna_to_mpc(
        compiled,
        precision_of(compiled),
        memory_words,
        input_width=1,
        row_widths=row_widths(compiled),
        buckets=buckets,
        seed=seed,
    )


def fit_compiled_to_mpc(
    compiled: CompiledProtocol,
    gap: str | float | Rational = "1/2",
    *,
    buckets: BucketsBy | str = BucketsBy.SORTED,
    seed: int = 0,
) -> TransformerProtocol:
    """Turn a compiled protocol back, on machines of c_b m H ceil(T^gap) words, c_b at most 16."""
    return fit_anna_to_mpc(
        compiled,
        precision_of(compiled),
        gap,
        input_width=1,
        row_widths=row_widths(compiled),
        buckets=buckets,
        seed=seed,
    )


def precision_of(compiled: CompiledProtocol) -> Precision:
    """Return the grids of whole numbers that hold the words and the coded words."""
    codes = [layer.code for layer in compiled.layers if isinstance(layer, RouteLayer)]
    largest = [code.max_magnitude.bit_length() for code in codes if code is not None]
    bits = max([compiled.cluster.word_bits, *largest])
    words = Grid(compiled.cluster.word_bits + 1, 0)
    return Precision(rows=words, keys=words, values=Grid(bits + 1, 0))


def row_widths(compiled: CompiledProtocol) -> tuple[int, ...]:
    """Return the most numbers of a row after every layer: a count per channel, and s words."""
    channels = [
        len(layer.channels) if isinstance(layer, RouteLayer) else 1
        for layer in compiled.layers[:-1]
    ]
    return (*(each + compiled.cluster.memory_words for each in channels), 1)
