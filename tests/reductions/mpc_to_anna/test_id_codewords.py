"""Codewords of ids: lengths exactly 1, and every pair at the angle that is promised."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from math import acos, sqrt

import numpy as np
import pytest

from anna_model.lsh import Hyperplane
from mpc_sim import ShapeError
from reductions.mpc_to_anna.id_codewords import _IRREDUCIBLE, IdCodewords, _times

SIZES = [(1, 16), (256, 16), (257, 64), (4096, 64), (4097, 256), (65538, 1024), (2**20, 1024)]


@pytest.mark.parametrize(("n_ids", "width"), SIZES)
def test_width_and_cosine(n_ids: int, width: int) -> None:
    words = IdCodewords(n_ids)
    assert words.width == width
    assert words.largest_cosine == Fraction(2, round(sqrt(width)))
    assert words.least_distance == pytest.approx(2 * np.sin(acos(words.largest_cosine) / 2))


@pytest.mark.parametrize("n_ids", [1, 2, 100, 256, 4096])
def test_every_pair(n_ids: int) -> None:
    """Exhaustively, in integers."""
    words = IdCodewords(n_ids)
    root = round(sqrt(words.width))
    signs = words.vectors(np.arange(n_ids)) * root
    assert (np.abs(signs) == 1).all()
    products = signs @ signs.T  # integers up to d
    assert (np.diagonal(products) == words.width).all()
    np.fill_diagonal(products, 0)
    assert np.abs(products).max() <= words.largest_cosine * words.width


@pytest.mark.parametrize("n_ids", [65536, 2**20])
def test_many_ids_against_a_few(n_ids: int) -> None:
    words = IdCodewords(n_ids)
    rng = np.random.default_rng(n_ids)
    few, many = rng.integers(0, n_ids, 50), rng.integers(0, n_ids, 4000)
    products = words.vectors(few) @ words.vectors(many).T
    distinct = few[:, None] != many[None, :]
    assert np.abs(products[distinct]).max() <= words.largest_cosine


def test_the_bound_is_met() -> None:
    """Some pair is at the cosine that is stated, so it could not be smaller."""
    vectors = IdCodewords(256).vectors(np.arange(256))
    assert np.abs(np.triu(vectors @ vectors.T, 1)).max() == 0.5


def test_canary_squares_in_place_of_cubes_are_the_same_line() -> None:
    """x^2 is linear over the field of two elements, so its characters are those of x again."""
    x = np.arange(16)
    square = _times(x, x, 2)
    parity = np.array([[(-1) ** (int(u) & int(v)).bit_count() for v in x] for u in x])
    signs = np.concatenate([parity[u] * parity[:, square] for u in range(16)])
    products = np.abs(np.triu(signs @ signs.T, 1))
    assert products.max() == 16


@pytest.mark.parametrize("j", sorted(_IRREDUCIBLE))
def test_the_field_is_one(j: int) -> None:
    """Against polynomial arithmetic on single numbers; and the units form one group."""
    d = 4**j

    def times(a: int, b: int) -> int:
        product = 0
        for bit in range(b.bit_length()):
            product ^= (a << bit) if b >> bit & 1 else 0
        for bit in reversed(range(2 * j, product.bit_length())):
            product ^= (_IRREDUCIBLE[j] << (bit - 2 * j)) if product >> bit & 1 else 0
        return product

    rng = np.random.default_rng(j)
    a, b = rng.integers(0, d, 200), rng.integers(0, d, 200)
    pairs = zip(a.tolist(), b.tolist(), strict=True)
    assert _times(a, b, j).tolist() == [times(*pair) for pair in pairs]
    power, units = np.ones(d, np.int64), np.arange(1, d)
    for _ in range(d - 1):
        power[1:] = _times(power[1:], units, j)
    assert (power[1:] == 1).all()  # x^(d-1) = 1 for all d - 1 units: no zero divisor


def test_hyperplanes_tell_ids_apart_as_the_angle_says() -> None:
    """One function of the family gives a pair one symbol with probability p2 at most."""
    words = IdCodewords(64)
    vectors = words.vectors(np.arange(64))
    p2 = Hyperplane().collision_probability(words.least_distance, words.width)
    ids = Hyperplane().sample(words.width, 4000, 1, seed=0).bucket_ids(vectors)
    codes = ids if ids.shape[0] == 4000 else ids.T
    met = np.mean(codes[:, :, None] == codes[:, None, :], axis=0)
    np.fill_diagonal(met, 0)
    assert met.max() <= p2 + 5 * sqrt(p2 / 4000)


@pytest.mark.parametrize("n_ids", [0, -1, 2**20 + 1])
def test_too_many_ids_or_none_are_refused(n_ids: int) -> None:
    with pytest.raises(ShapeError, match=r"choose it in 1 \.\. 1048576"):
        IdCodewords(n_ids)


@pytest.mark.parametrize("bad", [-1, 10])
def test_ids_out_of_range_are_refused(bad: int) -> None:
    with pytest.raises(ShapeError, match=r"ids must lie in 0 \.\. 9"):
        IdCodewords(10).vectors(np.array([0, bad]))


def test_widths_grow_with_the_square_root() -> None:
    widths = [IdCodewords(n).width for n in (16**2, 16**3, 16**4, 16**5)]
    assert [b // a for a, b in pairwise(widths)] == [4, 4, 4]
