"""Files written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from mpc_sim.errors import MPCError


@contextmanager
def replacing(path: str | Path) -> Iterator[IO[bytes]]:
    """Open a file for writing that takes the place of ``path`` when the block ends without error.

    It is written beside ``path`` under the hidden name ``.NAME.part``, brought to the disk and
    renamed. A writer that is killed leaves the old file as it was; the next one reuses the name,
    so a path has one writer at a time.

    Raises
    ------
    OSError
        If it cannot be written; the old file stays.
    """
    path = Path(path)
    part = path.parent / f".{path.name}.part"
    try:
        with part.open("w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


@contextmanager
def whole_file(path: str | Path, error: type[MPCError]) -> Iterator[IO[bytes]]:
    """Open a file as `replacing`; what cannot be written raises ``error``, which names the path."""
    try:
        with replacing(path) as file:
            yield file
    except OSError as reason:
        raise error(
            f"{path} cannot be written: {reason.strerror or reason}", path=str(path)
        ) from None


def _sync_folder(folder: Path) -> None:
    """Bring a rename to the disk, where folders can be synchronised."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
