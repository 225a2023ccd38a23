"""Binomial mechanisms: a count out of so many trials, logit of its probability additive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.mechanisms.additive import AdditiveFit, Inputs, fit_additive, level
from causalhyper.mechanisms.grams import RANK_TOLERANCE
from causalhyper.mechanisms.grouping import Groups
from causalhyper.mechanisms.ladder import Capability, Projection
from causalhyper.mechanisms.predictors import LinearParameters, predict
from causalhyper.mechanisms.terms import TermSpace

ROUNDS = 50
"""Newton steps at most."""
STEP = 1e-10
"""Newton stops where no coefficient of the scaled columns moves by more."""


@dataclass(frozen=True, slots=True)
class BinomialFit:
    """A fitted binomial regression of proportions with a logit link.

    Attributes
    ----------
    line : AdditiveFit
        Least squares on the same columns: what tells whether a resample suffices.
    trials : ndarray, shape (n,)
        Trials behind each proportion.
    fitted : ndarray, shape (n,)
        Probabilities.
    parameters : LinearParameters
        Of the logit, as fitted; r = 1.
    converged : bool
    """

    line: AdditiveFit
    trials: Array
    fitted: Array
    parameters: LinearParameters
    converged: bool

    @property
    def response(self) -> Array:
        """Proportions in the data, shape (n,)."""
        return self.line.response

    @property
    def columns(self) -> Array:
        """Term columns at the data, shape (n, k)."""
        return self.line.columns

    @property
    def space(self) -> TermSpace:
        """Terms of the logit."""
        return self.line.space

    @property
    def coefs(self) -> Array:
        """Coefficients of the logit's terms, shape (k,)."""
        return self.parameters.coefs[0]

    @property
    def rank(self) -> int:
        """Rank of the columns."""
        return self.line.rank

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.line.width

    @property
    def terms(self) -> tuple[tuple[int, ...], ...]:
        """The inputs of each term."""
        return self.space.terms

    @property
    def size(self) -> int:
        """Number of coefficients."""
        return self.space.size

    @property
    def capabilities(self) -> frozenset[Capability]:
        """The logit is a sum over hyperedges; the noise is no number that can be recovered."""
        return frozenset(("decomposed",))

    def enough(self, weights: Array) -> Flags:
        """Whether no replicate loses rank."""
        return self.line.enough(weights)

    def refit(self, groups: Groups, weights: Array) -> LinearParameters:
        """Fit again by Newton's method from the fit, for each set of cluster weights.

        Contexts of which no run is drawn keep their intercept; no draw comes from them.
        """
        solved = _newton(self, groups, weights, self.parameters)
        return solved[0]

    def noise(self, parameters: LinearParameters, groups: Groups, rows: Codes, u: Array) -> Array:
        """The numbers themselves: a count is the binomial quantile at them, shape (r, 1, m)."""
        return np.broadcast_to(u, (len(rows), 1, len(u)))

    def respond(
        self,
        parameters: LinearParameters,
        inputs: Inputs,
        contexts: Codes,
        noise: Array,
        projections: Mapping[int, Projection],
    ) -> Array:
        """Proportions out of the median number of trials."""
        start = parameters.starts(contexts)
        logit = predict(self.space, parameters, inputs, start, projections)
        trials = float(np.median(self.trials))
        return quantile(noise, trials, special.expit(logit)) / trials

    def mean(
        self,
        parameters: LinearParameters,
        inputs: Inputs,
        contexts: Codes | None,
        projections: Mapping[int, Projection],
    ) -> Array:
        """Probabilities given inputs and contexts, or at the average intercept."""
        start = level(parameters, contexts)
        return special.expit(predict(self.space, parameters, inputs, start, projections))

    def tabulate(self, inputs: Inputs) -> Array:
        """Term columns at inputs of shape (s,) each."""
        return self.line.tabulate(inputs)


def quantile(u: Array, trials: float, p: Array) -> Array:
    """Smallest count whose binomial distribution function reaches u, elementwise."""
    u, p = np.broadcast_arrays(u, p)
    sd = np.sqrt(trials * p * (1 - p))
    z = special.ndtri(u)
    # Cornish and Fisher's start lies within a count or two; the distribution function decides
    guess = trials * p + sd * z + (1 - 2 * p) * (z * z - 1) / 6 - 0.5
    k: Array = np.clip(np.ceil(guess), 0, trials)
    low = _cdf(k - 1, trials, p) >= u
    high = _cdf(k, trials, p) < u
    while low.any() or high.any():
        k += high.astype(float) - low
        low[low] = _cdf(k[low] - 1, trials, p[low]) >= u[low]
        high[high] = _cdf(k[high], trials, p[high]) < u[high]
    return k


