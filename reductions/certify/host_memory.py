"""How much memory this machine has, for refusals before anything is allocated.

The least of what the system says it has (psutil where there is no ``sysconf``, if it is installed)
and of what a container may take: the limits of the control groups that a process is in.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

UNKNOWN_BYTES = 2**33
"""Where neither the system nor psutil says it."""


def available_bytes(root: str | Path = "/") -> int:
    """Return the memory that a process may take here, in bytes; ``root`` is for tests."""
    limits = [physical_bytes(), *cgroup_limits(Path(root))]
    return min(limits)


def physical_bytes() -> int:
    """Return the memory of this machine."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        try:
            import psutil
        except ImportError:
            return UNKNOWN_BYTES
        return int(psutil.virtual_memory().total)


def cgroup_limits(root: Path) -> Iterator[int]:
    """Yield the limits of the control groups of this process and of those around them.

    Version 2 has one tree with ``memory.max``, version 1 one for memory; inside a container the own
    group may be what is mounted at the top.
    """
    mounted = root / "sys/fs/cgroup"
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        lines = []
    groups = [(mounted, "memory.max", "/"), (mounted / "memory", "memory.limit_in_bytes", "/")]
    for line in lines:
        _, controllers, group, *_ = [*line.split(":", 2), "", ""]
        if not controllers:
            groups.append((mounted, "memory.max", group))
        elif "memory" in controllers.split(","):
            groups.append((mounted / "memory", "memory.limit_in_bytes", group))
    for top, file, group in groups:
        parts = [part for part in group.split("/") if part not in ("", "..")]
        for depth in range(len(parts) + 1):
            try:
                text = top.joinpath(*parts[:depth], file).read_text().strip()
            except OSError:
                continue
            if text.isdigit():
                yield int(text)
