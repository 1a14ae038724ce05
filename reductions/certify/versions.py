"""Versions that a figure depends on."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version


def versions() -> dict[str, str]:
    """Return the versions that a figure depends on."""
    found = {"python": platform.python_version()}
    for package in ("anna-mpc", "numpy", "numba", "sympy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found
