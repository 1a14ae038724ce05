"""Queries, keys and values for one attention head: seeded clusters, or arrays from files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[Any]


class HeadFileError(ValueError):
    """A file that holds no matrix for a head; the message says what to change."""


@dataclass(frozen=True)
class Clusters:
    """Unit vectors around random centres: queries and keys of one cluster are near each other.

    Parameters
    ----------
    n : int
        N, queries and keys.
    width : int
        m_qk = m.
    n_clusters : int
        Centres, uniform on the sphere.
    spread : float
        Length of the Gaussian noise that is added to a centre before it is normalised again.
    integers : bool
        Queries and keys are the numbers of their clusters, as one coordinate.
    """

    n: int
    width: int
    n_clusters: int
    spread: float = 0.1
    integers: bool = False
    seed: int = 0

    def draw(self) -> tuple[Matrix, Matrix, Matrix]:
        """Return Q, K and V, float64 (Q and K int64 where integers are asked)."""
        rng = np.random.default_rng(self.seed)
        centres = rng.standard_normal((self.n_clusters, self.width))
        cluster = rng.integers(0, self.n_clusters, (2, self.n))
        V = rng.standard_normal((self.n, self.width))
        if self.integers:
            return cluster[0], cluster[1], V
        noise = self.spread / np.sqrt(self.width) * rng.standard_normal((2, self.n, self.width))
        rows = centres[cluster] / np.linalg.norm(centres, axis=1)[cluster][..., None] + noise
        Q, K = rows / np.linalg.norm(rows, axis=2, keepdims=True)
        return Q, K, V


def read_matrix(path: str | Path) -> Matrix:
    """Read a matrix of real numbers from a .npy file, without pickle.

    Raises
    ------
    HeadFileError
        The file cannot be read, is damaged, or holds no vector or matrix of real numbers.
    """
    try:
        with Path(path).open("rb") as file:
            if file.read(4) == b"PK\3\4":
                raise HeadFileError(f"{path} holds several arrays; write one with np.save")
        mapped = np.lib.format.open_memmap(path, mode="r")  # never more than the file has
        array: Matrix = np.array(mapped)
    except HeadFileError:
        raise
    except OSError as error:
        raise HeadFileError(f"cannot read {path}: {error.strerror or error}") from None
    except Exception:  # the parser of the header raises errors of many kinds
        raise HeadFileError(
            f"{path} is damaged or no .npy file of numbers; np.save writes one"
        ) from None
    if array.dtype.kind not in "iuf" or array.ndim not in (1, 2):
        raise HeadFileError(
            f"{path} holds {array.dtype} of shape {array.shape}; a matrix of real numbers is needed"
        )
    return array
