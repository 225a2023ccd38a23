"""Mechanisms by any regressor with fit and predict, and noise from its residuals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.errors import ConfigurationError
from causalhyper.mechanisms.folds import cluster_folds
from causalhyper.mechanisms.grouping import Groups
from causalhyper.mechanisms.ladder import Capability, Projection

Inputs = Sequence[Sequence[Array]]

ROUNDS = 20
"""Rounds of backfitting between the regressor and the context effects, at most."""
SETTLED = 1e-3
"""Backfitting stops where no context effect moves by more, in units of the response's sd."""
MULTIPLES = 6
"""Copies of a row at most for the smallest weight, when weights are turned into whole numbers."""
FOLDS = 5
"""Folds of clusters for the size of the noise."""


class Estimator(Protocol):
    """What a regressor must offer: scikit-learn's interface."""

    def fit(self, X: Array, y: Array) -> Self:
        """Learn from inputs of shape (n, causes)."""
        ...

    def predict(self, X: Array) -> Array:
        """Predict at inputs of shape (s, causes)."""
        ...

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Options by name."""
        ...


@dataclass(frozen=True, slots=True)
class RegressorParameters:
    """One fitted regressor a replicate.

    Attributes
    ----------
    models : tuple of Estimator
    effects : ndarray, shape (r, contexts)
        Intercept of each context, on top of the regressor.
    spreads : ndarray, shape (r, bins)
        Standard deviation of the residuals in each bin of the fitted value.
    """

    models: tuple[Estimator, ...]
    effects: Array
    spreads: Array

    def part(self, rows: slice) -> RegressorParameters:
        """Some of the replicates."""
        return RegressorParameters(self.models[rows], self.effects[rows], self.spreads[rows])


@dataclass(frozen=True, slots=True)
class RegressorFit:
    """A regressor fitted to one head.

    Attributes
    ----------
    template : Estimator
        Unfitted.
    columns : ndarray, shape (n, causes)
    response, fitted : ndarray, shape (n,)
    edges : ndarray, shape (bins - 1,)
        Where the fitted value passes from one bin of the noise to the next.
    inflation : float
        Standard deviation of residuals at clusters left out, over that of the residuals at hand,
        at least 1: a flexible regressor's own residuals are too small.
    parameters : RegressorParameters
        As fitted; r = 1.
    """

    template: Estimator
    columns: Array
    response: Array
    fitted: Array
    edges: Array
    inflation: float
    parameters: RegressorParameters

    @property
    def terms(self) -> tuple[tuple[int, ...], ...]:
        """A single term of all causes."""
        return (tuple(range(self.columns.shape[1])),)

    @property
    def size(self) -> int:
        """Coefficients of a regressor are not counted."""
        return 0

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Noise is a residual over its spread; the function is no sum over hyperedges."""
        return frozenset(("functional", "invertible"))

    def enough(self, weights: Array) -> Flags:
        """Whether each replicate has more than one cluster."""
        found: Flags = (weights > 0).sum(axis=1) > 1
        return found

    def refit(self, groups: Groups, weights: Array) -> RegressorParameters:
        """Fit a copy of the regressor to each set of cluster weights."""
        found = [self._refit(groups, weight) for weight in weights]
        return RegressorParameters(
            tuple(f[0] for f in found),
            np.stack([f[1] for f in found]),
            np.stack([f[2] for f in found]),
        )

    def _refit(self, groups: Groups, weight: Array) -> tuple[Estimator, Array, Array]:
        rows = repeat_rows(weight[groups.clusters])
        contexts = groups.contexts[rows]
        X, y = self.columns[rows], self.response[rows]
        model, effects = backfit(self.template, X, y, contexts, groups.context_count)
        fitted = np.asarray(model.predict(X), dtype=float)
        residuals = y - fitted - effects[contexts]
        bins = self._bins(fitted + effects[contexts])
        return model, effects, _spreads(residuals, bins, len(self.edges) + 1)

    def _bins(self, location: Array) -> Codes:
        found: Codes = np.searchsorted(self.edges, location)
        return found

    def noise(
        self, parameters: RegressorParameters, groups: Groups, rows: Codes, u: Array
    ) -> Array:
        """Residuals of the rows over their spread, centred and inflated, shape (r, 1, m)."""
        out = np.empty(rows.shape)
        for r, picked in enumerate(rows):
            distinct, back = np.unique(picked, return_inverse=True)
            location = self._locate(
                parameters, r, self.columns[distinct], groups.contexts[distinct]
            )
            spread = parameters.spreads[r][self._bins(location)]
            out[r] = ((self.response[distinct] - location) / spread)[back]
        out -= out.mean(axis=1, keepdims=True)
        out *= self.inflation
        return out[:, None, :]

    def _locate(
        self, parameters: RegressorParameters, r: int, X: Array, contexts: Codes | None
    ) -> Array:
        found = np.asarray(parameters.models[r].predict(X), dtype=float)
        effects = parameters.effects[r]
        located: Array = found + (effects.mean() if contexts is None else effects[contexts])
        return located

    def respond(
        self,
        parameters: RegressorParameters,
        inputs: Inputs,
        contexts: Codes,
        noise: Array,
        projections: Mapping[int, Projection],
    ) -> Array:
        """Prediction, context effect, and noise times its spread there."""
        location = self.mean(parameters, inputs, contexts, projections)
        responded: Array = location + self._spread(parameters, location) * noise
        return responded

    def recover(
        self, parameters: RegressorParameters, inputs: Inputs, contexts: Codes, values: Array
    ) -> Array:
        """Residuals of the values over the spread there."""
        location = self.mean(parameters, inputs, contexts, {})
        spread = self._spread(parameters, location)
        # a run without spread has no noise to find
        spread = np.where(location + spread > location, spread, np.inf)
        return (values - location) / spread

    def _spread(self, parameters: RegressorParameters, location: Array) -> Array:
        bins = self._bins(location)
        found: Array = parameters.spreads[np.arange(len(bins))[:, None, None], bins]
        return found

    def mean(
        self,
        parameters: RegressorParameters,
        inputs: Inputs,
        contexts: Codes | None,
        projections: Mapping[int, Projection],
    ) -> Array:
        """Prediction and context effect."""
        r = len(parameters.models)
        arrays = np.broadcast_arrays(*inputs[0])
        m = arrays[0].shape[-1] if contexts is None else contexts.shape[1]
        shape = (r, *np.broadcast_shapes(arrays[0].shape, (1, 1, m))[1:])
        X = np.stack([np.broadcast_to(a, shape) for a in arrays], axis=-1)
        out = np.empty(shape)
        for i in range(r):
            where = None if contexts is None else np.broadcast_to(contexts[i], shape[1:]).ravel()
            flat = X[i].reshape(-1, X.shape[-1])
            out[i] = self._locate(parameters, i, flat, where).reshape(shape[1:])
        return out

    def tabulate(self, inputs: Inputs) -> Array:
        """The causes themselves, shape (s, causes)."""
        return np.stack(np.broadcast_arrays(*inputs[0]), axis=-1)


