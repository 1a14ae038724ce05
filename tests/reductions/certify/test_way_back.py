"""Every algorithm there and back: compiled, then simulated on machines again by Theorem 4.2."""

from __future__ import annotations

import pytest

from cases.command_line import Anna, anna_command, plain_surroundings  # noqa: F401
from cases.protocols import MANY_ROUNDS, PROTOCOLS

SHORT = ("columnsort", "aggregate", "sample-sort")
SIZES = dict.fromkeys(MANY_ROUNDS, 6) | {
    "matrix-product": 4,
    "three-sum": 16,
    "connectivity-log-diameter": 4,
}


def there_and_back(anna: Anna, name: str, buckets: str) -> None:
    n = SIZES.get(name, 12)
    run = anna("certify", name, "--n", n, "--back", "--buckets", buckets, "--json")
    assert run.status == 0, run.err
    rows = {check["name"]: check for check in run.json["checks"]}
    assert rows["output-back"]["measured"] == rows["sides-differ"]["measured"] == 0
    assert rows["back_rounds"]["measured"] == rows["back_rounds"]["bound"]
    assert {row["status"] for row in rows.values()} == {"PASS"}


@pytest.mark.parametrize("buckets", ["sorted", "hashed"])
@pytest.mark.parametrize("name", SHORT)
def test_some_algorithms_go_back(anna: Anna, name: str, buckets: str) -> None:
    there_and_back(anna, name, buckets)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in PROTOCOLS if name not in SHORT])
def test_every_algorithm_goes_back(anna: Anna, name: str) -> None:
    for buckets in ("sorted", "hashed"):
        there_and_back(anna, name, buckets)
