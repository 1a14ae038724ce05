"""Settings of the property tests; a run under CI draws the same examples every time."""

from __future__ import annotations

import os
import signal

from hypothesis import settings

settings.register_profile(
    "house", deadline=None, max_examples=50, derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("house")

# A shell without job control starts what runs in the background deaf to SIGINT, and the commands
# that the tests start and interrupt inherit it; a handler is not inherited.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
