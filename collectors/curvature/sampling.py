"""How much curvature would differ on other examples: standard errors from each example's share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError
from causalhyper.notebook import Shown
from collectors.batches import Data
from collectors.calls import Loss
from collectors.curvature.operator import Curvature, Kind, curvature_of, seeded
from collectors.curvature.shares import example_curvatures
from collectors.curvature.trace import signs
from collectors.kept import KeptEntries
from collectors.model_state import Mode

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class Sampled(Shown):
    """Curvatures estimated from a sample of examples.

    Attributes
    ----------
    names : tuple of str
        What each is: "direction 1" and so on, or "trace".
    values, standard_errors : tuple of float
        Mean over the sample, and its standard error for other samples of the same size; NaN
        where a loss is not finite.
    examples : int
        n, in the sample.
    population : int or None
        N, what it was drawn from without replacement; None for infinitely many.
    kind : {"hessian", "gauss_newton"}
        Which matrix.
    """

    names: tuple[str, ...]
    values: tuple[float, ...]
    standard_errors: tuple[float, ...]
    examples: int
    population: int | None
    kind: Kind

    def to_frame(self) -> pd.DataFrame:
        """Return one row a curvature."""
        return pd.DataFrame(
            {
                "kind": self.kind,
                "name": self.names,
                "value": self.values,
                "se": self.standard_errors,
                "examples": self.examples,
                "population": math.inf if self.population is None else self.population,
            }
        )

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the curvatures with one standard error on each side."""
        from causalhyper.figures.dots import plot_dots

        frame = self.to_frame().rename(columns={"name": "label"})
        frame = frame.assign(
            lower=frame["value"] - frame["se"], upper=frame["value"] + frame["se"]
        )
        xlabel = "curvature (loss per squared unit of parameter), one standard error"
        return plot_dots(frame, xlabel=xlabel, ax=ax)

    def summary(self) -> str:
        """Return the values with their standard errors in text."""
        of = "infinitely many" if self.population is None else self.population
        lines = [f"Curvature on {self.examples} examples out of {of}:"]
        each = zip(self.names, self.values, self.standard_errors, strict=True)
        lines += [f"  {name}: {value:.6g}, standard error {se:.2g}" for name, value, se in each]
        return "\n".join(lines)


def sampled_curvature(
    model: nn.Module,
    loss: Loss,
    data: Data,
    vectors: Tensor,
    *,
    population: int | None = None,
    kind: Kind = "hessian",
    parameters: list[str] | None = None,
    masks: KeptEntries | None = None,
    mode: Mode = "eval",
    generator: torch.Generator | None = None,
) -> Sampled:
    r"""Give the standard error of eigenvalues for the choice of examples.

    An eigenvalue's derivative by the weight of example i is that example's own curvature along
    the eigenvector, so to first order (infinitesimal jackknife)

    .. math:: c_i = v^\top H_i v, \qquad
              \mathrm{se}^2 = \Bigl(1 - \frac{n}{N}\Bigr)
                              \frac{1}{n (n - 1)} \sum_{i=1}^n (c_i - \bar c)^2

    Parameters
    ----------
    model : Module
        The network.
    loss : callable
        ``loss(outputs, targets)`` gives the losses of the examples, shape (n,).
    data : tuple (inputs, targets), or iterable of such
        The sample: one batch, or batches that can be iterated again.
    vectors : Tensor, shape (p, k)
        Unit Ritz vectors, such as `Eigenvalues.vectors` on the same sample.
    population : int, optional
        N, where the sample was drawn from a finite data set without replacement.
    kind : {"hessian", "gauss_newton"}
        Which matrix.
    parameters : list of str, optional
        Names of parameters or modules; without it, all that require a gradient.
    masks : mapping of str to array of bool, or `Masks`, optional
        By parameter name, True where an entry is kept: the matrix of the kept entries alone.
    mode : {"eval", "train", "as_found"}
        Mode of the network. With "train", batch normalisation mixes examples, and c_i is no
        longer the share of example i alone.
    generator : Generator, optional
        Of dropout; seeded with 0 where none is given.

    Returns
    -------
    Sampled
        Value (the Rayleigh quotient v' H v) and standard error of each.

    Raises
    ------
    ConfigurationError
        If there are fewer than two examples, the vectors have another length, or the population
        is smaller than the sample.

    Notes
    -----
    Bias: the square is unbiased for a fixed direction; for an eigenvalue it is first order in
    1 / n and needs the eigenvalue to be apart from its neighbours. The largest eigenvalue of a
    sample is itself too high on average (a convex function of the mean matrix), which no standard
    error shows: compare sample sizes.

    Cost: about 7 gradients a vector and batch (a third derivative, all examples at once). Source:
    Efron 1982, The Jackknife, chapter 6; Cochran 1977, theorem 2.2.

    Examples
    --------
    >>> model = nn.Linear(1, 1, bias=False)
    >>> squares = lambda outputs, targets: (outputs[:, 0] - targets) ** 2
    >>> x = torch.tensor([[1.0], [3.0]])
    >>> found = sampled_curvature(model, squares, (x, torch.zeros(2)), torch.ones(1, 1))
    >>> found.values, found.standard_errors
    ((10.0,), (8.0,))
    """
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
        _check(operator, vectors, population)
        shares = example_curvatures(operator, vectors.T)
    names = tuple(f"direction {i + 1}" for i in range(len(shares)))
    errors = _standard_errors(shares, population)
    return Sampled(
        names, tuple(shares.mean(axis=1).tolist()), errors, operator.examples, population, kind
    )


