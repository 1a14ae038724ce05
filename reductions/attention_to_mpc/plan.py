"""How tokens, copies and records are packed on machines: integers fixed before any input.

Axes: n tokens of rows of d words, H heads of value width m, c words of a key or code, l tables, s
words of local memory. A *pair* is a token and a table, or on inner levels of the copy trees a token
and the tables below; a *record* is a query or a key of one head in one table: its group (table and
head), c words, its turn among equal ones, m words of a sum and a count.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import ClassVar

from mpc_sim import Cluster, ShapeError
from mpc_sim.integers import ceil_div
from mpc_sim.stages.columnsort import SortPlan, plan_columnsort
from mpc_sim.stages.tree import plan_tree

MANY = 1 << 40
"""More machines than any sort wants."""


@dataclass(frozen=True)
class LayerShape:
    """What a layer asks of the machines.

    Parameters
    ----------
    n_tokens : int
        n.
    n_heads : int
        H.
    value_width : int
        m, the widest value.
    code_words : int
        c, the longest key or code.
    tables : int
        l; 1 for exact match.
    row_words : int
        d, of the rows that come in.
    """

    n_tokens: int
    n_heads: int
    value_width: int
    code_words: int
    tables: int
    row_words: int
    causal: bool

    @property
    def record_words(self) -> int:
        """Words of a record: c + m + 3."""
        return self.code_words + self.value_width + 3

    @property
    def element_words(self) -> int:
        """Words of an element of the scan: a record without its turn."""
        return self.record_words - 1

    @property
    def answer_words(self) -> int:
        """A slot, m sums and a count."""
        return self.value_width + 2

    @property
    def pair_words(self) -> int:
        """The most words of a pair in any round: its row, or the 2 H records it becomes."""
        return max(self.row_words, 2 * self.n_heads * self.record_words)

    @property
    def n_records(self) -> int:
        """Queries and keys of all heads in all tables: 2 n l H."""
        return 2 * self.n_tokens * self.tables * self.n_heads


@dataclass(frozen=True)
class CopyLevel:
    """One level of the copy trees.

    Parameters
    ----------
    copies : int
        Pairs of a token on the level.
    held : int
        Pairs of a machine; pair number p lies on machine p // held.
    """

    copies: int
    held: int

    def machines(self, n_tokens: int) -> int:
        """Machines that hold the pairs of n tokens."""
        return ceil_div(n_tokens * self.copies, self.held)


@dataclass(frozen=True)
class LayerPlan:
    """A layer on machines of s words, of which the rows of ``tokens`` tokens wait all the while.

    Parameters
    ----------
    memory_words : int
        s.
    tokens : int
        T, tokens of a machine in all layers.

    Notes
    -----
    A leaf machine holds T_leaf = floor(s / (pair_words + d)) pairs, so all their records fit beside
    the waiting rows. The copy trees have the fewest levels L with an arity a <= T_leaf, a^L >= l;
    above the leaves a machine holds floor(T_leaf / a) pairs, so that it can send a copies of each.
    """

    shape: LayerShape
    memory_words: int
    tokens: int

    @cached_property
    def leaf_pairs(self) -> int:
        """T_leaf."""
        return self.memory_words // (self.shape.pair_words + self.shape.row_words)

    @cached_property
    def arity(self) -> int:
        """a; 1 where there is one table."""
        if self.shape.tables == 1:
            return 1
        tree = plan_tree(self.shape.tables, max_arity=self.leaf_pairs)
        if self.leaf_pairs < 2 or tree is None:
            raise ShapeError(
                f"s = {self.memory_words} words hold {self.leaf_pairs} tokens of "
                f"{self.shape.pair_words + self.shape.row_words} words; copies for "
                f"{self.shape.tables} tables need 2: raise memory_words",
                memory_words=self.memory_words,
            )
        return tree.arity

    @property
    def most_tokens(self) -> int:
        """The most tokens of a machine that the layer allows."""
        return self.leaf_pairs // self.arity

    @cached_property
    def levels(self) -> tuple[CopyLevel, ...]:
        """The levels of the copy trees, tokens first, leaves last."""
        copies = [self.shape.tables]
        while copies[-1] > 1:
            copies.append(ceil_div(copies[-1], self.arity))
        inner = [CopyLevel(each, self.leaf_pairs // self.arity) for each in copies[:0:-1]]
        leaf = CopyLevel(self.shape.tables, self.leaf_pairs)
        return (CopyLevel(1, self.tokens), *[*inner, leaf][1:])

    @property
    def leaves(self) -> CopyLevel:
        """The level where the tables are."""
        return self.levels[-1]

    @property
    def waiting_words(self) -> int:
        """Words of the rows that wait: T d."""
        return self.tokens * self.shape.row_words

    @property
    def free_words(self) -> int:
        """Words that are left to the attention: s - T d."""
        return self.memory_words - self.waiting_words

    @cached_property
    def sort_machines(self) -> int:
        """The fewest machines that sort the records in the fewest rounds."""
        rows = self.free_words // self.shape.record_words
        return fewest_machines(self.shape.n_records, rows)

    @cached_property
    def least_machines(self) -> int:
        """Machines that the layer wants: sorted records fill at most half of a memory."""
        words = self.shape.n_records * self.shape.record_words
        return max(
            *(level.machines(self.shape.n_tokens) for level in (self.levels[0], *self.levels)),
            self.sort_machines,
            ceil_div(2 * words, self.free_words),
        )

    def scan_fits(self, n_machines: int) -> bool:
        """Return whether the tree of the scan fits beside the sorted records of P machines."""
        held = ceil_div(self.shape.n_records, n_machines)
        leaves = ceil_div(self.shape.n_records, held)
        free = self.free_words - held * self.shape.record_words
        others = max(free // self.shape.element_words - 1, 0)
        return free >= 0 and plan_tree(leaves, max_arity=leaves, max_others=others) is not None


@lru_cache(maxsize=1024)
def fewest_machines(n_records: int, held: int) -> int:
    """Return the fewest machines of ``held`` records on which columnsort has its least depth.

    Raises
    ------
    ShapeError
        No number of machines can sort so many records.
    """
    best: SortPlan | None = plan_columnsort(n_records, held, MANY) if held >= 2 else None
    if best is None:
        raise ShapeError(
            f"machines of {held} records cannot sort {n_records}: raise memory_words",
            held=held,
        )
    low, high = 0, MANY
    while high - low > 1:
        middle = (low + high) // 2
        plan = plan_columnsort(n_records, held, middle)
        if plan is not None and plan.depth == best.depth:
            high = middle
        else:
            low = middle
    return high


@dataclass(frozen=True)
class TokenPlan:
    """A whole transformer on machines: tokens per machine, the cluster, and every layer's plan.

    Parameters
    ----------
    token_words : int
        Words of input, and of output, per token: the widest row that comes in or goes out.
    memory_words : int
        s.
    word_bits : int
        At least; more are taken where the number of machines needs them.
    """

    shapes: tuple[LayerShape, ...]
    token_words: int
    memory_words: int
    word_bits: int
    of_layer: ClassVar[type[LayerPlan]] = LayerPlan
    avoids_one_machine: ClassVar[bool] = False
    """Whether one machine that holds everything, and needs no round, is the last choice."""

    @cached_property
    def tokens(self) -> int:
        """T, tokens of a machine."""
        most = [self.of_layer(shape, self.memory_words, 1).most_tokens for shape in self.shapes]
        tokens = min(*most, self.memory_words // (2 * self.token_words), self.shapes[0].n_tokens)
        if tokens < 1:
            widest = max(shape.pair_words + shape.row_words for shape in self.shapes)
            need = max(widest, 2 * self.token_words)
            raise ShapeError(
                f"s = {self.memory_words} words do not hold one token, which may take {need}: "
                "raise memory_words",
                memory_words=self.memory_words,
                words=need,
            )
        return tokens

    @cached_property
    def layers(self) -> tuple[LayerPlan, ...]:
        """The plans of the layers."""
        return tuple(self.of_layer(shape, self.memory_words, self.tokens) for shape in self.shapes)

    @cached_property
    def cluster(self) -> Cluster:
        """The cluster: as many machines as the layer that wants most.

        Where the tree of a scan does not fit, a fifth more machines, again and again: they hold
        fewer records each.
        """
        n_tokens = self.shapes[0].n_tokens
        n_machines = max(layer.least_machines for layer in self.layers)
        most = max(shape.n_records for shape in self.shapes)
        while not all(layer.scan_fits(n_machines) for layer in self.layers):
            if n_machines >= most:
                raise ShapeError(
                    f"s = {self.memory_words} words do not hold a record and its part of the tree "
                    "of a scan: raise memory_words",
                    memory_words=self.memory_words,
                )
            n_machines = ceil_div(6 * n_machines, 5)
        return Cluster(
            n_words=n_tokens * self.token_words,
            memory_words=self.memory_words,
            n_machines=n_machines,
            block_words=self.tokens * self.token_words,
            word_bits=max(self.word_bits, n_machines.bit_length()),
        )
