"""A protocol of a user's own, from the command line: one line with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from cases.command_line import Anna, anna_command, plain_surroundings

__all__ = ["anna_command", "plain_surroundings"]

FAULTS = {
    "Divides": (
        1,
        r"round 0 (Divides): ZeroDivisionError: ",
        "(own_protocols.py, line 37, in step)",
    ),
    "SendsHalf": (1, "machine 0 sends 0.5 on channel 'w'", "(own_protocols.py, line 42, in step)"),
    "PutsNothingOut": (1, "the output of machine 0 is None", ""),
    "ReturnsNothing": (1, "StepError: round 0 (ReturnsNothing): the step of", ""),
}


@pytest.mark.parametrize("command", ["simulate", "certify"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_one_line_with_its_place(anna: Anna, command: str, name: str) -> None:
    status, says, place = FAULTS[name]
    run = anna(command, f"cases.own_protocols:{name}", "--n", 16)
    assert run.status == status
    assert run.err.count("\n") == 1
    assert says in run.err
    assert place in run.err
    assert "Traceback" not in run.err


def test_a_fault_of_ours_keeps_its_frames(anna: Anna, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reductions.certify.run.simulate", int)
    with pytest.raises(TypeError):
        anna("simulate", "cases.own_protocols:Keeps", "--n", 16)


def test_open_receipts_are_a_remark(
    anna: Anna, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    text = """
from cases.own_protocols import Columns, Channel
class Open(Columns):
    def channels(self, round, cluster):
        return (Channel("w", ("word",), cluster.block_words, {most}),)
"""
    for name, most in (("opens", "None"), ("closed", "1")):
        (tmp_path / f"{name}_receipts.py").write_text(text.format(most=most), encoding="utf-8")
        run = anna("simulate", f"{name}_receipts:Open", "--n", 16)
        assert run.status == 0
        assert ("do not declare what a machine receives (1, the first" in run.out) == (
            most == "None"
        )
