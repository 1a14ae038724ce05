"""The network that is trained: the paper's, with an attention that has a gradient.

Axes: B samples, N tokens, m width, m_qk query and key width, k questions, C classes. Layer by layer
x + attention(x), then x + mlp(x) with an MLP of width 4 m under GELU; one head; queries and keys of
unit norm. `anna_model.surrogate.learned` is the same in NumPy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from anna_model.surrogate.data import Task
from anna_model.surrogate.recipe import Architecture

if TYPE_CHECKING:
    from torch import Tensor

    Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]

LEAST_NORM = 1e-6


def initial_parameters(task: Task, shape: Architecture, seed: int) -> dict[str, Tensor]:
    """Draw the first weights; positions begin as sines and cosines and are trained like the rest.

    Returns
    -------
    dict of str to float32 tensor
        token [A, m], position [N, m]; layers.i.query and key [m, m_qk], value [m, m], mlp.in
        [m, 4 m], mlp.out [4 m, m] and their biases; readout [m, k C] and its bias.
    """
    import torch

    draw = torch.Generator().manual_seed(seed)

    def normal(*size: int, scale: float) -> Tensor:
        return torch.randn(*size, generator=draw) * scale

    m, inner = shape.width, 4 * shape.width
    made = {"token": normal(task.n_letters, m, scale=1.0)}
    if shape.positions:
        made["position"] = _waves(task.n_tokens, m)
    for layer in range(shape.layers):
        name = f"layers.{layer}."
        widths = {"query": shape.query_width, "key": shape.query_width, "value": m}
        for part, width in widths.items():
            made[name + part] = normal(m, width, scale=m**-0.5)
        made[name + "mlp.in"] = normal(m, inner, scale=m**-0.5)
        made[name + "mlp.in.bias"] = torch.zeros(inner)
        made[name + "mlp.out"] = normal(inner, m, scale=0.5 * inner**-0.5)
        made[name + "mlp.out.bias"] = torch.zeros(m)
    n_answers = task.n_questions * task.n_classes
    made["readout"] = normal(m, n_answers, scale=m**-0.5)
    made["readout.bias"] = torch.zeros(n_answers)
    return made


def logits(
    parameters: Mapping[str, Tensor],
    task: Task,
    shape: Architecture,
    tokens: Tensor,
    attend: Attend,
) -> Tensor:
    """Score every class: float32[B, N, k, C].

    Parameters
    ----------
    parameters : mapping of str to tensor
        As `initial_parameters` names them.
    task : Match2 or KHop
    tokens : int64[B, N]
    attend : callable
        (layer, Q, K, V) -> what every token receives, float32[B, N, m].
    """
    from torch.nn.functional import gelu, normalize

    x = parameters["token"][tokens]
    if shape.positions:
        x = x + parameters["position"][: tokens.shape[1]]
    for layer in range(shape.layers):
        name = f"layers.{layer}."
        Q = normalize(x @ parameters[name + "query"], dim=-1, eps=LEAST_NORM)
        K = normalize(x @ parameters[name + "key"], dim=-1, eps=LEAST_NORM)
        x = x + attend(layer, Q, K, x @ parameters[name + "value"])
        hidden = x @ parameters[name + "mlp.in"] + parameters[name + "mlp.in.bias"]
        folded = gelu(hidden, approximate="tanh") @ parameters[name + "mlp.out"]
        x = x + folded + parameters[name + "mlp.out.bias"]
    answered = x @ parameters["readout"] + parameters["readout.bias"]
    return answered.reshape(*tokens.shape, task.n_questions, task.n_classes)


def _waves(n: int, m: int) -> Tensor:
    """Sines and cosines of geometric wavelengths (Vaswani et al. 2017)."""
    import torch

    rate = torch.exp(torch.arange(0, m, 2) * (-math.log(10_000.0) / m))
    angle = torch.arange(n)[:, None] * rate
    return torch.cat([angle.sin(), angle.cos()[:, : m - len(rate)]], dim=1)
