"""From fits in the solver's units to a path in those of the design."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Codes
from causalhyper.granger.lasso.block_path import Fit, Followed
from causalhyper.granger.lasso.request import PathRequest
from causalhyper.granger.lasso.result import LassoPath


@dataclass(frozen=True, slots=True)
class FitUnits:
    """What the solver's numbers are to be multiplied by.

    It fits y of unit spread to columns over their weights, in the unit of a block.

    Attributes
    ----------
    y : float
        Spread of y.
    x : float
        Unit of a block.
    strength, ridge : float
        Of an l1 penalty and of a ridge.
    """

    y: float
    x: float
    strength: float
    ridge: float

    @classmethod
    def of(cls, request: PathRequest) -> FitUnits:
        """Those of a path."""
        y, x = request.scale, request.columns.unit
        strength, ridge = (y, y) if request.standardise else (y * x, x * x)
        return cls(y, x, strength, ridge)


@dataclass(frozen=True, slots=True)
class Form:
    """Which penalty: its name, share of l1, and edges of groups."""

    penalty: str
    l1_ratio: float = 1.0
    edges: Codes | None = None


def finish(
    request: PathRequest, units: FitUnits, penalties: Array, found: Followed, form: Form
) -> LassoPath:
    """Put a path in the units of the design, columns in order."""
    held = found.held.columns
    triples = [_slopes(found, fit) for fit in found.fits]
    mean = float(request.y.mean()) if request.intercept else 0.0
    shifts = np.array([float(slopes @ held.means[members]) for members, slopes in triples])
    rows, width = request.columns.shape
    return LassoPath(
        lambdas=penalties,
        intercepts=mean - units.y * shifts,
        columns=tuple(held.indices[members] for members, _ in triples),
        coefficients=tuple(slopes * (units.y / units.x) for _, slopes in triples),
        gaps=found.gaps,
        r_squared=_fitted(held.problem.y, found.fits),
        converged=found.gaps <= request.tolerance,
        tolerance=request.tolerance,
        passes=found.passes,
        kinks=0,
        held=len(held),
        rows=rows,
        width=width,
        standardised=request.standardise,
        penalty=form.penalty,
        l1_ratio=form.l1_ratio,
        edges=form.edges,
        steps=sum(f.steps for f in found.fits),
    )


def _slopes(found: Followed, fit: Fit) -> tuple[Codes, Array]:
    """Positions, in the order of the columns' numbers, and slopes in the unit of a block."""
    order = np.argsort(found.held.columns.indices[fit.members])
    members = fit.members[order]
    return members, fit.coefficients[order] * found.held.factors[members]


def _fitted(y: Array, fits: Sequence[Fit]) -> Array:
    total = float(y @ y)
    left = np.array([float(f.residual @ f.residual) for f in fits])
    return 1 - left / total if total > 0 else np.zeros(len(fits))
