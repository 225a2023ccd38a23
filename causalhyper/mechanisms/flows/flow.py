"""Conditional normalising flows: mean, spread and shape of a head depend on its causes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.errors import ConfigurationError
from causalhyper.mechanisms.additive import AdditiveFit, Inputs, fit_additive, level
from causalhyper.mechanisms.bases import Basis
from causalhyper.mechanisms.flows.likelihood import Coefficients, Likelihood, Penalties, Sample
from causalhyper.mechanisms.flows.maximising import (
    Optimum,
    Whitening,
    maximise,
    rough_whitening,
    whitening,
)
from causalhyper.mechanisms.flows.parameters import FlowParameters, Noise, tabulate
from causalhyper.mechanisms.flows.splines import make_monotone_spline
from causalhyper.mechanisms.flows.tuning import Folds, tune
from causalhyper.mechanisms.folds import cluster_folds
from causalhyper.mechanisms.grouping import Groups, context_means
from causalhyper.mechanisms.ladder import Capability, Projection
from causalhyper.mechanisms.predictors import LinearParameters, predict
from causalhyper.mechanisms.terms import TermSpace

TOLERANCE = 1e-3
"""A refit stops so many standard errors from its optimum."""
EXACT = 1e-9
"""Noise below this share of the response's spread is none."""


