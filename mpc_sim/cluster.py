"""The machines: N input words, P machines of s words each, and the constants behind them.

Notation: N = ``n_words``, P = ``n_machines``, s = ``memory_words``, block = ``block_words``, p =
``word_bits``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fractions import Fraction
from numbers import Rational
from typing import Any

from mpc_sim.errors import ShapeError
from mpc_sim.integers import as_exponent, ceil_div, ceil_power

EXPONENTS = ("epsilon", "gamma")


@dataclass(frozen=True)
class Cluster:
    """A cluster of the MPC model, validated when it is made.

    Parameters
    ----------
    n_words : int
        N, the words of the input; at least 1.
    memory_words : int
        s, the words of local memory of a machine; at least 2.
    n_machines : int
        P; at least ceil(N / block).
    block_words : int
        Input (and output) words of a machine: word i lies on machine i // block_words.
    word_bits : int
        Bits of a word; 2**word_bits exceeds N, P and every input word. By default the least such
        number.
    largest_word : int
        The largest word that an input may hold (or the number of letters); only used to choose or
        check ``word_bits``.
    epsilon, gamma, memory_factor, machine_factor
        Where the sizes came from: s = memory_factor * ceil(N**epsilon), P = ceil(machine_factor *
        N**(1 + gamma - epsilon)). None for a cluster that was given outright.

    Raises
    ------
    ShapeError
        If a size is impossible; the message names the parameter.

    References
    ----------
    Liu et al., arXiv 2509.09001, section 2 (the (gamma, epsilon)-MPC model).

    Examples
    --------
    >>> cluster = Cluster.from_exponents(1024, epsilon="2/3", memory_factor=4, machine_factor=2)
    >>> cluster.block_words, cluster.memory_words, cluster.n_machines, cluster.word_bits
    (102, 408, 21, 11)
    >>> Cluster(n_words=8, memory_words=4, n_machines=4, block_words=2).word_bits
    4
    """

    n_words: int
    memory_words: int
    n_machines: int
    block_words: int
    word_bits: int = 0
    largest_word: int = 0
    # Left out of the hash: a fraction takes longer to hash than all sizes together.
    epsilon: Fraction | None = field(default=None, hash=False)
    gamma: Fraction | None = field(default=None, hash=False)
    memory_factor: int | None = None
    machine_factor: int | None = None

    def __post_init__(self) -> None:
        if self.n_words < 1:
            raise ShapeError(
                f"N = {self.n_words} words: an input has at least one word", n_words=self.n_words
            )
        if self.memory_words < 2:
            raise ShapeError(
                f"s = {self.memory_words}: local memory is at least 2 words; "
                "raise epsilon or memory_factor",
                memory_words=self.memory_words,
            )
        if not 1 <= self.block_words <= self.memory_words:
            raise ShapeError(
                f"block = {self.block_words} words of input per machine; "
                f"it must lie in 1 .. s = {self.memory_words}",
                block_words=self.block_words,
            )
        if self.n_machines < self.n_input_machines:
            raise ShapeError(
                f"P = {self.n_machines} machines cannot hold N = {self.n_words} words in blocks of "
                f"{self.block_words}; raise gamma or machine_factor",
                n_machines=self.n_machines,
            )
        least = max(self.n_words, self.n_machines, self.largest_word).bit_length()
        if self.word_bits == 0:
            object.__setattr__(self, "word_bits", least)
        if not least <= self.word_bits <= 62:
            raise ShapeError(
                f"word_bits = {self.word_bits}; N, P and the input words need {least}, "
                "and at most 62 are supported",
                word_bits=self.word_bits,
            )

    @classmethod
    def from_exponents(
        cls,
        n_words: int,
        epsilon: str | float | Rational,
        gamma: str | float | Rational = 0,
        *,
        memory_factor: int = 1,
        machine_factor: int = 1,
        word_bits: int = 0,
        largest_word: int = 0,
    ) -> Cluster:
        """Make a cluster from exponents: s = c_s ceil(N**eps), P = ceil(c_p N**(1 + gamma - eps)).

        Raises
        ------
        ShapeError
            If epsilon is not in (0, 1], gamma not in [0, 8], or a size is impossible.
        """
        epsilon, gamma = as_exponent(epsilon, "epsilon"), as_exponent(gamma, "gamma")
        if n_words < 1:
            raise ShapeError(
                f"N = {n_words} words: an input has at least one word", n_words=n_words
            )
        if not 0 < epsilon <= 1:
            raise ShapeError(f"epsilon = {epsilon}: choose it in (0, 1]", epsilon=epsilon)
        if not 0 <= gamma <= 8:
            raise ShapeError(f"gamma = {gamma}: choose it in [0, 8]", gamma=gamma)
        if min(memory_factor, machine_factor) < 1:
            raise ShapeError("memory_factor and machine_factor are at least 1")
        block = ceil_power(n_words, epsilon)
        return cls(
            n_words=n_words,
            memory_words=memory_factor * block,
            n_machines=ceil_power(n_words, 1 + gamma - epsilon, machine_factor),
            block_words=block,
            word_bits=word_bits,
            largest_word=largest_word,
            epsilon=epsilon,
            gamma=gamma,
            memory_factor=memory_factor,
            machine_factor=machine_factor,
        )

    def to_json(self) -> dict[str, int | str | None]:
        """Return the fields as JSON holds them: exponents as fractions in text.

        Examples
        --------
        >>> cluster = Cluster.from_exponents(64, epsilon="1/2")
        >>> cluster.to_json()["epsilon"], Cluster.from_json(cluster.to_json()) == cluster
        ('1/2', True)
        """
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        for name, value in values.items():
            if value is not None:
                values[name] = str(Fraction(value)) if name in EXPONENTS else int(value)
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, int | str | None]) -> Cluster:
        """Make the cluster that :meth:`to_json` wrote down.

        Raises
        ------
        ShapeError
            If the values are not those of a cluster.
        """
        read: dict[str, Any] = {}
        for name, value in values.items():
            if value is not None and type(value) is not (str if name in EXPONENTS else int):
                raise ShapeError(f"{name} = {value!r} is no size of a cluster")
            read[name] = Fraction(value) if isinstance(value, str) else value
        if set(read) != {field.name for field in fields(cls)}:
            raise ShapeError(f"these are not the fields of a cluster: {', '.join(read)}")
        return cls(**read)

    @property
    def n_input_machines(self) -> int:
        """Machines that hold input words, and that must hold the output: ceil(N / block)."""
        return ceil_div(self.n_words, self.block_words)

    @property
    def is_scarce(self) -> bool:
        """Whether s < N; otherwise one machine could hold everything and a run shows nothing."""
        return self.memory_words < self.n_words

    @property
    def word_limit(self) -> int:
        """2**word_bits, the first integer that is no word."""
        return 1 << self.word_bits


def failure_word(cluster: Cluster) -> int:
    """Return the word that a randomised protocol puts out everywhere when it did not finish.

    It is 2^word_bits - 1, so all other words of such a protocol must be smaller.
    """
    return cluster.word_limit - 1
