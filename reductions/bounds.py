"""Bounds: a formula with explicit constants, its kind and its source, set beside a measurement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import sympy

Kind = Literal["exact", "upper", "whp", "expected"]
Status = Literal["PASS", "FAIL", "UNVERIFIED"]


@dataclass(frozen=True)
class Check:
    """One row of a certificate.

    Parameters
    ----------
    name : str
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

    @property
    def slack(self) -> float | None:
        """Bound over measured, where both are positive."""
        return self.bound / self.measured if self.measured and self.bound else None

    def explain(self) -> str:
        """Return formula, substitution and source in lines of text."""
        lines = [f"{self.name}: measured {self.measured}, {self.kind} bound {self.bound}"]
        if self.formula:
            lines += [f"  formula       {self.formula}", f"  substitution  {self.substitution}"]
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
            "substitution": self.substitution,
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

    Examples
    --------
    >>> s, w = sympy.symbols("s w")
    >>> bound = Bound("heads", sympy.floor(s / w) + 1, {"s": 408, "w": 2}, "upper", "Theorem 4.1")
    >>> bound.value, bound.check(129).status, bound.check(206).status
    (205, 'PASS', 'FAIL')
    >>> print(bound.check(129).explain())
    heads: measured 129, upper bound 205
      formula       floor(s/w) + 1
      substitution  s = 408, w = 2
      source        Theorem 4.1
      status        PASS
    """

    quantity: str
    expression: sympy.Expr
    values: Mapping[str, int]
    kind: Kind
    source: str

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
        )
