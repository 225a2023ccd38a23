"""Bootstrap replicates of a model: every mechanism refitted on resampled clusters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from causalhyper.arrays import Array, Flags
from causalhyper.errors import ConfigurationError
from causalhyper.inference import LeftOut, cluster_weights, leave_one_out
from causalhyper.mechanisms import AdditiveFit
from causalhyper.scm.model import FittedModel

Jackknife = Literal["none", "sample", "resamples"]
"""From what one cluster at a time is left out: nothing, the sample, or every resample too."""

BATCH = 2**16
"""Numbers in an array of simulated values, about: arrays then fit into a processor's cache."""
LARGEST = 20_000_000
"""Weights held at most, replicates times clusters: 160 MB."""


@dataclass(frozen=True, slots=True)
class Replicates:
    """Parameters of a model in many replicates.

    The first row is the fit itself; bootstrap replicates follow, then those with one cluster
    left out.

    Attributes
    ----------
    weights : ndarray, shape (r, clusters)
        How often each cluster counts; ones in row 0.
    parameters : mapping of str to Parameters
        What each mechanism learnt from each replicate.
    redrawn : int
        Replicates drawn again because some mechanism could not be fitted to them.
    left : LeftOut or None
        What was left out of the last ``len(left)`` replicates.
    lost : tuple of int
        Clusters without which some mechanism cannot be fitted to the sample.
    base : ndarray, shape (r, clusters), or None
        Weights that the draws of each replicate stay close to: before one cluster was left out.
    """

    weights: Array
    parameters: Mapping[str, Any]
    redrawn: int = 0
    left: LeftOut | None = None
    lost: tuple[int, ...] = ()
    base: Array | None = None

    def __len__(self) -> int:
        return len(self.weights)

    def part(self, rows: slice) -> Replicates:
        """Some of the replicates; ``part(slice(1))`` is the model as fitted."""
        return Replicates(
            self.weights[rows],
            {v: p.part(rows) for v, p in self.parameters.items()},
            self.redrawn,
            base=self._base(rows),
        )

    def _base(self, rows: slice) -> Array | None:
        """Weights of the parents of some replicates; None if none has a cluster left out."""
        if self.left is None:
            return None if self.base is None else self.base[rows]
        complete = len(self) - len(self.left)
        chosen = np.arange(len(self))[rows]
        if (chosen < complete).all():
            return None
        parents = np.concatenate([np.arange(complete), self.left.parents])
        base: Array = self.weights[parents[chosen]]
        return base

    def chunks(self, size: int) -> Iterator[Replicates]:
        """Cut into pieces whose simulated values, `size` a replicate, make about a batch.

        This bounds memory and changes no number.
        """
        step = max(1, round(BATCH / size))
        complete = len(self) - (0 if self.left is None else len(self.left))
        for first, end in ((0, complete), (complete, len(self))):
            for start in range(first, end, step):
                yield self.part(slice(start, min(start + step, end)))


def resample(
    model: FittedModel,
    draws: int,
    rng: np.random.Generator,
    enough: Callable[[Array], Flags] | None = None,
    jackknife: Jackknife = "none",
) -> Replicates:
    """Refit every mechanism on cluster-bootstrap replicates, and with single clusters left out.

    A replicate in which some mechanism loses rank (no run of some dose was drawn, say) has no
    least-squares solution; it is drawn again.

    Parameters
    ----------
    model : FittedModel
    draws : int
        Replicates, at least 100.
    rng : numpy.random.Generator
    enough : callable, optional
        Maps weights of shape (r, clusters) to whether each replicate suffices for what else is
        estimated from it.
    jackknife : {"none", "sample", "resamples"}
        Leave one cluster at a time out of the sample, or of the sample and every resample.
        What cannot be fitted without some cluster is left away.

    Returns
    -------
    Replicates
        Row 0 is the model as fitted; `draws` bootstrap replicates; those with a cluster left out.

    Raises
    ------
    ConfigurationError
        If `draws` is below 100, or most replicates would have to be drawn again, or the weights
        would not fit into memory.
    """
    if draws < 100:
        raise ConfigurationError(
            f"{draws} bootstrap replicates are too few for a 95% band: use 100 to try, 2000 to "
            "report"
        )
    weights = np.ones((draws + 1, model.clusters))
    cluster_weights(model.groups.strata, draws, rng, out=weights[1:])
    learnt, full = _learn(model, weights, again=jackknife != "none")
    if enough is not None:
        full[1:] &= enough(weights[1:])
    redrawn = 0 if full[1:].all() else _draw_again(model, weights, full, rng, enough)
    left: LeftOut | None = None
    lost: tuple[int, ...] = ()
    if jackknife != "none":
        left, lost, more = _leave_out(model, weights, enough, every=jackknife == "resamples")
        weights = np.concatenate([weights, more])
    if not full.all() or len(weights) > draws + 1 or len(learnt) < len(model.mechanisms):
        learnt = {v: m.fit.refit(model.groups, weights) for v, m in model.mechanisms.items()}
    return Replicates(weights, learnt, redrawn, left, lost)