def sampled_trace(
    model: nn.Module,
    loss: Loss,
    data: Data,
    *,
    probes: int = 16,
    population: int | None = None,
    kind: Kind = "hessian",
    parameters: list[str] | None = None,
    masks: KeptEntries | None = None,
    mode: Mode = "eval",
    generator: torch.Generator | None = None,
) -> Sampled:
    r"""Give the standard error of the trace for the choice of examples.

    With c_ij = z_j' H_i z_j of example i and random signs z_j, J probes, the variance of tr H_i
    between examples is the two-way analysis of variance's component

    .. math:: \hat\sigma^2 = \frac{\mathrm{MS}_{examples} - \mathrm{MS}_{residual}}{J}

    Parameters
    ----------
    model : Module
        The network.
    loss : callable
        ``loss(outputs, targets)`` gives the losses of the examples, shape (n,).
    data : tuple (inputs, targets), or iterable of such
        The sample.
    probes : int
        J, at least 2.
    population : int, optional
        N, where the sample was drawn from a finite data set without replacement.
    kind : {"hessian", "gauss_newton"}
        Which matrix; for rectifier networks both have the same trace, and the latter scatters
        less.
    parameters : list of str, optional
        Names of parameters or modules; without it, all that require a gradient.
    masks : mapping of str to array of bool, or `Masks`, optional
        By parameter name, True where an entry is kept: the matrix of the kept entries alone.
    mode : {"eval", "train", "as_found"}
        Mode of the network.
    generator : Generator, optional
        Of the probes and of dropout; seeded with 0 where none is given.

    Returns
    -------
    Sampled
        One row: Hutchinson's estimate of the trace, and the standard error for other examples,
        which does not contain that for other probes.

    Raises
    ------
    ConfigurationError
        If there are fewer than two examples or probes, or the population is smaller.

    Notes
    -----
    Unbiased in its square, but for a negative component, which is put to zero. Cost: about 7
    gradients a probe and batch. Source: Searle, Casella and McCulloch 1992, Variance Components,
    section 4.3.

    Examples
    --------
    >>> model = nn.Linear(1, 1, bias=False)
    >>> squares = lambda outputs, targets: (outputs[:, 0] - targets) ** 2
    >>> x = torch.tensor([[1.0], [3.0]])
    >>> sampled_trace(model, squares, (x, torch.zeros(2))).standard_errors
    (8.0,)
    """
    if probes < 2:
        raise ConfigurationError(f"expected at least 2 probes; got {probes}")
    generator = seeded(generator)
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
        rows = signs(probes, operator, generator)
        _check(operator, rows.T, population)
        shares = example_curvatures(operator, rows)
    n = operator.examples
    error = math.sqrt(_component(shares) / n * _left(n, population))
    return Sampled(("trace",), (float(shares.mean()),), (error,), n, population, kind)


def _left(examples: int, population: int | None) -> float:
    """Share of the population that was not drawn."""
    return 1.0 if population is None else 1 - examples / population


def _standard_errors(shares: np.ndarray, population: int | None) -> tuple[float, ...]:
    n = shares.shape[1]
    variances = shares.var(axis=1, ddof=1) / n * _left(n, population)
    return tuple(np.sqrt(variances).tolist())


def _component(shares: np.ndarray) -> float:
    """Variance between examples, shares (J, n), freed of what probes add to it."""
    J, n = shares.shape
    residual = shares - shares.mean(axis=0) - shares.mean(axis=1)[:, None] + shares.mean()
    between = J * shares.mean(axis=0).var(ddof=1)
    return max(0.0, (between - float((residual**2).sum()) / ((J - 1) * (n - 1))) / J)


def _check(operator: Curvature, vectors: Tensor, population: int | None) -> None:
    if operator.examples < 2:
        raise ConfigurationError("a standard error over examples needs at least two; got one")
    if vectors.ndim != 2 or vectors.shape[0] != operator.size:
        raise ConfigurationError(
            f"expected vectors of shape ({operator.size}, k); got {tuple(vectors.shape)}"
        )
    if population is not None and population < operator.examples:
        raise ConfigurationError(
            f"the population of {population} is smaller than the sample of {operator.examples}"
        )
