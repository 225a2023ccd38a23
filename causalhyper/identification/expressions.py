"""Estimands as a small algebra: probabilities, products, sums, fractions and renamed values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Probability:
    """A probability of the observed distribution, P(variables | given).

    Parameters
    ----------
    variables : tuple of str
        Nodes, at least one.
    given : tuple of str
        Nodes conditioned on.

    Examples
    --------
    >>> print(Probability(("C",), ("N", "S")))
    P(c | n, s)
    """

    variables: tuple[str, ...]
    given: tuple[str, ...] = ()

    def __str__(self) -> str:
        return write(self)


@dataclass(frozen=True, slots=True)
class Product:
    """A product; of nothing, it is one.

    Parameters
    ----------
    factors : tuple of Expression
        The factors, in the order to be read.

    Examples
    --------
    >>> print(Product((Probability(("S",), ("N",)), Probability(("N",)))))
    P(s | n) P(n)
    """

    factors: tuple[Expression, ...]

    def __str__(self) -> str:
        return write(self)


@dataclass(frozen=True, slots=True)
class Sum:
    """A sum over all values of some variables (an integral where they are continuous).

    Parameters
    ----------
    over : tuple of str
        Nodes; inside `term` they hide variables of the same name outside.
    term : Expression
        What is summed.

    Examples
    --------
    >>> print(Sum(("N",), Product((Probability(("S",), ("N",)), Probability(("N",))))))
    Σ_{n} P(s | n) P(n)
    """

    over: tuple[str, ...]
    term: Expression

    def __str__(self) -> str:
        return write(self)


@dataclass(frozen=True, slots=True)
class Fraction:
    """A ratio of two expressions.

    Parameters
    ----------
    numerator, denominator : Expression
        The two sides.

    Examples
    --------
    >>> print(Fraction(Probability(("N", "S")), Probability(("N",))))
    P(n, s) / P(n)
    """

    numerator: Expression
    denominator: Expression

    def __str__(self) -> str:
        return write(self)


@dataclass(frozen=True, slots=True)
class Renamed:
    """An expression in which a variable takes a second value, as in another world.

    Parameters
    ----------
    term : Expression
        The expression.
    name : str
        The node, free in `term`.
    symbol : str
        How its second value is written, such as ``b*``.

    Examples
    --------
    >>> print(Renamed(Probability(("N",), ("B",)), "B", "b*"))
    P(n | b*)
    """

    term: Expression
    name: str
    symbol: str

    def __str__(self) -> str:
        return write(self)


Expression: TypeAlias = Probability | Product | Sum | Fraction | Renamed
ONE = Product(())


def free(expression: Expression) -> frozenset[str]:
    """Return the variables that an expression is a function of.

    Parameters
    ----------
    expression : Expression
        Any expression.

    Returns
    -------
    frozenset of str
        Those not summed over; a renamed one under its symbol.

    Examples
    --------
    >>> sorted(free(Sum(("N",), Product((Probability(("S",), ("N",)), Probability(("N",)))))))
    ['S']
    """
    match expression:
        case Probability(variables, given):
            return frozenset((*variables, *given))
        case Product(factors):
            return frozenset(name for factor in factors for name in free(factor))
        case Sum(over, term):
            return free(term).difference(over)
        case Fraction(numerator, denominator):
            return free(numerator) | free(denominator)
        case Renamed(term, name, symbol):
            return frozenset(symbol if other == name else other for other in free(term))


def symbols(names: Iterable[str]) -> dict[str, str]:
    """Return how values of nodes are written.

    Parameters
    ----------
    names : iterable of str
        Nodes.

    Returns
    -------
    dict of str to str
        The names in small letters; as they are, where two would be written alike.

    Examples
    --------
    >>> symbols(["B", "noise"]), symbols(["X", "x"])
    ({'B': 'b', 'noise': 'noise'}, {'X': 'X', 'x': 'x'})
    """
    small = {name: name.lower() for name in names}
    return small if len(set(small.values())) == len(small) else {name: name for name in small}


def write(expression: Expression) -> str:
    """Print an expression; a variable summed over takes a prime where its name is in use.

    Parameters
    ----------
    expression : Expression
        Any expression.

    Returns
    -------
    str
        With values in small letters.

    Examples
    --------
    >>> inner = Sum(("X",), Product((Probability(("Y",), ("X", "Z")), Probability(("X",)))))
    >>> print(write(Sum(("Z",), Product((Probability(("Z",), ("X",)), inner)))))
    Σ_{z} P(z | x) Σ_{x′} P(y | x′, z) P(x′)
    """
    signs = symbols(sorted(_names(expression)))
    taken = frozenset(signs.get(name, name) for name in free(expression))
    return _write(expression, _Signs(signs, signs, taken))


@dataclass(frozen=True, slots=True)
class _Signs:
    """How names are written: outside any sum, here, and what no sum here may use."""

    plain: Mapping[str, str]
    here: Mapping[str, str]
    taken: frozenset[str]

    def bind(self, names: Iterable[str]) -> tuple[list[str], _Signs]:
        """Return signs for variables summed over, and how names are written in the sum."""
        bound = {name: self.plain[name] for name in names}
        for name in bound:
            while bound[name] in self.taken:
                bound[name] += "′"
        inner = _Signs(self.plain, {**self.here, **bound}, self.taken.union(bound.values()))
        return list(bound.values()), inner


def _write(expression: Expression, signs: _Signs) -> str:
    match expression:
        case Probability(variables, given):
            bar = " | " if given else ""
            left, right = (", ".join(signs.here[v] for v in side) for side in (variables, given))
            return f"P({left}{bar}{right})"
        case Product(factors):
            return _write_product(factors, signs)
        case Sum(over, term):
            bound, inside = signs.bind(over)
            inner = _write(term, inside)
            inner = f"[{inner}]" if isinstance(term, Fraction) else inner
            return f"Σ_{{{', '.join(bound)}}} {inner}"
        case Fraction(numerator, denominator):
            sides = (numerator, denominator)
            return " / ".join(
                _write(side, signs)
                if isinstance(side, Probability)
                else f"[{_write(side, signs)}]"
                for side in sides
            )
        case Renamed(term, name, symbol):
            return _write(term, _Signs(signs.plain, {**signs.here, name: symbol}, signs.taken))


def _write_product(factors: tuple[Expression, ...], signs: _Signs) -> str:
    """Print a product; sums that do not end it, and fractions, stand in brackets."""
    texts = [_write(factor, signs) for factor in factors]
    for place, factor in enumerate(factors):
        inner = factor.term if isinstance(factor, Renamed) else factor
        last = place == len(factors) - 1
        if isinstance(inner, Fraction) or (isinstance(inner, Sum) and not last):
            texts[place] = f"[{texts[place]}]"
    return " ".join(texts) or "1"


def _names(expression: Expression) -> frozenset[str]:
    """Return every node that an expression mentions."""
    match expression:
        case Probability(variables, given):
            return frozenset((*variables, *given))
        case Product(factors):
            return frozenset(name for factor in factors for name in _names(factor))
        case Sum(_, term) | Renamed(term, _, _):
            return _names(term)
        case Fraction(numerator, denominator):
            return _names(numerator) | _names(denominator)
