"""How long loops were compiled in this process, and one line on a terminal when it begins."""

from __future__ import annotations

import logging
import sys


class _Compiling(logging.Handler):
    """Adds up what the loops log."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.seconds, self.is_said = 0.0, False

    def emit(self, record: logging.LogRecord) -> None:
        self.seconds += getattr(record, "seconds", 0.0)
        if not self.is_said and sys.stderr is not None and sys.stderr.isatty():
            self.is_said = True
            print(record.getMessage(), file=sys.stderr)


_COMPILING = _Compiling()
_LOGGER = logging.getLogger("anna_mpc.compiling")
_LOGGER.addHandler(_COMPILING)
_LOGGER.setLevel(logging.INFO)
_LOGGER.propagate = False


def compile_seconds() -> float:
    """Return how long loops were compiled since this process began."""
    return _COMPILING.seconds
