"""Every mutant of the campaign still applies; `python -m tests.mutants` says what kills it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from mutants.__main__ import Copy, outcome, score
from mutants.mutant import Mutant, mutants
from repository import ROOT

MUTANTS = mutants()


def faults(mutant: Mutant, root: Path) -> list[str]:
    """What is wrong with a row of the table."""
    try:
        text = mutant.text(root)
    except (OSError, ValueError) as error:
        return [str(error)]
    found = ["nothing changes"] if text == (root / mutant.file).read_text() else []
    for test in mutant.tests:
        file, _, name = test.partition("::")
        here, function = root / file, name.partition("[")[0]
        if not here.is_file() or f"def {function}(" not in here.read_text():
            found.append(f"no test {test}")
    return found if mutant.tests else [*found, "no tests"]


def test_every_mutant_applies() -> None:
    wrong = {mutant.name: faults(mutant, ROOT) for mutant in MUTANTS}
    assert {name: found for name, found in wrong.items() if found} == {}


def test_mutants_have_names_of_their_own_and_are_many() -> None:
    names = Counter(mutant.name for mutant in MUTANTS)
    assert [name for name, times in names.items() if times > 1] == []
    rooms = Counter(mutant.room for mutant in MUTANTS if not mutant.equivalent)
    assert {"mpc_sim", "codes", "compiler", "hashing", "bounds"} <= set(rooms)
    assert rooms.total() >= 120


@pytest.mark.parametrize(
    ("find", "replace", "fault"),
    [
        ("return 1", "return 2", None),
        ("return 3", "return 2", "0 times"),
        ("return", "yield", "2 times"),
        ("return 1", "return (", "does not compile"),
        ("return 1", "return 1", "nothing changes"),
    ],
)
def test_canary_a_mutant_that_does_not_apply(
    tmp_path: Path, find: str, replace: str, fault: str | None
) -> None:
    (tmp_path / "a.py").write_text("def f():\n    return 1\n\ndef g():\n    return 2\n")
    (tmp_path / "test_a.py").write_text("def test_f(): ...\n")
    mutant = Mutant("m", "a.py", find, replace, "one is two", ("test_a.py::test_f",), "room")
    found = faults(mutant, tmp_path)
    assert found == [] if fault is None else fault in found[0]
    gone = Mutant("m", "a.py", "return 1", "return 2", "", ("test_a.py::test_g",), "room")
    assert faults(gone, tmp_path) == ["no test test_a.py::test_g"]


def test_canary_a_fault_is_killed_only_if_a_test_fails(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    source = "def f(x):\n    return x + 1\n\n\ndef g(x):\n    return x + 2\n"
    (tmp_path / "whole" / "a.py").write_text(source)
    (tmp_path / "whole" / "test_a.py").write_text(
        "import a\n\ndef test_f():\n    assert a.f(1) == 2\n"
    )
    copy = Copy.of(tmp_path / "whole", tmp_path / "copy", seconds=60)
    outcomes = {}
    for name, find, replace in (("f", "x + 1", "x - 1"), ("g", "x + 2", "x - 2"), ("h", "h", "i")):
        mutant = Mutant(name, "a.py", find, replace, "", ("test_a.py::test_f",), "room")
        outcomes[mutant] = copy.try_out(mutant)
    found = list(outcomes.values())
    assert found[:2] == ["killed", "survived"]
    assert found[2].startswith("does not apply")
    assert (copy.root / "a.py").read_text() == source
    assert [line.split() for line in score(outcomes)] == [
        [name, "1", "of", "3", "33.3%"] for name in ("room", "all")
    ]


def test_statuses() -> None:
    assert [outcome(status) for status in (0, 1, 2, None, -11, 4)] == [
        "survived", "killed", "killed (on import)", "killed (too slow)", "killed (crash)",
        "no tests ran: status 4",
    ]  # fmt: skip
