"""Draw an assignment of the treatment anew, as a randomised design would have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.intp]
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Assignment:
    """What is exchangeable under the design.

    Attributes
    ----------
    units : ndarray of int, shape (n,)
        The unit of each run that got one treatment value.
    strata : ndarray of int, shape (units,)
        Units of one stratum may swap their values.
    dose : ndarray, shape (units,)
        The value of each unit.
    scheme : str
        In words.
    """

    units: Codes
    strata: Codes
    dose: Array
    scheme: str

    @property
    def fixed(self) -> bool:
        """Whether every stratum has a single value, so that nothing can be drawn anew."""
        order = np.lexsort((self.dose, self.strata))
        same = np.diff(self.strata[order]) == 0
        return not bool(np.any(np.diff(self.dose[order])[same] != 0))

    def draw(self, rng: np.random.Generator) -> Array:
        """Treatment values permuted among the units of each stratum, shape (n,)."""
        shuffled = np.lexsort((rng.random(len(self.dose)), self.strata))
        placed = np.empty_like(self.dose)
        placed[np.lexsort((np.arange(len(self.dose)), self.strata))] = self.dose[shuffled]
        drawn: Array = placed[self.units]
        return drawn


def find_assignment(dose: Array, clusters: Codes, contexts: Codes) -> Assignment | None:
    """How the treatment was assigned: to runs within blocks, or to whole clusters.

    Parameters
    ----------
    dose : ndarray, shape (n,)
    clusters, contexts : ndarray of int, shape (n,)

    Returns
    -------
    Assignment or None
        Where runs of one cluster and context have several values, runs swap values within
        these blocks. Where every cluster has a single value, clusters swap values among the
        clusters of the same contexts. None where neither holds, or nothing can be swapped.
    """
    blocks = _number(np.stack([clusters, contexts]))
    if _varies(dose, blocks):
        within = Assignment(
            np.arange(len(dose)), blocks, dose, "runs swap values within a cluster's context"
        )
        return None if within.fixed else within
    if _varies(dose, clusters):
        return None
    count = int(clusters.max()) + 1
    met = np.zeros((count, int(contexts.max()) + 1), dtype=bool)
    met[clusters, contexts] = True
    own = np.empty(count)
    own[clusters] = dose
    between = Assignment(
        clusters, _number(met.T), own, "clusters swap values with clusters of the same contexts"
    )
    return None if between.fixed else between


def _number(labels: NDArray[np.intp] | NDArray[np.bool_]) -> Codes:
    """Number the distinct columns."""
    codes: Codes = np.unique(labels, axis=1, return_inverse=True)[1].ravel()
    return codes


def _varies(dose: Array, groups: Codes) -> bool:
    low, high = np.full(groups.max() + 1, np.inf), np.full(groups.max() + 1, -np.inf)
    np.minimum.at(low, groups, dose)
    np.maximum.at(high, groups, dose)
    return bool(np.any(high > low))
