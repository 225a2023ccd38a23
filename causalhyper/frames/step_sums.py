"""Sums over the steps of a training: changes of parameters, their squares, and the loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.notebook import Shown


@dataclass(frozen=True, slots=True, eq=False)
class LayerSums:
    """Sums of one layer of p parameters, over the pairs of each of K lags.

    There are F features a parameter: the squared change, or with momentum the squared change, the
    squared change of the step before, and the product of both; and G = F (F + 1) / 2 products.

    Parameters
    ----------
    name : str
        Name of the layer.
    shape : tuple of int
        Its shape; parameters are in row-major order.
    x : ndarray, shape (K, F, p)
        Sum of each feature.
    xx : ndarray, shape (K, G, p)
        Sum of each product of two features: the upper triangle, row by row.
    xy : ndarray, shape (K, F, p)
        Sum of each feature times the response.
    displacement : ndarray, shape (p,)
        Sum of the changes of all steps.
    movement : ndarray, shape (p,)
        Sum of the squared changes of all steps.

    Raises
    ------
    DataError
        If the arrays do not fit together.
    """

    name: str
    shape: tuple[int, ...]
    x: Array
    xx: Array
    xy: Array
    displacement: Array
    movement: Array

    def __post_init__(self) -> None:
        K, F, p = self.x.shape
        wanted = {
            "x": (K, F, p), "xx": (K, F * (F + 1) // 2, p), "xy": (K, F, p),
            "displacement": (p,), "movement": (p,),
        }  # fmt: skip
        for field, shape in wanted.items():
            if getattr(self, field).shape != shape or p != int(np.prod(self.shape)):
                raise DataError(
                    f"sums of layer {self.name!r} do not fit its shape {self.shape}: {field} has "
                    f"shape {getattr(self, field).shape}, expected {shape}"
                )

    def arrays(self) -> dict[str, Array]:
        """Return the sums by name."""
        return {name: getattr(self, name) for name in ARRAYS}


ARRAYS = ("x", "xx", "xy", "displacement", "movement")
"""The sums that a layer has, in the order in which they are written."""


@dataclass(frozen=True, slots=True, eq=False)
class StepSums(Shown):
    """Sums of all layers over the steps of one training, or of several.

    Parameters
    ----------
    layers : tuple of LayerSums
        The layers.
    lags : tuple of int
        Steps by which the response is shifted behind the change; the first is 0.
    momentum : bool
        Whether there are three features.
    responses : tuple of ndarray, each of shape (T_r,)
        The responses of each training: change of the loss with each step.
    settings : mapping
        What was recorded and how; plain values.

    Raises
    ------
    DataError
        If the layers do not fit the lags and features.
    """

    layers: tuple[LayerSums, ...]
    lags: tuple[int, ...]
    momentum: bool
    responses: tuple[Array, ...]
    settings: Mapping[str, Any]

    def __post_init__(self) -> None:
        leading = (len(self.lags), 3 if self.momentum else 1)
        for layer in self.layers:
            if layer.x.shape[:2] != leading:
                raise DataError(
                    f"layer {layer.name!r} has sums of {layer.x.shape[:2]} lags and features; "
                    f"expected {leading}"
                )

    def __getitem__(self, name: str) -> LayerSums:
        for layer in self.layers:
            if layer.name == name:
                return layer
        names = ", ".join(layer.name for layer in self.layers)
        raise ConfigurationError(f"no layer is called {name!r}; there are {names}")

    def paired_responses(self, lag: int = 0) -> Array:
        """Return the responses of the pairs of a lag, one training after another.

        Parameters
        ----------
        lag : int
            One of `lags`.

        Returns
        -------
        ndarray, shape (n,)
            T − max(lag, 1 with momentum) responses of each training of T.
        """
        self._index(lag)
        first = max(lag, int(self.momentum))
        long = [y[first - lag : len(y) - lag] for y in self.responses if len(y) > first]
        return np.concatenate([np.zeros(0), *long])

    def covariances(self, name: str, lag: int = 0) -> tuple[Array, Array, float]:
        r"""Return variances and covariances over the pairs of a lag, divided by n.

        .. math:: \frac1n \sum x_j x_k - \bar x_j \bar x_k, \quad
            \frac1n \sum x_j y - \bar x_j \bar y, \quad \frac1n \sum y^2 - \bar y^2

        Parameters
        ----------
        name : str
            The layer.
        lag : int
            One of `lags`.

        Returns
        -------
        features : ndarray, shape (G, p)
            Of the features of each parameter, the upper triangle row by row.
        response : ndarray, shape (F, p)
            Of each feature with the response.
        variance : float
            Of the response.

        Raises
        ------
        DataError
            If there is no pair.
        """
        k, layer, y = self._index(lag), self[name], self.paired_responses(lag)
        if not len(y):
            raise DataError(f"no step has a pair at lag {lag}: record more steps")
        mean = layer.x[k] / len(y)
        rows, columns = np.triu_indices(len(mean))
        features = layer.xx[k] / len(y) - mean[rows] * mean[columns]
        return features, layer.xy[k] / len(y) - mean * y.mean(), float(y.var())

    def to_frame(self, lag: int = 0) -> pd.DataFrame:
        """Return a row a parameter, for the squared change.

        Parameters
        ----------
        lag : int
            One of `lags`.

        Returns
        -------
        pandas.DataFrame
            Columns ``layer, parameter, lag, n, movement, displacement, mean, variance,
            covariance, correlation``; the correlation is NaN where nothing varies.
        """
        n = len(self.paired_responses(lag))
        frames = []
        for layer in self.layers:
            features, response, variance = self.covariances(layer.name, lag)
            spread = np.sqrt(np.maximum(features[0], 0) * variance)
            with np.errstate(invalid="ignore", divide="ignore"):
                correlation = np.where(spread > 0, response[0] / spread, np.nan)
            columns = {
                "layer": layer.name, "parameter": np.arange(len(spread)), "lag": lag, "n": n,
                "movement": layer.movement, "displacement": layer.displacement,
                "mean": layer.x[self._index(lag), 0] / n, "variance": features[0],
                "covariance": response[0], "correlation": correlation,
            }  # fmt: skip
            frames.append(pd.DataFrame(columns))
        return pd.concat(frames, ignore_index=True)

    def _overview(self) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "layer": [layer.name for layer in self.layers],
                "parameters": [layer.movement.size for layer in self.layers],
                "movement": [float(layer.movement.sum()) for layer in self.layers],
            }
        )

    def summary(self) -> str:
        """Return what was summed, in one line."""
        steps = sum(len(y) for y in self.responses)
        p = sum(layer.movement.size for layer in self.layers)
        return (
            f"{steps} responses of {len(self.responses)} trainings, {len(self.layers)} layers, "
            f"{p} parameters, lags {', '.join(map(str, self.lags))}"
        )

    def _index(self, lag: int) -> int:
        if lag not in self.lags:
            raise ConfigurationError(f"lag {lag} was not summed; there are {self.lags}")
        return self.lags.index(lag)


def merge_sums(parts: Sequence[StepSums]) -> StepSums:
    """Add the sums of several trainings of one network; no pair crosses from one to the next.

    Parameters
    ----------
    parts : sequence of StepSums
        At least one; with the same layers, lags and features.

    Returns
    -------
    StepSums
        The sums over all their pairs; `settings` of the first, and the rest under ``merged``
        where they differ.

    Raises
    ------
    ConfigurationError
        If there is none, or they differ.

    Notes
    -----
    Regressions on merged sums have one intercept for all trainings.

    Examples
    --------
    >>> ones, one = np.ones((1, 1, 2)), np.ones(2)
    >>> layer = LayerSums("fc", (2,), ones, ones, ones, one, one)
    >>> part = StepSums((layer,), (0,), False, (np.array([0.5]),), {})
    >>> merge_sums([part, part])["fc"].movement.tolist()
    [2.0, 2.0]
    """
    if not parts:
        raise ConfigurationError("there are no sums to merge: give at least one")
    first = parts[0]
    for part in parts[1:]:
        _check_alike(first, part)
    layers = []
    for own in first.layers:
        arrays = {
            name: np.sum([getattr(part[own.name], name) for part in parts], axis=0)
            for name in ARRAYS
        }
        layers.append(LayerSums(own.name, own.shape, **arrays))
    settings = dict(first.settings)
    if any(dict(part.settings) != settings for part in parts):
        settings["merged"] = [dict(part.settings) for part in parts]
    responses = tuple(y for part in parts for y in part.responses)
    return StepSums(tuple(layers), first.lags, first.momentum, responses, settings)


def _check_alike(first: StepSums, part: StepSums) -> None:
    """Refuse sums of another kind."""
    one, other = (
        {
            "layers": [(layer.name, layer.shape) for layer in sums.layers],
            "lags": sums.lags,
            "momentum": sums.momentum,
            "response": sums.settings.get("response"),
            "loss": sums.settings.get("loss"),
            "every": sums.settings.get("every"),
        }
        for sums in (first, part)
    )
    for key, value in one.items():
        if other[key] != value:
            raise ConfigurationError(
                f"sums of different {key} do not add: {value} and {other[key]}; record all "
                "trainings alike"
            )
