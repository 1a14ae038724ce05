"""What a run of a compiled protocol really uses: heads that carried something, widths written.

Axes: E values written in a block of heads, m their width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from anna_model import SparseHeads
from anna_model.answers import Answer
from anna_model.heads import HeadBlock


@dataclass
class UsedHeads:
    """A trace of a compiled protocol that keeps the width of every head that carried something.

    A head carries something where a value that is not zero has a key that a token can ask for.

    Parameters
    ----------
    null : int, optional
        A key for which no token asks: that of tokens without a message, where ids are hashed.
    widths : dict of (int, int) to int
        By layer and head, as far as the run has come.
    tokens : int
        Tokens that asked.
    """

    null: int | None = None
    widths: dict[tuple[int, int], int] = field(default_factory=dict)
    tokens: int = 0
    _layers: set[int] = field(default_factory=set)

    def __call__(self, layer: int, block: HeadBlock, answer: Answer) -> None:
        assert isinstance(block, SparseHeads)
        self._layers.add(layer)
        self.tokens = max(self.tokens, len(block.token_class))
        carries = block.V.any(axis=1) & (block.K[:, 0] != self.null)
        for head in np.unique(block.key_head[carries]).tolist():
            self.widths[layer, block.first_head + head] = block.V.shape[1]

    @property
    def measured(self) -> dict[str, int]:
        """Return what was used, by the names of the rows of a certificate.

        ``code_width`` is of heads of messages, 0 where the run sent none; ``token_width`` is
        that of all heads of a layer together.
        """
        layers = range(1 + max(self._layers, default=-1))
        of_layer = [[w for (at, _), w in self.widths.items() if at == layer] for layer in layers]
        codes = [width for (layer, head), width in self.widths.items() if layer and head]
        return {
            "layers": len(self._layers),
            "heads": max(map(len, of_layer), default=0),
            "head_width": max(self.widths.values(), default=0),
            "code_width": max(codes, default=0),
            "token_width": max(map(sum, of_layer), default=0),
            "context_length": self.tokens,
        }


Told = Callable[[int, HeadBlock, Answer], object]


def both(*observers: Told | None) -> Told:
    """Return a trace that tells several, those that are there."""

    def told(layer: int, block: HeadBlock, answer: Answer) -> None:
        for observer in observers:
            if observer is not None:
                observer(layer, block, answer)

    return told
