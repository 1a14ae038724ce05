"""Attention with a gradient, in place of tables of hashes that have none.

Axes: B samples, N tokens, m value width, m_qk query and key width.

Algorithm 1 gives w_ij = c_ij / sum over t of c_it, c_ij the tables in which i and j meet. Over the
draw of the tables E c_ij = l p(D_ij)^z = L_ij with p the collision law of the family and D the
distance of the unit vectors. For independent Poisson counts of these means

    E w_ij = L_ij / L_i (1 - exp(-L_i)),    L_i = sum over t of L_it,

exactly: given their sum, the counts are multinomial. That is the stand-in: the first factor is what
many tables give, the second the probability that query i meets any key. Without the second only
ratios would count, and weights that hardly ever collide would be as good as any. Counts are neither
independent nor Poisson, and few scatter; so in the end training draws tables: the forward pass is
Algorithm 1, the backward pass that of the expectation ("straight through").

That gradient does not see how far counts scatter: where a query meets enough keys, meeting them
more often leaves the expectation as it is and only makes the answer surer. `scattered_counts` is
the gradient of the counts themselves, and sees it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from anna_model.lsh.family import Family
from anna_model.surrogate.collision_law import log_collision_table
from anna_model.surrogate.recipe import CollisionStandIn, Recipe, SoftmaxStandIn

if TYPE_CHECKING:
    from torch import Tensor

CLOSEST = 1e-6
"""Squared distances are taken to be this at least: the root has no slope at 0."""
LEAST_MISS = 0.1
"""Of the probability not to meet, where a gradient divides by it."""


def attention_weights(
    recipe: Recipe, law: CollisionLaw | None, layer: int, Q: Tensor, K: Tensor, step: int
) -> Tensor:
    """Return the attention matrix of a training step: float32[B, N, N].

    Parameters
    ----------
    law : CollisionLaw or None
        For a collision stand-in.
    Q, K : float32[B, N, m_qk]
        Of unit norm.
    """
    import torch

    stand_in = recipe.stand_in
    if isinstance(stand_in, SoftmaxStandIn) or law is None:
        return softmax_weights(Q, K, recipe)
    power = stand_in.power(recipe.hashes[layer], step=step, steps=recipe.steps)
    logs = power * law.log_probability(Q, K)
    met = recipe.tables[layer] * logs.logsumexp(dim=2, keepdim=True).exp()
    expected = torch.softmax(logs, dim=2) * -torch.expm1(-met)
    if not stand_in.samples(step=step, steps=recipe.steps):
        return expected
    seed = table_seed(recipe, layer, step)
    if stand_in.scatter:
        met = scattered_counts(sampled_counts(recipe, layer, Q, K, seed=seed), logs, recipe, layer)
        return met / met.sum(dim=2, keepdim=True).clamp_min(1)
    drawn = sampled_weights(recipe, layer, Q, K, seed=seed)
    return expected + (drawn - expected).detach()


def softmax_weights(Q: Tensor, K: Tensor, recipe: Recipe) -> Tensor:
    """softmax(beta Q K^T): float32[B, N, N].

    Raises
    ------
    TypeError
        The recipe has another stand-in.
    """
    import torch

    if isinstance(recipe.stand_in, CollisionStandIn):
        raise TypeError("a collision stand-in has no beta")
    return torch.softmax(recipe.stand_in.beta * (Q @ K.transpose(1, 2)), dim=2)


@dataclass(frozen=True, eq=False)
class CollisionLaw:
    """ln p as a function of the distance: straight lines between the nodes of a table.

    Parameters
    ----------
    value, slope : float32[n - 1]
        ln p at the left node of a piece, and its growth over the piece.
    """

    value: Tensor
    slope: Tensor

    @classmethod
    def of(cls, family: Family, m_qk: int, device: str = "cpu") -> CollisionLaw:
        """Tabulate the law of a family."""
        import torch

        table = torch.tensor(log_collision_table(family, m_qk), dtype=torch.float32, device=device)
        return cls(table[:-1].clone(), torch.diff(table))

    def log_probability(self, Q: Tensor, K: Tensor) -> Tensor:
        """Return ln p(D_ij): float32[B, N, N]."""
        import torch

        pieces = len(self.value)
        squared = 2 - 2 * (Q @ K.transpose(1, 2))
        place = squared.clamp_min(CLOSEST).sqrt() * (pieces / 2)
        with torch.no_grad():
            piece = place.to(torch.int64).clamp_(0, pieces - 1)
            slope = self.slope[piece]
            value = self.value[piece] - slope * piece
        return value + slope * place


def sampled_weights(recipe: Recipe, layer: int, Q: Tensor, K: Tensor, *, seed: int) -> Tensor:
    """Run Algorithm 1 on tables drawn from a seed: its attention matrix, float32[B, N, N].

    The hash functions are the library's own, so this is the attention that is run later. A query
    that meets no key has a zero row.
    """
    met = sampled_counts(recipe, layer, Q, K, seed=seed)
    return met / met.sum(dim=2, keepdim=True).clamp_min(1)


def scattered_counts(met: Tensor, logs: Tensor, recipe: Recipe, layer: int) -> Tensor:
    """Give counts of collisions the gradient of binomial counts in ln q.

    A count of l tables with probability q has mean l q and variance l q (1 - q). With its place
    e = (c - l q) / sqrt(l q (1 - q)) held, c = l q + e sqrt(l q (1 - q)) moves with ln q by
    l q + (c - l q) (1 - 2 q) / (2 (1 - q)): over the draw the first two moments move as they do.

    Parameters
    ----------
    met : float32[B, N, N]
        The counts c, without gradient.
    logs : float32[B, N, N]
        ln q.

    Returns
    -------
    float32[B, N, N]
        The values of ``met``. 1 - q counts as `LEAST_MISS` at least, where q is nearly 1.
    """
    tables = recipe.tables[layer]
    q = logs.detach().exp()
    slope = tables * q + (met - tables * q) * (1 - 2 * q) / (2 * (1 - q).clamp_min(LEAST_MISS))
    return met + slope * (logs - logs.detach())


def sampled_counts(recipe: Recipe, layer: int, Q: Tensor, K: Tensor, *, seed: int) -> Tensor:
    """Count in how many tables drawn from a seed a query meets a key: float32[B, N, N]."""
    import torch

    n_samples, n_tokens, m_qk = Q.shape
    tables = recipe.tables[layer]
    functions = recipe.family.sample(m_qk, tables, recipe.hashes[layer], seed=seed)
    rows = torch.cat([Q.detach(), K.detach()]).reshape(-1, m_qk).cpu().numpy()
    codes = torch.from_numpy(functions.bucket_ids(rows)).to(Q.device)
    asked, offered = codes.reshape(2, n_samples, n_tokens, tables)
    met = torch.zeros(n_samples, n_tokens, n_tokens, device=Q.device)
    for table in range(tables):
        met += asked[:, :, table, None] == offered[:, None, :, table]
    return met


def table_seed(recipe: Recipe, layer: int, step: int) -> int:
    """Return the seed of the tables of a layer at a step: no two of a run agree."""
    return (recipe.seed * 2**32 + step) * recipe.architecture.layers + layer
