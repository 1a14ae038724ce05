"""One forward pass of ANNA against the same algorithm in NumPy and, where torch is there, in torch.

The NumPy reference rotates by one matrix product per hash function, sorts the bucket ids as 16-bit
integers where they fit, sums buckets by reduceat and reads them by searchsorted and take; its
matrix products are timed by themselves as well. The torch reference adds values to a table of all
codes. Beside them stand exact softmax attention and linear attention with the features elu + 1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anna_model import Anna
from anna_model.lsh import CrossPolytope
from anna_model.lsh.cross_polytope import Rotations
from reductions.benchmarks.timing import Contestant, Progress, Row, interleaved

Floats = NDArray[np.float32]
Codes = NDArray[Any]
OURS = "anna_model"
ALGORITHM_2 = "Algorithm 2, two tables at a time"
NUMPY = "NumPy: matrix product, sort, reduceat"
PRODUCTS = "NumPy: the matrix products alone"
TORCH = "torch exact softmax (SDPA)"
TORCH_TABLES = "torch: matrix product, index_add, index_select"
TORCH_LINEAR = "torch linear attention (elu + 1)"
PER_TOKEN = "time per token"


@dataclass(frozen=True)
class Forward:
    """A seeded forward pass of one head, float32."""

    n_tokens: int
    tables: int = 8
    hashes: int = 1
    m: int = 64
    seed: int = 0

    def __str__(self) -> str:
        plural = "es" if self.hashes > 1 else ""
        tables = f"{self.tables} tables of {self.hashes} hash{plural}"
        return f"attention, N = {self.n_tokens}, m = {self.m}, {tables}"

    def draw(self) -> tuple[Floats, Floats, Floats]:
        """Return Q, K and V."""
        rng = np.random.default_rng(self.seed)
        Q, K, V = rng.standard_normal((3, self.n_tokens, self.m), np.float32)
        return Q, K, V

    def mechanism(self, algorithm: int = 1) -> Anna:
        """Return ANNA by pseudo-random cross-polytopes."""
        return Anna(CrossPolytope(), self.hashes, self.tables, self.seed, algorithm)


CASES = (
    Forward(2**10),
    Forward(2**12),
    Forward(2**14),
    Forward(2**16),
    Forward(2**18),
    Forward(2**14, hashes=2),
    Forward(2**14, tables=32, hashes=2),
    Forward(2**14, tables=64),
)
MAX_SOFTMAX_TOKENS = 2**14
MAX_TABLE_CODES = 2**16


def rotation_matrices(drawn: Rotations) -> Floats:
    """Return the map of every function as a matrix: float32[l, z, m, m']."""
    width = drawn.flips.shape[3]
    hadamard = np.ones((1, 1))
    while len(hadamard) < width:
        hadamard = np.block([[hadamard, hadamard], [hadamard, -hadamard]])
    maps = np.broadcast_to(np.eye(width)[: drawn.m], (*drawn.flips.shape[:2], drawn.m, width))
    for rotation in range(drawn.flips.shape[2]):
        maps = maps * drawn.flips[:, :, rotation, None, :] @ hadamard
    return maps.astype(np.float32)


def codes_in_numpy(rows: Floats, maps: Floats) -> Codes:
    """Return the bucket ids of one table; `maps` : float32[z, m, m']."""
    at_row, n_codes = np.arange(len(rows)), (2 * maps.shape[2]) ** len(maps)
    code = np.zeros(len(rows), np.int64)
    for each in maps:
        rotated = rows @ each
        at = np.abs(rotated).argmax(axis=1)
        code = code * 2 * maps.shape[2] + 2 * at + (rotated[at_row, at] < 0)
    return code.astype(np.uint16) if n_codes <= 2**16 else code


def attend_in_numpy(of_queries: Iterable[Codes], of_keys: Iterable[Codes], V: Floats) -> Floats:
    """Run Algorithm 1 on the bucket ids of every table."""
    total: Any = None
    count: Any = 0
    for queries, keys in zip(of_queries, of_keys, strict=True):
        order = np.argsort(keys, kind="stable")
        ordered = np.take(keys, order)
        first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
        sums = np.add.reduceat(np.take(V, order, axis=0), first, axis=0)
        sums = np.concatenate([sums, np.zeros((1, V.shape[1]), V.dtype)])
        sizes = np.append(np.diff(np.append(first, len(keys))), 0)
        buckets = ordered[first]
        at = np.minimum(np.searchsorted(buckets, queries), len(buckets) - 1)
        at = np.where(buckets[at] == queries, at, len(buckets))
        read = np.take(sums, at, axis=0)
        total = read if total is None else total + read
        count = count + np.take(sizes, at)
    mean: Floats = total / np.maximum(count, 1)[:, None].astype(V.dtype)
    return mean


def contestants(task: Forward) -> dict[str, Contestant]:
    """Return ours first, then the references; they have been compared with each other."""
    Q, K, V = task.draw()
    one, two = task.mechanism(1), task.mechanism(2)
    drawn = one.functions(task.m)
    if not isinstance(drawn, Rotations):
        raise TypeError(f"the reference knows rotations only, not {type(drawn).__name__}")
    maps = rotation_matrices(drawn)

    def in_numpy() -> Floats:
        of_queries, of_keys = ([codes_in_numpy(rows, each) for each in maps] for rows in (Q, K))
        return attend_in_numpy(of_queries, of_keys, V)

    ours = one.apply(Q, K, V).values
    if ours.tobytes() != two.apply(Q, K, V).values.tobytes():
        raise AssertionError(f"{task}: Algorithms 1 and 2 disagree")
    ids = [drawn.bucket_ids(rows).T for rows in (Q, K)]
    by_codes = attend_in_numpy(list(ids[0]), list(ids[1]), V)
    if not np.allclose(ours, by_codes, atol=1e-4):
        raise AssertionError(f"{task}: ours and NumPy disagree on the same bucket ids")
    other = np.mean(
        [codes_in_numpy(Q, each) != own for each, own in zip(maps, ids[0], strict=True)]
    )
    if other > 1e-3:  # rounding decides between coordinates that all but tie
        raise AssertionError(f"{task}: {other:.2%} of the bucket ids of ours and NumPy differ")
    found: dict[str, Contestant] = {
        OURS: lambda: one.apply(Q, K, V),
        ALGORITHM_2: lambda: two.apply(Q, K, V),
        NUMPY: in_numpy,
        PRODUCTS: lambda: [rows @ each for rows in (Q, K) for table in maps for each in table],
    }
    if find_spec("torch") is not None:
        found |= _in_torch(task, Q, K, V, maps)
    return found


def _in_torch(
    task: Forward, Q: Floats, K: Floats, V: Floats, maps: Floats
) -> dict[str, Contestant]:
    torch = import_module("torch")
    queries, keys, values, rotations = (torch.from_numpy(each) for each in (Q, K, V, maps))
    n_symbols = 2 * maps.shape[3]

    def codes(rows: Any, table: Any) -> Any:
        code = 0
        for each in table:
            rotated = rows @ each
            at = rotated.abs().argmax(dim=1)
            negative = rotated.gather(1, at[:, None])[:, 0] < 0
            code = code * n_symbols + 2 * at + negative
        return code

    def by_tables() -> Any:
        ones = values.new_ones(len(values))
        total, seen = torch.zeros_like(values), torch.zeros_like(ones)
        for table in rotations:
            code = codes(keys, table)
            sums = values.new_zeros(n_symbols**task.hashes, task.m).index_add_(0, code, values)
            sizes = ones.new_zeros(n_symbols**task.hashes).index_add_(0, code, ones)
            code = codes(queries, table)
            total += sums.index_select(0, code)
            seen += sizes.index_select(0, code)
        return total / seen.clamp(min=1)[:, None]

    def linear() -> Any:
        functional = torch.nn.functional
        q, k = functional.elu(queries) + 1, functional.elu(keys) + 1
        return (q @ (k.T @ values)) / (q @ k.sum(dim=0))[:, None]

    found: dict[str, Contestant] = {TORCH_LINEAR: linear}
    if n_symbols**task.hashes <= MAX_TABLE_CODES:
        found[TORCH_TABLES] = by_tables
    if task.n_tokens <= MAX_SOFTMAX_TOKENS:
        heads = [each[None, None] for each in (queries, keys, values)]
        found[TORCH] = lambda: torch.nn.functional.scaled_dot_product_attention(*heads)
    return found


def attention_rows(
    cases: Iterable[Forward], repeats: int, *, progress: Progress | None = None
) -> list[Row]:
    """Time every case; beside larger ones stands the time that their tokens took in the first."""
    rows: list[Row] = []
    first: dict[Forward, tuple[Forward, float]] = {}
    for task in cases:
        seconds = interleaved(contestants(task), repeats, case=str(task), progress=progress)
        ours = seconds.pop(OURS)
        rows += [Row(str(task), ours, name, taken) for name, taken in seconds.items()]
        small, taken = first.setdefault(replace(task, n_tokens=1), (task, ours))
        if small is not task:
            reference = f"{PER_TOKEN} at N = {small.n_tokens}"
            rows.append(Row(str(task), ours, reference, taken / small.n_tokens * task.n_tokens))
    return rows
