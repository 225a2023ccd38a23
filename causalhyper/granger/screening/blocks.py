"""Screening of designs: the same statistics in one reading."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.lasso import ColumnBlocks
from causalhyper.granger.lasso.arguments import check_whole, real_numbers
from causalhyper.granger.lasso.backend import to_host
from causalhyper.granger.lasso.columns import check_columns
from causalhyper.granger.lasso.groups import ColumnGroups, whole_groups
from causalhyper.granger.lasso.response import checked_response, varies
from causalhyper.granger.screening.response import autocorrelation
from causalhyper.granger.screening.result import LayerScreening, Screening
from causalhyper.granger.screening.statistics import Moments, statistics_of, triangle


def screen_columns(
    columns: ColumnBlocks | Mapping[str, ColumnBlocks],
    y: ArrayLike,
    *,
    groups: int = 1,
    weights: ArrayLike | None = None,
    parameters: Mapping[str, ArrayLike] | None = None,
    response: str = "as given",
) -> Screening:
    """Screen the columns of one design, or of several with the same rows, in one reading.

    Parameters
    ----------
    columns : ColumnBlocks, or mapping of str to ColumnBlocks
        Squared changes by layer, each of T rows; one design alone is the layer "design".
    y : array_like, shape (T,)
        Change of the loss with each step.
    groups : int
        Columns of an entry, side by side: 3 for the features of a momentum design.
    weights : array_like, shape (T,), optional
        Of the steps in ``marginal``, such as learning rates: not negative, not all zero.
    parameters : mapping of str to array_like, optional
        Final parameters of every layer, in its shape: adds ``fisher``, and gives the masks that
        shape.
    response : str
        What y is, in words, for the summary.

    Returns
    -------
    Screening
        Movement is the sum over the rows of the first column of each entry.

    Raises
    ------
    ConfigurationError
        If shapes differ, or a number means nothing.
    DataError
        If a value is not finite.

    Examples
    --------
    >>> from causalhyper.granger.lasso import DenseColumns
    >>> x = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0]])
    >>> screening = screen_columns({"fc": DenseColumns(x)}, [0.0, 1.0, 2.0])
    >>> screening["fc"].statistics["correlation"].round(3).tolist()
    [1.0, 0.5]
    """
    layers = columns if isinstance(columns, Mapping) else {"design": columns}
    check_whole(groups=groups)
    if not layers or groups < 1:
        raise ConfigurationError(
            f"expected a design and a column an entry at least; got {len(layers)} designs and "
            f"groups of {groups}"
        )
    for design in layers.values():
        check_columns(design)
    rows = next(iter(layers.values())).shape[0]
    target = checked_response(y, rows)
    if rows < 2:
        raise DataError("a design of 1 row has no covariances: 2 are needed at least")
    shares = _shares(weights, rows)
    if not isinstance(response, str):
        raise ConfigurationError(f"response says in words what y is; got {response!r:.60}")
    screened = []
    for name, design in layers.items():
        if design.shape[0] != rows or design.shape[1] % groups:
            raise ConfigurationError(
                f"design {name!r} has shape {design.shape}; expected {rows} rows and columns in "
                f"groups of {groups}"
            )
        screened.append(_screened(name, design, target, groups, shares, parameters))
    return Screening(
        layers=tuple(screened),
        entry="parameter" if groups == 1 else "group",
        pairs=rows,
        response=response,
        constant=not varies(target),
        autocorrelation=autocorrelation(target),
    )


def _shares(weights: ArrayLike | None, rows: int) -> Array:
    """Weights that add up to one."""
    if weights is None:
        return np.full(rows, 1 / rows)
    given = real_numbers("weights", weights)
    if given.shape != (rows,) or not np.isfinite(given).all() or (given < 0).any():
        raise ConfigurationError(
            f"weights need a finite number of 0 or more for each of {rows} rows; got shape "
            f"{given.shape}"
        )
    if not given.any():
        raise ConfigurationError("weights must not all be zero")
    return np.asarray(given / given.sum())


def _screened(
    name: str,
    design: ColumnBlocks,
    y: Array,
    groups: int,
    shares: Array,
    parameters: Mapping[str, ArrayLike] | None,
) -> LayerScreening:
    """Read one design."""
    entries = design.shape[1] // groups
    theta = None if parameters is None else _theta(name, parameters, entries)
    pieces: list[dict[str, Array]] = []
    flat = 0
    cut = ColumnGroups.of(groups, design.shape[1])
    for first, start, block in whole_groups(design, cut):
        values = to_host(block).astype(np.float64) * design.unit
        if not np.isfinite(values).all():
            row, column = np.argwhere(~np.isfinite(values))[0]
            raise DataError(
                f"design {name!r} must be finite; column {start + column}, row {row} is not: did "
                "training diverge? Leave those steps out"
            )
        where = slice(first, first + values.shape[1] // groups)
        with np.errstate(over="ignore", invalid="ignore"):  # Moments refuse it
            moments = _moments(values, y, groups, shares)
            flat += int(moments.flat().all(axis=0).sum())
            fisher = None if theta is None else theta.ravel()[where] ** 2 * moments.movement
            pieces.append(statistics_of(moments, fisher))
    found = {key: np.concatenate([piece[key] for piece in pieces]) for key in pieces[0]}
    return LayerScreening(name, (entries,) if theta is None else theta.shape, found, flat)


def _theta(name: str, parameters: Mapping[str, ArrayLike], entries: int) -> Array:
    if not isinstance(parameters, Mapping) or name not in parameters:
        raise ConfigurationError(
            f"parameters of layer {name!r} are missing: give those of every layer screened"
        )
    theta = real_numbers(f"parameters of layer {name!r}", parameters[name])
    if theta.size != entries:
        raise ConfigurationError(
            f"layer {name!r} has {entries} entries; got parameters of shape {theta.shape}"
        )
    return theta


def _moments(values: Array, y: Array, groups: int, shares: Array) -> Moments:
    """Moments of the columns of a block, centred before they are multiplied."""
    rows = len(y)
    mean = values.mean(axis=0)
    away = (values - mean).reshape(rows, -1, groups)
    centred = y - y.mean() if varies(y) else np.zeros(rows)
    spreads = [
        np.einsum("ij,ij->j", away[:, :, i], away[:, :, j]) / rows for i, j in triangle(groups)
    ]
    return Moments(
        n=rows,
        mean=mean.reshape(-1, groups).T,
        products=((shares * y) @ values).reshape(-1, groups).T,
        covariances=np.einsum("i,ijk->kj", centred, away) / rows,
        spreads=np.array(spreads),
        variance=float(centred @ centred) / rows,
        movement=values[:, ::groups].sum(axis=0),
        # taken from the mean, what is left is the mean's own rounding, squared
        rounding=float(np.finfo(float).eps) ** 2,
    )
