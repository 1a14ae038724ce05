"""What is not needed to run: packages by the extra of anna-mpc that installs them.

The one place where a missing package becomes a message. `anna_model`, which imports nothing of
here, has one of its own for training.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

EXTRAS = {
    "anywidget": "notebooks",
    "cloudpickle": "notebooks",
    "duckdb": "bench",
    "hypothesis": "test",
    "ipywidgets": "notebooks",
    "matplotlib": "plots",
    "pandas": "bench",
    "polars": "data",
}


class MissingExtra(ImportError):
    """A package of an extra is not installed; the message says how to install it."""


def needed(module: str, what: str) -> Any:
    """Import a module of a package that an extra installs.

    Parameters
    ----------
    module : str
        Such as ``matplotlib.figure``.
    what : str
        Begins the message: what needs it.

    Raises
    ------
    MissingExtra
        It is not installed, or something that it imports is not.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        reason = "" if error.name in (None, package, module) else f", which fails ({error})"
        raise MissingExtra(
            f"{what} needs {package}{reason}: pip install 'anna-mpc[{EXTRAS[package]}]'"
        ) from None
