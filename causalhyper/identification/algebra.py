"""Building estimands in short form: products without products, sums without what sums to one."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from causalhyper.identification.expressions import (
    ONE,
    Expression,
    Fraction,
    Probability,
    Product,
    Renamed,
    Sum,
    free,
)


def multiply(factors: Iterable[Expression]) -> Expression:
    """Return a product without products in it, probabilities first and sums last.

    Parameters
    ----------
    factors : iterable of Expression
        The factors.

    Returns
    -------
    Expression
        The factor itself where there is one.

    Examples
    --------
    >>> print(multiply([Product((Probability(("S",), ("N",)), Probability(("N",)))), ONE]))
    P(s | n) P(n)
    """
    flat: list[Expression] = []
    for factor in factors:
        flat += factor.factors if isinstance(factor, Product) else [factor]
    flat.sort(key=_place)
    return flat[0] if len(flat) == 1 else Product(tuple(flat))


def sum_out(over: Collection[str], term: Expression) -> Expression:
    """Return a sum over variables, without those that sum to one.

    Parameters
    ----------
    over : collection of str
        Nodes, each free in `term`.
    term : Expression
        What is summed.

    Returns
    -------
    Expression
        The term itself where no variable is left to sum over.

    Examples
    --------
    >>> term = Product((Probability(("S",), ("N",)), Probability(("N",))))
    >>> print(sum_out({"S"}, term), sum_out({"S", "N"}, term), sep="; ")
    P(n); 1
    """
    left, factors = set(over), _factors(term)
    while found := _sums_to_one(left, factors):
        place, name, head = found
        rest = tuple(other for other in head.variables if other != name)
        factors[place : place + 1] = [Probability(rest, head.given)] if rest else []
        left.remove(name)
    inner = multiply(factors)
    if isinstance(inner, Sum) and not left.intersection(inner.over):
        left, inner = left.union(inner.over), inner.term
    return Sum(tuple(sorted(left)), inner) if left else inner


def divide(numerator: Expression, denominator: Expression) -> Expression:
    """Return a ratio, without a denominator of one.

    Parameters
    ----------
    numerator, denominator : Expression
        The two sides.

    Returns
    -------
    Expression
        The numerator itself where the denominator is one.

    Examples
    --------
    >>> print(divide(Probability(("N",)), ONE))
    P(n)
    """
    return numerator if denominator == ONE else Fraction(numerator, denominator)


def _place(factor: Expression) -> int:
    """Rank a factor of a product: probabilities, then fractions, then sums."""
    core = factor.term if isinstance(factor, Renamed) else factor
    return 0 if isinstance(core, Probability | Product) else 2 if isinstance(core, Sum) else 1


def _factors(term: Expression) -> list[Expression]:
    return list(term.factors) if isinstance(term, Product) else [term]


def _sums_to_one(
    over: Collection[str], factors: list[Expression]
) -> tuple[int, str, Probability] | None:
    """Find a variable that one probability alone mentions, before its bar."""
    for name in sorted(over):
        places = [k for k, factor in enumerate(factors) if name in free(factor)]
        if len(places) == 1:
            factor = factors[places[0]]
            if isinstance(factor, Probability) and name in factor.variables:
                return places[0], name, factor
    return None
