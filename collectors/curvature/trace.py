"""Trace of a network's curvature: exact on a small space, by random probes outside it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from scipy.special import stdtrit
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError
from causalhyper.notebook import Shown
from collectors.batches import Data
from collectors.calls import Loss
from collectors.curvature.blocks import layers, same_blocks
from collectors.curvature.eigenvalues import Eigenvalues
from collectors.curvature.krylov import Krylov, krylov_spaces
from collectors.curvature.operator import Curvature, Kind, curvature_of, normal_rows, seeded
from collectors.curvature.reuse import check_reuse
from collectors.kept import KeptEntries
from collectors.model_state import Mode

SHARE = 3
"""One product in so many goes to the space, and at most one to choosing the matrix."""
CHUNK = 16
"""Probes multiplied in one call: memory is so many vectors of p."""


@dataclass(frozen=True, slots=True)
class Trace(Shown):
    """An estimated trace.

    Attributes
    ----------
    value, se : float
        Estimate and standard error over probes, loss a squared unit of parameter.
    lower, upper : float
        Interval by Student's t over the probes.
    level : float
        Of the interval.
    captured : float
        The part that is exact: the trace on the deflated space.
    deflated, probes : int
        Dimension of that space, and random probes outside it.
    products : int
        Matrix-vector products in all, those of the space included.
    kind : {"hessian", "gauss_newton"}
        Which matrix.
    probed : {"hessian", "gauss_newton"}
        Which matrix was multiplied: the Gauss-Newton matrix also for the Hessian's trace where
        both have the same blocks on the diagonal.
    parameters, examples : int
        p and n.
    mode : str
        Mode of the network.
    seed : int
        Of space and probes.
    """

    value: float
    se: float
    lower: float
    upper: float
    level: float
    captured: float
    deflated: int
    probes: int
    products: int
    kind: Kind
    probed: Kind
    parameters: int
    examples: int
    mode: str
    seed: int

    def to_frame(self) -> pd.DataFrame:
        """Return the estimate as a frame of one row."""
        columns = (
            "kind value se lower upper level captured deflated probes products probed".split()
        )
        return pd.DataFrame([[getattr(self, c) for c in columns]], columns=columns)

    def summary(self) -> str:
        """Return the estimate in text."""
        name = {"hessian": "Hessian", "gauss_newton": "Gauss-Newton matrix"}[self.kind]
        return (
            f"Trace of the {name}: {self.value:.6g}, standard error {self.se:.2g}, "
            f"{self.level:.0%} interval [{self.lower:.6g}, {self.upper:.6g}]\n"
            f"  {self.captured:.6g} of it exact on {self.deflated} directions, the rest from "
            f"{self.probes} probes; {self.products} products; {self.parameters} parameters, "
            f"{self.examples} examples, {self.mode} mode; probed: {self.probed}"
        )


def curvature_trace(
    model: nn.Module,
    loss: Loss,
    data: Data,
    *,
    products: int = 99,
    reuse: Eigenvalues | None = None,
    level: float = 0.95,
    kind: Kind = "hessian",
    parameters: list[str] | None = None,
    masks: KeptEntries | None = None,
    mode: Mode = "eval",
    generator: torch.Generator | None = None,
) -> Trace:
    r"""Estimate the trace of the Hessian (or Gauss-Newton matrix) of the mean loss.

    With Q the basis of a Krylov space, P = Q Q' and random signs z_j,

    .. math:: \mathrm{tr}\,H = \mathrm{tr}(Q^\top H Q) + E\,[w^\top H w],
              \qquad w_j = (I - P) z_j

    Parameters
    ----------
    model : Module
        The network.
    loss : callable
        ``loss(outputs, targets)`` gives the losses of the examples, shape (n,).
    data : tuple (inputs, targets), or iterable of such
        One batch, or batches that can be iterated again.
    products : int
        Matrix-vector products in all: a third (or, with `reuse`, those that were spent) for the
        space, the rest for probes; where they cover all p directions the trace is exact.
    reuse : Eigenvalues, optional
        Measured with keep=True on the same network, data, parameters and mode: its space.
    level : float
        Of the interval, in (0, 1).
    kind : {"hessian", "gauss_newton"}
        Which matrix.
    parameters : list of str, optional
        Names of parameters or modules; without it, all that require a gradient.
    masks : mapping of str to array of bool, or `Masks`, optional
        By parameter name, True where an entry is kept: the matrix of the kept entries alone.
    mode : {"eval", "train", "as_found"}
        Mode of the network.
    generator : Generator, optional
        Of space and probes, and of dropout; seeded with 0 where none is given. With `reuse`, not
        one that starts at the same seed: the probes must not depend on the space.

    Returns
    -------
    Trace
        With standard error and interval; NaN where the matrix is not finite.

    Raises
    ------
    ConfigurationError
        If there are too few products for two probes, or `reuse` is of another matrix.

    Warns
    -----
    RuntimeWarning
        If the matrix is not finite.

    Notes
    -----
    Unbiased, also where the space has not converged, because it is fixed before the probes are
    drawn; the standard error is that over probes, unbiased in its square. It does not cover the
    choice of examples: for that see `sampled_trace`.

    Where every layer's output is linear in its parameters between kinks (rectifiers, max-pooling,
    convolutions, no shared weights), the Hessian and the Gauss-Newton matrix have the same
    diagonal blocks, hence the same trace, and the latter scatters far less: a few products on
    one random vector a layer decide this with probability one, and the trace is then taken from
    the Gauss-Newton matrix (`probed`). With `reuse` the Hessian itself is probed.

    Cost: one gradient, and 1.1 to 2.4 gradients a product on one batch (on LeNet-5 less than 1.6
    with the Hessian, 2 with the Gauss-Newton matrix), 2.3 to 4.3 on several. Source: Hutchinson
    1990; Meyer, Musco, Musco and Woodruff 2021, "Hutch++", of which this is the variant whose
    space is a Krylov space: its projection costs no product of its own.

    Examples
    --------
    >>> model = nn.Linear(3, 1, bias=False)
    >>> squares = lambda outputs, targets: (outputs[:, 0] - targets) ** 2
    >>> x = torch.tensor([[1.0, 0.0, 0.0], [0.0, 3.0, 0.0]])
    >>> round(curvature_trace(model, squares, (x, torch.zeros(2))).value, 4)
    10.0
    """
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
        _check(products, level, reuse, operator, mode, seed)
        probed, checked = operator, 0
        if reuse is None and kind == "hessian" and products < operator.size:
            probed, checked = _quieter(operator, products // SHARE, generator)
        left = products - checked
        space = reuse.krylov if reuse is not None else _space(probed, left, generator)
        assert space is not None
        m = len(space.basis)
        spent = checked + (reuse.products if reuse is not None else m)
        probes = 0 if m == operator.size else max(0, products - spent)
        samples = _sampled(probed, space, probes, generator) if space.finite else np.empty(0)
    captured = float(np.trace(space.projected))
    if not (math.isfinite(captured) and np.isfinite(samples).all()):
        warnings.warn(
            "the curvature is not finite: did training diverge?", RuntimeWarning, stacklevel=2
        )
        captured, samples = math.nan, np.full(probes, math.nan)
    value, se, half = _mean(captured, samples, level)
    return Trace(
        value, se, value - half, value + half, level, captured, m, probes, spent + probes,
        kind, probed.kind, operator.size, operator.examples, mode, seed,
    )  # fmt: skip


def probe_values(product: Callable[[Tensor], Tensor], space: Krylov, probes: Tensor) -> np.ndarray:
    """Quadratic forms of probes projected outside a space.

    Parameters
    ----------
    product : callable
        Maps rows (k, p) to A of each row.
    space : Krylov
        What the probes are made orthogonal to.
    probes : Tensor, shape (k, p)
        Rows of independent signs.

    Returns
    -------
    ndarray, shape (k,)
        w' A w, whose mean over all signs is the trace outside the space.

    Examples
    --------
    >>> A = torch.diag(torch.tensor([3.0, 2.0]))
    >>> space = next(krylov_spaces(lambda r: r @ A, torch.tensor([[1.0, 0.0]]), lambda: None))
    >>> probe_values(lambda r: r @ A, space, torch.tensor([[1.0, -1.0]])).tolist()
    [2.0]
    """
    rows = space.outside(probes)
    return (rows * product(rows)).sum(dim=1, dtype=torch.float64).cpu().numpy()


def signs(rows: int, like: Curvature, generator: torch.Generator) -> Tensor:
    """Draw rows of independent signs.

    Parameters
    ----------
    rows : int
        How many.
    like : Curvature
        Gives length, type and device.
    generator : Generator
        Of any device.

    Returns
    -------
    Tensor, shape (rows, p)
        Entries -1 and 1.
    """
    shape, device = (rows, like.size), generator.device
    bits = torch.randint(0, 2, shape, generator=generator, device=device, dtype=torch.int8)
    return (2 * bits - 1).to(like.like)


def _quieter(
    operator: Curvature, budget: int, generator: torch.Generator
) -> tuple[Curvature, int]:
    """Return the Gauss-Newton matrix where it has the Hessian's trace, and the products spent."""
    groups = layers(operator)
    if 2 * len(groups) > budget or not operator.one_output:
        return operator, 0
    other = operator.other("gauss_newton")
    same = same_blocks(operator, other, groups, normal_rows(1, operator, generator)[0])
    return (other if same else operator), operator.products + other.products


