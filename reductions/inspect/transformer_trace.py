"""Traces of a transformer: how the tokens weighed each other in every head, layer by layer.

Axes: N tokens, L layers, S = L + 1 steps: step 0 is the input, step l + 1 comes after layer l.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anna_model import Layer, Rows, Transformer
from anna_model.answers import Answer
from anna_model.heads import HeadBlock
from anna_model.patterns import HeadPattern, head_pattern
from mpc_sim import InputError
from mpc_sim.errors import LedgerError
from mpc_sim.pages import Grid, Matrix, Page, Side, save_page

Asked = tuple[HeadBlock, Answer]

PAIRS = "How a token (down) weighs the tokens (across)"
UNIT = 10_000
"""Weights are shown in steps of 1 / UNIT; what is not 0 is shown as one step at least."""

MOST_WEIGHTS = 2**28
"""Weights that may be written out for a page or the sum of a layer: some seconds of work."""

HEADINGS = ("heads", "query width", "value width", "token width", "tables", "precision bits")


@dataclass(frozen=True, eq=False)
class TransformerTrace:
    """One run of a transformer, kept.

    Parameters
    ----------
    rows : tuple of Rows
        S: before layer 0, and after every layer.
    asked : tuple of tuple of (HeadBlock, Answer)
        The blocks of every layer.
    """

    transformer: Transformer
    rows: tuple[Rows, ...]
    asked: tuple[tuple[Asked, ...], ...]

    @classmethod
    def of(cls, transformer: Transformer, rows: Rows) -> TransformerTrace:
        """Run a transformer and keep what it asked, received and held."""
        return cls(transformer, *run_kept(transformer, rows))

    @property
    def n_layers(self) -> int:
        """Layers, L."""
        return len(self.transformer.layers)

    @property
    def labels(self) -> tuple[str, ...]:
        """What the S steps are called."""
        layers = enumerate(self.transformer.layers)
        return ("input", *(f"layer {index}: {_name(layer)}" for index, layer in layers))

    def pattern(self, layer: int, head: int) -> HeadPattern:
        """Return how the tokens weighed each other in one head, and what its buckets were.

        Raises
        ------
        InputError
            If there is no such head.
        """
        for block, _ in self.asked[layer]:
            if 0 <= head - block.first_head < block.n_heads:
                return head_pattern(self.transformer, layer, block, head - block.first_head)
        raise InputError(
            f"layer {layer} has the heads 0 .. {self.transformer.layers[layer].n_heads - 1}, "
            f"not {head}"
        )

    def matrix(self, layer: int, head: int) -> Matrix:
        """Return one head as a page shows it."""
        pattern = self.pattern(layer, head)
        return _matrix(f"head {head}", pattern.weights, _notes(pattern))

    def sum_of_heads(self, layer: int) -> Matrix:
        """Return the sum of the weights of all heads of a layer, as a page shows it.

        Raises
        ------
        InputError
            If the weights of the layer are too many to be written out.
        """
        n_heads, n_tokens = self.transformer.layers[layer].n_heads, self.transformer.n_tokens
        if n_heads * n_tokens**2 > MOST_WEIGHTS:
            raise InputError(
                f"layer {layer} has {n_heads} heads over {n_tokens} tokens; at most "
                f"{MOST_WEIGHTS} weights are written out: choose a smaller input"
            )
        total = np.zeros((n_tokens, n_tokens))
        for head in range(n_heads):
            total += np.abs(self.pattern(layer, head).weights)
        return _matrix("sum of all heads", total, ())

    def sides(self, step: int) -> tuple[Side, ...]:
        """Return what is known of the tokens after a step, where their rows can be read."""
        return ()

    def save_html(
        self, path: str | Path, *, title: str = "A transformer, layer by layer", most_heads: int = 8
    ) -> None:
        """Write a page that steps through the layers: one file, without a kernel or a network.

        It shows how the tokens weigh each other in a head, with the statistics of its buckets, and
        of a compiled protocol also what the chosen token holds and received, beside the machine.

        Parameters
        ----------
        path : path
        most_heads : int
            The first so many heads of a layer are shown one by one, after the sum of all.

        Raises
        ------
        InputError
            If the weights are too many to be written out.
        LedgerError
            If the file cannot be written.

        Notes
        -----
        Time O(H N^2) per layer for N tokens and H heads; the file grows with the weights that are
        not 0, which in a compiled protocol are as many as the messages.
        """
        save_page(path, self.page(title, most_heads), LedgerError)

    def page(self, title: str, most_heads: int) -> Page:
        """Return what the page shows."""
        matrices = tuple(self._matrices(layer, most_heads) for layer in range(self.n_layers))
        totals = [step[0] for step in matrices]
        listening = np.zeros((self.n_layers + 1, self.transformer.n_tokens), np.int64)
        for step, total in enumerate(totals, start=1):
            np.add.at(listening[step], total.row, 1)
        most = max(1, int(listening.max(initial=0)))
        return Page(
            title=title,
            facts=(_facts(self.transformer),),
            step="layer",
            item="token",
            n_items=self.transformer.n_tokens,
            steps=self.labels,
            headings=HEADINGS,
            numbers=(
                ("",) * len(HEADINGS),
                *(tuple(map(str, _numbers(layer))) for layer in self.transformer.layers),
            ),
            text=str(self),
            grids=(Grid("tokens attended to", listening, limit=most),),
            matrices=((), *matrices),
            pairs=PAIRS,
            sides=tuple(self.sides(step) for step in range(self.n_layers + 1)),
        )

    def _matrices(self, layer: int, most_heads: int) -> tuple[Matrix, ...]:
        n_heads = min(most_heads, self.transformer.layers[layer].n_heads)
        each = (self.matrix(layer, head) for head in range(n_heads))
        return (self.sum_of_heads(layer), *each)

    def __str__(self) -> str:
        heading = f"{'layer':<40}" + "".join(f"{name.split()[0]:>10}" for name in HEADINGS[:4])
        lines = [_facts(self.transformer), heading]
        for label, layer in zip(self.labels[1:], self.transformer.layers, strict=True):
            numbers = "".join(f"{number:>10}" for number in _numbers(layer)[:4])
            lines.append(f"{label[:39]:<40}{numbers}")
        return "\n".join(lines)


def run_kept(
    transformer: Transformer, rows: Rows
) -> tuple[tuple[Rows, ...], tuple[tuple[Asked, ...], ...]]:
    """Run the layers, and fold their answers once more to see the rows between them.

    Returns
    -------
    rows : tuple of Rows
        Before layer 0, and after every layer.
    asked : tuple of tuple of (HeadBlock, Answer)
    """
    asked: list[list[Asked]] = [[] for _ in transformer.layers]
    transformer.forward(rows, trace=lambda layer, *pair: asked[layer].append(pair))
    between = [rows]
    for layer, pairs in zip(transformer.layers, asked, strict=True):
        combine = layer.combine(between[-1])
        for block, answer in pairs:
            combine.absorb(block, answer)
        between.append(combine.finish())
    return tuple(between), tuple(map(tuple, asked))


def _name(layer: Layer) -> str:
    return f"{type(layer).__name__} ({type(layer.mechanism).__name__})"


def _numbers(layer: Layer) -> tuple[int, ...]:
    widths = layer.query_width, layer.value_width, layer.token_width
    return (layer.n_heads, *widths, layer.n_tables, layer.precision_bits)


def _facts(transformer: Transformer) -> str:
    return f"N = {transformer.n_tokens} tokens, {len(transformer.layers)} layers"


def _matrix(name: str, weights: NDArray[Any], notes: tuple[str, ...]) -> Matrix:
    row, column = np.nonzero(weights)
    value = np.maximum(1, np.rint(UNIT * np.abs(weights[row, column]))).astype(np.int64)
    limit = max(UNIT, int(value.max(initial=0)))
    return Matrix(name, row, column, value, limit, UNIT, notes)


def _notes(pattern: HeadPattern) -> tuple[str, ...]:
    heard = np.count_nonzero(pattern.weights, axis=1)
    lines = [
        f"{np.count_nonzero(heard)} of {len(heard)} tokens attend to some token; "
        f"the most that one attends to: {heard.max(initial=0)}"
    ]
    if (pattern.weights < 0).any():
        lines.append("negative weights are shown by their size")
    said = (f"{name.replace('_', ' ')} {at:.4g}" for name, at in pattern.statistics.items())
    return (*lines, *(("; ".join(said),) if pattern.statistics else ()))


def same_memory(one: Side, other: Side, item: int) -> bool:
    """Return whether an item holds the same records, in the same order, on two sides."""
    return _records(one, item) == _records(other, item)


def side_text(side: Side, item: int) -> str:
    """Return what one item holds on a side, as text."""
    lines = [side.title]
    for (name, fields), records in _records(side, item).items():
        listed = " ".join("(" + ", ".join(map(str, record)) + ")" for record in records)
        lines.append(f"  {name}({', '.join(fields)}): {listed or '-'}")
    return "\n".join(lines)


def _records(side: Side, item: int) -> dict[tuple[str, tuple[str, ...]], list[tuple[int, ...]]]:
    found: dict[tuple[str, tuple[str, ...]], list[tuple[int, ...]]] = {}
    for section in side.sections:
        mine = section.owner == item
        columns = [column[mine].tolist() for column in section.columns]
        rows = zip(*columns, strict=True) if columns else ((),) * int(mine.sum())
        found[section.name, section.fields] = list(rows)
    return found
