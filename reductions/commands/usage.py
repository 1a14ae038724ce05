"""What a command says where it is used wrongly."""

from __future__ import annotations


class UsageError(Exception):
    """Bad usage, a malformed file or an impossible size; one line that says what to change."""
