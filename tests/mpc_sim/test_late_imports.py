"""What steps import late is loaded before workers are forked, and nothing else is."""

from __future__ import annotations

from functools import partial

import pytest

from cases.tasks import has_loaded
from mpc_sim.algorithms.k_hop import OwnLetter
from mpc_sim.clean_process import CAN_FORK, CleanProcesses
from mpc_sim.compose import parallel, sequence
from mpc_sim.protocol import Protocol


def loaded(protocol: Protocol) -> bool:
    with CleanProcesses(protocol) as clean:
        return bool(clean.submit(partial(has_loaded, "colorsys"))(60))


@pytest.mark.skipif(not CAN_FORK, reason="this system has no fork")
def test_late_imports_of_every_part_are_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    deep = sequence(parallel(OwnLetter(), OwnLetter()))
    assert not loaded(deep)
    monkeypatch.setattr(OwnLetter, "late_imports", ("no_such_module", "colorsys"))
    assert loaded(OwnLetter())
    assert loaded(deep)
