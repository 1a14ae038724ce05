"""Settings of the property tests; a run under CI draws the same examples every time."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile(
    "house", deadline=None, max_examples=50, derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("house")
