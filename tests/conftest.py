"""Settings of the property tests; a run under CI draws the same examples every time."""

from __future__ import annotations

import os
import signal
import zlib

import pytest
from hypothesis import settings

settings.register_profile(
    "house", deadline=None, max_examples=50, derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("house")

# A shell without job control starts what runs in the background deaf to SIGINT, and the commands
# that the tests start and interrupt inherit it; a handler is not inherited.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--tenth", action="store_true", help="a tenth of the tests, by their names: for coverage"
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep a fixed tenth where it is asked for: the same one wherever the files are moved."""
    if config.getoption("--tenth"):
        items[:] = [item for item in items if zlib.crc32(item.name.encode()) % 10 == 0]
