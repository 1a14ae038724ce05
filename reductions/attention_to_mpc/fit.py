"""The memory of Theorem 4.2: s' = c_b m H ceil(N^(eps' - eps)) with the least constant c_b.

Axes: N tokens, H heads, m value width; m H = N^eps.
"""

from __future__ import annotations

from numbers import Rational

from anna_model import Transformer
from anna_model.fixed_point.attention import Precision
from mpc_sim import ShapeError
from mpc_sim.integers import as_exponent, ceil_power
from mpc_sim.protocol import FACTORS
from reductions.attention_to_mpc.anna import BucketsBy, anna_to_mpc
from reductions.attention_to_mpc.transformer_protocol import TransformerProtocol


def memory_words(transformer: Transformer, gap: str | float | Rational, memory_factor: int) -> int:
    """Return c_b m H ceil(N^(eps' - eps)); m H is the most of any layer.

    Parameters
    ----------
    gap : str, float or rational
        eps' - eps, in (0, 1].
    """
    exponent = as_exponent(gap, "gap")
    if not 0 < exponent <= 1:
        raise ShapeError(f"gap = {exponent}: choose eps' - eps in (0, 1]", gap=exponent)
    widths = [layer.n_heads * max(1, layer.value_width) for layer in transformer.layers]
    return memory_factor * max(widths) * ceil_power(transformer.n_tokens, exponent)


def fit_anna_to_mpc(
    transformer: Transformer,
    precision: Precision,
    gap: str | float | Rational,
    *,
    input_width: int,
    row_widths: tuple[int, ...] | None = None,
    memory_factor: int | None = None,
    buckets: BucketsBy | str = BucketsBy.SORTED,
    seed: int = 0,
) -> TransformerProtocol:
    """Return the protocol with the fewest rounds for c_b in 1, 2, 4, 8, 16, then of the least c_b.

    With hashed buckets one machine that holds everything, and needs no round, is the last choice.

    Parameters
    ----------
    transformer, precision, input_width, row_widths, buckets, seed
        As of `anna_to_mpc`.
    gap : str, float or rational
        eps' - eps, in (0, 1].
    memory_factor : int, optional
        c_b; searched where it is not given.

    Raises
    ------
    ShapeError
        No factor suffices; the error is that of the largest.

    Examples
    --------
    >>> from anna_model.fixed_point.grid import Grid
    >>> from reductions.constructions.match2 import match2_transformer
    >>> executed = fit_anna_to_mpc(
    ...     match2_transformer(100, 105), Precision.of(Grid(9, 0)), "2/3", input_width=1)
    >>> executed.cluster.memory_words, executed.cluster.n_machines
    (352, 7)
    """
    best: tuple[tuple[bool, int], TransformerProtocol] | None = None
    last_error: ShapeError | None = None
    for factor in FACTORS if memory_factor is None else (memory_factor,):
        words = memory_words(transformer, gap, factor)
        try:
            found = anna_to_mpc(
                transformer,
                precision,
                words,
                input_width=input_width,
                row_widths=row_widths,
                buckets=buckets,
                seed=seed,
            )
        except ShapeError as error:
            last_error = error
            continue
        is_alone = BucketsBy(buckets).made.avoids_one_machine and found.cluster.n_machines == 1
        cost = is_alone, found.protocol.n_rounds(found.cluster)
        if best is None or cost < best[0]:
            best = cost, found
    if best is not None:
        return best[1]
    assert last_error is not None
    raise last_error
