"""Families of hash functions: laws against frequencies, codes against plain NumPy, refusals."""

from __future__ import annotations

import math
import os
import pickle
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from anna_model.frozen_arrays import FloatArray
from anna_model.kernels import hashing
from anna_model.lsh import CrossPolytope, Family, Hyperplane, PStable, projections
from anna_model.lsh.cross_polytope import Rotations
from anna_model.lsh.family import code_form
from anna_model.lsh.polytope_law import same_vertex_probability
from anna_model.lsh.projections import Projections

COMPILED = os.environ.get("NUMBA_DISABLE_JIT", "0") == "0"
needs_speed = pytest.mark.skipif(not COMPILED, reason="many hashes")

EXACT: list[Family] = [Hyperplane(), CrossPolytope("gaussian"), PStable(2.0)]
EVERY: list[Family] = [*EXACT, CrossPolytope(), CrossPolytope(rotations=1)]
DISTANCES = [0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.25, 1.5, 1.9]


def pairs_at(distance: float, n: int, m: int, seed: int) -> tuple[FloatArray, FloatArray]:
    """Pairs of unit vectors, uniformly random among those at a distance."""
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, n, m))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    y -= x * (x * y).sum(axis=1, keepdims=True)
    y /= np.linalg.norm(y, axis=1, keepdims=True)
    cosine = 1 - distance**2 / 2
    return x, cosine * x + math.sqrt(1 - cosine**2) * y


# --- laws ---


@needs_speed
@pytest.mark.parametrize("m", [3, 16])
@pytest.mark.parametrize("family", EXACT, ids=repr)
def test_collisions_follow_the_law(family: Family, m: int) -> None:
    """One pair, 20,000 independent functions: Hoeffding at 1e-9 in all over 60 frequencies.

    |frequency - p| <= t fails with probability at most 2 exp(-2 n t**2).
    """
    n = 20_000
    margin = math.sqrt(math.log(2 * 60 / 1e-9) / (2 * n))
    drawn = family.sample(m, n, 1, seed=m)
    for number, distance in enumerate(DISTANCES):
        x, y = pairs_at(distance, 1, m, number)
        x_ids, y_ids = drawn.bucket_ids(np.concatenate([x, y]))
        frequency, p = (x_ids == y_ids).mean(), family.collision_probability(distance, m)
        assert abs(frequency - p) <= margin
        assert abs(frequency - p * 0.8) > margin or p < 5 * margin  # canary


@needs_speed
def test_pseudo_random_rotations_come_close_and_miss_on_sparse_rows() -> None:
    family, m, n = CrossPolytope(), 64, 4000
    drawn = family.sample(m, n, 1, seed=0)
    for distance in DISTANCES[2:8]:
        x, y = pairs_at(distance, 20, m, 7)
        frequency = (drawn.bucket_ids(x) == drawn.bucket_ids(y)).mean()
        law = family.collision_probability(distance, m)
        sparse = np.zeros((2, m))
        cosine = 1 - distance**2 / 2
        sparse[0, 0], sparse[1, :2] = 1, (cosine, math.sqrt(1 - cosine**2))
        ids = drawn.bucket_ids(sparse)
        on_sparse = (ids[0] == ids[1]).mean()
        print(f"D = {distance}: law {law:.4f}, random {frequency:.4f}, sparse {on_sparse:.4f}")
        assert abs(frequency - law) <= 0.02
        assert abs(on_sparse - law) <= 0.3


@pytest.mark.parametrize("distance", [1e-4, 0.01, *DISTANCES, 1.999])
def test_the_polytope_law_has_known_values(distance: float) -> None:
    angle = 2 * math.asin(distance / 2)
    assert same_vertex_probability(distance, 1) == pytest.approx(1 - angle / math.pi, abs=1e-9)
    values = [same_vertex_probability(distance, k) for k in (1, 2, 4, 16, 64, 256)]
    assert all(more > fewer for more, fewer in pairwise(values) if fewer > 1e-9)
    right_angle = same_vertex_probability(math.sqrt(2), 32)
    assert right_angle == pytest.approx(1 / 64, abs=1e-10)


@needs_speed
@pytest.mark.parametrize(("k", "distance"), [(2, 0.7), (16, 1.0), (16, 1.6)])
def test_the_polytope_law_against_plain_draws(k: int, distance: float) -> None:
    n, rng = 200_000, np.random.default_rng(k)
    cosine = 1 - distance**2 / 2
    x, noise = rng.normal(size=(2, n, k))
    y = cosine * x + math.sqrt(1 - cosine**2) * noise
    rows, x_at, y_at = np.arange(n), np.abs(x).argmax(axis=1), np.abs(y).argmax(axis=1)
    same = (x_at == y_at) & (x[rows, x_at] * y[rows, y_at] > 0)
    margin = math.sqrt(math.log(2 / 1e-9) / (2 * n))
    assert abs(same.mean() - same_vertex_probability(distance, k)) <= margin


