"""Signed extreme eigenvalues of a network's curvature, each with what certifies it."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

import pandas as pd
import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError
from causalhyper.notebook import Shown
from collectors.batches import Data
from collectors.calls import Loss
from collectors.curvature.bounds import Which, places
from collectors.curvature.extremes import Extreme, extremes
from collectors.curvature.krylov import Krylov
from collectors.curvature.operator import Kind, curvature_of, normal_rows, seeded
from collectors.kept import KeptEntries
from collectors.model_state import Mode

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Eigenvalues(Shown):
    """Extreme eigenvalues of a curvature matrix.

    Attributes
    ----------
    found : tuple of Extreme
        The largest first; with "both", then the smallest, from the smallest upwards.
    kind : {"hessian", "gauss_newton"}
        Which matrix.
    products : int
        Matrix-vector products spent.
    parameters, examples : int
        p and n.
    tolerance : float
        Error asked for, relative to each value's size.
    mode : str
        Mode of the network.
    seed : int
        Of the start.
    block : int
        Start vectors.
    krylov : Krylov, optional
        The space, where it was kept: `hessian_trace` and `spectral_density` reuse it.
    """

    found: tuple[Extreme, ...]
    kind: Kind
    products: int
    parameters: int
    examples: int
    tolerance: float
    mode: str
    seed: int
    block: int
    krylov: Krylov | None = field(default=None, repr=False, compare=False)

    @property
    def values(self) -> tuple[float, ...]:
        """The eigenvalues, in the order of `found`."""
        return tuple(each.value for each in self.found)

    @property
    def converged(self) -> bool:
        """Whether every one converged: it is near an eigenvalue, and none is left out."""
        return all(each.converged for each in self.found)

    @property
    def vectors(self) -> Tensor:
        """Unit Ritz vectors, shape (p, number found), in the order of `found`."""
        if self.krylov is None:
            raise ConfigurationError("the space was not kept: measure with keep=True")
        ritz = self.krylov.ritz()
        ends = [each.end for each in self.found]
        which = cast(Which, "both" if len(set(ends)) == 2 else ends[0])
        chosen = places(ritz.values, max(each.rank for each in self.found), which)
        return self.krylov.vectors(ritz.coordinates[:, [i for _, i in chosen]])

    def to_frame(self) -> pd.DataFrame:
        """Return one row an eigenvalue."""
        columns = ["kind", "end", "rank", "value", "residual", "bound", "converged", "products"]
        rows = [
            (self.kind, e.end, e.rank, e.value, e.residual, e.bound, e.converged, self.products)
            for e in self.found
        ]
        return pd.DataFrame(rows, columns=columns)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the eigenvalues with their error bounds."""
        from causalhyper.figures.dots import plot_dots

        frame = pd.DataFrame(
            {
                "label": [f"{e.end} {e.rank}" for e in self.found],
                "value": self.values,
                "lower": [e.value - e.bound for e in self.found],
                "upper": [e.value + e.bound for e in self.found],
            }
        )
        matrix = {"hessian": "Hessian", "gauss_newton": "Gauss-Newton matrix"}[self.kind]
        xlabel = f"eigenvalue of the {matrix} (loss per squared unit of parameter)"
        return plot_dots(frame, xlabel=xlabel, ax=ax)

    def summary(self) -> str:
        """Return a table in text, and whether it is certified."""
        name = {"hessian": "Hessian", "gauss_newton": "Gauss-Newton matrix"}[self.kind]
        lines = [
            f"Eigenvalues of the {name}: {self.parameters} parameters, {self.examples} examples, "
            f"{self.mode} mode, {self.products} products"
        ]
        lines += [
            f"  {e.end} {e.rank}: {e.value:.6g} ± {e.bound:.1g} (residual {e.residual:.1g})"
            f"{'' if e.converged else '  NOT CONVERGED'}"
            for e in self.found
        ]
        good = sum(e.converged for e in self.found)
        lines.append(f"{good} of {len(self.found)} within {self.tolerance:g} of their size.")
        return "\n".join(lines)


