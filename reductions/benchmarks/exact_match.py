"""Exact match attention against joins of data frames: the mean of v over keys equal to the query.

Half of the queries miss. References: group by key, then a left join of the queries, in polars,
duckdb and pandas, each where it is installed; np.unique with bincount always.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anna_model import ExactMatch
from mpc_sim.extras import needed
from reductions.arrays import Integers
from reductions.benchmarks.timing import Contestant, Progress, Row, interleaved

OURS = "anna_model"
FRAMES = ("polars", "duckdb", "pandas")


@dataclass(frozen=True)
class Keys:
    """Seeded keys, queries and values.

    Parameters
    ----------
    n : int
        Keys, and queries.
    n_groups : int, optional
        Distinct keys; all are distinct by default.
    """

    n: int
    n_groups: int | None = None
    seed: int = 0

    def __str__(self) -> str:
        if self.n_groups is None:
            return f"{self.n} distinct keys"
        return f"{self.n} keys in {self.n_groups} groups"

    def draw(self) -> tuple[Integers, Integers, NDArray[np.float64]]:
        """Return queries, keys and values [n, 1]."""
        rng = np.random.default_rng(self.seed)
        most = self.n if self.n_groups is None else self.n_groups
        keys = rng.permutation(2 * self.n)[: self.n] if self.n_groups is None else (
            2 * rng.integers(0, most, self.n)
        )  # fmt: skip
        return rng.integers(0, 2 * most, self.n), keys, rng.random((self.n, 1))


CASES = (Keys(10**5), Keys(10**6), Keys(10**6, 1000), Keys(10**7))


def contestants(task: Keys) -> dict[str, Contestant]:
    """Return ours first, then the references that are installed; their results agree."""
    Q, K, V = task.draw()
    v, attention = V[:, 0], ExactMatch()

    def unique() -> Any:
        groups, label = np.unique(K, return_inverse=True)
        mean = np.bincount(label, v) / np.bincount(label)
        at = np.minimum(np.searchsorted(groups, Q), len(groups) - 1)
        return np.where(groups[at] == Q, mean[at], 0.0)

    found: dict[str, Contestant] = {
        OURS: lambda: attention.apply(Q, K, V),
        "NumPy unique and bincount": unique,
    }
    ours = attention.apply(Q, K, V).values[:, 0]
    _agree(ours, unique(), "NumPy")
    for name, make in (("polars", _polars), ("duckdb", _duckdb), ("pandas", _pandas)):
        if find_spec(name) is not None:
            run, read = make(Q, K, v)
            _agree(ours, read(run()), name)
            found[name] = run
    return found


def exact_match_rows(
    cases: Iterable[Keys], repeats: int, *, progress: Progress | None = None
) -> list[Row]:
    """Time every case."""
    rows = []
    for task in cases:
        seconds = interleaved(contestants(task), repeats, case=str(task), progress=progress)
        ours = seconds.pop(OURS)
        rows += [Row(str(task), ours, name, taken) for name, taken in seconds.items()]
    return rows


def _polars(Q: Integers, K: Integers, v: NDArray[np.float64]) -> Any:
    polars = needed("polars", "this reference")

    keys = polars.DataFrame({"k": K, "v": v}).lazy()
    queries = polars.DataFrame({"k": Q}).lazy()
    means = keys.group_by("k").agg(polars.col("v").mean())
    plan = queries.join(means, on="k", how="left", maintain_order="left")
    return plan.collect, lambda frame: frame["v"].fill_null(0.0).to_numpy()


def _pandas(Q: Integers, K: Integers, v: NDArray[np.float64]) -> Any:
    pandas = needed("pandas", "this reference")

    keys, queries = pandas.DataFrame({"k": K, "v": v}), pandas.DataFrame({"k": Q})

    def run() -> Any:
        means = keys.groupby("k", sort=False)["v"].mean()
        return queries.merge(means, left_on="k", right_index=True, how="left")

    return run, lambda frame: frame["v"].fillna(0.0).to_numpy()


def _duckdb(Q: Integers, K: Integers, v: NDArray[np.float64]) -> Any:
    duckdb = needed("duckdb", "this reference")

    database = duckdb.connect()
    database.execute("set enable_progress_bar = false")
    at = np.arange(len(Q))
    database.register("keys_in", {"k": K, "v": v})
    database.register("queries_in", {"i": at, "k": Q})
    database.execute("create table keys as select * from keys_in")
    database.execute("create table queries as select * from queries_in")

    def run() -> Any:
        return database.execute(
            "select i, mean from queries left join "
            "(select k, avg(v) as mean from keys group by k) using (k)"
        ).fetchnumpy()

    def read(columns: Any) -> Any:
        means = np.ma.filled(columns["mean"], 0.0)
        return np.nan_to_num(means)[np.argsort(columns["i"])]

    return run, read


def _agree(ours: NDArray[np.float64], reference: NDArray[np.float64], name: str) -> None:
    # Values lie in [0, 1): sums of n terms in another order differ by less than n^2 2^-53, means by
    # n 2^-53 of at most 10^7.
    if not np.allclose(ours, reference, rtol=0, atol=len(ours) * 2.0**-52):
        raise AssertionError(f"exact match and {name} disagree")
