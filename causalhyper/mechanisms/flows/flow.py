"""Conditional normalising flows: mean, spread and shape of a head depend on its causes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.mechanisms.additive import AdditiveFit, Inputs, level
from causalhyper.mechanisms.flows.likelihood import Coefficients, Likelihood, Penalties
from causalhyper.mechanisms.flows.parameters import FlowParameters, Noise
from causalhyper.mechanisms.flows.stages import Coordinates, estimate
from causalhyper.mechanisms.grouping import Groups
from causalhyper.mechanisms.ladder import Capability, Projection
from causalhyper.mechanisms.predictors import LinearParameters, predict
from causalhyper.mechanisms.terms import TermSpace

TOLERANCE = 1e-2
"""A refit stops so many standard errors from its optimum."""


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
    at : Coefficients
        The estimates, in that unit.
    coordinates : Coordinates
        In which replicates are fitted again.
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
    at: Coefficients
    coordinates: Coordinates
    unit: float
    centres: Array
    offsets: Array
    inflation: float
    score: float
    parameters: FlowParameters

    @property
    def plain(self) -> bool:
        """Whether cross-validation left neither spread nor shape to depend on anything."""
        return not np.isfinite([self.penalties.spread, self.penalties.shape]).any()

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
        """Estimate again from the fit, for each set of cluster weights.

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
        if self.plain:
            return self._least_squares(groups, weights)
        found = [self._refit(weight[groups.clusters]) for weight in weights]
        failed = sum(not converged for _, converged in found)
        if failed:
            warnings.warn(
                f"no maximum of a flow's likelihood was found in {failed} of {len(found)} refits, "
                "which keep the best coefficients met: use fewer functions, or an additive "
                "mechanism",
                RuntimeWarning,
                stacklevel=2,
            )
        return self._gather(found)

    def _least_squares(self, groups: Groups, weights: Array) -> FlowParameters:
        """The estimates where noise is normal and of equal spread, in closed form."""
        solved = self.line.refit(groups, weights)
        columns, y = self.columns, self.response
        variances = []
        for r, weight in enumerate(weights):
            w = weight[groups.clusters]
            away = y - columns @ solved.coefs[r] - solved.effects[r][groups.contexts]
            variances.append(float(w @ away**2) / float(w.sum()))
        levels = 0.5 * np.log(np.maximum(variances, np.finfo(float).tiny))
        none = np.empty((len(weights), 0))
        return FlowParameters(
            solved,
            levels + np.log(self.inflation),
            none,
            none,
            none[:, :, None],
            np.ones(len(weights), dtype=bool),
        )

    def _refit(self, weights: Array) -> tuple[Coefficients, bool]:
        rows = np.flatnonzero(weights > 0)
        part = self.likelihood.on(rows, weights[rows])
        return estimate(part, self.at, self.coordinates, TOLERANCE)

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
