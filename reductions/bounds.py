"""Bounds: a formula with explicit constants, its kind and its source, set beside a measurement.

A *check* compares what was counted while something ran with what a theorem gives from N, epsilon,
gamma, the parameters of a problem and declared constants: it can fail. A *fact* is what the router
enforces, or what is read back from the plan that made the run: it is printed without a verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import sympy

Kind = Literal["exact", "upper", "whp", "expected"]
Status = Literal["PASS", "FAIL", "UNVERIFIED"]

SYMBOLS = {
    "N": "words of the input",
    "P": "machines",
    "s": "words of local memory",
    "B": "input words of a machine, ceil(N^epsilon)",
    "R": "rounds",
    "T": "items of the input that lie on a machine, ceil(N / P) for words",
    "d": "depth of a sort, the least that s and P allow",
    "r": "records of the longest column that a machine sorts",
    "M": "machines of the columns of a sort",
    "L": "levels of a tree or scan, the least that s allows",
    "q": "children on other machines that machine 0 has, over all levels of a scan",
    "c": "most children of a node of a tree",
    "w": "words of a record",
    "K": "messages of a machine to others in a round",
    "W": "bits of a word",
    "word_bits": "bits of a word",
    "b": "messages that meet in a head",
    "U": "sources",
    "B_bits": "bits of B",
    "P_bits": "bits of P",
    "U_bits": "bits of U",
    "b_bits": "bits of b",
    "C_bits": "bits of the most messages that meet in a head",
    "B_in": "input words of a machine",
    "p": "prime of the code",
}
"""What symbols mean wherever a bound does not say otherwise."""


@dataclass(frozen=True)
class Order:
    """What a paper states of a quantity: an O(...), whose constant it leaves open.

    Parameters
    ----------
    text : str
        Such as ``O(N^epsilon)``.
    theorem : str
        Theorem, lemma or section, and the paper.
    size : float
        What stands in the O(...) in this run.

    Examples
    --------
    >>> Order("O(N^epsilon)", "section 2 of arXiv 2509.09001", 102).constant(408)
    4.0
    """

    text: str
    theorem: str
    size: float

    def constant(self, bound: int) -> float | None:
        """Return the constant that a bound puts before it; None where nothing stands there."""
        return bound / self.size if self.size > 0 else None


@dataclass(frozen=True)
class Fact:
    """What no run can break: a limit of the router, or a number of the plan that made the run.

    Parameters
    ----------
    source : str
        What enforces it, or where it is read.
    """

    name: str
    value: int
    source: str

    def to_json(self) -> dict[str, Any]:
        """Return the fact as plain JSON types."""
        return {"name": self.name, "value": self.value, "source": self.source}


@dataclass(frozen=True)
class Check:
    """One row of a certificate.

    Parameters
    ----------
    measured, bound : int or None
        None where nothing was measured.
    kind : str
        exact: equal; upper: at most, always; whp: at most, with the stated probability; expected:
        at most, on average.
    source : str
        Where the claim is proved.
    status : str
        PASS, FAIL, or UNVERIFIED where nothing was measured.
    formula, substitution : str
        How the bound came about.
    compared : int or None
        For output rows: how many words were compared.
    latex : str
        The formula for LaTeX.
    symbols : mapping of str to str
        What the symbols of the formula mean.
    paper : Order or None
        What the paper states without a constant.
    is_tight : bool or None
        Whether a named input is known that takes all that the bound gives; None: not searched.
    """

    name: str
    measured: int | None
    bound: int
    kind: Kind
    source: str
    status: Status
    formula: str = ""
    substitution: str = ""
    compared: int | None = None
    latex: str = ""
    symbols: Mapping[str, str] = field(default_factory=dict)
    paper: Order | None = None
    is_tight: bool | None = None

    @property
    def constant(self) -> float | None:
        """The constant that the bound puts before what the paper states."""
        return None if self.paper is None else self.paper.constant(self.bound)

    @property
    def stated(self) -> str:
        """What the paper states, with its theorem and the constant of this bound; or nothing."""
        if self.paper is None:
            return ""
        constant = "" if self.constant is None else f"{self.constant:.3g} x "
        return f"{constant}{self.paper.text}, {self.paper.theorem}"

    @property
    def slack(self) -> float | None:
        """Bound over measured, where both are positive."""
        return self.bound / self.measured if self.measured and self.bound else None

    def explain(self) -> str:
        """Return formula, symbols, substitution, paper and source in lines of text."""
        lines = [f"{self.name}: measured {self.measured}, {self.kind} bound {self.bound}"]
        if self.formula:
            lines += [f"  formula       {self.formula}", f"  substitution  {self.substitution}"]
        for number, (symbol, meaning) in enumerate(self.symbols.items()):
            lines.append(f"  {'' if number else 'symbols':<14}{symbol}: {meaning}")
        if self.paper is not None:
            lines.append(f"  paper         {self.stated}")
        if self.is_tight is not None:
            known = "one less is broken by an input of the tests" if self.is_tight else "not tight"
            lines.append(f"  tightness     {known}")
        lines += [f"  source        {self.source}", f"  status        {self.status}"]
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        """Return the row as plain JSON types."""
        row: dict[str, Any] = {
            "name": self.name,
            "measured": self.measured,
            "bound": self.bound,
            "kind": self.kind,
            "source": self.source,
            "status": self.status,
            "slack": self.slack,
            "formula": self.formula,
            "latex": self.latex,
            "substitution": self.substitution,
            "symbols": dict(self.symbols),
            "paper": "" if self.paper is None else f"{self.paper.text}, {self.paper.theorem}",
            "constant": self.constant,
            "tight": self.is_tight,
        }
        if self.compared is not None:
            row["compared"] = self.compared
        return row


@dataclass(frozen=True, eq=False)
class Bound:
    """A bound on one quantity.

    Parameters
    ----------
    quantity : str
        The name of its row.
    expression : sympy.Expr
        With explicit constants; every symbol is in ``values``.
    values : mapping of str to int
        What the symbols stand for in this run.
    kind : str
        exact, upper, whp or expected.
    source : str
    symbols : mapping of str to str
        What its symbols mean, beside those of `SYMBOLS`.
    paper : Order, optional
        What a paper states of the quantity.
    is_tight : bool, optional
        Whether the tests name an input that one less would not do for, at three sizes.

    Examples
    --------
    >>> s, w = sympy.symbols("s w")
    >>> values, symbols = {"s": 408, "w": 2}, {"w": "words of a record"}
    >>> heads = sympy.floor(s / w) + 1
    >>> bound = Bound("heads", heads, values, "upper", "Theorem 4.1", symbols)
    >>> bound.value, bound.check(129).status, bound.check(206).status
    (205, 'PASS', 'FAIL')
    >>> print(bound.check(129).explain())
    heads: measured 129, upper bound 205
      formula       floor(s/w) + 1
      substitution  s = 408, w = 2
      symbols       s: words of local memory
                    w: words of a record
      source        Theorem 4.1
      status        PASS
    """

    quantity: str
    expression: sympy.Expr
    values: Mapping[str, int]
    kind: Kind
    source: str
    symbols: Mapping[str, str] = field(default_factory=dict)
    paper: Order | None = None
    is_tight: bool | None = None

    @property
    def value(self) -> int:
        """The bound as an integer.

        Raises
        ------
        ValueError
            If a symbol has no value, or the result is no integer.
        """
        symbols = sympy.sympify(self.expression).free_symbols
        known = {
            symbol: sympy.Integer(self.values[symbol.name])
            for symbol in symbols
            if symbol.name in self.values
        }
        result = sympy.sympify(self.expression).xreplace(known)
        if not result.is_Integer:
            raise ValueError(f"the bound on {self.quantity} is {result}, which is no integer")
        return int(result)

    def check(self, measured: int | None) -> Check:
        """Compare a measurement with the bound."""
        value = self.value
        if measured is None:
            status: Status = "UNVERIFIED"
        elif self.kind == "exact":
            status = "PASS" if measured == value else "FAIL"
        else:
            status = "PASS" if measured <= value else "FAIL"
        names = sorted(str(symbol) for symbol in sympy.sympify(self.expression).free_symbols)
        return Check(
            self.quantity,
            measured,
            value,
            self.kind,
            self.source,
            status,
            formula=str(self.expression),
            substitution=", ".join(f"{name} = {self.values[name]}" for name in names),
            latex=sympy.latex(self.expression),
            symbols={name: self.meaning(name) for name in names},
            paper=self.paper,
            is_tight=self.is_tight,
        )

    def meaning(self, name: str) -> str:
        """Return what a symbol means; a digit at its end numbers it."""
        known = {**SYMBOLS, **self.symbols}
        if name in known:
            return known[name]
        root = name.rstrip("0123456789")
        return f"{known[root]}, number {name[len(root) :]}" if root in known else ""
