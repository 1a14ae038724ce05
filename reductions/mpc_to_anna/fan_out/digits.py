"""The digits of machine ids, and the hops that change one of them at a time.

Axes: P machines, L digits, radices r_1 .. r_(L-1) of the lower digits, B their product.

Machine x has the lower digits of x mod B and the top digit x // B. A hop changes one digit, so
machines that differ in that digit only meet: r of them, and a machine has r - 1 others. With at
most d partners every radix may be d + 1, and L is the least number of digits, (d + 1)^L >= P. The
number d of the lemma in place of d + 1 would never take fewer hops.

P need not be such a product. The top digit is below ceil(P / B) <= d + 1, but only its first
c = floor(P / B) values have all B machines. These c B machines are the *waypoints*. On the way to
a waypoint the top digit is set first, so that a record is inside the complete part before a lower
digit moves; on the way from it the top digit is set last. Every machine in between exists. B is
the product that makes ceil(P / B) / c least: 1 if P is a product of L radices, never above 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import prod
from numbers import Rational

from mpc_sim.cluster import Cluster
from mpc_sim.errors import ShapeError
from mpc_sim.integers import as_exponent, ceil_div, ceil_power
from mpc_sim.records import Words


@dataclass(frozen=True)
class Digits:
    """Machine ids as digits.

    Parameters
    ----------
    n_machines : int
        P.
    radices : tuple of int
        Of the lower digits, the least significant first.
    """

    n_machines: int
    radices: tuple[int, ...]

    @property
    def n_hops(self) -> int:
        """L, the hops to a waypoint, and those from it."""
        return len(self.radices) + 1

    @property
    def columns(self) -> int:
        """B, the product of the lower radices."""
        return prod(self.radices)

    @property
    def full(self) -> int:
        """c, the values of the top digit that all B machines have."""
        return self.n_machines // self.columns

    @property
    def top(self) -> int:
        """The values of the top digit."""
        return ceil_div(self.n_machines, self.columns)

    @property
    def n_waypoints(self) -> int:
        """The machines that a record may go by, c B in number: the first ones."""
        return self.full * self.columns

    def next(self, hop: int, machine: Words, waypoint: Words, destination: Words) -> Words:
        """Return where records go in one of the 2 L hops.

        Parameters
        ----------
        hop : int
            0 .. L - 1 lead to the waypoint, L .. 2 L - 1 from there to the destination.
        machine : int64[R]
            Where the records are.
        waypoint, destination : int64[R]

        Returns
        -------
        int64[R]
        """
        columns = self.columns
        if hop == 0:
            return waypoint // columns * columns + machine % columns
        if hop == 2 * self.n_hops - 1:
            return destination // columns * columns + machine % columns
        place = hop - 1 if hop < self.n_hops else hop - self.n_hops
        aim = waypoint if hop < self.n_hops else destination
        weight, radix = prod(self.radices[:place]), self.radices[place]
        own, new = machine // weight % radix, aim // weight % radix
        # x mod B has the same lower digits as x, because all weights and radices divide B
        return machine + (new - own) * weight

    def reach(self, hop: int) -> tuple[int, int]:
        """Return what decides the mean load of a machine after one of the first 2 L - 1 hops.

        Returns
        -------
        ends : int
            How many machines the records on it may come from (before hop L), or go to.
        waypoints : int
            How many waypoints such a record can have, if it is there.

        Notes
        -----
        After hop j < L the digits that are not set are those of the source, and those that are
        set are those of the waypoint. From hop L on the same holds of destination and waypoint,
        in the other order.
        """
        if hop < self.n_hops:
            free = prod(self.radices[:hop])
        else:
            free = prod(self.radices[hop - self.n_hops + 1 :])
        return min(self.n_machines, self.top * free), self.columns // free


@lru_cache(maxsize=1024)
def plan_digits(n_machines: int, partners: int) -> Digits:
    """Return the digits of the fewest hops with at most ``partners`` other machines per hop.

    Raises
    ------
    ShapeError
        If there are no partners.
    """
    if partners < 1:
        raise ShapeError(
            f"partners = {partners}: a machine has at least one partner; raise partners or rho",
            partners=partners,
        )
    base = partners + 1
    length = 1
    while base**length < n_machines:
        length += 1
    products: dict[int, tuple[int, ...]] = {1: ()}
    for _ in range(length - 1):
        products = {
            product * radix: (*radices, radix)
            for product, radices in products.items()
            for radix in range(2, base + 1)
        }
    fits = [b for b in products if b <= n_machines <= base * b]
    # a larger B only breaks ties: hops of lower digits then meet as many machines as possible
    best = min(fits, key=lambda b: (Fraction(ceil_div(n_machines, b), n_machines // b), -b))
    return Digits(n_machines, products[best])


def partners_of_exponent(cluster: Cluster, rho: str | float | Rational) -> int:
    """Return floor(N^rho), the partners that the exponent rho allows.

    Raises
    ------
    ShapeError
        If rho is negative.

    Examples
    --------
    >>> cluster = Cluster(n_words=1000, memory_words=100, n_machines=20, block_words=50)
    >>> [partners_of_exponent(cluster, rho) for rho in ("0", "1/3", "1/2")]
    [1, 10, 31]
    """
    exponent = as_exponent(rho, "rho")
    if exponent < 0:
        raise ShapeError(f"rho = {exponent}: choose it at least 0", rho=exponent)
    above = ceil_power(cluster.n_words, exponent)
    is_power = above**exponent.denominator == cluster.n_words**exponent.numerator
    return above if is_power else above - 1