def eigenvalues(
    model: nn.Module,
    loss: Loss,
    data: Data,
    *,
    k: int = 5,
    which: Which = "largest",
    kind: Kind = "hessian",
    parameters: list[str] | None = None,
    masks: KeptEntries | None = None,
    tolerance: float = 1e-3,
    absolute: float = 0.0,
    max_products: int = 300,
    block: int = 1,
    keep: bool = False,
    mode: Mode = "eval",
    generator: torch.Generator | None = None,
) -> Eigenvalues:
    r"""Measure the extreme eigenvalues of the Hessian (or Gauss-Newton matrix) of the mean loss.

    .. math:: H u_i = \lambda_i u_i, \qquad \lambda_1 \ge \dots \ge \lambda_p

    Parameters
    ----------
    model : Module
        The network.
    loss : callable
        ``loss(outputs, targets)`` gives the losses of the examples, shape (n,).
    data : tuple (inputs, targets), or iterable of such
        One batch, or batches that can be iterated again.
    k : int
        How many at each end; at most p are returned.
    which : {"largest", "smallest", "both", "size"}
        The algebraically largest k, the smallest k, both apart, or the k largest in size.
    kind : {"hessian", "gauss_newton"}
        Which matrix.
    parameters : list of str, optional
        Names of parameters or modules; without it, all that require a gradient.
    masks : mapping of str to array of bool, or `Masks`, optional
        By parameter name, True where an entry is kept: the matrix of the kept entries alone.
    tolerance : float
        Stop when every bound is below the tolerance times the value's size, or below `absolute`,
        or below rounding (ten machine epsilons times the largest size), every residual below ten
        times that, and no eigenvalue can have been left out but with the probability in Notes.
    absolute : float
        Error that is small enough whatever the value, in units of an eigenvalue: of use for
        smallest eigenvalues near zero, which have no relative precision. An eigenvalue within ten
        times of it of one that was found is not told from that one: where the bulk lies near zero,
        keep it far below the size of the eigenvalue sought.
    max_products : int
        Give up, with a warning, when the next step would exceed it.
    block : int
        Start vectors. One sees a multiple eigenvalue once; b see up to b copies.
    keep : bool
        Keep the space (m p numbers) for Ritz vectors, trace and density.
    mode : {"eval", "train", "as_found"}
        Mode of the network.
    generator : Generator, optional
        Of the start and of dropout; seeded with 0 where none is given.

    Returns
    -------
    Eigenvalues
        Values with residual and bound; NaN where the matrix is not finite.

    Raises
    ------
    ConfigurationError
        If k, block, tolerance or max_products are out of range, or the data cannot be measured.

    Warns
    -----
    RuntimeWarning
        If a value did not converge in `max_products`, or the matrix is not finite.

    Notes
    -----
    Lanczos with full re-orthogonalisation. Bias: a Ritz value lies inside the spectrum, so the
    largest are underestimated and the smallest overestimated, by at most the bound. That an
    eigenvalue lies within the residual is certain; that it lies within the bound takes the gaps
    between Ritz values for gaps between eigenvalues. A multiple eigenvalue, or a cluster narrower
    than its residual, counts as one to a single start. When the space becomes invariant, the
    search goes on from a fresh start until that adds nothing among the k.

    A start that holds little of an eigenvector shows its neighbours first, and those alone would
    have small residuals. `converged` therefore also bounds, in exact arithmetic and whatever the
    matrix, the probability over starts of leaving one out: 0.001 that an eigenvalue lies further
    out than the outermost value by more than the tolerance; behind it, 0.05 for each eigenvalue
    among the j outermost that it lies further out than the j-th value and further than ten
    tolerances from all found. Farther off it is less probable still, in proportion at first. See
    `collectors.curvature.hidden`; with `block` above 1 the bound is taken at single points.

    Cost: one gradient, and 1.1 to 2.4 gradients a product on one batch (less than 1.6 on
    LeNet-5), 2.3 to 4.3 on several; for five eigenvalues to 1e-3 some 13 to 40 products on
    convolutional networks, of which the bound on what is left out takes one to five. Memory: as
    many vectors of p. Source: Golub and Van Loan, Matrix Computations, chapter 10; Parlett 1998;
    van Dorsselaer, Hochstenbach and van der Vorst 2001, "Computing probabilistic bounds for
    extreme eigenvalues of symmetric matrices with the Lanczos method".

    Examples
    --------
    >>> model = nn.Linear(2, 1, bias=False)
    >>> squares = lambda outputs, targets: (outputs[:, 0] - targets) ** 2
    >>> x = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    >>> found = eigenvalues(model, squares, (x, torch.zeros(2)), k=2)
    >>> [round(value, 5) for value in found.values]
    [9.0, 1.0]
    """
    _check(k, which, tolerance, absolute, max_products, block)
    generator = seeded(generator)
    seed = generator.initial_seed()
    with curvature_of(
        model,
        loss,
        data,
        kind=kind,
        parameters=parameters,
        masks=masks,
        mode=mode,
        generator=generator,
    ) as operator:
        size, examples = operator.size, operator.examples

        def draw() -> Tensor:
            return normal_rows(min(block, size), operator, generator)

        space, found = extremes(
            operator, draw, k=k, which=which, tolerance=tolerance, absolute=absolute,
            max_products=max_products,
        )  # fmt: skip
        products = operator.products
    _report(found, products)
    kept = space if keep and space.finite else None
    return Eigenvalues(found, kind, products, size, examples, tolerance, mode, seed, block, kept)


def _report(found: tuple[Extreme, ...], products: int) -> None:
    """Warn at the caller of the public verb."""
    bad = [each for each in found if not each.converged]
    if bad and math.isnan(bad[0].value):
        message = "the curvature is not finite: did training diverge?"
    elif bad:
        message = (
            f"{len(bad)} of {len(found)} eigenvalues did not converge in {products} products; "
            f"{bad[0].end} {bad[0].rank} is {bad[0].value:.3g} ± {bad[0].bound:.1g}, or one is "
            "left out: raise max_products, the tolerance, or absolute for values near zero"
        )
    else:
        return
    warnings.warn(message, RuntimeWarning, stacklevel=3)


def _check(
    k: int, which: str, tolerance: float, absolute: float, max_products: int, block: int
) -> None:
    if which not in ("largest", "smallest", "both", "size"):
        raise ConfigurationError(
            f"which must be 'largest', 'smallest', 'both' or 'size'; got {which!r}"
        )
    if min(k, max_products, block) < 1:
        raise ConfigurationError(
            f"k, block and max_products must be at least 1; got {k}, {block}, {max_products}"
        )
    if not (tolerance >= 0 and absolute >= 0):
        raise ConfigurationError(
            f"tolerance and absolute must be at least 0; got {tolerance} and {absolute}"
        )
