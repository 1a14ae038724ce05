"""Tasks for clean processes, where those can import them."""

from __future__ import annotations

import sys


def has_loaded(module: str, _: object) -> bool:
    """Whether the process has imported a module."""
    return module in sys.modules