def _learn(model: FittedModel, weights: Array, *, again: bool) -> tuple[dict[str, Any], Flags]:
    """What each mechanism learns from each replicate, and where all can be fitted.

    A mechanism that has to be asked first whether it can be fitted is not, unless it can
    everywhere and nothing is to be fitted again.
    """
    learnt: dict[str, Any] = {}
    full = np.ones(len(weights), dtype=bool)
    for v, mechanism in model.mechanisms.items():
        fit: Any = mechanism.fit
        if isinstance(fit, AdditiveFit):
            learnt[v], found = fit.learn(model.groups, weights)
            full &= found
        else:
            full &= fit.enough(weights)
    if full.all() and not again:
        others = [v for v in model.mechanisms if v not in learnt]
        learnt |= {v: model.mechanisms[v].fit.refit(model.groups, weights) for v in others}
    return learnt, full


def _draw_again(
    model: FittedModel,
    weights: Array,
    full: Flags,
    rng: np.random.Generator,
    enough: Callable[[Array], Flags] | None,
) -> int:
    """Draw until every replicate suffices; how many were drawn again. Changes `weights`."""
    missing, redrawn = 1 + np.flatnonzero(~full[1:]), 0
    while missing.size:
        redrawn += missing.size
        if redrawn >= len(weights):
            raise ConfigurationError(
                f"{model.clusters} clusters are too few for these mechanisms: most resamples "
                "cannot be fitted. Use straight lines, fewer causes, or coarser treatment values"
            )
        weights[missing] = cluster_weights(model.groups.strata, missing.size, rng)
        missing = missing[~full_rank(model, weights[missing], enough)]
    return redrawn


def _leave_out(
    model: FittedModel, weights: Array, enough: Callable[[Array], Flags] | None, *, every: bool
) -> tuple[LeftOut, tuple[int, ...], Array]:
    """Leave one cluster out, where everything can still be fitted; clusters where it cannot."""
    parents = weights if every else weights[:1]
    # about 1 - 1/e of the clusters are in a resample
    if (0.64 if every else 1) * parents.size * model.clusters > LARGEST:
        most = f"at most {int(LARGEST / 0.64 / model.clusters**2)} draws, or " if every else ""
        raise ConfigurationError(
            f"leaving each of {model.clusters} clusters out of {len(parents)} sample(s) needs too "
            f"much memory: use {most}another interval, such as 'bootstrap'"
        )
    left, reduced = leave_one_out(model.groups.strata, parents)
    full = full_rank(model, reduced, enough)
    lost = tuple(int(c) for c in left.clusters[~full & (left.parents == 0)])
    kept = np.flatnonzero(full)
    return left.part(kept), lost, reduced[kept]


def full_rank(
    model: FittedModel, weights: Array, enough: Callable[[Array], Flags] | None
) -> Flags:
    """Whether every mechanism, and what else is asked, can be estimated in each replicate.

    Parameters
    ----------
    model : FittedModel
    weights : ndarray, shape (r, clusters)
    enough : callable or None
        As `resample` takes it.

    Returns
    -------
    ndarray of bool, shape (r,)
    """
    full = np.ones(len(weights), dtype=bool) if enough is None else enough(weights)
    for mechanism in model.mechanisms.values():
        full &= mechanism.fit.enough(weights)
    return full