@pytest.mark.parametrize("family", [*EXACT, CrossPolytope()], ids=repr)
def test_laws_fall_and_give_rho(family: Family) -> None:
    p = [family.collision_probability(distance, 32) for distance in [0.0, *DISTANCES]]
    assert p[0] == 1
    assert all(near > far for near, far in pairwise(p))
    assert family.rho(0.3, 2, 32) == pytest.approx(
        math.log(family.collision_probability(0.3, 32))
        / math.log(family.collision_probability(0.6, 32))
    )
    assert family.rho(0.0, 2, 32) == 0
    assert 0.4 < family.rho(0.1, 2, 32) < 0.6


def test_p_stable_law_against_the_integral() -> None:
    """The integral over t in 0 .. w of (1 - t / w) times the density of |N(0, D**2)|."""
    for w, distance in ((1.0, 0.5), (4.0, 3.0), (2.0, 50.0)):
        t = (np.arange(100_000) + 0.5) * w / 100_000
        density = math.sqrt(2 / math.pi) / distance * np.exp(-(t**2) / (2 * distance**2))
        integral = ((1 - t / w) * density).mean() * w
        assert PStable(w).collision_probability(distance, 3) == pytest.approx(integral, rel=1e-8)


# --- codes ---


def symbols_in_numpy(drawn: Any, rows: FloatArray) -> Any:
    """int[N, l, z] by matrix products."""
    n = np.arange(len(rows))
    if isinstance(drawn, Rotations):
        n_tables, n_hashes, n_rotations, width = drawn.flips.shape
        hadamard = np.ones((1, 1))
        while len(hadamard) < width:
            hadamard = np.block([[hadamard, hadamard], [hadamard, -hadamard]])
        padded = np.zeros((len(rows), width))
        padded[:, : rows.shape[1]] = rows
    else:
        n_tables, n_hashes = drawn.offsets.shape
    out = np.empty((len(rows), n_tables, n_hashes), object)
    for u in range(n_tables):
        for i in range(n_hashes):
            if isinstance(drawn, Rotations):
                products = padded
                for rotation in range(n_rotations):
                    products = products * drawn.flips[u, i, rotation] @ hadamard
            else:
                products = rows @ drawn.directions[u, i].T
            if isinstance(drawn, Projections) and drawn.kind == "sign":
                out[:, u, i] = (products[:, 0] < 0).astype(int)
            elif isinstance(drawn, Projections) and drawn.kind == "floor":
                cells = np.floor(products[:, 0] + drawn.offsets[u, i]).astype(int)
                out[:, u, i] = np.where(cells >= 0, 2 * cells, -2 * cells - 1)
            else:
                at = np.abs(products).argmax(axis=1)
                out[:, u, i] = 2 * at + (products[n, at] < 0)
    return out


def codes_in_python(drawn: Any, symbols: Any) -> list[list[int]]:
    """Bucket ids on Python integers: base R, or the two halves of the fold."""

    def code(row: list[int]) -> int:
        forms = [
            (int(plus) + sum(int(a) * int(x) for a, x in zip(times, row, strict=True))) % 2**64
            for times, plus in zip(drawn.times, drawn.plus, strict=True)
        ]
        return forms[0] if len(forms) == 1 else (forms[0] >> 32 << 31) + (forms[1] >> 33)

    return [[code(row) for row in tables] for tables in symbols]


@pytest.mark.parametrize("m", [1, 2, 7, 16, 64, 100] if COMPILED else [1, 7])
@pytest.mark.parametrize("family", EVERY, ids=repr)
def test_codes_are_what_numpy_says(family: Family, m: int) -> None:
    """Integers: Hadamard transforms are exact; Gaussian products differ more than they round."""
    rows = np.rint(1000 * np.random.default_rng(m).normal(size=(35, m)))
    for hashes in (1, 3, 66) if COMPILED else (1, 2):
        drawn = family.sample(m, 2, hashes, seed=1)
        want = codes_in_python(drawn, symbols_in_numpy(drawn, rows))
        ids = drawn.bucket_ids(rows)
        assert ids.dtype == np.int64
        assert ids.tolist() == want
        assert 0 <= ids.min() <= ids.max() < drawn.n_codes
        assert drawn.folded == (drawn.n_symbols**hashes > 2**63)
        assert drawn.extra_collision_probability == (2.0**-63 if drawn.folded else 0)


