"""Theorem 3.4 of arXiv 2509.09001: how many hashes and tables make Algorithm 1 an ANNA.

With probability 1 - eta over the functions, for all pairs of N queries and N keys at once: no pair
farther than c r ever meets, and every pair within r meets in some table.

    z = ceil(log_{1/p2}(10 N**3))        a far pair meets in one table with probability p2**z,
                                         at most 0.1 / N**3
    l = ceil((2 ln N + ln(1/delta)) / p1**z)
                                         a near pair is missed by all tables with probability
                                         (1 - p1**z)**l <= delta / N**2
    eta <= delta + l N**2 p2**z <= delta + 0.1 l / N

As p1**z is about N**(-3 rho), l stays below N only for rho < 1/3 (c > sqrt 3 where rho = 1/c**2).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from math import log

from anna_model.lsh.family import FOLD_COLLISION, Family

MAX_TABLES = 2**16
MAX_HASHES = 10_000
DIGITS = 80

Probability = float | Fraction


class NoParameters(ValueError):
    """The theorem gives nothing for these numbers; the message says why."""


@dataclass(frozen=True)
class Parameters:
    """Hashes, tables and the failure probability that they guarantee.

    Parameters
    ----------
    hashes, tables : int
        z and l.
    delta : float
        Bound on the probability that a near pair is missed.
    eta : float
        Bound on the probability that the definition is violated anywhere, folds of long bucket ids
        included.
    rho : float
        ln(1/p1) / ln(1/p2).
    vacuous : bool
        eta >= 1: nothing is guaranteed.
    """

    hashes: int
    tables: int
    delta: float
    eta: float
    rho: float

    @property
    def vacuous(self) -> bool:
        """Whether nothing is guaranteed."""
        return self.eta >= 1


def choose_parameters(
    n_tokens: int,
    r: float,
    c: float,
    family: Family,
    m: int,
    delta: float,
    *,
    max_tables: int = MAX_TABLES,
) -> Parameters:
    """Choose hashes and tables for rows of width m.

    Parameters
    ----------
    n_tokens : int
        N: at least as many as there are queries, and keys.
    r, c : float
        A pair within r is near, one farther than c r is far.
    family : Family
        Its collision probability must be its law, as it is not for pseudo-random rotations.
    m : int
        Width of queries and keys.
    delta : float
        In (0, 1).
    max_tables : int
        More tables are rejected.

    Raises
    ------
    NoParameters
        rho >= 1/3, p2 = 1, p1 = 0, more tables than `max_tables`.

    Notes
    -----
    c r >= 2 among unit vectors leaves no far pairs: p2 = 0 and z = 1. For r = 0, where the far
    pairs are those at some least distance, use `from_probabilities` with p1 = 1.
    """
    if not (r >= 0 and c >= 1):
        raise ValueError(f"r must be at least 0 and c at least 1, not {r} and {c}")
    far = min(c * r, family.largest_distance)
    p1, p2 = family.collision_probability(r, m), family.collision_probability(far, m)
    return from_probabilities(n_tokens, p1, p2, delta, max_tables=max_tables)


def from_probabilities(
    n_tokens: int,
    p1: Probability,
    p2: Probability,
    delta: float,
    *,
    max_tables: int = MAX_TABLES,
) -> Parameters:
    """Choose hashes and tables for collision probabilities of near and far pairs.

    Parameters
    ----------
    n_tokens : int
        N.
    p1, p2 : float or Fraction
        Near pairs collide with probability p1 at least, far ones with p2 at most. A float is taken
        as the rational that it is.
    delta : float
        In (0, 1); ignored where p1 = 1: no table misses a near pair.

    Raises
    ------
    NoParameters
        rho >= 1/3, p2 = 1, p1 = 0, more tables than `max_tables` or hashes than `MAX_HASHES`.

    Notes
    -----
    z is the least integer with 10 N**3 p2**z <= 1, and rho < 1/3 is p1**3 > p2, both decided on
    integers; l is the ceiling of a quotient in 80 digits.
    """
    near, far = Fraction(p1), Fraction(p2)
    if n_tokens < 1 or not 0 < delta < 1 or not (0 <= far <= 1 and 0 <= near <= 1):
        raise ValueError(
            "needs n_tokens >= 1, delta strictly between 0 and 1, p1 and p2 in 0 .. 1, not "
            f"{n_tokens}, {delta}, {p1} and {p2}"
        )
    if far == 1:
        raise NoParameters("p2 = 1: far pairs always collide, no number of hashes separates them")
    if near == 0:
        raise NoParameters("p1 = 0: near pairs never collide, no number of tables finds them")
    rho = 0.0 if near == 1 or far == 0 else _log(near) / _log(far)
    if near**3 <= far:
        raise NoParameters(
            f"rho = {rho:.4g} must be below 1/3, else the tables, about N**(3 rho), outnumber the "
            "tokens"
        )
    hashes = least_hashes(n_tokens, far)
    if near == 1:
        tables, missed = 1, 0.0
    else:
        tables, missed = least_tables(n_tokens, near**hashes, delta), delta
    if tables > max_tables:
        raise NoParameters(f"{tables} tables are needed, more than {max_tables}: take a larger c")
    met = tables * n_tokens**2 * (float(far**hashes) + FOLD_COLLISION)
    return Parameters(hashes, tables, missed, missed + met, rho)


def least_hashes(n_tokens: int, p2: Fraction) -> int:
    """Return the least z >= 1 with 10 N**3 p2**z <= 1."""
    if p2 == 0:
        return 1
    inverse = 10 * n_tokens**3
    with localcontext() as context:
        context.prec = DIGITS
        needed = Decimal(inverse).ln() / (Decimal(p2.denominator).ln() - Decimal(p2.numerator).ln())
    if needed > MAX_HASHES:
        raise NoParameters(
            f"{needed:.0f} hashes are needed, more than {MAX_HASHES}: far pairs collide too often"
        )
    z = max(1, int(needed) - 1)
    while inverse * p2.numerator**z > p2.denominator**z:
        z += 1
    return z


def least_tables(n_tokens: int, meets: Fraction, delta: float) -> int:
    """Return ceil((2 ln N + ln(1/delta)) / meets), `meets` the probability of one table."""
    with localcontext() as context:
        context.prec = DIGITS
        needed = 2 * Decimal(n_tokens).ln() - Decimal(delta).ln()
        quotient = needed * meets.denominator / meets.numerator
        whole = int(quotient)
        return max(1, whole + (quotient > whole))


def _log(p: Fraction) -> float:
    return log(p.numerator) - log(p.denominator)
