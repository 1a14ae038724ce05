"""What the commands print, kept: run this file to record it anew, with parts of names as a choice.

    python tests/golden/record.py [PART ...]

Every name of ``list`` runs through the commands that take it, with two sets of options. Kept are
status, parameters, remarks and rows of the JSON: names, measured values, bounds, kinds. Seconds,
versions and wording are left out. What changes by intention is recorded anew, and the commit says
what it is.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

HERE = Path(__file__).parent
COMMANDS = ("certify", "simulate", "sweep", "separations")
LEFT_OUT = frozenset(
    {
        "schema",
        "seconds",
        "compile_seconds",
        "versions",
        "date",
        "command",
        "label",
        "statement",
        "source",
    }
)
KEPT = ("name", "measured", "bound", "kind", "status", "compared")
"""Of a row of a certificate, in this order."""

SECOND = {
    "certify": [
        "--n",
        "36",
        "--seed",
        "2",
        "--code",
        "disjunct",
        "--head-order",
        "spread",
        "--no-back",
    ],
    "solver": ["--n", "21", "--seed", "2"],
    "simulate": ["--n", "200", "--seed", "2", "--charge"],
    "sweep": ["--n", "64", "--epsilon", "3/4", "--seed", "0..1"],
}
OTHERS = [
    ["sweep", "machines", "--n", "2^5..2^8", "--ratio", "10"],
    ["sweep", "machines", "--n", "2^5..2^7", "--mechanism", "softmax,low-rank"],
    ["sweep", "depth", "--n", "2^10", "--k", "1..16", "--run", "64"],
    ["sweep", "depth", "--n", "2^8", "--k", "4", "--letters", "8", "--run", "32"],
    ["sweep", "heads", "--n", "2^6..2^8", "--k", "4"],
    ["sweep", "bounds"],
    ["sweep", "bounds", "--n", "2^6"],
    ["separations"],
]


def commands() -> Iterator[list[str]]:
    """Every command line that is recorded."""
    yield from map(
        list, dict.fromkeys(map(tuple, _commands()))
    )  # a task and an algorithm may agree


def _commands() -> Iterator[list[str]]:
    from reductions.registry import names, solver
    from reductions.separations.table import compared

    for name in compared():
        yield ["certify", name, "--n", "48", "--seed", "1"]
        yield ["certify", name, "--n", "20", "--seed", "2"]
    for name in names("solver"):
        yield ["certify", name, "--n", "30", "--seed", "1"]
        yield ["certify", name, *SECOND["solver"]]
    for name in names("problem"):
        if solver(name).compiles is None:
            continue
        yield ["certify", name, "--n", "48", "--seed", "1"]
        yield ["certify", name, *SECOND["certify"]]
        yield ["simulate", name, "--n", "100", "--seed", "1"]
        yield ["simulate", name, *SECOND["simulate"]]
        yield ["sweep", name, "--n", "2^6,2^7", "--seed", "1"]
        yield ["sweep", name, *SECOND["sweep"]]
    yield from OTHERS
    for name in compared():
        yield ["separations", "--task", name]


def run(arguments: list[str]) -> dict[str, Any]:
    """Run one command in this process; what of its answer is kept.

    Isolation takes the rounds that it always takes: how many more it samples is a matter of time.
    """
    from reductions.cli import main

    out, error = io.StringIO(), io.StringIO()
    with (
        mock.patch("mpc_sim.isolation.SECONDS", 0),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(error),
    ):
        status = main([*arguments, "--json"])
    answer = kept(json.loads(out.getvalue())) if out.getvalue() else error.getvalue()
    return {"command": " ".join(arguments), "status": status, "answer": answer}


def kept(value: Any) -> Any:
    """An answer without what differs from run to run or is only wording."""
    match value:
        case {"checks": list(checks), **rest}:
            rows = [[row.get(name) for name in KEPT] for row in checks]
            return {"checks": kept(rows), **kept(rest)}
        case {"ledger": list(ledger), **rest}:
            totals = {
                name: sum(row[name] for row in ledger) for name in ledger[0] if name != "label"
            }
            return {"ledger": totals, **kept(rest)}
        case dict():
            return {name: kept(one) for name, one in value.items() if name not in LEFT_OUT}
        case list():
            return [kept(one) for one in value]
        case float():
            return float(f"{value:.9g}")
    return value


def recorded(command: str) -> dict[str, dict[str, Any]]:
    """Every recorded answer of a command, by its command line."""
    lines = (HERE / f"{command}.jsonl").read_text(encoding="utf-8").splitlines()
    return {one["command"]: one for one in map(json.loads, lines)}


def main(parts: list[str]) -> None:
    """Record all commands, or those in whose line one of the parts stands."""
    chosen = [one for one in commands() if not parts or any(p in " ".join(one) for p in parts)]
    old = {name: recorded(name) if (HERE / f"{name}.jsonl").exists() else {} for name in COMMANDS}
    new = {name: dict(old[name]) if parts else {} for name in COMMANDS}
    for number, arguments in enumerate(chosen, 1):
        print(f"{number} of {len(chosen)}: {' '.join(arguments)}", file=sys.stderr)
        answer = run(arguments)
        new[arguments[0]][answer["command"]] = answer
    for name, answers in new.items():
        text = "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in answers.values())
        (HERE / f"{name}.jsonl").write_text(text, encoding="utf-8")
        for line in sorted(old[name].keys() | answers.keys()):
            if old[name].get(line) != answers.get(line):
                print(f"changed: {line}")


if __name__ == "__main__":
    main(sys.argv[1:])
