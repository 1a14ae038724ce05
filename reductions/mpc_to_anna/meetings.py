"""How many messages meet in one head of a run: what the capacity of the code has to cover."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anna_model import SparseHeads
from anna_model.answers import Answer
from anna_model.heads import HeadBlock
from reductions.mpc_to_anna.sending import CodedMessages


@dataclass
class MeetingCounter:
    """A trace of a compiled protocol by exact match.

    Parameters
    ----------
    most : int
        The most messages with one destination in one head so far, over all layers.
    """

    most: int = 0

    def __call__(self, layer: int, block: HeadBlock, answer: Answer) -> None:
        assert isinstance(block, SparseHeads)
        if not isinstance(block.V, CodedMessages) or not len(block.K):
            return  # what is kept, or the input: no code
        place = np.column_stack([block.key_head, block.K])
        _, counts = np.unique(place, axis=0, return_counts=True)
        self.most = max(self.most, int(counts.max()))
