"""Causal criteria that fit all parameters of a layer together: lasso, elastic net, ridge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.granger.criteria.criterion import Needs
from causalhyper.granger.criteria.designs import placed_scores, pruning_designs
from causalhyper.granger.criteria.entries import entry_scores, standardised_coefficients
from causalhyper.granger.criteria.evidence import Evidence
from causalhyper.granger.design import GrangerDesign
from causalhyper.granger.lasso import ColumnBlocks, elastic_net_path, lasso_path
from causalhyper.granger.lasso.columns import host_blocks
from causalhyper.granger.lasso.result import LassoPath
from causalhyper.granger.masks.allocation import Scope
from causalhyper.granger.ridge import dual_ridge


@dataclass(frozen=True, slots=True)
class CausalLasso:
    r"""Rank by the penalty at which a parameter enters the exact lasso.

    Same-minibatch loss change on standardised squared changes, each fit certified by its duality
    gap. A lasso keeps at most T parameters a fit, T being the number of steps; and which ones is
    unstable where columns are alike. Beyond the last penalty the path ranks nothing: the rest are
    ordered by their standardised covariance with the residuals of the last fit, that is, one at a
    time, as `Causal` orders them, but for what the fit explains already.

    Attributes
    ----------
    penalty : float, optional
        One penalty, in the unit of the loss: the scores are then the standardised coefficients,
        zero where the lasso leaves a parameter out, so that the penalty decides how many are kept
        (``threshold=0``). A path that ranks all of them unless given.
    scope : {"layer", "network"}
        A fit a layer, or one of all layers.
    momentum : bool
        Three columns a parameter, for training with momentum; the best of them counts.
    penalties : int
        Of the path.
    ratio : float
        The last penalty over the first.
    name : str

    Notes
    -----
    A parameter that enters between two penalties of the grid stands between them, in the order of
    its standardised coefficient at the second. One that enters and leaves keeps its rank.

    Source: Shah et al., equation 7, solved exactly; Tibshirani 1996.
    """

    penalty: float | None = None
    scope: Scope = "layer"
    momentum: bool = False
    penalties: int = 100
    ratio: float = 1e-2
    name: str = "causal-lasso"

    def __post_init__(self) -> None:
        check_scope(self.scope)

    @property
    def needs(self) -> Needs:
        """A trajectory."""
        return Needs(trajectory=True, momentum=self.momentum)

    def scores(self, evidence: Evidence) -> dict[str, Array]:
        """Return penalties of entry, or coefficients."""
        return path_scores(evidence, self, self._fit)

    def _fit(self, design: GrangerDesign, lambdas: Sequence[float] | int) -> LassoPath:
        return lasso_path(design.columns, design.y, lambdas=lambdas, ratio=self.ratio)


@dataclass(frozen=True, slots=True)
class CausalElasticNet:
    """Rank by the penalty at which a parameter enters the elastic net.

    As `CausalLasso`, but more than T parameters may enter, and parameters whose columns are alike
    enter together.

    Attributes
    ----------
    l1_ratio : float
        Share of the absolute values in the penalty, in (0, 1].
    penalty, scope, momentum, penalties, ratio, name
        As `CausalLasso` has them.

    Notes
    -----
    Source: Shah et al., equation 7; Zou and Hastie 2005.
    """

    l1_ratio: float = 0.5
    penalty: float | None = None
    scope: Scope = "layer"
    momentum: bool = False
    penalties: int = 100
    ratio: float = 1e-2
    name: str = "causal-elastic-net"

    def __post_init__(self) -> None:
        check_scope(self.scope)

    @property
    def needs(self) -> Needs:
        """A trajectory."""
        return Needs(trajectory=True, momentum=self.momentum)

    def scores(self, evidence: Evidence) -> dict[str, Array]:
        """Return penalties of entry, or coefficients."""
        return path_scores(evidence, self, self._fit)

    def _fit(self, design: GrangerDesign, lambdas: Sequence[float] | int) -> LassoPath:
        return elastic_net_path(
            design.columns, design.y, l1_ratio=self.l1_ratio, lambdas=lambdas, ratio=self.ratio
        )


@dataclass(frozen=True, slots=True)
class CausalRidge:
    r"""Rank by the standardised coefficients of the exact ridge: :math:`|\gamma_k| sd(x_k)`.

    All parameters of a layer together, none left out; the fit is computed in the space of the
    steps, whatever the number of parameters.

    Attributes
    ----------
    penalty : float, optional
        Chosen by `choice` unless given.
    choice : {"cv", "gcv"}
        As `dual_ridge` has it.
    scope, momentum, name
        As `CausalLasso` has them.

    Notes
    -----
    Time: the square of the steps a parameter.

    Source: Shah et al., equation 7; Saunders, Gammerman and Vovk 1998.
    """

    penalty: float | None = None
    choice: Literal["cv", "gcv"] = "cv"
    scope: Scope = "layer"
    momentum: bool = False
    name: str = "causal-ridge"

    def __post_init__(self) -> None:
        check_scope(self.scope)

    @property
    def needs(self) -> Needs:
        """A trajectory."""
        return Needs(trajectory=True, momentum=self.momentum)

    def scores(self, evidence: Evidence) -> dict[str, Array]:
        """Return sizes of standardised coefficients."""
        designs = pruning_designs(evidence, self.name, scope=self.scope, momentum=self.momentum)
        return placed_scores(evidence, designs, [self._fitted(design) for design in designs])

    def _fitted(self, design: GrangerDesign) -> Array:
        if not any_varies(design.columns):
            return np.zeros(design.shape[1])
        given = None if self.penalty is None else [self.penalty]
        fit = dual_ridge(design.columns, design.y, lambdas=given, choice=self.choice)
        slopes = fit.coefficients(design.columns)
        return np.abs(slopes * np.where(np.isfinite(fit.scales), fit.scales, 0.0))


def path_scores(
    evidence: Evidence,
    criterion: CausalLasso | CausalElasticNet,
    fit: Callable[[GrangerDesign, Sequence[float] | int], LassoPath],
) -> dict[str, Array]:
    """Score every design by a path, or by one fit where the criterion has a penalty.

    Parameters
    ----------
    evidence : Evidence
    criterion : CausalLasso or CausalElasticNet
    fit : callable
        Takes a design, and penalties or their number.

    Returns
    -------
    dict of str to ndarray
    """
    designs = pruning_designs(
        evidence, criterion.name, scope=criterion.scope, momentum=criterion.momentum
    )
    found = []
    for design in designs:
        if criterion.penalty is None:
            path = fit(design, criterion.penalties)
            found.append(entry_scores(design.columns, design.y, path))
        else:
            path = fit(design, [criterion.penalty])
            found.append(standardised_coefficients(design.columns, path, 0))
    return placed_scores(evidence, designs, found)


def any_varies(columns: ColumnBlocks) -> bool:
    """Say whether any column of a design varies; it is read until one does."""
    return any((np.ptp(block, axis=0) > 0).any() for _, block in host_blocks(columns))


def check_scope(scope: str) -> None:
    """Refuse a scope that is none."""
    if scope not in get_args(Scope):
        raise ConfigurationError(f"expected scope 'layer' or 'network'; got {scope!r}")
