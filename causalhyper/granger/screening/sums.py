"""Screening from the sums that a training left, with no trajectory stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

import numpy as np
from numpy.typing import ArrayLike

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames import LayerSums, StepSums
from causalhyper.granger.lasso.arguments import check_names, check_whole, real_numbers
from causalhyper.granger.lasso.response import varies
from causalhyper.granger.screening.response import autocorrelation
from causalhyper.granger.screening.result import LayerScreening, Screening
from causalhyper.granger.screening.statistics import Moments, statistics_of


def screen_sums(
    sums: StepSums,
    *,
    lag: int = 0,
    layers: str | Sequence[str] | None = None,
    parameters: Mapping[str, ArrayLike] | None = None,
    units: int | None = None,
) -> Screening:
    """Screen the parameters of a training from its streaming sums.

    Parameters
    ----------
    sums : StepSums
        As accumulators record them while the training runs. With momentum a parameter has three
        features, and its statistics are those of the group.
    lag : int
        One of the lags summed: steps by which the response is shifted behind the change.
    layers : str or sequence of str, optional
        Names of layers, or patterns such as ``*.weight``; all of them unless given.
    parameters : mapping of str to array_like, optional
        Final parameters of every layer screened, in its shape: adds ``fisher``.
    units : int, optional
        The axis of a layer that counts its units (0 for the outputs of linear and convolutional
        layers): one entry a unit, the feature of which is the sum over its parameters. Of units
        there are ``marginal, covariance, movement`` and ``fisher`` only: the variance of a sum
        takes products of different parameters.

    Returns
    -------
    Screening
        Its movement is that of all steps (`Screening.moved`).

    Raises
    ------
    ConfigurationError
        If a layer, an axis or the parameters of a layer are not there.
    DataError
        If a sum is not finite, or there is no pair of steps.

    Notes
    -----
    Means are subtracted from sums, so a variance is off by some n times 1e-16 of the squared mean.

    Examples
    --------
    >>> x, xy = np.array([[[3.0, 3.0]]]), np.array([[[5.0, 4.0]]])
    >>> layer = LayerSums("fc", (2,), x, np.array([[[5.0, 5.0]]]), xy, x[0, 0], x[0, 0])
    >>> sums = StepSums((layer,), (0,), False, (np.array([0.0, 1.0, 2.0]),), {})
    >>> screen_sums(sums)["fc"].statistics["correlation"].round(3).tolist()
    [1.0, 0.5]
    """
    if not isinstance(sums, StepSums):
        raise ConfigurationError(
            f"expected StepSums, as read_sums reads them from a file; got {type(sums).__name__}"
        )
    check_whole(lag=lag)
    if units is not None:
        check_whole(units=units)
    y = sums.paired_responses(lag)
    if len(y) < 2:
        raise DataError(
            f"lag {lag} has {len(y)} pairs of steps: 2 are needed at least, record more steps"
        )
    if not np.isfinite(y).all():
        raise DataError("a response is not finite: the sums of this training say nothing")
    chosen = sums.layers if layers is None else _chosen(sums, layers)
    if not chosen:
        raise ConfigurationError("there is no layer to screen: name one at least")
    steps = sum(map(len, sums.responses))
    return Screening(
        layers=tuple(_screened(sums, layer, lag, y, parameters, units) for layer in chosen),
        entry="parameter" if units is None else "unit",
        pairs=len(y),
        response=f"{sums.settings.get('response', 'not stated')} minibatch, lag {lag}",
        constant=not varies(y),
        autocorrelation=autocorrelation(y),
        moved=None if steps == len(y) else steps,
    )


def _chosen(sums: StepSums, layers: str | Sequence[str]) -> tuple[LayerSums, ...]:
    """Layers of some names or patterns, each once."""
    known = [layer.name for layer in sums.layers]
    found: dict[str, LayerSums] = {}
    check_names(layers)
    for name in [layers] if isinstance(layers, str) else layers:
        matching = [] if name in known else [n for n in known if fnmatchcase(n, name)]
        found |= {n: sums[n] for n in matching or [name]}  # an unknown name is refused there
    return tuple(found.values())


def _screened(
    sums: StepSums,
    layer: LayerSums,
    lag: int,
    y: Array,
    parameters: Mapping[str, ArrayLike] | None,
    units: int | None,
) -> LayerScreening:
    """Return the statistics of one layer."""
    moments = _moments(sums, layer, lag, y)
    fisher = None if parameters is None else _fisher(layer, parameters)
    shape = layer.shape
    if units is not None:
        moments, shape = _of_units(moments, layer, units), (_axis(layer, units),)
        fisher = None if fisher is None else _by_unit(fisher, layer, units)
    flat = int(moments.flat().all(axis=0).sum())
    return LayerScreening(layer.name, shape, statistics_of(moments, fisher), flat)


def _moments(sums: StepSums, layer: LayerSums, lag: int, y: Array) -> Moments:
    at, n = sums.lags.index(lag), len(y)
    for name, array in layer.arrays().items():
        if not np.isfinite(array).all():
            raise DataError(
                f"sums {name!r} of layer {layer.name!r} are not finite: did training diverge? "
                "Record it anew"
            )
    spreads, covariances, variance = sums.covariances(layer.name, lag)
    narrow = sums.settings.get("precision") == "float32x2"
    constant = not varies(y)
    return Moments(
        n=n,
        mean=layer.x[at] / n,
        products=layer.xy[at] / n,
        covariances=np.zeros_like(covariances) if constant else covariances,
        spreads=spreads,
        variance=0.0 if constant else variance,
        movement=layer.movement,
        rounding=float(np.finfo(np.float32 if narrow else np.float64).eps),
    )


def _fisher(layer: LayerSums, parameters: Mapping[str, ArrayLike]) -> Array:
    if not isinstance(parameters, Mapping) or layer.name not in parameters:
        raise ConfigurationError(
            f"parameters of layer {layer.name!r} are missing: give those of every layer screened"
        )
    theta = real_numbers(f"parameters of layer {layer.name!r}", parameters[layer.name])
    if theta.shape != layer.shape:
        raise ConfigurationError(
            f"parameters of layer {layer.name!r} have shape {theta.shape}; expected {layer.shape}"
        )
    return theta.ravel() ** 2 * layer.movement


def _axis(layer: LayerSums, axis: int) -> int:
    """Number of units of a layer."""
    if not -len(layer.shape) <= axis < len(layer.shape):
        raise ConfigurationError(
            f"layer {layer.name!r} of shape {layer.shape} has no axis {axis}: name the layers "
            "that have one (layers=)"
        )
    return layer.shape[axis]


def _by_unit(values: Array, layer: LayerSums, axis: int) -> Array:
    """Sum over the parameters of each unit; the last axis runs over parameters."""
    units = _axis(layer, axis)
    shaped = values.reshape(*values.shape[:-1], *layer.shape)
    moved = np.moveaxis(shaped, values.ndim - 1 + axis % len(layer.shape), values.ndim - 1)
    return np.asarray(moved.reshape(*values.shape[:-1], units, -1).sum(axis=-1))


def _of_units(moments: Moments, layer: LayerSums, axis: int) -> Moments:
    return Moments(
        n=moments.n,
        mean=_by_unit(moments.mean, layer, axis),
        products=_by_unit(moments.products, layer, axis),
        covariances=_by_unit(moments.covariances, layer, axis),
        spreads=None,
        variance=moments.variance,
        movement=_by_unit(moments.movement, layer, axis),
        rounding=moments.rounding,
    )
