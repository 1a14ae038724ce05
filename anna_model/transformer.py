"""The transformer: rows in, the answers of all heads, rows out, layer after layer.

Axes: N tokens, H heads of a layer, h heads of a block, m value width, m_qk query and key width, d
row width. A layer is three things: row-wise maps that turn rows into queries, keys and values; a
mechanism, the only place where tokens meet; and a row-wise fold of what the heads answered into new
rows. There is no scaling, mask or residual unless the fold brings it. Row-wise maps are arbitrary
functions of (position, row), so depth counts attention only.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from anna_model.answers import Answer
from anna_model.heads import HeadBlock
from anna_model.mechanisms.mechanism import Mechanism
from anna_model.rows import Rows

__all__ = ["Combine", "HeadShape", "Layer", "Resources", "Rows", "Transformer"]

Observer = Callable[[int, HeadBlock, Answer], object] | list[tuple[int, HeadBlock, Answer]]
Progress = Callable[[int, int], object]


@dataclass(frozen=True)
class HeadShape:
    """A run of heads of equal shape.

    Parameters
    ----------
    count : int
        Heads, at least one.
    query_width : int
        m_qk, numbers of a query or key.
    value_width : int
        m, numbers of a value.

    Examples
    --------
    >>> HeadShape(count=4, query_width=1, value_width=16).count
    4
    """

    count: int
    query_width: int
    value_width: int

    def __post_init__(self) -> None:
        if self.count < 1 or self.query_width < 0 or self.value_width < 0:
            raise ValueError(f"a run of heads needs count >= 1 and widths >= 0, not {self}")


class Combine(ABC):
    """The row-wise fold of one forward pass: from a row and what it received to the new row."""

    @abstractmethod
    def absorb(self, block: HeadBlock, answer: Answer) -> None:
        """Take the answer to one block; blocks come in the order of `Layer.blocks`, each once."""

    @abstractmethod
    def finish(self) -> Rows:
        """Return the new rows, after the last block."""


class Layer(ABC):
    """One layer: row-wise maps, a mechanism, a row-wise fold.

    Attributes
    ----------
    mechanism : Mechanism
    heads : tuple of HeadShape
        The heads 0 .. H-1 in order, in runs of equal shape; known without any input.
    precision_bits : int
        Bits of a coordinate that the layer reads and writes.
    """

    mechanism: Mechanism
    heads: tuple[HeadShape, ...]
    precision_bits: int

    @abstractmethod
    def blocks(self, rows: Rows, budget_bytes: int) -> Iterator[HeadBlock]:
        """Map rows to the queries, keys and values of all heads, row-wise.

        Parameters
        ----------
        rows : Rows
        budget_bytes : int
            A block should not take more, but holds at least one head.

        Yields
        ------
        DenseHeads or SparseHeads
            Every head once, in order, of the widths in `heads`.
        """

    @abstractmethod
    def combine(self, rows: Rows) -> Combine:
        """Return the fold for one forward pass over these rows."""

    def mechanism_for(self, block: HeadBlock) -> Mechanism:
        """Return the mechanism that answers a block; here one answers all."""
        return self.mechanism

    @property
    def n_tables(self) -> int:
        """Hash tables of a head, l, the most of any; 0 without any."""
        return self.mechanism.n_tables

    @property
    def n_heads(self) -> int:
        """Heads of the layer, H."""
        return sum(shape.count for shape in self.heads)

    @property
    def query_width(self) -> int:
        """Width of the widest query, m_qk."""
        return max((shape.query_width for shape in self.heads), default=0)

    @property
    def value_width(self) -> int:
        """Width of the widest value, m."""
        return max((shape.value_width for shape in self.heads), default=0)

    @property
    def token_width(self) -> int:
        """Numbers that a token receives from all heads, the sum of m; never stored as one row."""
        return sum(shape.count * shape.value_width for shape in self.heads)


@dataclass(frozen=True)
class Resources:
    """What a transformer uses, measured on the object.

    Parameters
    ----------
    layers : int
    heads, head_width, query_width, token_width : int
        H, m, m_qk and the sum of m over the heads: the largest over the layers, each by itself.
    context_length : int
        N, tokens.
    precision_bits : int
        Bits of a coordinate, the most of any layer.
    tables : int
        Hash tables of a head, l, the most of any; 0 without any.

    Examples
    --------
    >>> Transformer((), n_tokens=8).resources().context_length
    8
    """

    layers: int
    heads: int
    head_width: int
    query_width: int
    token_width: int
    context_length: int
    precision_bits: int
    tables: int = 0


@dataclass(frozen=True)
class Transformer:
    """A sequence of layers over a context of fixed length.

    Parameters
    ----------
    layers : tuple of Layer
    n_tokens : int
        Context length, N >= 1.

    Examples
    --------
    One layer, one head: the query of a token is its number plus one, its key its number,
    its value the square.

    >>> import numpy as np
    >>> from anna_model import ExactMatch, HeadMaps, RowwiseLayer
    >>> head = HeadMaps(lambda i, X: X + 1, lambda i, X: X, lambda i, X: X**2, 1, 1)
    >>> T = Transformer((RowwiseLayer(ExactMatch(), (head,)),), n_tokens=3)
    >>> T.forward(Rows.from_dense(np.array([[2.0], [1.0], [3.0]]))).dense().T.tolist()
    [[9.0, 4.0, 0.0]]
    >>> T.resources()  # doctest: +NORMALIZE_WHITESPACE
    Resources(layers=1, heads=1, head_width=1, query_width=1, token_width=1,
              context_length=3, precision_bits=64, tables=0)
    """

    layers: tuple[Layer, ...]
    n_tokens: int

    def __post_init__(self) -> None:
        if self.n_tokens < 1:
            raise ValueError(f"n_tokens must be at least 1, not {self.n_tokens}")

    def forward(
        self,
        rows: Rows,
        *,
        budget_bytes: int = 2**28,
        trace: Observer | None = None,
        progress: Progress | None = None,
    ) -> Rows:
        """Run all layers.

        Parameters
        ----------
        rows : Rows
            N = n_tokens.
        budget_bytes : int
            Memory for the queries, keys and values of one block.
        trace : callable or list, optional
            Called with (layer index, block, answer) for every block; a list gets such tuples.
        progress : callable, optional
            Called with (layers done, layers in all) after every layer.

        Returns
        -------
        Rows

        Raises
        ------
        ValueError
            Rows of another context length; a layer whose blocks are not the heads it declares.

        Notes
        -----
        Deterministic. Memory: the rows, one block with its answer, and what the fold keeps.
        """
        require_context(self, rows)
        record = trace.append if isinstance(trace, list) else None
        for index, layer in enumerate(self.layers):
            combine = layer.combine(rows)
            for block in declared_blocks(index, layer, rows, budget_bytes):
                answer = layer.mechanism_for(block).answer(block)
                if record:
                    record((index, block, answer))
                elif callable(trace):
                    trace(index, block, answer)
                combine.absorb(block, answer)
            rows = combine.finish()
            require_context(self, rows)
            if progress:
                progress(index + 1, len(self.layers))
        return rows

    def resources(self) -> Resources:
        """Measure the transformer on its layers."""
        layers = self.layers
        return Resources(
            layers=len(layers),
            heads=max((layer.n_heads for layer in layers), default=0),
            head_width=max((layer.value_width for layer in layers), default=0),
            query_width=max((layer.query_width for layer in layers), default=0),
            token_width=max((layer.token_width for layer in layers), default=0),
            context_length=self.n_tokens,
            precision_bits=max((layer.precision_bits for layer in layers), default=0),
            tables=max((layer.n_tables for layer in layers), default=0),
        )


def require_context(transformer: Transformer, rows: Rows) -> None:
    """Reject rows of another context length."""
    if rows.n_tokens != transformer.n_tokens:
        raise ValueError(
            f"the transformer has a context of {transformer.n_tokens} tokens, not {rows.n_tokens}"
        )


def declared_blocks(index: int, layer: Layer, rows: Rows, budget_bytes: int) -> Iterator[HeadBlock]:
    """Pass on the blocks of a layer and reject what `heads` does not declare.

    Parameters
    ----------
    index : int
        Of the layer, for the error.

    Raises
    ------
    ValueError
        A head missing, repeated or of another shape, a block over another context length.
    """
    declared = [[shape.count, shape.query_width, shape.value_width] for shape in layer.heads]
    declared.reverse()
    next_head = 0
    for block in layer.blocks(rows, budget_bytes):
        if block.first_head != next_head or block.n_tokens != rows.n_tokens:
            raise ValueError(
                f"layer {index}: expected a block from head {next_head} over {rows.n_tokens} "
                f"tokens, not from head {block.first_head} over {block.n_tokens}"
            )
        built, left = (block.query_width, block.value_width), block.n_heads
        while left:
            shape = tuple(declared[-1][1:]) if declared else None
            if shape != built:
                raise ValueError(
                    f"layer {index}, head {next_head + block.n_heads - left}: declared (query "
                    f"width, value width) {shape}, built {built}"
                )
            taken = min(left, declared[-1][0])
            left -= taken
            declared[-1][0] -= taken
            if not declared[-1][0]:
                declared.pop()
        next_head += block.n_heads
        yield block
    if next_head != layer.n_heads:
        raise ValueError(f"layer {index}: {layer.n_heads} heads declared, {next_head} built")
