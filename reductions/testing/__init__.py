"""The conformance kit: whether something is a protocol, does what it should, and compiles.

A protocol of one's own in twenty lines, taken through every check of `CHECKS`:

>>> from dataclasses import dataclass
>>> from mpc_sim import Channel, PerMachine
>>> @dataclass(frozen=True)
... class Largest(PerMachine):
...     "Every output word is the largest input word: all machines send to all machines."
...     def n_rounds(self, cluster):
...         return 1
...     def channels(self, round, cluster):
...         return (Channel("largest", ("word",), cluster.n_machines, cluster.n_machines),)
...     def step(self, round, memory):
...         words = [word for (word,) in memory["input"]]
...         for machine in range(memory.cluster.n_machines):
...             memory.send("largest", machine, max(words, default=0))
...     def output(self, memory):
...         return [max(word for (word,) in memory["largest"])] * memory.n_words
>>> from reductions.testing import assert_conforms, cases
>>> def oracle(words):
...     return [max(words)] * len(words)
>>> assert_conforms(Largest(), [3, 1, 4, 1, 5, 9, 2, 6], oracle=oracle)
>>> assert_conforms(Largest(), cases(Largest()), oracle=oracle)

In a test the fixture ``conforms`` does the same and shows the failing check in the report. It comes
with ``pytest -p reductions.testing``, or with ``pytest_plugins = ["reductions.testing"]`` in the
test module or the topmost ``conftest.py``. Strategies need hypothesis and the fixture needs pytest;
``assert_conforms`` on explicit inputs needs neither.

PYTEST_DONT_REWRITE: nothing here asserts what a test should show, and a plugin may be imported
before pytest registers it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reductions.testing.conformance import assert_conforms as assert_conforms
    from reductions.testing.fixture import conforms as conforms
    from reductions.testing.not_conforming import CHECKS as CHECKS, NotConforming as NotConforming
    from reductions.testing.strategies import (
        cases as cases,
        clusters as clusters,
        word_inputs as word_inputs,
        words as words,
    )

_HOME = {
    "CHECKS": "not_conforming",
    "NotConforming": "not_conforming",
    "assert_conforms": "conformance",
    "cases": "strategies",
    "clusters": "strategies",
    "conforms": "fixture",
    "word_inputs": "strategies",
    "words": "strategies",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"reductions.testing.{_HOME[name]}"), name)
    raise AttributeError(f"module 'reductions.testing' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
