"""Faults in a protocol of a user's own: what, and where in the user's file, in one line."""

from __future__ import annotations

import sys
import sysconfig
import traceback
from pathlib import Path


def said(error: BaseException) -> str:
    """Return what an error says on one line, with the place in the user's code where it arose.

    A note of a round or of the output map comes first, where the message does not name it.
    """
    text = " ".join(str(error).split())
    notes = [note.removeprefix("in ") for note in getattr(error, "__notes__", ())]
    step = f"{notes[0]}: " if notes and notes[0] not in text else ""
    named = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return f"{step}{named}{place(error)}"


def place(error: BaseException) -> str:
    """Return the innermost line of the user's code that an error passed, or nothing."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith("<") and not _is_ours(frame.filename):
            name = Path(frame.filename).name
            return f" ({name}, line {frame.lineno}, in {frame.name})"
    return ""


def _is_ours(filename: str) -> bool:
    """Whether a file is of this library, of Python, or of what is installed."""
    house = Path(__file__).parents[2]
    folders = [str(house / name) for name in ("anna_model", "mpc_sim", "reductions")]
    numpy = getattr(sys.modules.get("numpy"), "__file__", None)
    folders += [str(Path(numpy).parent)] if numpy else []
    folders += [sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")]
    return any(Path(filename).is_relative_to(folder) for folder in folders)
