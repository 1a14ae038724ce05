"""A GPT-2-style model whose products of matrices are exact: weights and activations on grids.

Norms and activation functions stay in float64, a row at a time; what they give is rounded before
the next product. So every row is the same to the last bit in every batch, and a transformer of such
layers can be simulated token by token.
"""

from __future__ import annotations

from dataclasses import replace

from anna_model.fixed_point.affine import Affine, ExactAffine
from anna_model.fixed_point.grid import Grid
from anna_model.gpt2 import Gpt2, Gpt2Layer


def on_grid(model: Gpt2, weights: Grid, activations: Grid) -> Gpt2:
    """Return the model with rounded weights, and rows rounded wherever a matrix is applied.

    Parameters
    ----------
    weights, activations : Grid
        Coarse enough for exact sums: bits of both and of the widest matrix up to 53 together. The
        output weights are among the matrices: logits are exact products of rounded rows.

    Raises
    ------
    GridOverflow
        A weight lies beyond its grid, or a sum could reach 2^53 steps.
    """

    def layer(one: Gpt2Layer) -> Gpt2Layer:
        parts = {
            name: part if name.startswith("ln") else _exact(part, weights, activations)
            for name, part in one.parts.items()
        }
        return replace(one, parts=parts)

    return Gpt2(
        activations.round(model.token_embedding),
        activations.round(model.position_embedding),
        tuple(layer(one) for one in model.layers),
        None if model.output is None else _exact(model.output, weights, activations),
    )


def _exact(part: Affine, weights: Grid, activations: Grid) -> ExactAffine:
    return ExactAffine(part.weight, part.bias, weights, activations)