@dataclass(frozen=True, slots=True)
class FlowFit:
    """A fitted flow ``y = m(x) + exp(s(x)) R(u; x)`` of a standard normal u.

    R has mean zero and variance one whatever its shape, so m(x) is the head's mean given its
    causes, a sum of terms as in an additive mechanism, and exp(s(x)) its standard deviation.

    Attributes
    ----------
    line : AdditiveFit
        Least squares on the mean's columns: where searches start, and what tells whether a
        resample suffices.
    model : Noise
    likelihood : Likelihood
        Of all runs, the response centred and in units of the least-squares residuals. Fixed
        effects of contexts that lie within clusters are removed by centring, as in least squares.
    optimum : Optimum
    whitening : Whitening
        Coordinates in which replicates are fitted again.
    unit : float
        Standard deviation of the least-squares residuals.
    centres : ndarray, shape (contexts,)
        What was taken off the response in each context: its mean.
    offsets : ndarray, shape (contexts, k)
        The same for the columns of the mean.
    inflation : float
        What residuals lack for the coefficients spent on the mean: sqrt(n / (n - coefficients)).
    score : float
        Mean log density of a run whose cluster was left out.
    parameters : FlowParameters
        As fitted; r = 1.
    """

    line: AdditiveFit
    model: Noise
    likelihood: Likelihood
    optimum: Optimum
    whitening: Whitening
    unit: float
    centres: Array
    offsets: Array
    inflation: float
    score: float

    @property
    def parameters(self) -> FlowParameters:
        """As fitted; r = 1."""
        at = self.likelihood.unpack(self.optimum.at)
        return self._gather([(at, self.optimum.converged)])

    @property
    def penalties(self) -> Penalties:
        """As cross-validation chose them; infinite for what it left out."""
        return self.likelihood.penalties

    @property
    def response(self) -> Array:
        """The head in the data, shape (n,)."""
        return self.line.response

    @property
    def fitted(self) -> Array:
        """The head's mean given causes and context, shape (n,)."""
        found = self.parameters.line
        return self.columns @ found.coefs[0] + found.effects[0][self.line.contexts]

    @property
    def space(self) -> TermSpace:
        """Terms of the mean."""
        return self.line.space

    @property
    def coefs(self) -> Array:
        """Coefficients of the mean's terms, shape (k,)."""
        return self.parameters.coefs[0]

    @property
    def columns(self) -> Array:
        """The mean's term columns at the data, shape (n, k)."""
        return self.line.columns

    @property
    def rank(self) -> int:
        """Rank of the mean's columns."""
        return self.line.rank

    @property
    def width(self) -> int:
        """Number of the mean's columns."""
        return self.line.width

    @property
    def terms(self) -> tuple[tuple[int, ...], ...]:
        """The inputs of each term."""
        return self.space.terms

    @property
    def size(self) -> int:
        """Number of coefficients of mean, spread and shape."""
        return sum(self.likelihood.sizes()) - self.likelihood.sample.count

    @property
    def capabilities(self) -> frozenset[Capability]:
        """All: u can be recovered; mean, log spread and log slopes are sums over hyperedges."""
        return frozenset(("functional", "invertible", "decomposed"))

    def enough(self, weights: Array) -> Flags:
        """Whether no replicate loses rank."""
        return self.line.enough(weights)

    def refit(self, groups: Groups, weights: Array) -> FlowParameters:
        """Maximise the likelihood again from the fit, for each set of cluster weights.

        Penalties stay as chosen. Where no maximum is found the best coefficients are kept; one
        warning says in how many replicates.

        Parameters
        ----------
        groups : Groups
        weights : ndarray, shape (r, clusters)

        Returns
        -------
        FlowParameters

        Warns
        -----
        RuntimeWarning
            If a search did not converge.
        """
        found = [self._refit(weight[groups.clusters]) for weight in weights]
        failed = sum(not converged for _, converged in found)
        if failed:
            warnings.warn(
                f"a flow's likelihood has no maximum that was found in {failed} of {len(found)} "
                "refits, which keep the best coefficients met: use fewer functions, or an "
                "additive mechanism",
                RuntimeWarning,
                stacklevel=2,
            )
        return self._gather(found)

    def _refit(self, weights: Array) -> tuple[Coefficients, bool]:
        rows = np.flatnonzero(weights > 0)
        part = self.likelihood.on(rows, weights[rows])
        found = maximise(part, self.optimum.at, self.whitening, TOLERANCE)
        if not found.converged:
            again = maximise(part, self.optimum.at, rough_whitening(part), TOLERANCE)
            found = min((again, found), key=lambda o: (not o.converged, o.loss))
        return part.unpack(found.at), found.converged

    def _gather(self, found: Sequence[tuple[Coefficients, bool]]) -> FlowParameters:
        """Coefficients of several fits, in the response's unit."""
        coefs = self.unit * np.stack([f.location for f, _ in found])
        effects = self.centres - coefs @ self.offsets.T
        if self.likelihood.sample.count:
            effects += self.unit * np.stack([f.contexts for f, _ in found])
        return FlowParameters(
            LinearParameters(coefs, effects),
            np.array([f.level[0] for f, _ in found]) + np.log(self.unit * self.inflation),
            np.stack([f.spread for f, _ in found]),
            np.stack([f.shape for f, _ in found]),
            np.stack([f.bend for f, _ in found]),
            np.array([converged for _, converged in found]),
        )

    def noise(self, parameters: FlowParameters, groups: Groups, rows: Codes, u: Array) -> Array:
        """Standard normal numbers at the levels u, the same in each replicate, (r, 1, m)."""
        return np.broadcast_to(special.ndtri(u), (len(rows), 1, len(u)))

    def respond(
        self,
        parameters: FlowParameters,
        inputs: Inputs,
        contexts: Codes,
        noise: Array,
        projections: Mapping[int, Projection],
    ) -> Array:
        """Mean, and noise pushed to its shape and spread there."""
        causes = self._causes(inputs)
        pushed = self.model.push(parameters, causes, noise)
        pushed = pushed * self.model.deviation(parameters, causes)
        return self.mean(parameters, inputs, contexts, projections) + pushed

    def mean(
        self,
        parameters: FlowParameters,
        inputs: Inputs,
        contexts: Codes | None,
        projections: Mapping[int, Projection],
    ) -> Array:
        """Intercept and every term; without contexts, their average intercept."""
        start = level(parameters.line, contexts)
        return predict(self.space, parameters.line, inputs, start, projections)

    def recover(
        self, parameters: FlowParameters, inputs: Inputs, contexts: Codes, values: Array
    ) -> Array:
        """The u with which the mechanism gives these values."""
        e, causes, _ = self._standardise(parameters, inputs, contexts, values)
        return self.model.pull(parameters, causes, e)

    def log_density(
        self, parameters: FlowParameters, inputs: Inputs, contexts: Codes, values: Array
    ) -> Array:
        """Log density of values given inputs and contexts, shape (r, d, m).

        Parameters
        ----------
        parameters : FlowParameters
        inputs : sequence of sequence of ndarray, each broadcastable to shape (r, d, m)
        contexts : ndarray of int, shape (r, m)
        values : ndarray, broadcastable to shape (r, d, m)

        Returns
        -------
        ndarray, shape (r, d, m)
        """
        e, causes, deviation = self._standardise(parameters, inputs, contexts, values)
        return self.model.log_density(parameters, causes, e) - np.log(deviation)

    def _standardise(
        self, parameters: FlowParameters, inputs: Inputs, contexts: Codes, values: Array
    ) -> tuple[Array, list[Array], Array]:
        """Values less their mean over their standard deviation, with causes and deviation."""
        causes = self._causes(inputs)
        deviation = self.model.deviation(parameters, causes)
        mean = self.mean(parameters, inputs, contexts, {})
        e: Array = (values - mean) / deviation
        return np.broadcast_to(e, (len(parameters.level), *e.shape[1:])), causes, deviation

    def _causes(self, inputs: Inputs) -> list[Array]:
        """Each cause as the term of it alone receives it."""
        own = {t[0]: x[0] for t, x in zip(self.terms, inputs, strict=True) if len(t) == 1}
        return [own[i] for i in sorted(own)]

    def tabulate(self, inputs: Inputs) -> Array:
        """The mean's term columns at inputs of shape (s,) each."""
        return self.space.tabulate(inputs)


