"""The numbers that the executor touches, counted on the arrays of a run.

Axes: N tokens, H heads of a layer, m value width, E messages, which are the keys that are present.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np

from anna_model.answers import Answer
from anna_model.heads import HeadBlock, SparseHeads


@dataclass
class LayerWork:
    """What the mechanism of a layer read and wrote.

    Parameters
    ----------
    tokens, messages : int
        N, and E over all heads.
    message_numbers : int
        Numbers of all messages, the sum of E m over heads.
    numbers : int
        Of every array of every block and answer: values, keys, queries and indices.
    """

    tokens: int = 0
    messages: int = 0
    message_numbers: int = 0
    numbers: int = 0

    @property
    def bound(self) -> int:
        """8 (E m + N): sparse answering touches no more, whatever N H m is."""
        return 8 * (self.message_numbers + self.tokens)


@dataclass
class WorkCounter:
    """A trace of `Transformer.forward` that keeps counts alone.

    Notes
    -----
    Blocks and answers are counted as they are handed over; the memory of a mechanism inside one
    answer is a constant number of copies of them. A message costs its m numbers as a value and at
    most m in an average, two indices, its key, and three indices of the pair that receives it; a
    block costs N classes, and a query class four numbers.
    """

    layers: dict[int, LayerWork] = field(default_factory=dict)

    def __call__(self, layer: int, block: HeadBlock, answer: Answer) -> None:
        work = self.layers.setdefault(layer, LayerWork())
        work.tokens = block.n_tokens
        work.numbers += _numbers(block) + _numbers(answer)
        if isinstance(block, SparseHeads):
            work.messages += len(block.V)
        else:
            work.messages += block.n_heads * block.n_tokens
        work.message_numbers += block.V.size


def _numbers(arrays: HeadBlock | Answer) -> int:
    values = (getattr(arrays, one.name) for one in fields(arrays))
    return sum(value.size for value in values if isinstance(value, np.ndarray))
