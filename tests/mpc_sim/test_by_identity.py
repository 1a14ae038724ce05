"""Kept by identity: once for an object, anew for its copy, never for another at its address."""

from __future__ import annotations

from mpc_sim.by_identity import by_identity


def test_once_for_an_object_and_anew_for_its_copy() -> None:
    calls: list[tuple[list[int], int]] = []

    @by_identity
    def doubled(parts: list[int], factor: int) -> list[int]:
        calls.append((parts, factor))
        return [factor * part for part in parts]

    parts = [1, 2]
    assert doubled(parts, 2) is doubled(parts, 2) == [2, 4]
    assert doubled(parts, 3) == [3, 6]
    assert doubled([1, 2], 2) is not doubled(parts, 2)
    assert len(calls) == 3


def test_an_object_that_is_gone_never_passes_for_a_new_one_at_its_address() -> None:
    first = by_identity(lambda parts: parts[0])
    assert [first([number]) for number in range(100)] == list(range(100))