def _cdf(k: Array, trials: float, p: Array) -> Array:
    """Binomial distribution function by the incomplete beta function."""
    inside = (k >= 0) & (k < trials)
    at = np.where(inside, k, 0.0)
    return np.where(inside, special.betainc(trials - at, at + 1, 1 - p), k >= trials)


def fit_binomial(
    space: TermSpace,
    inputs: Sequence[Array],
    response: Array,
    trials: Array,
    groups: Groups,
) -> BinomialFit:
    """Fit proportions by maximum likelihood with a fixed effect for each context.

    Parameters
    ----------
    space : TermSpace
    inputs : sequence of ndarray, shape (n,)
    response : ndarray, shape (n,)
        Proportions in [0, 1].
    trials : ndarray, shape (n,)
        Positive.
    groups : Groups

    Returns
    -------
    BinomialFit

    Notes
    -----
    Source: McCullagh and Nelder 1989, Generalized Linear Models, section 4.4. Standard errors
    come from resampled clusters, so overdispersion does not make them too small.
    """
    line = fit_additive(space, inputs, response, groups)
    blank = LinearParameters(np.zeros((1, space.size)), np.zeros((1, groups.context_count)))
    start = BinomialFit(line, trials, response, blank, converged=False)
    one = np.ones((1, groups.cluster_count))
    parameters, converged = _newton(start, groups, one, blank)
    logit = line.columns @ parameters.coefs[0] + parameters.effects[0][groups.contexts]
    return replace(
        start, fitted=special.expit(logit), parameters=parameters, converged=bool(converged[0])
    )


def _newton(
    fit: BinomialFit, groups: Groups, weights: Array, start: LinearParameters
) -> tuple[LinearParameters, Flags]:
    """Maximum likelihood for each set of cluster weights, one after the other."""
    indicators = np.eye(groups.context_count)[groups.contexts]
    X = np.concatenate([fit.columns, indicators], axis=1)
    first = np.concatenate([start.coefs[0], start.effects[0]])
    solved = np.empty((len(weights), X.shape[1]))
    converged = np.empty(len(weights), dtype=bool)
    for r, weight in enumerate(weights):
        counts = fit.trials * weight[groups.clusters]
        solved[r], converged[r] = _solve(X, fit.response, counts, first)
    k = fit.space.size
    return LinearParameters(solved[:, :k], solved[:, k:]), converged


def _solve(X: Array, y: Array, counts: Array, start: Array) -> tuple[Array, bool]:
    """Newton's method with halved steps for one weighted binomial likelihood."""
    beta = start.copy()
    eta = X @ beta
    loss = _loss(eta, y, counts)
    for _ in range(ROUNDS):
        p = special.expit(eta)
        step = _newton_step(X, counts * p * (1 - p), X.T @ (counts * (y - p)))
        size = 1.0
        while True:
            proposed = eta + size * (X @ step)
            new = _loss(proposed, y, counts)
            if new <= loss + 1e-12 * abs(loss) or size < 1e-6:
                break
            size /= 2
        beta, eta, loss = beta + size * step, proposed, new
        if np.abs(step).max(initial=0.0) < STEP:
            return beta, True
    return beta, False


def _loss(eta: Array, y: Array, counts: Array) -> float:
    """Minus the log likelihood."""
    return float(counts @ (np.logaddexp(0.0, eta) - y * eta))


def _newton_step(X: Array, information: Array, score: Array) -> Array:
    """Solve the weighted normal equations; directions without information do not move."""
    xx = (X * information[:, None]).T @ X
    scale = np.sqrt(np.maximum(np.diag(xx), np.finfo(float).tiny))
    values, vectors = np.linalg.eigh(xx / np.outer(scale, scale))
    kept = values > RANK_TOLERANCE * values[-1]
    V = vectors[:, kept]
    found: Array = (V @ ((V.T @ (score / scale)) / values[kept])) / scale
    return found
