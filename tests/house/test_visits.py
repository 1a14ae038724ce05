"""Where the input of ``certify k-hop`` goes: few files see it before machines hold it.

A file counts when one of its functions is given, or returns, the N input words: an array with these
words, or an object whose fields lead to one. From the moment that an `Inbox` holds them they are
the memory of machines, which is the model at work, and are followed no further.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import numpy as np
import pytest

from mpc_sim import Inbox, Records
from reductions.certify import Case
from reductions.cli import main
from reductions.problems.exact import n_different
from reductions.registry import solver
from repository import ROOT

MOST_FILES = 14
N = 12
PACKAGES = ("mpc_sim", "anna_model", "reductions")
HOMES = tuple(f"{ROOT / package}/" for package in PACKAGES)


def carries(value: Any, words: np.ndarray) -> bool:
    """Return whether a value is the words, or leads to them."""
    if isinstance(value, np.ndarray):
        return value.dtype == words.dtype and np.array_equal(value, words)
    if isinstance(value, dict):
        return any(carries(one, words) for one in value.values())
    if isinstance(value, list | tuple):
        return any(carries(one, words) for one in value)
    if isinstance(value, type | Inbox) or type(value).__module__.split(".")[0] not in PACKAGES:
        return False
    return any(carries(one, words) for one in getattr(value, "__dict__", {}).values())


def visited(words: np.ndarray, run: Callable[[], object]) -> set[str]:
    """Return the files that see the words during a run."""
    found: set[str] = set()

    def look(frame: FrameType, event: str, arg: object) -> None:
        code = frame.f_code
        if event not in ("call", "return") or not code.co_filename.startswith(HOMES):
            return
        if code.co_name in ("<listcomp>", "<dictcomp>", "<setcomp>", "<genexpr>", "<module>"):
            return  # a part of a function, which Python 3.12 takes for it too; or no function
        if code.co_filename not in found:
            seen = frame.f_locals if event == "call" else {"": arg}
            if carries(seen, words):
                found.add(code.co_filename)

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        run()
    finally:
        sys.setprofile(before)
    return {name.removeprefix(f"{ROOT}/") for name in found}


def test_few_files_see_the_input_words_of_k_hop(capsys: pytest.CaptureFixture[str]) -> None:
    words = solver("k-hop").problem.draw(N, 0).words
    found = visited(words, lambda: main(["certify", "k-hop", "--n", str(N), "--no-back"]))
    assert capsys.readouterr().out.startswith("k-hop")
    assert {"reductions/certify/run.py", "mpc_sim/simulation.py"} <= found
    assert len(found) <= MOST_FILES, sorted(found)


def test_one_more_file_that_is_given_the_words_counts() -> None:
    problem = solver("k-hop").problem
    case = Case(problem, problem.draw(N, 0))
    words = case.instance.words
    assert visited(words, lambda: n_different(words, words)) == {"reductions/problems/exact.py"}
    assert visited(words, lambda: case.shown) == {"reductions/certify/run.py"}
    assert not visited(words, lambda: n_different(words + 1, words + 1))


def test_wrappers_and_copies_carry_the_words_and_machines_hold_them() -> None:
    problem = solver("k-hop").problem
    instance = problem.draw(N, 0)
    words = instance.words
    for carrier in (words.copy(), instance, Case(problem, instance), [{"input": instance}]):
        assert carries(carrier, words)
    held = Records.of(np.arange(N), word=words)
    assert carries(held, words)
    for other in (words + 1, words[1:], problem, Inbox(np.arange(N), {"input": held})):
        assert not carries(other, words)