@pytest.mark.parametrize("hashes", [31, 32, 63, 64])
def test_codes_at_the_borders_of_their_words(hashes: int) -> None:
    """2^31 codes fit int32 and 2^63 int64; one hash more does not, and 2^64 are folded."""
    drawn = Hyperplane().sample(2, 1, hashes, seed=0)
    rows = np.random.default_rng(hashes).normal(size=(33, 2))
    ids = drawn.bucket_ids(rows)
    assert ids.tolist() == codes_in_python(drawn, symbols_in_numpy(drawn, rows))
    assert 0 <= ids.min() <= ids.max() < drawn.n_codes
    assert ids.max() >= 2 ** (min(hashes, 63) - 2)
    assert drawn.folded == (hashes == 64)


@pytest.mark.parametrize(
    ("n_symbols", "hashes", "in_word"), [(2, 66, 32), (3, 41, 20), (2**32, 3, 1)]
)
def test_a_fold_takes_words_of_32_bits(n_symbols: int, hashes: int, in_word: int) -> None:
    """As many symbols as fit below 2^32 share a factor, each times R more than the one before."""
    times, plus = code_form(n_symbols, hashes, 5)
    assert (times.shape, plus.shape) == ((2, hashes), (2,))
    for row in times.tolist():
        for place, (one, following) in enumerate(pairwise(row), start=1):
            assert (following == one * n_symbols % 2**64) == (place % in_word != 0)
    assert times[0, 0] != times[1, 0]


def test_the_first_hash_has_the_highest_place() -> None:
    times, plus = code_form(5, 3, 0)
    assert (times.tolist(), plus.tolist()) == ([[25, 5, 1]], [0])


def test_tables_are_drawn_apart_and_cells_are_as_wide_as_they_say() -> None:
    drawn, wide = (PStable(w).sample(3, 4, 2, seed=1) for w in (1.0, 4.0))
    assert isinstance(drawn, Projections)
    assert isinstance(wide, Projections)
    assert np.array_equal(wide.directions * 4, drawn.directions)
    assert len({table.tobytes() for table in drawn.directions}) == 4


@pytest.mark.parametrize(("m", "width"), [(1, 4), (4, 4), (5, 8), (64, 64), (65, 128)])
def test_rotations_pad_to_the_next_power_of_two(m: int, width: int) -> None:
    drawn = CrossPolytope().sample(m, 1, 1, seed=0)
    assert isinstance(drawn, Rotations)
    assert (drawn.flips.shape[3], drawn.n_symbols) == (width, 2 * width)


def test_rho_of_far_pairs_that_are_none() -> None:
    """c r = 5 lies beyond the sphere: the farthest are at 2 and never meet."""
    assert Hyperplane().rho(1.0, 5.0, 8) == 0


