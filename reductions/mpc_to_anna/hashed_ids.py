"""Exact match on ids, executed by locality-sensitive hashing: ANNA at r = 0.

Keys and queries of a compiled protocol are ids. Each id stands for its codeword, equal ids for
equal vectors, which meet in every table; so p1 = 1, rho = 0, and one table of z hashes is enough.
Two ids in one bucket are a far collision. All heads and layers share one function g = (h_1..h_z),
so with U ids some pair collides with probability at most U (U - 1) / 2 * p2^z over its seed.

NULL, the key of a token without a value, and NOBODY, the query of a token that asks nothing, are
ids too: P and P + 1 after the machines 0 .. P - 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from anna_model import EVERY_HEAD, Anna, ExactMatch, Mechanism, SparseHeads
from anna_model.answers import Answer
from anna_model.heads import HeadBlock
from anna_model.lsh import Family, Hyperplane
from anna_model.lsh.theorem_3_4 import from_probabilities
from anna_model.mechanisms import Attended
from mpc_sim import ShapeError
from reductions.arrays import Booleans, Floats, Integers
from reductions.mpc_to_anna.id_codewords import IdCodewords

ROUNDING = Fraction(1, 2**40)
"""Above the error of a collision probability computed in doubles."""

FOLD = Fraction(1, 2**63)
"""Probability that two tuples of symbols are folded to one bucket id."""

_IDS_AT_A_TIME = 2**14


class FarCollision(Exception):
    """Two ids share a bucket where no code can distinguish their values.

    Parameters
    ----------
    pairs : int
        Pairs of a query class and a key of another id in one bucket, in one head.
    hashes : int
        z.
    """

    def __init__(self, pairs: int, hashes: int) -> None:
        super().__init__(pairs, hashes)
        self.pairs = pairs
        self.hashes = hashes

    def __str__(self) -> str:
        pairs = "1 pair" if self.pairs == 1 else f"{self.pairs} pairs"
        verb = "shares" if self.pairs == 1 else "share"
        return (
            f"{pairs} of an id and another {verb} a bucket of {self.hashes} hashes in a head "
            "without a code; compile with another seed, or more hashes"
        )


@dataclass(frozen=True)
class HashedIds(Mechanism):
    """ANNA with one table over the codewords of ids; queries and keys are given as ids.

    Parameters
    ----------
    codewords : IdCodewords
        Of U ids.
    hashes : int
        z.

    Notes
    -----
    Answers are those of ``Anna(family, hashes, 1, seed)`` on the codewords. Every id is hashed
    once, O(U z hash); then a block costs what `ExactMatch` does on bucket numbers.
    """

    codewords: IdCodewords
    family: Family
    hashes: int
    seed: int

    @classmethod
    def fit(
        cls,
        n_machines: int,
        n_tokens: int,
        *,
        family: Family | None = None,
        hashes: int | None = None,
        seed: int = 0,
    ) -> HashedIds:
        """Return the mechanism of a compiled protocol.

        Parameters
        ----------
        n_machines, n_tokens : int
            P ids, NULL and NOBODY; T tokens.
        family : Family, optional
            Its collision probability must be its law; by default random hyperplanes.
        hashes : int, optional
            z; by default that of Theorem 3.4 for T + 2 tokens at the least distance of two ids.

        Raises
        ------
        ShapeError
            There is no hash.
        """
        if hashes is not None and hashes < 1:
            raise ShapeError(f"hashes = {hashes}: choose at least 1")
        codewords = IdCodewords(n_machines + 2)
        mechanism = cls(codewords, family or Hyperplane(), hashes or 1, seed)
        if hashes is None:
            found = from_probabilities(n_tokens + 2, 1, mechanism.meets, delta=0.5)
            mechanism = replace(mechanism, hashes=found.hashes)
        return mechanism

    @property
    def meets(self) -> Fraction:
        """Bound on the probability that one hash gives two ids the same symbol, p2."""
        width, distance = self.codewords.width, self.codewords.least_distance
        return Fraction(self.family.collision_probability(distance, width)) + ROUNDING

    @property
    def shares(self) -> Fraction:
        """Bound on the probability that two given ids share a bucket, p2^z."""
        return min(self.meets**self.hashes + FOLD, Fraction(1))

    @property
    def failure(self) -> Fraction:
        """Bound on the probability that any two ids share a bucket, eta."""
        n_ids = self.codewords.n_ids
        return Fraction(n_ids * (n_ids - 1), 2) * self.shares

    @property
    def query_width(self) -> int:
        """Coordinates of a query and a key, m_qk."""
        return self.codewords.width

    @property
    def n_tables(self) -> int:
        return 1

    @property
    def null(self) -> int:
        """The id NULL."""
        return self.codewords.n_ids - 2

    @property
    def buckets(self) -> Integers:
        """The bucket of every id, numbered from 0: int64[U]."""
        return _buckets(self.anna, self.codewords)

    @property
    def anna(self) -> Anna:
        """The mechanism on codewords."""
        return Anna(self.family, self.hashes, 1, self.seed)

    @property
    def null_is_heard(self) -> bool:
        """Whether a machine that asks for its id receives from the tokens whose key is NULL."""
        buckets = self.buckets
        return bool((buckets[: self.null] == buckets[self.null]).any())

    def weights(self, Q: ArrayLike, K: ArrayLike) -> Floats:
        """Return the attention matrix of `Anna` on the codewords of ids [N_q, 1] and [N_k, 1]."""
        return self.anna.weights(*(self.codewords.vectors(_ids(rows)) for rows in (Q, K)))

    def bucket_statistics(self, Q: ArrayLike, K: ArrayLike) -> dict[str, float]:
        """Describe the buckets of the codewords of ids, as `Anna` does."""
        return self.anna.bucket_statistics(*(self.codewords.vectors(_ids(rows)) for rows in (Q, K)))

    def apply(self, Q: ArrayLike, K: ArrayLike, V: ArrayLike) -> Attended:
        """Return the mean of the values whose key shares the bucket of the query."""
        queries, keys = (self.buckets[_ids(rows)] for rows in (Q, K))
        return ExactMatch().apply(queries, keys, np.asarray(V))

    def answer(self, block: HeadBlock) -> Answer:
        """Answer a sparse block of ids as exact match answers their buckets."""
        if not isinstance(block, SparseHeads):
            return super().answer(block)
        Q, K = (self.buckets[_ids(rows)][:, None].astype(np.float64) for rows in (block.Q, block.K))
        return ExactMatch().answer(replace(block, Q=Q, K=K))

    def refuse_far_pairs(self, block: SparseHeads) -> None:
        """Reject a block whose values carry no code if an id matches a key that is not its own.

        Raises
        ------
        FarCollision
        """
        pairs = self.far_pairs(block)
        if pairs:
            raise FarCollision(pairs, self.hashes)

    def far_pairs(self, block: SparseHeads, beyond: int = 0, and_of: Booleans | None = None) -> int:
        """Count the pairs of a class and a key in a head that share a bucket but no id.

        The classes ask for distinct ids, each in every head. Only those in a bucket that has more
        than ``beyond`` keys in its head are counted, and those of the keys ``and_of``, bool[Ek].
        """
        if (block.query_head != EVERY_HEAD).any():
            raise ValueError("far pairs are counted where every class asks in every head")
        asked, keys = _ids(block.Q), _ids(block.K)
        n_asking = np.bincount(self.buckets[asked], minlength=int(self.buckets.max()) + 1)
        is_asked = np.zeros(self.codewords.n_ids, np.int64)
        is_asked[asked] = 1
        pairs = n_asking[self.buckets[keys]] - is_asked[keys]
        if beyond:
            place = block.key_head * len(n_asking) + self.buckets[keys]
            _, which, count = np.unique(place, return_inverse=True, return_counts=True)
            counted = count[which] > beyond
            pairs = pairs[counted if and_of is None else counted | and_of]
        return int(pairs.sum())


def _ids(rows: ArrayLike) -> Integers:
    return np.asarray(rows).reshape(-1).astype(np.int64)


@lru_cache(maxsize=8)
def _buckets(anna: Anna, codewords: IdCodewords) -> Integers:
    functions = anna.functions(codewords.width)
    starts = range(0, codewords.n_ids, _IDS_AT_A_TIME)
    parts = (np.arange(start, min(start + _IDS_AT_A_TIME, codewords.n_ids)) for start in starts)
    codes = [functions.bucket_ids(codewords.vectors(part)).reshape(-1) for part in parts]
    buckets = np.unique(np.concatenate(codes), return_inverse=True)[1].reshape(-1).astype(np.int64)
    buckets.flags.writeable = False
    return buckets
