"""Weights that come with the package, each with the card of its training."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from anna_model.surrogate.learned import Learned

FOLDER = Path(__file__).with_name("weights")


def shipped_names() -> tuple[str, ...]:
    """Name what is there.

    Examples
    --------
    >>> "match2-softmax" in shipped_names()
    True
    """
    return tuple(sorted(path.stem for path in FOLDER.glob("*.safetensors")))


@lru_cache(maxsize=8)
def shipped(name: str) -> Learned:
    """Read weights of the package.

    Returns
    -------
    Learned

    Raises
    ------
    ValueError
        There is no such name.

    Examples
    --------
    >>> shipped("match2-collisions").recipe.tables
    (8,)
    """
    if name not in shipped_names():
        raise ValueError(f"no weights {name!r}; there are {', '.join(shipped_names())}")
    return Learned.read(FOLDER / f"{name}.json", FOLDER / f"{name}.safetensors")


def trained_in(folder: str | Path) -> Learned:
    """Read what `train` left in a folder: the best weights and their card.

    Raises
    ------
    WeightsFileError
        They are damaged or do not fit.
    OSError
        There are none.

    Examples
    --------
    >>> trained_in("nowhere")
    Traceback (most recent call last):
        ...
    FileNotFoundError: [Errno 2] No such file or directory: 'nowhere/card.json'
    """
    return Learned.read(Path(folder) / "card.json", Path(folder) / "weights.safetensors")
