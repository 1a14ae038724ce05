"""Run the mutation campaign: ``python -m tests.mutants [--room ROOM ...] [--name NAME ...]``.

Every mutant is put into a copy of the repository, and its tests run there: they must fail. First
all the tests run without any fault, since tests that fail anyway kill nothing. The exit status is 0
if every mutant that is not equivalent was killed.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .mutant import Mutant, mutants

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "*.egg-info", "htmlcov")
SECONDS = 300
KILLED, SURVIVED, DOES_NOT_APPLY = "killed", "survived", "does not apply"
EQUIVALENT, NO_TESTS = "equivalent", "no tests ran"
FAILED, INTERRUPTED = 1, 2  # exit statuses of pytest; the second, where a file cannot be imported


def outcome(status: int | None) -> str:
    """Return what the exit status of the tests says of a mutant."""
    if status is None:
        return f"{KILLED} (too slow)"
    if status < 0:
        return f"{KILLED} (crash)"
    if status == 0:
        return SURVIVED
    known = {FAILED: KILLED, INTERRUPTED: f"{KILLED} (on import)"}
    return known.get(status, f"{NO_TESTS}: status {status}")


@dataclass(frozen=True)
class Copy:
    """A copy of the repository, with caches of its own."""

    root: Path
    seconds: float

    @classmethod
    def of(cls, root: Path, folder: Path, seconds: float) -> Copy:
        """Copy a repository into a folder."""
        shutil.copytree(root, folder / "repository", ignore=LEFT_OUT)
        return cls(folder / "repository", seconds)

    def pytest(
        self, tests: Iterable[str], *, cache: str = "numba", plain: bool = False
    ) -> tuple[int | None, str]:
        """Run tests: exit status, None where they took too long, and what was printed."""
        environment = os.environ | {
            "NUMBA_CACHE_DIR": str(self.root.parent / cache),
            "NUMBA_DISABLE_JIT": str(int(plain)),
            "OPENBLAS_NUM_THREADS": "1",
            "CI": "1",  # hypothesis draws the same examples every time
        }
        # to show where two lists of thousands differ takes longer than all else
        command = [sys.executable, "-m", "pytest", "-x", "-q", "--tb=short", "--assert=plain"]
        command += ["-p", "no:cacheprovider", "-m", "not slow and not browser", *tests]
        try:
            ran = subprocess.run(
                command, cwd=self.root, env=environment, capture_output=True, text=True,
                timeout=self.seconds, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return None, ""
        return ran.returncode, ran.stdout + ran.stderr

    def try_out(self, mutant: Mutant) -> str:
        """Return what became of a mutant; the copy is as before."""
        file = self.root / mutant.file
        try:
            text = mutant.text(self.root)
        except (OSError, ValueError) as error:
            return f"{DOES_NOT_APPLY}: {error}"
        before = file.read_text(encoding="utf-8")
        # caches tell files apart by size and second of change, which may both be the same
        cache = mutant.name if mutant.is_compiled else "numba"
        try:
            self._write(file, text)
            status, _ = self.pytest(mutant.tests, cache=cache, plain=mutant.plain)
        finally:
            self._write(file, before)
            if mutant.is_compiled:
                shutil.rmtree(self.root.parent / cache, ignore_errors=True)
        return outcome(status)

    def _write(self, file: Path, text: str) -> None:
        file.write_text(text, encoding="utf-8")
        Path(importlib.util.cache_from_source(str(file))).unlink(missing_ok=True)


def score(outcomes: dict[Mutant, str]) -> list[str]:
    """Return the lines of the score: killed of all that are not equivalent, by room and in all."""
    counted = {mutant: found for mutant, found in outcomes.items() if found != EQUIVALENT}
    rooms = sorted({mutant.room for mutant in counted})
    groups = {room: [m for m in counted if m.room == room] for room in rooms}
    lines = []
    for name, group in (*groups.items(), ("all", list(counted))):
        killed = sum(counted[mutant].startswith(KILLED) for mutant in group)
        lines.append(f"{name:<24} {killed:>3} of {len(group):>3}  {killed / len(group):.1%}")
    return lines if counted else []


def main(arguments: list[str] | None = None) -> int:
    """Run the campaign and print its table."""
    parser = argparse.ArgumentParser("python -m tests.mutants", description=__doc__)
    parser.add_argument("--room", action="append", help="the mutants of this room; repeatable")
    parser.add_argument("--name", action="append", help="this mutant; repeatable")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="limit for one mutant")
    parser.add_argument("--list", action="store_true", help="only list the mutants")
    given = parser.parse_args(arguments)
    known = mutants()
    for option, asked, there in (
        ("--room", given.room, {mutant.room for mutant in known}),
        ("--name", given.name, {mutant.name for mutant in known}),
    ):
        unknown = sorted(set(asked or ()) - there)
        if unknown:
            parser.error(f"{option}: {', '.join(unknown)} is unknown")
    chosen = [
        mutant
        for mutant in known
        if (not given.room or mutant.room in given.room)
        and (not given.name or mutant.name in given.name)
    ]
    if given.list:
        for mutant in chosen:
            print(f"{mutant.room:<20} {mutant.name:<44} {mutant.broken}")
        return 0
    outcomes = {mutant: EQUIVALENT for mutant in chosen if mutant.equivalent}
    tried = [mutant for mutant in chosen if not mutant.equivalent]
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy.of(ROOT, Path(folder), given.seconds)
        for plain in (False, True):  # all at once; without a limit, as there may be many
            every = sorted({test for one in tried for test in one.tests if one.plain == plain})
            status, shown = Copy(copy.root, 3600).pytest(every, plain=plain) if every else (0, "")
            if status != 0:
                print(shown[-3000:] + "\nthe tests fail without any mutant")
                return 2
        for mutant in tried:
            outcomes[mutant] = copy.try_out(mutant)
            print(f"{mutant.room:<20} {mutant.name:<44} {outcomes[mutant]}", flush=True)
    for mutant in chosen:
        if mutant.equivalent:
            print(f"{mutant.room:<20} {mutant.name:<44} {EQUIVALENT}: {mutant.equivalent}")
    print(*score(outcomes), sep="\n")
    return 0 if all(found.startswith((KILLED, EQUIVALENT)) for found in outcomes.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