def repeat_rows(weights: Array) -> Codes:
    """Rows as often as they count, by the smallest whole numbers in the weights' ratio.

    Weights are whole numbers times a common factor, or one a stratum; then to the nearest.
    """
    shares = weights / weights[weights > 0].min()
    apart = [np.abs(shares * k - np.rint(shares * k)).max() for k in range(1, MULTIPLES + 1)]
    best = 1 + int(np.argmax(np.array(apart) < 1e-6)) if min(apart) < 1e-6 else MULTIPLES
    counts = np.rint(shares * best).astype(np.intp)
    return np.repeat(np.arange(len(weights)), counts)


def backfit(
    template: Estimator, X: Array, y: Array, contexts: Codes, count: int
) -> tuple[Estimator, Array]:
    """A regressor and an intercept for each context, in turns until they settle.

    Contexts without a row get the mean intercept.
    """
    effects = np.zeros(count)
    sizes = np.bincount(contexts, minlength=count)
    scale = SETTLED * max(float(y.std()), np.finfo(float).tiny)
    model = fresh(template)
    for _ in range(ROUNDS):
        model = fresh(template).fit(X, y - effects[contexts])
        if count == 1:
            break
        residuals = y - np.asarray(model.predict(X), dtype=float)
        means = np.bincount(contexts, residuals, minlength=count) / np.maximum(sizes, 1)
        means[sizes == 0] = means[sizes > 0].mean()
        moved = float(np.abs(means - effects).max())
        effects = means
        if moved < scale:
            break
    return model, effects


