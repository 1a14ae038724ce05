"""Things of the user's own that a command names as ``module:name``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any

from reductions.commands.usage import UsageError
from reductions.registry import instead


def is_own(name: str) -> bool:
    """Whether a text has the form ``module:name``."""
    module, _, attribute = name.partition(":")
    return bool(attribute) and all(part.isidentifier() for part in module.split("."))


def load_own(name: str, kind: str, is_made: Callable[[Any], bool], **options: Any) -> Any:
    """Import what ``module:name`` names; what makes one is called with the options.

    Parameters
    ----------
    name : str
    kind : str
        What it should be, for the error.
    is_made : callable
        Whether an object is of that kind.
    **options
        Given to a class or function only.

    Raises
    ------
    UsageError
        It cannot be imported or made, or is of another kind.
    """
    module, _, attribute = name.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")  # as for python -m: the module may lie in the working folder
    try:
        found: Any = import_module(module)
    except (Exception, SystemExit) as error:
        raise UsageError(f"{name}: cannot import {module}: {one_line(error)}") from None
    try:
        for part in attribute.split("."):
            found = getattr(found, part)
        if callable(found) and not is_made(found):
            found = found(**options)
    except AttributeError as error:
        raise UsageError(f"{name}: {one_line(error)}") from None
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"{name}: {one_line(error)}; name a {kind} that is built, as in module:name"
        ) from None
    if not is_made(found):
        raise UsageError(f"{name} is a {type(found).__name__}; name a {kind.capitalize()}")
    return found


def one_line(error: BaseException) -> str:
    """Return what an error of a user's module says, on one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def named_or_own(choice: Iterable[str]) -> Callable[[str], str]:
    """Return how an argument is read: a name of a choice, or ``module:name``."""
    known = tuple(map(str, choice))

    def read(text: str) -> str:
        if is_own(text) or text in known:
            return text
        raise argparse.ArgumentTypeError(
            f"invalid choice: {text!r}; {instead(text, known)}, or give module:name"
        )

    return read
