"""Criteria that regress series of the loss, freed of what the first order predicts of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.granger.criteria.criterion import Needs
from causalhyper.granger.criteria.evidence import Evidence
from causalhyper.granger.criteria.loss_series import LayerSeries, LossSeries
from causalhyper.granger.criteria.partial_fit import PartialFit, partial_fit
from causalhyper.granger.criteria.random_slopes import random_slopes
from causalhyper.granger.criteria.shrinkage import shrink_slopes
from causalhyper.granger.criteria.sketches import Sketch
from causalhyper.granger.criteria.weights import Moment, check_moment, weights_at

Ranked = Literal["saliency", "slope", "f"]


@dataclass(frozen=True, slots=True)
class SeriesSlope:
    r"""Rank by :math:`|\gamma| \theta^2`, each parameter's own slope of a loss series.

    The response is by default the loss change less its first-order prediction, which for a loss
    with a diagonal Hessian is :math:`\sum_k \frac12 h_k \Delta_k^2`: the slope of independent
    movements is :math:`\frac12 h_k`, and the score the second-order estimate of the loss when the
    parameter is set to zero. The slope of the loss change as it is is
    :math:`\frac12 h_k - 1/\eta`, which the step size swamps.

    Attributes
    ----------
    response : str
        A series: "residual", "same", "fresh", or one of these some steps before ("residual@50")
        as a control in which nothing is to be found.
    ranked : {"saliency", "slope", "f"}
        :math:`|\gamma| \theta^2`, :math:`|\gamma|` or the F statistic of all features (Granger).
    within_layer : bool
        Take out the movement of each layer, which all its parameters share; the slope is then
        the layer's and the parameter's deviation from it.
    shrunk : bool
        Shrink deviations to the layer's slope by their errors; asks for `within_layer`.
    past : int
        The response's own values of so many steps before are controls (``@1``, ``@2``, ...).
    at : {"collected", "rewound"}
        Of the weights.
    name : str

    Notes
    -----
    A scalar a step tells p slopes apart no better than T steps allow: see `random_slopes`.

    Source: LeCun, Denker and Solla 1989 for the saliency; Granger 1969.
    """

    response: str = "residual"
    ranked: Ranked = "saliency"
    within_layer: bool = True
    shrunk: bool = False
    past: int = 0
    at: Moment = "collected"
    name: str = "causal-residual"

    def __post_init__(self) -> None:
        check_moment(self.at)
        if self.ranked not in get_args(Ranked) or self.past < 0:
            raise ConfigurationError(
                f"expected ranked as one of {', '.join(get_args(Ranked))} and past values from 0; "
                f"got {self.ranked!r} and {self.past!r}"
            )
        if self.shrunk and (not self.within_layer or self.ranked == "f"):
            raise ConfigurationError(
                "slopes are shrunk to that of their layer: give within_layer=True, and rank by "
                "saliency or slope"
            )

    @property
    def needs(self) -> Needs:
        """Series of the loss."""
        return Needs(series=True)

    def scores(self, evidence: Evidence) -> dict[str, Array]:
        """Return sizes of slopes, saliencies or F statistics."""
        series, weights = evidence.require_series(self.name), weights_at(evidence, self.at)
        given = ["one", *(f"{self.response}@{lag}" for lag in range(1, self.past + 1))]
        if self.within_layer:
            given += [name for name in series.names if name.startswith("moved.")]
        found = {}
        for layer, weight in weights.items():
            held = series.layers[layer]
            chosen = None if self.ranked == "f" else (0,)
            fit = partial_fit(held.sums, self.response, given, chosen)
            scores = fit.f_statistics if self.ranked == "f" else self._slopes(fit, given, layer)
            factor = weight**2 if self.ranked == "saliency" else 1.0
            found[layer] = np.abs(scores).reshape(weight.shape) * factor
        return evidence.of_entries(found)

    def _slopes(self, fit: PartialFit, given: list[str], layer: str) -> Array:
        own = np.asarray(fit.coefficients[0])
        if not self.within_layer:
            return own
        common = float(fit.controls[given.index(f"moved.{layer}")])
        return common + (shrink_slopes(own, np.asarray(fit.errors)) if self.shrunk else own)


Sharing = Literal["layer", "unit"]


@dataclass(frozen=True, slots=True)
class SharedSlope:
    r"""Rank by :math:`|\gamma_u| \theta^2`, one slope for all parameters of a unit or layer.

    Fewer slopes than steps can be told from one number a step. All layers are fitted together;
    units have slopes drawn around that of their layer, with variances that the series tells
    (`random_slopes`).

    With `calibrated` the parameters of a unit do not share the curvature, but its ratio to the
    Fisher information, :math:`h_k = \gamma_u F_k` with :math:`F_k` the mean squared gradient: the
    movement is weighted by it, and the score is :math:`|\gamma_u| F_k \theta_k^2`. The loss series
    then says how much of the Fisher information of each layer is curvature.

    Attributes
    ----------
    by : {"layer", "unit"}
        What shares a slope.
    calibrated : bool
        Whether slopes are of the curvature or of its ratio to the Fisher information.
    response : str
        As `SeriesSlope` has it.
    at : {"collected", "rewound"}
        Of the weights.
    name : str
    """

    by: Sharing = "unit"
    calibrated: bool = False
    response: str = "residual"
    at: Moment = "collected"
    name: str = "causal-shared"

    def __post_init__(self) -> None:
        check_moment(self.at)
        if self.by not in get_args(Sharing):
            raise ConfigurationError(f"slopes are shared by layer or by unit; got {self.by!r}")

    @property
    def needs(self) -> Needs:
        """Series of the loss."""
        return Needs(series=True)

    def scores(self, evidence: Evidence) -> dict[str, Array]:
        """Return shared slopes times squared weights, and Fisher information if asked for."""
        series, weights = evidence.require_series(self.name), weights_at(evidence, self.at)
        rows = {layer: self._rows(series.layers[layer]) for layer in weights}
        slopes = self._fitted(series, rows)
        found = {}
        for layer, weight in weights.items():
            wide = slopes[layer].reshape(-1, *[1] * (weight.ndim - 1))
            found[layer] = np.abs(wide) * weight**2
            if self.calibrated:
                found[layer] = found[layer] * _moved(series.layers[layer]).reshape(weight.shape)
        return evidence.of_entries(found)

    def _rows(self, layer: LayerSeries) -> Array:
        rows = layer.weighted if self.calibrated else layer.units
        if rows is None:
            raise ConfigurationError(
                f"the criterion {self.name!r} needs the movements of units in every step: record "
                "them with the series"
            )
        return rows

    def _fitted(self, series: LossSeries, rows: dict[str, Array]) -> dict[str, Array]:
        """Slopes of the units of each layer."""
        y = series.series([self.response])[:, 0]
        fixed = [np.ones(len(y)), *(x.sum(axis=1) for x in rows.values())]
        if self.by == "layer":
            common, own = _joint_slopes(fixed, {}, y)
            own = {layer: np.zeros(x.shape[1]) for layer, x in rows.items()}
        else:
            common, own = _joint_slopes(fixed, rows, y)
        return {layer: common[1 + i] + own[layer] for i, layer in enumerate(rows)}


@dataclass(frozen=True, slots=True)
class SketchedSlope:
    r"""Rank by :math:`|\gamma| \theta^2` with joint slopes from random projections.

    Each layer's squared changes are summed in random groups with random signs; the response is
    regressed on the sums with slopes drawn around that of the layer, and each parameter has the
    signed mean of its groups' slopes. It is a joint regression on all parameters, as far as T
    steps of a few hundred numbers tell it.

    Attributes
    ----------
    response : str
        As `SeriesSlope` has it.
    at : {"collected", "rewound"}
        Of the weights.
    name : str
    """

    response: str = "residual"
    at: Moment = "collected"
    name: str = "causal-sketched"

    def __post_init__(self) -> None:
        check_moment(self.at)

    @property
    def needs(self) -> Needs:
        """Series of the loss."""
        return Needs(series=True)

    def scores(self, evidence: Evidence) -> dict[str, Array]:
        """Return joint slopes times squared weights."""
        series, weights = evidence.require_series(self.name), weights_at(evidence, self.at)
        y = series.series([self.response])[:, 0]
        fixed = series.series(["one", *(f"moved.{layer}" for layer in weights)]).T
        parts = {layer: self._sketch(series.layers[layer]) for layer in weights}
        # the mean over repeats stands for the movements themselves
        rows = {name: z / np.sqrt(z.shape[1] / s.width) for name, (z, s) in parts.items()}
        common, own = _joint_slopes(list(fixed), rows, y)
        found = {}
        for i, (layer, weight) in enumerate(weights.items()):
            sketch = parts[layer][1]
            slopes = sketch.spread(own[layer]) * np.sqrt(len(sketch.members) / sketch.width)
            found[layer] = np.abs(common[1 + i] + slopes).reshape(weight.shape) * weight**2
        return evidence.of_entries(found)

    def _sketch(self, layer: LayerSeries) -> tuple[Array, Sketch]:
        if layer.sketched is None or layer.sketch is None:
            raise ConfigurationError(
                f"the criterion {self.name!r} needs sketches of the movements in every step: "
                "record them with the series"
            )
        return layer.sketched, layer.sketch


def _joint_slopes(
    fixed: list[Array], rows: dict[str, Array], y: Array
) -> tuple[Array, dict[str, Array]]:
    """Return slopes of fixed columns, and those of rows that are drawn around them.

    All movements are in one unit; fixed columns are scaled, as they differ by powers of ten.
    """
    scales = [float(np.abs(column).max()) or 1.0 for column in fixed]
    columns = np.stack([c / scale for c, scale in zip(fixed, scales, strict=True)], axis=1)
    if not rows:
        return np.asarray(np.linalg.lstsq(columns, y, rcond=None)[0] / scales, np.float64), {}
    unit = max(float(np.abs(x).max()) for x in rows.values()) or 1.0
    fit = random_slopes(np.concatenate(list(rows.values()), axis=1) / unit, y, columns)
    ends = np.cumsum([x.shape[1] for x in rows.values()])[:-1]
    own = dict(zip(rows, np.split(fit.slopes / unit, ends), strict=True))
    return fit.fixed / scales, own


def _moved(layer: LayerSeries) -> Array:
    """Sum of squared changes, shape (p,)."""
    return np.asarray(layer.sums.crossed[layer.sums.names.index("one"), 0])
