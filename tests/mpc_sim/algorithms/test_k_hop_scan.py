"""k-hop by a prefix scan of copy maps: the definition, its rounds and words, and where it ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

import oracles
from cases.command_line import (
    Anna,
    anna_command,  # noqa: F401
    plain_surroundings,  # noqa: F401
)
from mpc_sim import Cluster, InputError, ShapeError, Simulation, assert_local
from mpc_sim.algorithms.k_hop_scan import CopyMaps, k_hop_scan
from reductions.certify import certify
from reductions.problems.k_hop_scan import K_HOP_SCAN
from reductions.registry import solver

Words = NDArray[np.int64]
TEXT = "aabcbabca"
MANY = "over so many letters take k-hop"


def tables(operation: CopyMaps, texts: Words) -> Words:
    """What texts do to the empty table, int64[R, w]: joined in an order that differs per place."""
    maps = [operation.lift(texts[:, [at]] + 1) for at in range(texts.shape[1])]
    rng = np.random.default_rng(texts.shape[1])
    while len(maps) > 1:
        at = int(rng.integers(len(maps) - 1))
        maps[at : at + 2] = [operation.combine(maps[at], maps[at + 1])]
    return maps[0]


def wrong(operation: CopyMaps, n: int, count: int) -> int:
    """In how many random texts of n letters some entry of the table is not by the definition.

    Entry [y][m]: the letter m hops from the token after the last y, none where there is none.
    """
    texts = np.random.default_rng(n).integers(0, operation.letters, (count, n))
    found = tables(operation, texts)
    differ = 0
    for text, row in zip(texts.tolist(), found.tolist(), strict=True):
        hops = [oracles.k_hop(text, m) for m in range(operation.k)]
        entries = []
        for y in range(operation.letters):
            after = [at for at in range(1, n) if text[at - 1] == y]
            entries += [hop[after[-1]] if after else 0 for hop in hops]
        kept = [0 if entry > operation.letters else entry for entry in row[2:]]
        differ += row[:2] != [text[0] + 1, text[-1] + 1] or kept != entries
    return differ


def test_thousands_of_texts_are_the_definition() -> None:
    for n in range(1, 21):
        for letters, k in ((1, 2), (2, 3), (3, 4), (4, 2)):
            assert wrong(CopyMaps(letters, k), n, 50) == 0


def test_copy_maps_are_associative_and_the_empty_text_changes_nothing() -> None:
    operation, rng = CopyMaps(3, 3), np.random.default_rng(0)
    x, y, z = (tables(operation, rng.integers(0, 3, (200, n))) for n in (3, 1, 5))
    left = operation.combine(operation.combine(x, y), z)
    assert np.array_equal(left, operation.combine(x, operation.combine(y, z)))
    empty = operation.repeat_identity(200)
    assert np.array_equal(operation.combine(empty, x), x)
    assert np.array_equal(operation.combine(x, empty), x)


@pytest.mark.parametrize(
    ("n", "block", "memory_words", "rounds"),
    [(9, 9, 20, 0), (40, 20, 40, 1), (61, 4, 94, 1), (61, 4, 93, 4), (64, 4, 46, 4)],
)
def test_a_run_is_the_definition_within_its_cost(
    n: int, block: int, memory_words: int, rounds: int
) -> None:
    """No round on one machine, one at once, and 4 by a tree of two levels."""
    letters, k = 2, 2
    protocol = k_hop_scan(k, letters)
    cluster = Cluster(
        n_words=n, memory_words=memory_words, n_machines=-(-n // block), block_words=block
    )
    for seed in range(20):
        words = np.random.default_rng(seed).integers(0, letters, n)
        sim = Simulation(protocol, cluster, words)
        assert sim.run().tolist() == oracles.k_hop(words.tolist(), k)
        assert sim.ledger.n_rounds == rounds
        for bound in K_HOP_SCAN.bounds(n, cluster, k=k, letters=letters):
            measured = {
                "rounds": sim.ledger.n_rounds,
                "local_memory": sim.ledger.max_held_words,
                "sent_words": sim.ledger.max_sent_words,
                "received_words": sim.ledger.max_received_words,
                "machines": sim.ledger.machines_used,
            }[bound.quantity]
            assert bound.check(measured).status == "PASS", bound.check(measured).explain()
    assert_local(protocol, cluster, words)


def layers(n: int, k: int) -> int:
    """Layers over four letters, before anything runs."""
    shape = K_HOP_SCAN.problem.draw(n, 0, k=k).shape
    return K_HOP_SCAN.protocol_for(shape).n_rounds(K_HOP_SCAN.cluster(shape)) + 1


def test_the_number_of_layers_does_not_depend_on_k() -> None:
    assert {layers(65536, k) for k in (1, 4, 16, 64)} == {2}
    assert {layers(2**20, k) for k in (4, 16)} == {2}
    assert max(layers(n, 16) for n in (2**10, 2**12, 2**14)) <= 5


@pytest.mark.slow
def test_65536_tokens_have_two_layers_for_4_and_for_16_hops() -> None:
    for k in (4, 16):
        certificate = certify("k-hop/scan", n=65536, k=k)
        assert certificate.ok
        assert certificate["layers"].measured == 2


@pytest.mark.parametrize("k", [0, 1, 4])
def test_seeded_hard_and_real_inputs(k: int) -> None:
    """Right within all bounds, or refused because A k is too large, and then it is."""
    refused = set()
    for kind, instance in K_HOP_SCAN.problem.inputs(300, seed=5).items():
        given = K_HOP_SCAN.problem.instance(instance, k=k)
        # c_s = 16 and B = 45 make s = 720; over 7 machines a tree of two levels holds 5 maps
        if k and 45 + 5 * (given.shape.largest_word * k + 2) > 720:
            refused.add(kind)
            with pytest.raises(ShapeError, match=MANY):
                certify("k-hop/scan", given)
            continue
        certificate = certify("k-hop/scan", given)
        assert certificate.ok, (kind, [check.explain() for check in certificate.checks])
    assert refused == ({"all different", "halves"} if k else set())


def test_both_directions() -> None:
    certificate = certify("k-hop/scan", n=30, k=3)
    assert certificate.ok
    assert solver("k-hop/scan").compiles.back_up_to >= 30


def test_the_command_goes_both_ways_and_refuses_many_letters(anna: Anna) -> None:
    run = anna("certify", "k-hop/scan", "--text", "-", "--k", 2, "--json", stdin=TEXT)
    assert (run.status, run.json["ok"]) == (0, True)
    assert {"output-mpc", "output-transformer", "output-lsh", "output-back"} <= {
        check["name"] for check in run.json["checks"]
    }
    n, k = 64, 2  # two cycles of n / 2: (2 k + 1) 2 n tokens of 4 n letters
    rng = np.random.default_rng(0)
    words = [*range(4 * n), *rng.integers(0, 4 * n, (2 * k + 1) * 2 * n - 4 * n).tolist()]
    lines = "".join(f"{word}\n" for word in words)
    many = anna("certify", "k-hop/scan", "--input", "-", "--k", k, stdin=lines)
    assert (many.status, many.out, many.err.count("\n")) == (2, "", 1)
    assert MANY in many.err
    assert "A = 256 letters" in many.err


# --- refusals and canaries ---


@dataclass(frozen=True)
class NoLoops(CopyMaps):
    """A token behind the same letter hops on instead of to itself."""

    def combine(self, left: Words, right: Words) -> Words:
        other = left.copy()
        other[:, 1] = np.where(left[:, 1] == right[:, 0], left[:, 1] % self.letters + 1, left[:, 1])
        return super().combine(other, right)


def test_canary_a_wrong_rule_is_noticed() -> None:
    assert wrong(NoLoops(2, 3), 9, 50) > 10


def test_canary_a_third_level_is_refused() -> None:
    """A tree of arity 2 would have 4 levels over 16 machines: 8 rounds are no longer O(1)."""
    sizes = {"n_words": 64, "n_machines": 16, "block_words": 4, "word_bits": 8}
    protocol = k_hop_scan(3, 2)  # 8 words: 7 copy maps and a block are 60 words
    protocol.check(Cluster(memory_words=60, **sizes))
    with pytest.raises(ShapeError, match=r"7 copy maps .* make 60 words; s = 59"):
        protocol.check(Cluster(memory_words=59, **sizes))


def test_what_cannot_be_is_refused_in_one_line() -> None:
    with pytest.raises(InputError, match="at least one letter"):
        k_hop_scan(1, 0)
    with pytest.raises(InputError, match="k = -1"):
        k_hop_scan(-1, 2)
    cluster = Cluster(n_words=8, memory_words=64, n_machines=2, block_words=4, word_bits=5)
    with pytest.raises(InputError, match=r"letter 3: .* letters 0 \.\. 2"):
        Simulation(k_hop_scan(2, 3), cluster, np.full(8, 3)).run()
    with pytest.raises(ShapeError, match=r"words up to A [+] A k = 33 do not fit word_bits = 5"):
        k_hop_scan(10, 3).check(Cluster(8, 99, 2, 4, word_bits=5))
