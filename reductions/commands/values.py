"""Values of arguments: sizes, ranges, seeds, and what can be certified."""

from __future__ import annotations

import argparse

from reductions.registry import canonical, instead, names


def is_solver(text: str) -> bool:
    """Return whether a text names a solver: ``problem``, ``problem/way`` or ``module:name``."""
    module, _, name = text.partition(":")
    is_dotted = bool(name) and all(part.isidentifier() for part in module.split("."))
    return is_dotted or canonical(text) in (*names("problem"), *names("solver"))


def solver_name(text: str) -> str:
    """Read the name of a solver; underscores count as hyphens."""
    if is_solver(text):
        return text if ":" in text else canonical(text)
    known = names("solver") if "/" in text else names("problem")
    raise argparse.ArgumentTypeError(
        f"{text!r} is unknown; {instead(text, known)}, or give problem/way (see anna-mpc list) or "
        "module:name"
    )


def sizes(text: str) -> list[int]:
    """Read a list of sizes, or a range a..b that doubles from a to at most b."""
    first, dots, last = text.partition("..")
    if not dots:
        return [size(part) for part in text.split(",")]
    low, high = size(first), size(last)
    if not 1 <= low <= high:
        raise argparse.ArgumentTypeError(f"{text!r} is no range: write the smaller size first")
    return [low << shift for shift in range((high // low).bit_length())]


def seeds(text: str) -> list[int]:
    """Read a seed, or a range a..b of seeds, both ends included."""
    first, dots, last = text.partition("..")
    if not dots:
        return [size(text)]
    low, high = size(first), size(last)
    if low > high:
        raise argparse.ArgumentTypeError(f"{text!r} is no range: write the smaller seed first")
    if high - low >= 10**6:
        raise argparse.ArgumentTypeError(f"{text!r} is too many seeds: choose at most 10^6")
    return list(range(low, high + 1))


def size(text: str) -> int:
    """Read a size: an integer, or a power such as 2^20."""
    base, power, exponent = text.partition("^")
    try:
        if power and not 0 <= int(exponent) < 64:
            raise ValueError
        value = int(base) ** int(exponent) if power else int(base)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no whole number such as 1000 or 2^10"
        ) from None
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative; give 0 or more")
    if value >= 2**63:
        raise argparse.ArgumentTypeError(f"{text[:40]} is 2^63 or more; give a smaller number")
    return value