def test_the_last_cell_of_the_range() -> None:
    form = np.ones((1, 1), np.uint64), np.zeros(1, np.uint64)
    drawn = Projections(1, 2**32, *form, np.ones((1, 1, 1, 1)), np.zeros((1, 1)), "floor")
    ends = drawn.bucket_ids(np.array([[2.0**31 - 1], [-(2.0**31)], [0.0], [-1.0]]))
    assert ends.ravel().tolist() == [2**32 - 2, 2**32 - 1, 0, 1]
    for beyond in (2.0**31, -(2.0**31) - 1):
        with pytest.raises(ValueError, match=r"2\*\*31 cells or more"):
            drawn.bucket_ids(np.array([[beyond]]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("family", EVERY, ids=repr)
def test_a_row_has_one_code_in_every_batch(family: Family, dtype: type) -> None:
    n, m = (2500, 64) if COMPILED else (40, 4)
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(n, m)).astype(dtype)
    drawn = family.sample(m, 4, 2, seed=3)
    ids = drawn.bucket_ids(rows)
    order = rng.permutation(n)
    np.testing.assert_array_equal(drawn.bucket_ids(rows[order]), ids[order])
    for size in (1, 5, 33):
        some = rng.integers(0, n, size)
        np.testing.assert_array_equal(drawn.bucket_ids(rows[some]), ids[some])
    np.testing.assert_array_equal(drawn.bucket_ids(np.asfortranarray(rows)), ids)
    fewer = family.sample(m, 2, 2, seed=3)
    np.testing.assert_array_equal(fewer.bucket_ids(rows[:40]), ids[:40, :2])


@pytest.mark.parametrize("family", [f for f in EVERY if not isinstance(f, PStable)], ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_directions_only(family: Family, dtype: type) -> None:
    """Powers of two change no code, not even where squares would overflow or vanish."""
    rows = np.random.default_rng(4).normal(size=(9, 8)).astype(dtype)
    drawn = family.sample(8, 3, 2, seed=0)
    ids = drawn.bucket_ids(rows)
    for power in (-100, -60, 3, 100):
        np.testing.assert_array_equal(drawn.bucket_ids(rows * dtype(2.0) ** power), ids)


def test_ties() -> None:
    zero = np.zeros((2, 8))
    for family in (Hyperplane(), CrossPolytope("gaussian"), CrossPolytope()):
        assert not family.sample(8, 3, 2, seed=0).bucket_ids(zero).any()
    flips = np.ones((1, 1, 1, 4))
    drawn = Rotations(4, 8, np.ones((1, 1), np.uint64), np.zeros(1, np.uint64), flips)
    axes = np.concatenate([np.eye(4), -np.eye(4)])  # all four coordinates tie: the first decides
    assert drawn.bucket_ids(axes).ravel().tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


def test_pickles() -> None:
    rows = np.random.default_rng(0).normal(size=(5, 8))
    for family in EVERY:
        drawn = family.sample(8, 2, 3, seed=0)
        again = pickle.loads(pickle.dumps(drawn))
        np.testing.assert_array_equal(again.bucket_ids(rows), drawn.bucket_ids(rows))
        assert pickle.loads(pickle.dumps(family)) == family


# --- refusals ---


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("family", EVERY, ids=repr)
def test_nan_and_infinity_are_refused(family: Family, bad: float) -> None:
    rows = np.ones((70, 5))
    rows[40, 2] = rows[66, 0] = bad
    with pytest.raises(ValueError, match=r"rows must be finite, but rows\[40, 2\] is"):
        family.sample(5, 1, 1, seed=0).bucket_ids(rows)


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        (np.ones((2, 3), bool), TypeError, "rows must hold real numbers up to float64, not bool"),
        (np.ones(4), ValueError, r"rows must have shape \(any, 4\), not \(4, 1\)"),
        (np.ones((2, 3)), ValueError, r"rows must have shape \(any, 4\), not \(2, 3\)"),
    ],
)
def test_what_is_no_batch_is_refused(rows: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        Hyperplane().sample(4, 1, 1, seed=0).bucket_ids(rows)


def test_bad_parameters_are_refused() -> None:
    for family in EVERY:
        with pytest.raises(ValueError, match="must be at least 1, not 4, 0 and 1"):
            family.sample(4, 0, 1, seed=0)
        with pytest.raises(ValueError, match="seed must lie"):
            family.sample(4, 1, 1, seed=-1)
        with pytest.raises(ValueError, match="distance"):
            family.collision_probability(-1.0, 4)
    with pytest.raises(ValueError, match="unit vectors lie at a distance"):
        Hyperplane().collision_probability(2.5, 4)
    with pytest.raises(ValueError, match="w must be positive"):
        PStable(0.0)
    with pytest.raises(ValueError, match="map must be"):
        CrossPolytope("dense")
    with pytest.raises(ValueError, match="rotations must be at least 1"):
        CrossPolytope(rotations=0)
    with pytest.raises(ValueError, match=r"rows\[1\] lies 2\*\*31 cells or more"):
        PStable(1.0).sample(1, 9, 1, seed=0).bucket_ids(np.array([[1.0], [1e12]]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_both_rotation_loops_give_the_same_codes(dtype: type) -> None:
    drawn = CrossPolytope().sample(64, 2, 3, seed=1)
    rng = np.random.default_rng(0)
    sparse = np.where(rng.random((40, 64)) < 0.05, rng.integers(-3, 4, (40, 64)), 0)
    rows = np.concatenate([rng.standard_normal((45, 64)), sparse, np.eye(64)]).astype(dtype)
    flips = drawn.flips.astype(dtype)
    found = []
    for any_width in (None, 1):
        out = np.full((3, len(rows)), -1)
        job = (rows, flips, any_width, drawn.times, drawn.plus, 0, len(rows), out)
        assert hashing.hash_rotated(*job) == hashing.FINE
        found.append(out)
    assert np.array_equal(*found)
    assert len(np.unique(found[0])) > 100


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("family", EXACT, ids=repr)
def test_small_batches_are_hashed_as_by_the_loop(
    family: Family, dtype: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of all lengths, ties and zeros; few hashes and folded ones; the same errors."""
    rng = np.random.default_rng(5)
    rows = rng.normal(size=(70, 6)).astype(dtype)
    rows[3], rows[4], rows[5] = 0, rows[4] * dtype(2.0**-70), -rows[6]
    rows[8, :3] = -0.0
    bad = rows.copy()
    bad[40, 2], bad[65, 1] = np.inf, np.nan
    far = (rows.astype(np.float64) * 2.0**40).astype(dtype)
    for hashes in (1, 3, 40):
        drawn = family.sample(6, 2, hashes, seed=hashes)
        found: list[list[object]] = [[], []]
        for way, limit in zip(found, (2**60, 0), strict=True):
            monkeypatch.setattr(projections, "SMALL_BATCH", limit)
            way.append(drawn.bucket_ids(rows).tolist())
            for wrong in (bad, far):
                try:
                    way.append(drawn.bucket_ids(wrong).tolist())
                except ValueError as error:
                    way.append(str(error))
        assert found[0] == found[1]
