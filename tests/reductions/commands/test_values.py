"""Values of arguments, and what of many rows a picture shows."""

from __future__ import annotations

import argparse

import pytest

from reductions.commands.experiment import drawn_rows
from reductions.commands.values import seeds, size, sizes, solver_name


def test_sizes_and_seeds() -> None:
    assert (size("2^10"), size("1000")) == (1024, 1000)
    assert (sizes("2^4..2^6"), sizes("10,30")) == ([16, 32, 64], [10, 30])
    assert (seeds("3"), seeds("0..2")) == ([3], [0, 1, 2])
    names = ["k-hop", "k-hop/softmax", "my.module:MyProtocol"]
    assert solver_name("k-hop") == "k-hop"
    assert list(map(solver_name, names)) == names


@pytest.mark.parametrize(
    ("read", "text"),
    [(seeds, "2..0"), (seeds, "0..1000000"), (sizes, "8..4"), (size, "-1"), (size, "2^64")],
)
def test_what_is_no_value(read: object, text: str) -> None:
    assert callable(read)
    with pytest.raises(argparse.ArgumentTypeError):
        read(text)


def test_a_picture_shows_few_hashes_and_the_ends_of_other_layers() -> None:
    rows = [{"tables_layer_1": 8, "tables_layer_2": 8, "hashes": z} for z in (1, 2, 3)]
    assert drawn_rows(rows) == ([{"hashes": 1, "tables": 8}, {"hashes": 2, "tables": 8}], "tables")
    rows = [{"tables_layer_1": count, "tables_layer_2": 4, "hashes": 1} for count in (32, 64, 96)]
    shown, axis = drawn_rows(rows)
    assert ([row["tables_layer_1"] for row in shown], axis) == ([32, 96], "tables_layer_2")
    assert drawn_rows([{"tables": 4, "hashes": 1}]) == ([{"tables": 4, "hashes": 1}], "tables")
