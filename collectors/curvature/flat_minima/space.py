"""Flatness within one space: of all parameters, or of those that a pruning kept."""

from __future__ import annotations

import math
from dataclasses import dataclass

from collectors.curvature.eigenvalues import Eigenvalues
from collectors.curvature.flat_minima.relative import RelativeCurvature
from collectors.curvature.loss_rise import SamSharpness
from collectors.curvature.spectrum import SpectralDensity
from collectors.curvature.trace import Trace

COLUMNS = (
    "quantity",
    "space",
    "rank",
    "value",
    "standard_error",
    "error_of",
    "bound",
    "certified",
)
"""Of the rows; `error_of` says where the standard error is from: probes, or examples."""

ZERO = 1e-3
"""An eigenvalue nearer to zero than so much of the largest has no sign."""

Row = tuple[str, str, int, float, float, str, float, bool]


@dataclass(frozen=True, slots=True, eq=False)
class SpaceFlatness:
    """Curvature and rise of the loss within one space.

    Attributes
    ----------
    space : {"full", "kept"}
        All entries move, or those alone that the masks keep.
    entries : int
        p, numbers that move.
    norm : float
        Euclidean norm of the parameters.
    gradient_norm : float
        Of the part of the gradient within the space, loss a unit of parameter.
    top, smallest : Eigenvalues
        The largest, and the two smallest, the outermost first.
    standard_errors : tuple of float
        Of the largest for the choice of examples; NaN where no population was named.
    trace : Trace
        Sum of all eigenvalues.
    relative : RelativeCurvature
        For moves relative to the norms of the filters.
    sam, adaptive : SamSharpness
        Rise of the loss within a ball, and within one relative to each parameter.
    density : SpectralDensity or None
        Where probes were asked for.
    """

    space: str
    entries: int
    norm: float
    gradient_norm: float
    top: Eigenvalues
    smallest: Eigenvalues
    standard_errors: tuple[float, ...]
    trace: Trace
    relative: RelativeCurvature
    sam: SamSharpness
    adaptive: SamSharpness
    density: SpectralDensity | None

    @property
    def one_step(self) -> float:
        """Fall of the loss by one gradient step, of length 1 over the largest curvature in size.

        Where the loss is quadratic, ``|g|^2 / (2 L)``: zero at a minimum, and at most the height
        above it.
        """
        size = max(abs(self.top.values[0]), abs(self.smallest.values[0]))
        if self.gradient_norm == 0:
            return 0.0
        return self.gradient_norm**2 / (2 * size) if size > 0 else math.inf

    @property
    def negative_share(self) -> tuple[float, float]:
        """Share of eigenvalues below -0.1% of the largest, and its standard error over probes.

        NaN where no density was measured. Nearer to zero the sign is a matter of rounding.
        """
        if self.density is None:
            return math.nan, math.nan
        return self.density.share(high=-ZERO * abs(self.top.values[0]))

    def rows(self) -> list[Row]:
        """Return one row a quantity, in the order of `COLUMNS`."""
        nan, top, trace, relative = math.nan, self.top.values[0], self.trace, self.relative
        errors = zip(self.top.found, self.standard_errors, strict=True)
        of = {True: "", False: "examples"}
        found: list[tuple[str, int, float, float, str, float, bool]] = [
            ("eigenvalue", e.rank, e.value, se, of[math.isnan(se)], e.bound, e.converged)
            for e, se in errors
        ]
        low = self.smallest.found[0]
        best, sure = self.top.found[0], self.top.found[0].converged
        first = self.standard_errors[0]
        square = self.norm**2
        found += [
            ("smallest_eigenvalue", 1, low.value, nan, "", low.bound, low.converged),
            ("trace", 0, trace.value, trace.se, "probes", nan, True),
            ("sam_sharpness", 0, self.sam.value, nan, "", nan, True),
            ("adaptive_sam_sharpness", 0, self.adaptive.value, nan, "", nan, True),
            ("eigenvalue_times_square_norm", 1, top * square, first * square,
             of[math.isnan(first)], best.bound * square, sure),
            ("filter_relative_eigenvalue", 1, relative.top.value, nan, "", relative.top.bound,
             relative.top.converged),
            ("filter_relative_trace", 0, relative.mean, relative.mean_se, "probes", nan, True),
        ]  # fmt: skip
        if self.density is not None:
            share, se = self.negative_share
            found.append(("negative_share", 0, share, se, "probes", nan, True))
        found += [
            ("gradient_norm", 0, self.gradient_norm, nan, "", nan, True),
            ("one_step_fall", 0, self.one_step, nan, "", nan, True),
            ("entries", 0, float(self.entries), nan, "", nan, True),
        ]
        return [(row[0], self.space, *row[1:]) for row in found]
