"""Bootstrap replicates of a model: every mechanism refitted on resampled clusters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from causalhyper.errors import ConfigurationError
from causalhyper.inference import cluster_weights
from causalhyper.mechanisms.bases import Array
from causalhyper.scm.model import FittedModel

Flags = NDArray[np.bool_]

BATCH = 2**16
"""Numbers in an array of simulated values, about: arrays then fit into a processor's cache."""


@dataclass(frozen=True, slots=True)
class Replicates:
    """Parameters of a model in many bootstrap replicates; the first row is the fit itself.

    Attributes
    ----------
    weights : ndarray, shape (r, clusters)
        How often each cluster counts; ones in row 0.
    parameters : mapping of str to Parameters
        What each mechanism learnt from each replicate.
    redrawn : int
        Replicates drawn again because some mechanism could not be fitted to them.
    """

    weights: Array
    parameters: Mapping[str, Any]
    redrawn: int = 0

    def __len__(self) -> int:
        return len(self.weights)

    def part(self, rows: slice) -> Replicates:
        """Some of the replicates; ``part(slice(1))`` is the model as fitted."""
        return Replicates(
            self.weights[rows],
            {v: p.part(rows) for v, p in self.parameters.items()},
            self.redrawn,
        )

    def chunks(self, size: int) -> Iterator[Replicates]:
        """Cut into pieces whose simulated values, `size` a replicate, make about a batch.

        This bounds memory and changes no number.
        """
        step = max(1, round(BATCH / size))
        for start in range(0, len(self), step):
            yield self.part(slice(start, start + step))


def resample(
    model: FittedModel,
    draws: int,
    rng: np.random.Generator,
    enough: Callable[[Array], Flags] | None = None,
) -> Replicates:
    """Refit every mechanism on cluster-bootstrap replicates.

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

    Returns
    -------
    Replicates
        ``draws + 1`` rows; row 0 is the model as fitted.

    Raises
    ------
    ConfigurationError
        If `draws` is below 100, or most replicates would have to be drawn again.
    """
    if draws < 100:
        raise ConfigurationError(
            f"{draws} bootstrap replicates are too few for a 95% band: use 100 to try, 2000 to "
            "report"
        )
    weights = np.ones((draws + 1, model.clusters))
    missing = np.arange(1, draws + 1)
    redrawn = 0
    while missing.size:
        weights[missing] = cluster_weights(model.groups.strata, missing.size, rng)
        missing = missing[~_full_rank(model, weights[missing], enough)]
        redrawn += missing.size
        if redrawn > draws:
            raise ConfigurationError(
                f"{model.clusters} clusters are too few for these mechanisms: most resamples "
                "cannot be fitted. Use straight lines, fewer causes, or coarser treatment values"
            )
    learnt = {v: m.fit.refit(model.groups, weights) for v, m in model.mechanisms.items()}
    return Replicates(weights, learnt, redrawn)


def _full_rank(
    model: FittedModel, weights: Array, enough: Callable[[Array], Flags] | None
) -> Flags:
    """Whether every mechanism, and what else is asked, can be estimated in each replicate."""
    full = np.ones(len(weights), dtype=bool) if enough is None else enough(weights)
    for mechanism in model.mechanisms.values():
        full &= mechanism.fit.enough(weights)
    return full
