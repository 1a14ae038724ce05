"""A parameter of a problem: a number that is an option of every command that runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any

TAKEN = frozenset({
    "algorithm", "attention", "back", "back_memory", "buckets", "c_p", "c_s", "charge",
    "checkpoint", "cluster", "code", "command", "diameter", "epsilon", "every", "explain",
    "failure", "family", "fan_out", "format", "gamma", "gap", "given", "graph", "hashes",
    "head_order", "heads", "help", "how", "input", "input_format", "json", "ledger", "mechanism",
    "n", "no_back", "out", "precision", "ratio", "resume", "run", "run_tokens", "seed", "self",
    "side", "task", "text", "tokens_per_machine", "version", "what", "words",
})  # fmt: skip
"""Options of commands, and arguments of functions that take parameters beside them."""


@dataclass(frozen=True)
class Parameter:
    """A number that belongs to a problem or to the way of solving it: an option of every command.

    Parameters
    ----------
    name : str
        Of the option, ``--name``.
    default : callable
        Instance -> its value where none is given; None: it has none.
    least : int
        No value is less.
    is_drawn : bool
        Whether seeded inputs are drawn for its value, as residues are for a modulus.

    Raises
    ------
    ValueError
        The name is no word of Python, or means something else to commands or functions.
    """

    name: str
    help: str
    default: Callable[[Any], int | None]
    least: int = 0
    is_drawn: bool = False

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or iskeyword(self.name) or self.name in TAKEN:
            raise ValueError(
                f"a parameter cannot be called {self.name!r}: choose a word of letters, digits and "
                "underscores that is no option of the commands"
            )
