"""What the tests of the command line share."""

from __future__ import annotations

import io
import json
import math
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reductions.cli import main

LAYERS = ["layers", "heads", "head_width", "token_width", "precision_bits"]
MACHINES = ["rounds", "local_memory", "sent_words", "received_words", "machines"]
HASHED = ["output-lsh", "far_collisions", "far_uncorrected"]
BACK = ["back_rounds", "back_machines", "back_local_memory"]
ROWS = {
    "k-hop": [
        "output-mpc",
        "isolated",
        "output-transformer",
        *HASHED,
        "sides-differ",
        *MACHINES,
        *LAYERS,
    ],
    "match2": ["output-transformer", "output-back", *LAYERS, *BACK],
}
"""Rows of the defaults."""
SMALL_ROWS = ROWS | {
    "k-hop": [
        *("output-mpc", "isolated", "output-transformer", *HASHED, "output-back", "sides-differ"),
        *(*MACHINES, *LAYERS, *BACK),
    ]
}
"""Rows of inputs for which the way back is affordable."""
MORE_ROWS = {
    "sum": ["output-transformer", "output-back", *LAYERS, *BACK],
    "induction-heads": ["output-transformer", "output-back", *LAYERS, *BACK],
    "three-sum": ["output-mpc", "isolated", "output-transformer", *HASHED, *MACHINES, *LAYERS],
    "connectivity": ["output-mpc", "isolated", "output-transformer", *HASHED, *MACHINES, *LAYERS],
    "one-vs-two-cycle": [
        "output-mpc",
        "isolated",
        "output-transformer",
        *HASHED,
        *MACHINES,
        *LAYERS,
    ],
}
"""Tasks that are tested on smaller inputs; certified as such, or by their algorithm."""

KINDS, STATUSES = {"exact", "upper", "whp", "expected"}, {"PASS", "FAIL", "UNVERIFIED"}


@dataclass(frozen=True)
class Run:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Anna = Callable[..., Run]


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture(name="anna")
def anna_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Anna:
    """Run a command in this process; ``stdin`` is what it reads."""

    def run(*arguments: object, stdin: str = "") -> Run:
        source = io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")
        monkeypatch.setattr(sys, "stdin", source)
        capsys.readouterr()
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as stop:  # --help and --version
            status = int(stop.code or 0)
        return Run(status, *capsys.readouterr())

    return run


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def faults(certificate: Any) -> list[str]:
    """What keeps an object from being a certificate as the design describes it."""
    types = {"ok": bool, "parameters": dict, "versions": dict, "checks": list}
    found = [name for name in ("schema", "task") if not certificate.get(name)]
    found += [name for name, kind in types.items() if not isinstance(certificate.get(name), kind)]
    found += [] if is_number(certificate.get("seconds")) else ["seconds"]
    for check in certificate.get("checks") or []:
        numbers = ["measured", "bound"] if check.get("status") != "UNVERIFIED" else ["bound"]
        numbers += ["compared"] if str(check.get("name")).startswith("output-") else []
        wrong = [name for name in numbers if not is_number(check.get(name))]
        wrong += [name for name in ("name", "source") if not check.get(name)]
        wrong += [] if check.get("kind") in KINDS else ["kind"]
        wrong += [] if check.get("status") in STATUSES else ["status"]
        found += [f"{check.get('name')}: {name}" for name in wrong]
    failed = any(check.get("status") == "FAIL" for check in certificate.get("checks") or [])
    return found + (["ok"] if certificate.get("ok") is failed else [])


def words_of(path: Path) -> list[str]:
    """The words of a file that has one a line."""
    *words, rest = path.read_text(encoding="utf-8").split("\n")
    assert rest == ""
    return words


def one_error_line(run: Run) -> bool:
    """Whether a run said nothing but one line of the right form, on standard error."""
    return run.out == "" and re.fullmatch(r"anna-mpc: [^\n]+\n", run.err) is not None
