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
from anna_model.lazy_values import not_zero
from reductions.mpc_to_anna.sending import CodedMessages


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
    code_width : int
        Of the widest codeword so far; 0 where none was sent.
    tokens : int
        Tokens that asked.
    """

    null: int | None = None
    widths: dict[tuple[int, int], int] = field(default_factory=dict)
    code_width: int = 0
    tokens: int = 0
    _layers: set[int] = field(default_factory=set)

    def __call__(self, layer: int, block: HeadBlock, answer: Answer) -> None:
        assert isinstance(block, SparseHeads)
        self._layers.add(layer)
        self.tokens = max(self.tokens, len(block.token_class))
        carries = not_zero(block.V) & (block.K[:, 0] != self.null)
        if isinstance(block.V, CodedMessages) and carries.any():
            self.code_width = max(self.code_width, block.V.code.width)
        for head in np.unique(block.key_head[carries]).tolist():
            self.widths[layer, block.first_head + head] = block.V.shape[1]

    @property
    def measured(self) -> dict[str, int]:
        """Return what was used, by the names of the rows of a certificate.

        ``token_width`` is that of all heads of a layer together.
        """
        layers = range(1 + max(self._layers, default=-1))
        of_layer = [[w for (at, _), w in self.widths.items() if at == layer] for layer in layers]
        return {
            "layers": len(self._layers),
            "heads": max(map(len, of_layer), default=0),
            "head_width": max(self.widths.values(), default=0),
            "code_width": self.code_width,
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