def fit_flow(
    space: TermSpace,
    spreads: Sequence[Basis],
    bends: Sequence[Basis],
    inputs: Sequence[Array],
    response: Array,
    groups: Groups,
    *,
    slopes: int,
    folds: int,
    seed: int,
    shrinkage: float | None = None,
) -> FlowFit:
    """Fit one head by penalised maximum likelihood, penalties by clusters left out.

    Parameters
    ----------
    space : TermSpace
        Terms of the mean; each input has a term of it alone.
    spreads, bends : sequence of Basis
        One an input, or none: functions of the log standard deviation, and of the shape.
    inputs : sequence of ndarray, shape (n,)
        Causes, in the order of the space's inputs.
    response : ndarray, shape (n,)
    groups : Groups
    slopes : int
        Coefficients of the shape.
    folds, seed : int
        Folds of clusters, and what deals the clusters out.
    shrinkage : float, optional
        As in `fit_additive`.

    Returns
    -------
    FlowFit

    Raises
    ------
    ConfigurationError
        If the causes leave no noise.

    Notes
    -----
    The mean is not penalised. Source: Pawlowski, Castro and Glocker 2020 (flows as mechanisms);
    Hothorn, Moest and Buehlmann 2018 (penalised transformations); Mueller, McWilliams,
    Rousselle, Gross and Novak 2019 and Durkan, Bekasov, Murray and Papamakarios 2019 (splines).
    """
    line = fit_additive(space, inputs, response, groups, shrinkage)
    unit = _unit(line)
    both = np.column_stack([response, line.columns])
    # pooled intercepts have a mean in common, so they are not centred one by one
    means = context_means(both, groups) if shrinkage is None else both.mean(axis=0)[None]
    means = np.broadcast_to(means, (groups.context_count, both.shape[1]))
    both = both - means[groups.contexts]
    count = 0 if groups.absorbed and shrinkage is None else groups.context_count
    sample = Sample(
        both[:, 0] / unit,
        both[:, 1:],
        tabulate(spreads, inputs),
        tabulate(bends, inputs),
        np.asarray(groups.contexts),
        count,
    )
    noise = Noise(tuple(spreads), tuple(bends), make_monotone_spline(slopes))
    penalties = Penalties(pooling=shrinkage or 0.0)
    likelihood = Likelihood(sample, np.ones(len(response)), noise.spline, penalties)
    own = line.parameters
    effects = (own.effects[0] + means[:, 1:] @ own.coefs[0] - means[:, 0]) / unit
    start = np.concatenate([own.coefs[0] / unit, [0.0], effects[:count]])
    left = cluster_folds(groups, folds, np.random.default_rng(seed))[:, groups.clusters]
    tuned = tune(likelihood, Folds(left, groups), start)
    chosen = Likelihood(sample, likelihood.weights, noise.spline, tuned.penalties)
    at = tuned.optimum.at
    return FlowFit(
        line,
        noise,
        chosen,
        tuned.optimum,
        whitening(chosen, at),
        unit,
        means[:, 0],
        means[:, 1:],
        _inflation(line, groups, shrinkage),
        tuned.score - float(np.log(unit)),
    )


def _unit(line: AdditiveFit) -> float:
    """Standard deviation of the residuals; refused where there is none."""
    unit = float(np.sqrt(((line.response - line.fitted) ** 2).mean()))
    if not unit > EXACT * float(line.response.std()):
        raise ConfigurationError(
            "a flow needs noise, and the causes leave none of the head's variance over: use an "
            "additive mechanism"
        )
    return unit


def _inflation(line: AdditiveFit, groups: Groups, shrinkage: float | None) -> float:
    """What residuals are too small by, as in least squares; pooled contexts count in part."""
    n, sizes = len(line.response), np.bincount(groups.contexts)
    contexts = float(len(sizes))
    if shrinkage is not None:
        contexts = 1.0 + float((sizes / (sizes + shrinkage)).sum())
    return float(np.sqrt(n / max(n - line.space.size - contexts, 1.0)))
