"""A pool of runs that draws are taken from, where there are far more runs than draws."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.inference import RowLayout, lay_out_rows, thin_rows
from causalhyper.mechanisms import AdditiveFit
from causalhyper.scm.model import FittedModel

POOL = 64
"""Runs in a pool for each draw: so many add a sixty-fourth to the variance of a drawn mean."""
SEED = 6174
"""Of the choice of runs, which is the same in every sampler of a model."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Random runs of every cell, close together in memory.

    A pick from among millions of runs waits for memory; a pool stays in the processor's cache.

    Attributes
    ----------
    rows : ndarray of int, shape (p,)
        Which runs of the model they are.
    origin, model : FittedModel
        The model, and what draws need of it at these runs alone.
    """

    rows: Codes
    origin: FittedModel
    model: FittedModel

    def of(self, model: FittedModel) -> FittedModel:
        """What draws need of any model of the same runs."""
        return self.model if model is self.origin else _thin(model, self.rows)


def make_pool(model: FittedModel, draws: int) -> tuple[RowLayout, Pool | None]:
    """Lay out a model's runs, or a pool of them where they are many.

    Where not every run is drawn, those of a cell are put in random order: draws are taken from
    it at equal distances, and runs are often written down in loops.

    Parameters
    ----------
    model : FittedModel
    draws : int
        Draws from each replicate.

    Returns
    -------
    layout : RowLayout
    pool : Pool or None
        None where draws are taken from all runs.
    """
    layout = lay_out_rows(model.groups.clusters, model.groups.contexts)
    additive = all(isinstance(m.fit, AdditiveFit) for m in model.mechanisms.values())
    if model.n <= draws:
        return layout, None
    many = model.n > POOL * draws and additive
    rng = np.random.default_rng(SEED)
    layout, rows = thin_rows(layout, POOL * draws if many else model.n, rng)
    if not many:
        return replace(layout, order=rows), None
    return layout, Pool(rows, model, _thin(model, rows))


def _thin(model: FittedModel, rows: Codes) -> FittedModel:
    """A model at some of its runs; mechanisms stay as fitted to all."""
    kept: dict[int, Array] = {}

    def keep(x: Array) -> Array:
        # mechanisms share their arrays with the model
        if id(x) not in kept:
            kept[id(x)] = x[rows]
        return kept[id(x)]

    contexts = model.groups.contexts[rows]
    mechanisms = {}
    for node, mechanism in model.mechanisms.items():
        fit: Any = mechanism.fit
        inputs = tuple(keep(x) for x in fit.inputs)
        fit = replace(fit, inputs=inputs, response=keep(fit.response), contexts=contexts)
        mechanisms[node] = replace(mechanism, fit=fit)
    return replace(
        model,
        values={v: keep(x) for v, x in model.values.items()},
        groups=replace(model.groups, clusters=model.groups.clusters[rows], contexts=contexts),
        mechanisms=mechanisms,
        run_ids=model.run_ids[rows],
        labels={},
    )
