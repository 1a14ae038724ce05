"""How much memory this machine has, for refusals before anything is allocated."""

from __future__ import annotations

import os


def available_bytes() -> int:
    """Return the memory of this machine in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
