"""How much one cluster says of a contrast: the pilot that further runs are planned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.errors import ConfigurationError
from causalhyper.inference.power import Comparison
from causalhyper.mechanisms.grams import solve
from causalhyper.queries.experiments.design import Design
from causalhyper.queries.experiments.experiment import Experiment
from causalhyper.results import Estimate
from causalhyper.scm.model import FittedModel


@dataclass(frozen=True, slots=True)
class Pilot:
    """Spread of contrasts between clusters, estimated from fitted runs.

    Attributes
    ----------
    sd : ndarray, shape (q,)
        Of one cluster's contribution to each contrast (paired), or of a cluster's mean at one
        value (two arms).
    correlation : ndarray, shape (q, q), or None
        Between the contrasts' estimates, where it is known.
    df : ndarray of int, shape (q,)
        Degrees of freedom of `sd`.
    clusters : int
        Clusters in the runs; with two arms at each value, on average, rounded down.
    arms, lost : int
        See `Comparison`.
    how : str
        How the effect is estimated, in words.
    mediators : tuple of str
        Of an indirect effect; none for a total one.
    """

    sd: Array
    correlation: Array | None
    df: Codes
    clusters: int
    arms: int
    lost: int
    how: str
    mediators: tuple[str, ...] = ()

    def comparison(self, i: int, scale: float = 1.0) -> Comparison:
        """The test of contrast i, its standard deviation times `scale`."""
        return Comparison(scale * float(self.sd[i]), self.arms, self.lost)


def design_pilot(e: Experiment) -> Pilot:
    """Spread of the design's own contrasts.

    Where each cluster has one treatment value in one context, values are compared between
    clusters, and the spread is that of cluster means about value and context. Otherwise it is
    that of the clusters' influence on the contrasts; in complete blocks, of paired differences.

    Parameters
    ----------
    e : Experiment

    Returns
    -------
    Pilot

    Raises
    ------
    ConfigurationError
        If the design has no contrast of the values.
    """
    if e.design is None:
        raise ConfigurationError(
            f"the design's power needs a contrast within blocks: {e.no_design}. Use the "
            "hypergraph's estimator"
        )
    if _is_between(e.model, e.treatment):
        return _between(e, e.design.blocks)
    return _paired(e.design, e.model)


def estimates_pilot(
    estimates: Sequence[Estimate], model: FittedModel, mediators: tuple[str, ...], how: str
) -> Pilot:
    """Spread behind standard errors of estimates, which shrink with the root of the clusters.

    Parameters
    ----------
    estimates : sequence of Estimate
    model : FittedModel
    mediators : tuple of str
        Of indirect effects; none for total ones.
    how : str
        How they are estimated, in words.

    Returns
    -------
    Pilot
        Without correlations: estimates do not carry any.
    """
    sd = np.array([e.se for e in estimates]) * np.sqrt(model.clusters)
    df = np.full(len(sd), model.clusters - model.strata)
    return Pilot(sd, None, df, model.clusters, 1, model.strata, how, mediators)


def _is_between(model: FittedModel, treatment: str) -> bool:
    """Whether each cluster has a single treatment value in a single context."""
    groups = model.groups
    cells = np.stack([groups.clusters, groups.contexts, _codes(model.values[treatment])])
    return bool(np.unique(cells, axis=1).shape[1] == groups.cluster_count)


def _codes(values: Array) -> Codes:
    return np.unique(values, return_inverse=True)[1].ravel()


def _paired(design: Design, model: FittedModel) -> Pilot:
    """Spread of each cluster's influence on contrasts within blocks."""
    grams, strata = design.grams, model.groups.strata
    ones = np.ones((1, model.clusters))
    coefs = solve(grams, ones)[0][0]
    scores = grams.xy - grams.xx @ coefs
    bread = np.linalg.pinv(grams.xx.sum(axis=0), hermitian=True)
    influence = (scores @ bread)[:, : design.count]
    covariance = np.zeros((design.count, design.count))
    for stratum in np.unique(strata):
        own = influence[strata == stratum]
        if len(own) > 1:
            own = own - own.mean(axis=0)
            covariance += len(own) / (len(own) - 1) * own.T @ own
    se, lost = np.sqrt(np.diag(covariance)), model.strata
    sd = se * np.sqrt(model.clusters)
    # what rounding leaves of no spread at all
    sd[sd <= 1e-12 * np.abs(grams.xy).max()] = 0.0
    return Pilot(
        sd=sd,
        correlation=_correlation(covariance),
        df=np.full(design.count, model.clusters - lost),
        clusters=model.clusters,
        arms=1,
        lost=lost,
        how=f"difference in means within {design.blocks}",
    )


def _between(e: Experiment, blocks: str) -> Pilot:
    """Spread of cluster means about context and value: of both arms of each contrast, pooled."""
    model, groups = e.model, e.model.groups
    first = np.unique(groups.clusters, return_index=True)[1]
    sizes = np.bincount(groups.clusters)
    means = np.bincount(groups.clusters, model.values[e.outcome]) / sizes
    doses, contexts = model.values[e.treatment][first], groups.contexts[first]
    arms = np.isclose(doses[:, None], e.question.grid(model), rtol=1e-9, atol=1e-12)
    pooled, df = _pooled(means, arms, contexts, [0])
    both = [_pooled(means, arms, contexts, [0, i]) for i in range(1, arms.shape[1])]
    variances = np.array([v for v, _ in both])
    # the baseline's share of the variance of a difference is what two contrasts have in common
    share = pooled / (2 * variances) if df else np.full(len(both), 0.5)
    root = np.sqrt(np.clip(share, 0.0, 1.0))
    return Pilot(
        sd=np.sqrt(variances),
        correlation=np.where(np.eye(len(both), dtype=bool), 1.0, np.outer(root, root)),
        df=np.array([n for _, n in both]),
        clusters=int(arms.sum()) // arms.shape[1],
        arms=2,
        lost=1 + len(np.unique(contexts[arms.any(axis=1)])),
        how=f"difference in means of separate clusters within {blocks}",
    )


def _pooled(
    means: Array, arms: Flags, contexts: Codes, wanted: Sequence[int]
) -> tuple[float, int]:
    """Variance of cluster means about arm and context, and its degrees of freedom."""
    kept = arms[:, wanted].any(axis=1)
    columns = np.concatenate([arms[:, wanted], np.eye(contexts.max() + 1)[contexts]], axis=1)[kept]
    coefs, _, rank, _ = np.linalg.lstsq(columns, means[kept], rcond=None)
    df = int(kept.sum()) - int(rank)
    if df < 1 and len(wanted) > 1:
        raise ConfigurationError(
            "no treatment value has two clusters in a context: nothing tells how clusters vary. "
            "Run more clusters, or pair values within clusters"
        )
    rest = means[kept] - columns @ coefs
    return (float(rest @ rest) / df if df else 0.0), df


def _correlation(covariance: Array) -> Array:
    se = np.sqrt(np.diag(covariance))
    scale = np.where(se > 0, se, 1.0)
    return np.where(np.eye(len(se), dtype=bool), 1.0, covariance / np.outer(scale, scale))
