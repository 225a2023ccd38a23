"""The rules for measurements, each a function from a column's values to its problems."""

from __future__ import annotations

import numpy as np

from causalhyper.arrays import Array, Flags
from causalhyper.errors import Problem
from causalhyper.frames.columns import Column
from causalhyper.frames.measurements import Show
from causalhyper.frames.role import Role

DIVERGED = (
    "a run that diverged is an outcome, not a missing row: record its outcome and say how its "
    "other measurements are coded, or leave the rows out and say so in the protocol"
)


def check_finite(column: str, values: Array, show: Show) -> list[Problem]:
    """Find missing and infinite measurements.

    Parameters
    ----------
    column : str
        The column's name.
    values : ndarray of float, shape (n,)
        Its values.
    show : callable
        From row number and value to the example in a message.

    Returns
    -------
    list of Problem
        Missing values first.

    Examples
    --------
    >>> found = check_finite("margin", np.array([1.0, np.inf]), lambda row, value: str(value))
    >>> found[0].rule, found[0].rows
    ('must be finite', 1)
    """
    missing, infinite = np.isnan(values), np.isinf(values)
    pairs = (("must not be missing", missing), ("must be finite", infinite))
    return [
        _masked(column, values, mask, rule, DIVERGED, show) for rule, mask in pairs if mask.any()
    ]


def check_range(column: Column, values: Array, show: Show, *, source: str = "") -> list[Problem]:
    """Find measurements outside a column's range, and counts that are not whole.

    Parameters
    ----------
    column : Column
        The column with its kind and range.
    values : ndarray of float, shape (n,)
        Its values; those that are not finite are passed over.
    show : callable
        From row number and value to the example in a message.
    source : str
        Who set the range, where it was not the table of known columns.

    Returns
    -------
    list of Problem
        Empty where all is in order.

    Examples
    --------
    >>> from causalhyper.frames.columns import KNOWN
    >>> shown = lambda row, value: f"{value:g}"
    >>> check_range(KNOWN["test_accuracy"], np.array([0.5, 83.9]), shown)[0].remedy
    '83.9 looks like a percentage; divide by 100'
    """
    finite = np.isfinite(values)
    problems = []
    broken = finite & (values != np.round(values))
    if column.kind == "count" and broken.any():
        remedy = "record the count itself, not a mean or a share"
        rule = "must be a whole number"
        problems.append(_masked(column.name, values, broken, rule, remedy, show))
    outside = finite & column.excludes(values)
    if outside.any():
        rule = f"must be {column.range}{source}"
        remedy = _range_remedy(column, values[outside])
        problems.append(_masked(column.name, values, outside, rule, remedy, show))
    return problems


def check_logarithm(role: Role, values: Array, show: Show) -> list[Problem]:
    """Find values that have no logarithm, where the role takes one.

    Parameters
    ----------
    role : Role
        The role with its transform.
    values : ndarray of float, shape (n,)
        The column's values before the transform.
    show : callable
        From row number and value to the example in a message.

    Returns
    -------
    list of Problem
        Empty where the role takes no logarithm.

    Examples
    --------
    >>> role = Role.parse("N=log10(grad_noise)")
    >>> print(*check_logarithm(role, np.array([0.0, 1.0]), lambda row, value: f"{value:g}"))
    'grad_noise': must be above 0 for log10; 1 row; for example 0; use N=grad_noise
    """
    lacking = np.isfinite(values) & (values <= 0)
    if not role.is_logarithmic or not lacking.any():
        return []
    rule = f"must be above 0 for {role.transform}"
    return [_masked(role.column, values, lacking, rule, f"use {role.node}={role.column}", show)]


def check_variation(column: str, values: Array, show: Show) -> list[Problem]:
    """Find a treatment that never varies.

    Parameters
    ----------
    column : str
        The treatment's column.
    values : ndarray of float, shape (n,)
        Its values; those that are not finite are passed over.
    show : callable
        From row number and value to the example in a message.

    Returns
    -------
    list of Problem
        Empty where at least two values occur, or none.

    Examples
    --------
    >>> check_variation("batch_size", np.array([32.0, 64.0]), lambda row, value: str(value))
    []
    """
    finite = np.isfinite(values)
    if len(np.unique(values[finite])) != 1:
        return []
    rule = "the treatment must take two values at least, it never varies"
    remedy = "an effect needs a contrast: add runs at another value, or choose another treatment"
    return [_masked(column, values, finite, rule, remedy, show)]


def _range_remedy(column: Column, outside: Array) -> str:
    """Guess how values came to lie outside their range."""
    if column.high == 1.0 and column.low <= 0.0 and np.all((outside > 1) & (outside <= 100)):
        return f"{outside[0]:g} looks like a percentage; divide by 100"
    return "correct the value, or check the unit"


def _masked(
    column: str,
    values: Array,
    mask: Flags,
    rule: str,
    remedy: str,
    show: Show,
) -> Problem:
    rows = np.flatnonzero(mask)
    return Problem(column, rule, len(rows), show(int(rows[0]), values[rows[0]]), remedy)
