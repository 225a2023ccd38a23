"""Curvature for moves measured against the sizes of the filters, which rescaling leaves alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError
from collectors.batches import Data
from collectors.calls import Loss
from collectors.curvature.directions import filter_norms
from collectors.curvature.extremes import Extreme, extremes
from collectors.curvature.operator import curvature_of, normal_rows, seeded
from collectors.curvature.trace import CHUNK, probe_values, signs
from collectors.kept import KeptEntries, kept_by_parameter
from collectors.model_state import Mode
from collectors.parameters import chosen_parameters


@dataclass(frozen=True, slots=True)
class RelativeCurvature:
    """Curvature in units of the loss, for moves as large as the filters.

    Attributes
    ----------
    top : Extreme
        Largest eigenvalue of D H D.
    mean : float
        Mean second derivative of the loss along filter-normalised random directions: the trace.
    mean_se : float
        Its standard error over probes.
    products, probes : int
        Matrix-vector products in all, and those of probes.
    parameters, examples : int
        p and n.
    mode : str
        Mode of the network.
    seed : int
        Of start and probes.
    """

    top: Extreme
    mean: float
    mean_se: float
    products: int
    probes: int
    parameters: int
    examples: int
    mode: str
    seed: int


def relative_curvature(
    model: nn.Module,
    loss: Loss,
    data: Data,
    *,
    probes: int = 32,
    tolerance: float = 1e-3,
    max_products: int = 200,
    parameters: list[str] | None = None,
    masks: KeptEntries | None = None,
    mode: Mode = "eval",
    generator: torch.Generator | None = None,
) -> RelativeCurvature:
    r"""Measure curvature for moves of each filter relative to its norm.

    With n_f entries in filter f of the weights w_f, and u a random direction whose filters have
    the norms of the network's (signs, or uniform on each sphere),

    .. math:: D_{ii} = \frac{\|w_{f(i)}\|}{\sqrt{n_{f(i)}}}, \qquad
              \lambda_{\max}(D H D), \qquad \mathrm{tr}(D H D) = E[u^\top H u]

    Parameters
    ----------
    model : Module
        The network.
    loss : callable
        ``loss(outputs, targets)`` gives the losses of the examples, shape (n,).
    data : tuple (inputs, targets), or iterable of such
        One batch, or batches that can be iterated again.
    probes : int
        Random directions for the mean, at least 2.
    tolerance : float
        Relative error of the eigenvalue.
    max_products : int
        For the eigenvalue; one that did not converge says so.
    parameters : list of str, optional
        Names of parameters or modules; without it, all that require a gradient.
    masks : mapping of str to array of bool, or `Masks`, optional
        By parameter name: only kept entries move, and n_f counts them.
    mode : {"eval", "train", "as_found"}
        Mode of the network.
    generator : Generator, optional
        Of start, probes and dropout; seeded with 0 where none is given.

    Returns
    -------
    RelativeCurvature

    Raises
    ------
    ConfigurationError
        If there are fewer than two probes, or no parameter has two axes or more.

    Notes
    -----
    Parameters of one axis (biases, normalisation) do not move. In a rectifier network, layers
    multiplied by factors whose product is one (biases by the factors up to theirs) compute the
    same; eigenvalue and trace of H then change, and these do not. The mean is the curvature that
    a loss surface of random filter-normalised directions shows on average in its middle; it is
    unbiased, from probes outside the space that the eigenvalue was found in.

    Cost: as for one eigenvalue, and a product a probe. Source of the normalisation: Li, Xu,
    Taylor, Studer and Goldstein 2018, section 4; why it is needed: Dinh, Pascanu, Bengio and
    Bengio 2017, "Sharp minima can generalize for deep nets", section 4.

    Examples
    --------
    >>> model = nn.Linear(2, 1, bias=False)
    >>> with torch.no_grad():
    ...     _ = model.weight.copy_(torch.tensor([[3.0, 4.0]]))
    >>> squares = lambda outputs, targets: (outputs[:, 0] - targets) ** 2
    >>> x = torch.tensor([[1.0, 0.0], [0.0, 3.0]])
    >>> found = relative_curvature(model, squares, (x, torch.zeros(2)))
    >>> round(found.top.value, 3), round(found.mean, 3)
    (112.5, 125.0)
    """
    if probes < 2:
        raise ConfigurationError(f"the mean needs at least two probes; got {probes}")
    generator = seeded(generator)
    seed = generator.initial_seed()
    scale = _scales(chosen_parameters(model, parameters), masks)
    with curvature_of(
        model, loss, data, parameters=parameters, masks=masks, mode=mode, generator=generator
    ) as operator:

        def product(rows: Tensor) -> Tensor:
            return scale * operator(scale * rows)

        def draw() -> Tensor:
            return normal_rows(1, operator, generator)

        space, found = extremes(product, draw, k=1, tolerance=tolerance, max_products=max_products)
        samples = np.full(probes, math.nan)
        if space.finite:
            parts = [min(CHUNK, probes - at) for at in range(0, probes, CHUNK)]
            found_in = [probe_values(product, space, signs(n, operator, generator)) for n in parts]
            samples = np.concatenate(found_in)
        size, examples, spent = operator.size, operator.examples, operator.products
    mean = float(np.trace(space.projected) + samples.mean())
    se = float(samples.std(ddof=1) / math.sqrt(probes))
    return RelativeCurvature(found[0], mean, se, spent, probes, size, examples, mode, seed)


def _scales(chosen: Mapping[str, nn.Parameter], masks: KeptEntries | None) -> Tensor:
    """Return D's diagonal, of the entries that move."""
    if all(p.ndim < 2 for p in chosen.values()):
        raise ConfigurationError(
            "filters are of weights with two axes or more; these parameters have none: "
            f"{', '.join(chosen)}"
        )
    whole = {name: torch.ones_like(p, dtype=torch.bool) for name, p in chosen.items()}
    kept = whole if masks is None else kept_by_parameter(chosen, masks)
    return torch.cat([_scale(p.detach(), kept[name])[kept[name]] for name, p in chosen.items()])


def _scale(parameter: Tensor, kept: Tensor) -> Tensor:
    if parameter.ndim < 2:
        return torch.zeros_like(parameter)
    counts = kept.flatten(1).sum(dim=1).clamp(min=1)
    scales = filter_norms(parameter, kept) / counts.sqrt()
    return scales.view(-1, *[1] * (parameter.ndim - 1)).expand_as(parameter)
