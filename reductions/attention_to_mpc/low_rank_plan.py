"""How low-rank layers are packed on machines: integers fixed before any input.

Axes: n tokens of d words, T of them on a machine, r features, m value width, w words of the
matrices of all heads, s words of local memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from anna_model.fixed_point.attention import Precision
from anna_model.fixed_point.grid import MOST_BITS, GridOverflow
from mpc_sim import Cluster, ShapeError
from mpc_sim.integers import ceil_div
from mpc_sim.stages.tree import Tree, plan_tree


@dataclass(frozen=True)
class MatrixShape:
    """The matrix of one head: r rows of m sums, and the sum of the features where it divides."""

    rank: int
    width: int
    normalised: bool

    @property
    def words(self) -> int:
        """Words of the matrix: r m, or r (m + 1)."""
        return self.rank * (self.width + self.normalised)


@dataclass(frozen=True)
class LowRankPlan:
    """Tokens on machines: T tokens fill at most half of a memory, in their widest form.

    Parameters
    ----------
    n_tokens : int
        n.
    row_words : tuple of int
        d, before the first layer and after each.
    matrices : tuple of tuple of MatrixShape
        Of every layer, one per head.
    memory_words : int
        s.
    """

    n_tokens: int
    row_words: tuple[int, ...]
    matrices: tuple[tuple[MatrixShape, ...], ...]
    memory_words: int
    word_bits: int

    @property
    def token_words(self) -> int:
        """Words of input, and of output, per token."""
        return max(self.row_words[0], self.row_words[-1])

    @cached_property
    def tokens(self) -> int:
        """T, tokens of a machine."""
        most = self.memory_words // (2 * max(self.row_words))
        if most < 1:
            raise ShapeError(
                f"s = {self.memory_words} words: a token of {max(self.row_words)} words fills more "
                "than half of them; raise memory_words",
                memory_words=self.memory_words,
            )
        return min(most, self.n_tokens)

    @cached_property
    def cluster(self) -> Cluster:
        """The cluster: ceil(n / T) machines."""
        n_machines = ceil_div(self.n_tokens, self.tokens)
        return Cluster(
            n_words=self.n_tokens * self.token_words,
            memory_words=self.memory_words,
            n_machines=n_machines,
            block_words=self.tokens * self.token_words,
            word_bits=max(self.word_bits, n_machines.bit_length()),
        )

    def matrix_words(self, layer: int) -> int:
        """Return w of a layer, all heads together."""
        return sum(shape.words for shape in self.matrices[layer])

    def waiting_words(self, layer: int) -> int:
        """Return the words of the rows that wait: T d."""
        return self.tokens * self.row_words[layer]


def require_exact_products(
    matrices: tuple[tuple[MatrixShape, ...], ...], precision: Precision, n_tokens: int
) -> None:
    """Reject grids on which r n products of two features and a value could reach 2^53 steps.

    Raises
    ------
    GridOverflow
    """
    rank = max(shape.rank for layer in matrices for shape in layer)
    feature, value = (2 ** (grid.bits - 1) - 1 for grid in (precision.keys, precision.values))
    if rank * n_tokens * feature * feature * value >= 2**MOST_BITS:
        raise GridOverflow(
            f"{rank} x {n_tokens} products of two features of {precision.keys.bits} bits and a "
            f"value of {precision.values.bits} may reach 2^{MOST_BITS} steps; take fewer bits"
        )


def tree_of(plan: LowRankPlan, number: int) -> Tree:
    """Return the tree over the token machines of a layer."""
    free = plan.memory_words - plan.waiting_words(number)
    tree = plan_tree(
        plan.cluster.n_input_machines, max_arity=free // max(1, plan.matrix_words(number))
    )
    if tree is None:
        raise ShapeError(f"s = {plan.memory_words} words do not hold two matrices: raise it")
    return tree
