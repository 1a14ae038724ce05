"""Records and inboxes: ranks, and words that are charged."""

from __future__ import annotations

import numpy as np
import pytest

from mpc_sim import Inbox, Records
from mpc_sim.records import rank_in_group


@pytest.mark.parametrize("machine", [[], [4], [0, 0, 1, 3, 3, 3], [7, 7, 2, 5, 5, 1], [3, 2, 1, 0]])
def test_ranks_begin_anew_at_every_machine(machine: list[int]) -> None:
    """Groups come in any order of machines, also in a falling one."""
    expected = [machine[:place].count(owner) for place, owner in enumerate(machine)]
    assert rank_in_group(np.array(machine, np.int64)).tolist() == expected
    assert Records.of(machine).rank.tolist() == expected


def test_held_words_count_the_fields_of_a_record() -> None:
    """Three fields are three words, one is one, and none is one."""
    inbox = Inbox.of(
        range(4),
        wide=Records.of([0, 0, 2], x=1, y=2, z=3),
        word=Records.of([2, 3], word=5),
        sign=Records.of([3, 3]),
    )
    assert inbox.held_words(4).tolist() == [6, 0, 4, 3]
