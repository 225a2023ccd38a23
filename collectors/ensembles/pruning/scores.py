"""Scores of the criteria on the device of a stack, as `causalhyper.granger.criteria` has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn import functional

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.criteria import Criterion, Evidence, FreshGain
from causalhyper.granger.criteria.causal import Causal
from causalhyper.granger.criteria.gradients import Obd, Taylor
from causalhyper.granger.criteria.moved import Fisher, TotalMovement
from causalhyper.granger.criteria.published import Published
from causalhyper.granger.criteria.regularised import CausalElasticNet, CausalLasso
from causalhyper.granger.criteria.shifted import Shifted
from causalhyper.granger.criteria.weights import Lamp, Magnitude
from causalhyper.granger.criteria.woodfisher import WoodFisher
from causalhyper.granger.design import ArrayTrajectory
from collectors.ensembles.pruning.layout import FlatLayout
from collectors.ensembles.pruning.paths import path_scores
from collectors.ensembles.pruning.recording import RowRecord

EPS = float(np.finfo(np.float64).eps)


@dataclass(frozen=True, slots=True, eq=False)
class RowEvidence:
    """What is known of one network of a stack when it is pruned.

    Attributes
    ----------
    layout : FlatLayout
        Of the rows.
    origin, collected : Tensor, shape (p,)
        Parameters to which training goes back, and those at the end of collecting.
    kept : Tensor of bool, shape (p,)
        What was kept until now.
    record : RowRecord or None
        Of the collecting stage.
    gradients : callable
        Given n, yields the gradients of n minibatches at `collected`, each of shape (p,).
    rng : numpy.random.Generator
        For criteria that draw.
    """

    layout: FlatLayout
    origin: Tensor
    collected: Tensor
    kept: Tensor
    record: RowRecord | None
    gradients: Callable[[int], Iterator[Tensor]]
    rng: np.random.Generator

    def weights(self, at: str) -> Tensor:
        """Return the weights at a moment in float64, zero where pruned."""
        rows = self.collected if at == "collected" else self.origin
        return rows.double() * self.kept

    def recorded(self, name: str) -> RowRecord:
        """Return the record, or say that a criterion needs it."""
        if self.record is None:
            raise ConfigurationError(
                f"{name!r} ranks by the steps of the collecting stage: let its networks collect"
            )
        return self.record

    def host(self) -> Evidence:
        """Return the same for a criterion that computes in numpy."""
        masks, record = self.layout.masks(self.kept), self.record
        known = record is not None and record.sums
        trajectory = None
        if record is not None and record.steps is not None:
            trajectory = _array_trajectory(self.layout, record)
        moved = self.collected - self.origin
        return Evidence(
            self._by_layer(self.origin),
            self._by_layer(self.collected),
            masks,
            self.rng,
            sums=record.step_sums(self.layout, moved) if record is not None and known else None,
            trajectory=trajectory,
            gradients=lambda count: map(self._by_layer, self.gradients(count)),
        )

    def _by_layer(self, row: Tensor) -> dict[str, Any]:
        host, places = (row * self.kept).double().cpu().numpy(), self.layout.places()
        shapes = self.layout.shapes
        return {name: host[places[name]].reshape(shapes[name]) for name in self.layout.prunable}


def score(criterion: Criterion, evidence: RowEvidence) -> Tensor:
    """Rank the parameters of one network.

    Parameters
    ----------
    criterion : Criterion
        Those of the core that need no trajectory are computed on the device; all others by
        themselves, in numpy.
    evidence : RowEvidence
        What is known.

    Returns
    -------
    Tensor, shape (p,)
        In float64, not negative, zero where pruned.

    Raises
    ------
    DataError
        If a score is not finite: training diverged.
    """
    for kind, rank in RANKS.items():
        if type(criterion) is kind:
            found = rank(criterion, evidence) * evidence.kept
            break
    else:
        found = _placed(evidence, criterion.scores(evidence.host()))
    if not bool(torch.isfinite(found).all()):
        raise DataError(
            f"a score of {criterion.name!r} is not finite: did training diverge while collecting?"
        )
    return found


def _causal(criterion: Causal, evidence: RowEvidence) -> Tensor:
    return _statistic(criterion.statistic or "covariance", evidence.recorded(criterion.name))


def _shifted(criterion: Shifted, evidence: RowEvidence) -> Tensor:
    if type(criterion.criterion) is not Causal:
        return _placed(evidence, criterion.scores(evidence.host()))
    return _causal(criterion.criterion, evidence)


def _published(criterion: Published, evidence: RowEvidence) -> Tensor:
    if criterion.form != "sums":
        return _placed(evidence, criterion.scores(evidence.host()))
    products = _statistic("marginal", evidence.recorded(criterion.name))
    return (products - criterion.l1).clamp(min=0)


def _statistic(name: str, record: RowRecord) -> Tensor:
    """Return a screening statistic from running sums, see `causalhyper.granger.screening`."""
    y = record.paired
    n, sums = len(y), record.sums
    if name == "marginal":
        return sums["xy"].abs() / n
    if n < 2 or not bool(y.max() > y.min()):
        raise DataError(f"the loss change does not vary over {n} steps, so {name} ranks nothing")
    mean = sums["x"] / n
    covariance = sums["xy"] / n - mean * y.mean()
    if name == "covariance":
        return covariance.abs()
    variance = sums["xx"] / n - mean**2
    flat = variance <= 8 * n * EPS * mean**2
    scaled = torch.where(flat, 0.0, covariance.abs() / variance.clamp(min=0).sqrt())
    if name == "slope":
        return torch.where(flat, 0.0, scaled / variance.clamp(min=0).sqrt())
    return (scaled / y.std(correction=0)).clamp(max=1)


def _movement(criterion: TotalMovement, evidence: RowEvidence) -> Tensor:
    return evidence.recorded(criterion.name).sums["moved"]


def _fisher(criterion: Fisher, evidence: RowEvidence) -> Tensor:
    moved = evidence.recorded(criterion.name).sums["moved"]
    return moved * evidence.weights(criterion.at) ** 2


def _gain(criterion: FreshGain, evidence: RowEvidence) -> Tensor:
    gained = evidence.recorded(criterion.name).sums["fresh"].abs()
    return gained * evidence.weights(criterion.at).square() if criterion.squared else gained


def _magnitude(criterion: Magnitude, evidence: RowEvidence) -> Tensor:
    return evidence.weights(criterion.at).abs()


def _lamp(criterion: Lamp, evidence: RowEvidence) -> Tensor:
    weights = evidence.weights(criterion.at)
    found, places = torch.zeros_like(weights), evidence.layout.places()
    for name in evidence.layout.prunable:
        own = weights[places[name]].abs()
        squares = (own / own.max().clamp(min=np.finfo(float).tiny)) ** 2
        falling, order = squares.sort(descending=True, stable=True)
        shares = torch.where(falling > 0, falling / falling.cumsum(0), 0.0)
        found[places[name]] = torch.zeros_like(shares).index_copy_(0, order, shares)
    return found


def _taylor(criterion: Taylor, evidence: RowEvidence) -> Tensor:
    total, count = torch.zeros_like(evidence.origin, dtype=torch.float64), 0
    for gradient in evidence.gradients(criterion.minibatches):
        total.add_(gradient)
        count += 1
    return (evidence.weights("collected") * total / count).abs()


def _obd(criterion: Obd, evidence: RowEvidence) -> Tensor:
    total, count = torch.zeros_like(evidence.origin, dtype=torch.float64), 0
    for gradient in evidence.gradients(criterion.minibatches):
        total.add_(gradient.double().square())
        count += 1
    return evidence.weights("collected") ** 2 * total / (2 * count)


def _woodfisher(criterion: WoodFisher, evidence: RowEvidence) -> Tensor:
    held = torch.stack(list(evidence.gradients(criterion.minibatches))) * evidence.kept
    places, weights = evidence.layout.places(), evidence.weights("collected")
    parts = [places[name] for name in evidence.layout.prunable]
    total = sum(float(held[:, part].double().square().sum()) for part in parts)
    entries = sum(int(evidence.kept[part].sum()) for part in parts)
    if not total > 0:
        raise DataError("all gradients are zero: there is no Fisher information")
    damping = criterion.damping * total / (entries * len(held))
    found = torch.zeros_like(weights)
    for name in evidence.layout.prunable:
        part = held[:, places[name]]
        inverse = _inverse_diagonal(part, criterion.block, damping)
        touched = (part != 0).any(0)
        own = weights[places[name]] ** 2 / (2 * inverse)
        found[places[name]] = torch.where(touched, own, 0.0)
    return found


def _inverse_diagonal(gradients: Tensor, block: int, damping: float) -> Tensor:
    """Diagonal of the inverse of each damped block of the Fisher information, shape (p,)."""
    count, width = gradients.shape
    size = min(block, width)
    full = functional.pad(gradients.double(), (0, -width % size))
    g = full.unflatten(1, (-1, size)).transpose(0, 1)
    fisher = g.transpose(1, 2) @ g / count
    fisher += damping * torch.eye(size, dtype=fisher.dtype, device=fisher.device)
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(fisher))
    return inverse.diagonal(dim1=1, dim2=2).flatten()[:width]


def _path(criterion: CausalLasso | CausalElasticNet, evidence: RowEvidence) -> Tensor:
    if criterion.penalty is not None or criterion.scope != "layer" or criterion.momentum:
        return _placed(evidence, criterion.scores(evidence.host()))
    record, places = evidence.recorded(criterion.name), evidence.layout.places()
    assert record.steps is not None
    assert record.responses is not None
    found = torch.zeros(evidence.layout.width, dtype=torch.float64, device=evidence.kept.device)
    y = record.responses.cpu().numpy()
    for name in evidence.layout.prunable:
        chosen = places[name].start + evidence.kept[places[name]].nonzero()[:, 0]
        found[chosen] = path_scores(criterion, record.steps[:, chosen], y)
    return found


def _placed(evidence: RowEvidence, scores: Mapping[str, Any]) -> Tensor:
    """Put scores of layers in a row."""
    row = torch.zeros(evidence.layout.width, dtype=torch.float64)
    for name, place in evidence.layout.places().items():
        if name in scores:
            row[place] = torch.from_numpy(np.ascontiguousarray(scores[name], float).ravel())
    return row.to(evidence.kept.device)


def _array_trajectory(layout: FlatLayout, record: RowRecord) -> ArrayTrajectory:
    assert record.steps is not None
    assert record.responses is not None
    host, places = record.steps.cpu().numpy(), layout.places()
    changes = {
        n: host[:, places[n]].reshape(len(host), *layout.shapes[n]) for n in layout.prunable
    }
    change = record.responses.cpu().numpy()
    return ArrayTrajectory(changes, pd.DataFrame({"loss": 0.0 * change, "loss_after": change}))


RANKS: Mapping[type, Callable[[Any, RowEvidence], Tensor]] = {
    Causal: _causal,
    CausalElasticNet: _path,
    CausalLasso: _path,
    Fisher: _fisher,
    FreshGain: _gain,
    Lamp: _lamp,
    Magnitude: _magnitude,
    Obd: _obd,
    Published: _published,
    Shifted: _shifted,
    Taylor: _taylor,
    TotalMovement: _movement,
    WoodFisher: _woodfisher,
}
"""Criteria that are computed on the device, by type."""
