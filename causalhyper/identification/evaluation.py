"""The value of an estimand on a table of the observed joint distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.identification.expressions import (
    Expression,
    Fraction,
    Probability,
    Product,
    Renamed,
    Sum,
    free,
)


def evaluate(
    expression: Expression, joint: Array, axes: Sequence[str], keep: Sequence[str]
) -> Array:
    """Evaluate an estimand on the joint distribution of discrete nodes.

    Parameters
    ----------
    expression : Expression
        The estimand.
    joint : array, one axis a node
        Probabilities that sum to one.
    axes : sequence of str
        The node of each axis.
    keep : sequence of str
        The variables of the answer's axes, renamed ones by their symbol. Any other free
        variable stays at its first value: an identified effect is the same at each.

    Returns
    -------
    array, one axis a name in `keep`
        Not a number where the estimand needs a probability given what has probability zero.

    Raises
    ------
    ConfigurationError
        If the axes do not match the joint, it does not sum to one, or a name is no axis.

    Examples
    --------
    >>> joint = np.array([[0.4, 0.1], [0.2, 0.3]])
    >>> evaluate(Probability(("Y",), ("X",)), joint, "XY", "YX").round(3)
    array([[0.8, 0.4],
           [0.2, 0.6]])
    """
    twins = _twins(expression)
    names = (*axes, *twins)
    _check(joint, axes, keep, names, free(expression))
    wide = np.asarray(joint, dtype=float).reshape(joint.shape + (1,) * len(twins))
    sizes = dict(zip(axes, joint.shape, strict=True))
    sizes |= {symbol: sizes[name] for symbol, name in twins.items()}
    found = _value(expression, wide, names, sizes)
    full = np.broadcast_to(
        found, [sizes[n] if n in keep else found.shape[k] for k, n in enumerate(names)]
    )
    left = full[tuple(slice(None) if name in keep else 0 for name in names)]
    standing = [name for name in names if name in keep]
    return np.array(left.transpose([standing.index(name) for name in keep]))


def _check(
    joint: Array,
    axes: Sequence[str],
    keep: Sequence[str],
    names: Sequence[str],
    wanted: frozenset[str],
) -> None:
    if joint.ndim != len(axes) or len(set(names)) != len(names):
        raise ConfigurationError(
            f"expected one axis a node; got {joint.ndim} axes for {', '.join(axes)}"
        )
    if not np.isclose(joint.sum(), 1.0) or (joint < 0).any():
        raise ConfigurationError(f"expected a joint that sums to 1; its sum is {joint.sum():g}")
    if unknown := sorted(wanted.union(keep).difference(names)):
        raise ConfigurationError(
            f"no axis for {', '.join(unknown)}; the axes are {', '.join(names)}"
        )


def _value(
    expression: Expression, joint: Array, names: Sequence[str], sizes: dict[str, int]
) -> Array:
    """Return the value with one axis a name, of length one where it does not matter."""

    def value(part: Expression) -> Array:
        return _value(part, joint, names, sizes)

    match expression:
        case Probability(variables, given):
            both = _margin(joint, names, {*variables, *given})
            return _divide(both, _margin(joint, names, set(given))) if given else both
        case Product(factors):
            result = np.ones((1,) * len(names))
            for factor in factors:
                result = result * value(factor)
            return result
        case Sum(over, term):
            result = value(term)
            for name in over:
                axis = names.index(name)
                idle = sizes[name] if result.shape[axis] == 1 else 1
                result = result.sum(axis=axis, keepdims=True) * idle
            return result
        case Fraction(numerator, denominator):
            return _divide(value(numerator), value(denominator))
        case Renamed(term, name, symbol):
            return value(term).swapaxes(names.index(name), names.index(symbol))


def _margin(joint: Array, names: Sequence[str], keep: set[str]) -> Array:
    gone = tuple(axis for axis, name in enumerate(names) if name not in keep)
    return np.asarray(joint.sum(axis=gone, keepdims=True))


def _divide(top: Array, bottom: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(bottom > 0, top / bottom, np.nan))


def _twins(expression: Any) -> dict[str, str]:
    """Return the second values that an expression names: symbol and node."""
    match expression:
        case Product(factors):
            return {k: v for factor in factors for k, v in _twins(factor).items()}
        case Sum(_, term):
            return _twins(term)
        case Fraction(numerator, denominator):
            return _twins(numerator) | _twins(denominator)
        case Renamed(term, name, symbol):
            return _twins(term) | {symbol: name}
    return {}