def _space(operator: Curvature, products: int, generator: torch.Generator) -> Krylov:
    def draw() -> Tensor:
        return normal_rows(1, operator, generator)

    steps = operator.size if products >= operator.size else max(1, products // SHARE)
    for space in krylov_spaces(operator, draw(), draw):
        if len(space.basis) >= steps:
            break
    return space


def _sampled(
    operator: Curvature, space: Krylov, probes: int, generator: torch.Generator
) -> np.ndarray:
    found = [
        probe_values(operator, space, signs(min(CHUNK, probes - at), operator, generator))
        for at in range(0, probes, CHUNK)
    ]
    return np.concatenate(found) if found else np.empty(0)


def _mean(captured: float, samples: np.ndarray, level: float) -> tuple[float, float, float]:
    """Estimate, standard error and half the interval; exact where no probe was needed."""
    n = len(samples)
    if not n:
        return captured, 0.0 * captured, 0.0
    se = float(samples.std(ddof=1)) / math.sqrt(n)
    return captured + float(samples.mean()), se, float(stdtrit(n - 1, (1 + level) / 2)) * se


def _check(
    products: int,
    level: float,
    reuse: Eigenvalues | None,
    operator: Curvature,
    mode: str,
    seed: int,
) -> None:
    if not 0 < level < 1:
        raise ConfigurationError(f"level must lie between 0 and 1; got {level}")
    spent = reuse.products if reuse is not None else 1
    whole = operator.size if reuse is None else math.inf
    if products < min(spent + 2, whole):
        raise ConfigurationError(
            f"expected at least {spent + 2} products, {spent} for the space and two probes; got "
            f"{products}"
        )
    if reuse is not None:
        check_reuse(reuse, operator, mode, seed)
