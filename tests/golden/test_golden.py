"""What the commands print is what was recorded; `record.py` beside this file says what is kept."""

from __future__ import annotations

import json

import pytest

from golden import record

COMMANDS = [*record.commands()]
QUICK = [one for one in COMMANDS if one[0] == "simulate" and one[-1] == "--charge"][::4]
"""Run by default; the others with the slow tests."""


def differences(arguments: list[str]) -> list[str]:
    """Where the answer of a command is not the recorded one."""
    new = record.run(arguments)
    old = record.recorded(arguments[0]).get(new["command"])
    return [] if json.loads(json.dumps(new)) == old else [f"recorded {old}", f"now {new}"]


def test_every_command_is_recorded() -> None:
    lines = {line for name in record.COMMANDS for line in record.recorded(name)}
    assert lines == {" ".join(one) for one in COMMANDS}


@pytest.mark.parametrize("arguments", QUICK, ids=" ".join)
def test_algorithms_print_what_was_recorded(arguments: list[str]) -> None:
    assert differences(arguments) == []


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [one for one in COMMANDS if one not in QUICK], ids=" ".join)
def test_commands_print_what_was_recorded(arguments: list[str]) -> None:
    assert differences(arguments) == []


def test_canary_a_row_that_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = QUICK[0]
    answer = json.loads(json.dumps(record.recorded("simulate")[" ".join(arguments)]))
    answer["answer"]["checks"][1][2] += 1
    monkeypatch.setattr(record, "run", lambda _: answer)
    assert differences(arguments) != []
