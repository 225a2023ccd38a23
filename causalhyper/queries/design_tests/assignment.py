"""How the treatment was assigned: what got a value, and what might have got another's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.errors import ConfigurationError
from causalhyper.inference import Assignment, deal
from causalhyper.scm.model import FittedModel


@dataclass(frozen=True, slots=True)
class Scheme:
    """Units and blocks of an assignment, for all runs.

    Attributes
    ----------
    units, blocks, centres : ndarray of int, shape (n,)
        What each run's value was assigned to; within what units exchange their values; within
        what runs are compared.
    words : str
        The same in words: "runs within blocks of seed".
    """

    units: Codes
    blocks: Codes
    centres: Codes
    words: str

    def fixed(self, values: Array) -> bool:
        """Whether all units of each block have one value, so that nothing can be exchanged."""
        return not _several(values, self.blocks)

    def draw(self, values: Array, rng: np.random.Generator) -> Array:
        """The value of every run, shape (n,), with those of a block dealt anew to its units."""
        _, first, unit = np.unique(self.units, return_index=True, return_inverse=True)
        dealt = deal(np.arange(len(first)), self.blocks[first], 1, rng)[0]
        drawn: Array = values[first][dealt][unit]
        return drawn

    def among(self, doses: Codes, kept: Codes, clusters: Codes) -> Assignment:
        """The assignment of some runs, given the dose code of every run."""
        units, first = np.unique(self.units[kept], return_index=True)
        inner = np.searchsorted(units, self.units[kept])
        return Assignment(
            units=inner,
            doses=doses[kept][first],
            blocks=np.unique(self.blocks[kept][first], return_inverse=True)[1],
            centres=np.unique(self.centres[kept], return_inverse=True)[1],
            clusters=np.unique(clusters[kept], return_inverse=True)[1],
        )


def find_scheme(model: FittedModel, treatment: str) -> Scheme:
    """Read from the runs how the treatment was assigned.

    Where runs of one cluster (in one context) have several values, runs exchanged them there.
    Where each cluster has a single value, whole clusters did, within their contexts. Otherwise
    runs did, within contexts.

    Parameters
    ----------
    model : FittedModel
    treatment : str
        A node without causes.

    Returns
    -------
    Scheme

    Raises
    ------
    ConfigurationError
        If the treatment has causes in the hypergraph: then it was not assigned.
    """
    if causes := model.graph.parents(treatment):
        raise ConfigurationError(
            f"{treatment} has causes in {model.graph} ({', '.join(causes)}): it was not assigned, "
            "and there is no randomisation to repeat. Ask about a node without causes"
        )
    groups, values = model.groups, model.values[treatment]
    cells = np.unique(np.stack([groups.clusters, groups.contexts]), axis=1, return_inverse=True)
    blocks = cells[1].ravel()
    rows = np.arange(len(values))
    if _several(values, blocks):
        names = " x ".join(dict.fromkeys((*model.cluster, *model.context)))
        return Scheme(rows, blocks, blocks, f"runs within blocks of {names}")
    context = " x ".join(model.context)
    where = f"within contexts of {context}" if context else "in the whole sample"
    if _several(values, groups.clusters):
        return Scheme(rows, groups.contexts, groups.contexts, f"runs {where}")
    alike = _signatures(groups.clusters, groups.contexts)
    words = f"clusters of {' x '.join(model.cluster)} {where}"
    return Scheme(groups.clusters, alike[groups.clusters], groups.contexts, words)


def _several(values: Array, groups: Codes) -> bool:
    """Whether some group has several values."""
    pairs = np.unique(np.stack([groups.astype(np.float64), values]), axis=1)
    return pairs.shape[1] > int(groups.max()) + 1


def _signatures(clusters: Codes, contexts: Codes) -> Codes:
    """Code of the set of contexts that each cluster spans, shape (clusters,)."""
    spans = np.zeros((int(clusters.max()) + 1, int(contexts.max()) + 1), dtype=bool)
    spans[clusters, contexts] = True
    return np.unique(spans, axis=0, return_inverse=True)[1].ravel()