def fresh(template: Estimator) -> Estimator:
    """An unfitted copy whose random parts, if any, all start from a fixed seed."""
    from sklearn.base import clone

    copy: Any = clone(template)
    unseeded = [
        name
        for name, value in copy.get_params(deep=True).items()
        if name.split("__")[-1] == "random_state" and value is None
    ]
    seeded: Estimator = copy.set_params(**dict.fromkeys(unseeded, 0)) if unseeded else copy
    return seeded


def fit_regressor(
    template: Estimator,
    inputs: Sequence[Array],
    response: Array,
    groups: Groups,
    *,
    bins: int,
) -> RegressorFit:
    """Fit any regressor to one head, with an effect for each context.

    Parameters
    ----------
    template : Estimator
        Anything with scikit-learn's interface; it is copied, never changed.
    inputs : sequence of ndarray, shape (n,)
    response : ndarray, shape (n,)
    groups : Groups
    bins : int
        Bins of the fitted value, each with a spread of its own; 1 for noise of equal spread.

    Returns
    -------
    RegressorFit

    Raises
    ------
    ConfigurationError
        If scikit-learn is not installed, or the regressor lacks its interface.
    """
    _check(template)
    columns = np.column_stack(inputs)
    count = groups.context_count
    model, effects = backfit(template, columns, response, groups.contexts, count)
    fitted = np.asarray(model.predict(columns), dtype=float) + effects[groups.contexts]
    edges = np.unique(np.quantile(fitted, np.linspace(0, 1, bins + 1)[1:-1]))
    where = np.searchsorted(edges, fitted)
    spreads = _spreads(response - fitted, where, len(edges) + 1)
    parameters = RegressorParameters((model,), effects[None], spreads[None])
    inflation = _inflation(template, columns, response, groups, float((response - fitted).std()))
    return RegressorFit(template, columns, response, fitted, edges, inflation, parameters)


def _check(template: Estimator) -> None:
    try:
        import sklearn  # noqa: F401
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "a mechanism by a regressor needs scikit-learn: pip install 'causalhyper[models]'"
        ) from error
    if lacking := [k for k in ("fit", "predict", "get_params") if not hasattr(template, k)]:
        raise ConfigurationError(
            f"{template!r} is no regressor: it lacks {', '.join(lacking)}; give an object such as "
            "sklearn.ensemble.RandomForestRegressor()"
        )


def _spreads(residuals: Array, bins: Codes, count: int) -> Array:
    """Standard deviation of residuals bin by bin; overall where a bin has fewer than two."""
    sizes = np.bincount(bins, minlength=count)
    means = np.bincount(bins, residuals, minlength=count) / np.maximum(sizes, 1)
    squares = np.bincount(bins, (residuals - means[bins]) ** 2, minlength=count)
    spreads = np.sqrt(squares / np.maximum(sizes, 1))
    floor = max(float(residuals.std()), 1e-300)
    found: Array = np.where((sizes < 2) | (spreads < 1e-9 * floor), floor, spreads)
    return found


def _inflation(
    template: Estimator, columns: Array, response: Array, groups: Groups, inside: float
) -> float:
    """How much larger residuals are at clusters that were left out, within contexts."""
    outside = np.zeros(len(response))
    for left in cluster_folds(groups, FOLDS):
        out = left[groups.clusters]
        codes = groups.contexts[~out]
        model, _ = backfit(template, columns[~out], response[~out], codes, groups.context_count)
        outside[out] = response[out] - np.asarray(model.predict(columns[out]), dtype=float)
    sizes = np.bincount(groups.contexts)
    means = np.bincount(groups.contexts, outside) / sizes
    spread = float((outside - means[groups.contexts]).std())
    return max(1.0, spread / inside) if inside > 0 else 1.0
