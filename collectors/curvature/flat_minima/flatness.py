"""Flatness of the loss at a network: one call for all that is compared between prunings."""

from __future__ import annotations

import math

import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from collectors.batches import Data, check_repeatable
from collectors.calls import Loss
from collectors.curvature.flat_minima.fit import measure_fit
from collectors.curvature.flat_minima.measuring import Request, measure_space
from collectors.curvature.flat_minima.result import Flatness
from collectors.curvature.moves import moving_entries
from collectors.curvature.operator import seeded
from collectors.kept import KeptEntries
from collectors.model_state import Mode
from collectors.parameters import chosen_parameters


def flatness(
    model: nn.Module,
    loss: Loss,
    data: Data,
    *,
    masks: KeptEntries | None = None,
    top: int = 5,
    tolerance: float = 1e-3,
    products: int = 99,
    probes: int = 4,
    radius: float = 0.05,
    adaptive_radius: float = 0.5,
    population: float | None = None,
    parameters: list[str] | None = None,
    mode: Mode = "eval",
    generator: torch.Generator | None = None,
) -> Flatness:
    r"""Measure how flat the training loss is, with what the number must be read beside.

    With K the entries that masks keep, two estimands, each under its name:

    .. math:: \text{full: } H = \nabla^2_\theta L(\theta), \qquad
              \text{kept: } H_{KK} = (H_{ij})_{i, j \in K}

    Parameters
    ----------
    model : Module
        The network.
    loss : callable
        ``loss(outputs, targets)`` gives the losses of the examples, shape (n,).
    data : tuple (inputs, targets), or iterable of such
        Training examples: one batch, or batches that can be iterated again.
    masks : mapping of str to array of bool, or `Masks`, optional
        Of a pruned network, by parameter name, True where an entry is kept; the network's pruned
        entries must be zero. Without them only the full space is measured.
    top : int
        Largest eigenvalues.
    tolerance : float
        Relative error of each.
    products : int
        Matrix-vector products for the trace.
    probes : int
        Of the spectral density, 40 products each; with 0 it is left out.
    radius, adaptive_radius : float
        Of the balls in which the loss's rise is sought: in units of a parameter, and relative to
        each parameter's size.
    population : float, optional
        Number of examples that `data` was sampled from (`math.inf` for a distribution): the
        largest eigenvalues get standard errors for that choice.
    parameters : list of str, optional
        Names of parameters or modules; without it, all that require a gradient.
    mode : {"eval", "train", "as_found"}
        Mode of the network.
    generator : Generator, optional
        Of all draws; seeded with 0 where none is given.

    Returns
    -------
    Flatness
        Its summary warns where training accuracy is near chance, where the gradient is not
        small, and where an eigenvalue is far below zero.

    Raises
    ------
    ConfigurationError
        If an option is out of range, or the masks are not of this network.

    Warns
    -----
    RuntimeWarning
        If an eigenvalue did not converge, or the curvature is not finite.

    Notes
    -----
    In the full space a pruned network is hardly ever at a minimum, as the loss falls when pruned
    weights come back; `gradient_norm` and `one_step_fall` are given in each space. By
    interlacing the largest eigenvalue of the kept space is never above that of the full one, so
    that a sparse network looks flatter there for the smaller number of directions alone. Where
    the loss is cross-entropy and nearly all training examples are right, gradient and curvature
    vanish together with the loss as the logits grow.

    Rescaling layers changes eigenvalues, trace and SAM sharpness without changing the function.
    Free of that are the adaptive sharpness, and eigenvalue and trace relative to the filters
    (`relative_curvature`); eigenvalue times squared norm is free of a factor common to all
    parameters where the loss does not depend on it (normalised networks).

    Cost, for each space: about 30 products for the largest eigenvalues, 20 to 100 for the
    smallest, `products`, 40 times `probes`, about 60 for the relative ones, and 12 gradients; a
    product costs 1.1 to 4.3 gradients (`curvature_of`). Memory: some 50 vectors of p.

    Source: Yao, Gholami, Keutzer and Mahoney 2020, "PyHessian" (spectra); Foret et al. 2021 and
    Kwon et al. 2021 (SAM, ASAM); Li et al. 2018 (filters); Lyu, Li and Arora 2022,
    "Understanding the generalization benefit of normalization layers" (eigenvalue times squared
    norm); Dinh et al. 2017 (rescaling).

    Examples
    --------
    >>> model = nn.Linear(2, 1, bias=False)
    >>> with torch.no_grad():
    ...     _ = model.weight.copy_(torch.tensor([[0.0, 1.0]]))
    >>> squares = lambda outputs, targets: (outputs[:, 0] - targets) ** 2
    >>> data = torch.tensor([[2.0, 1.0], [1.0, 1.0]]), torch.tensor([1.0, 1.0])
    >>> found = flatness(model, squares, data, masks={"weight": [[False, True]]}, top=1)
    >>> round(found.full.top.values[0], 3), round(found.kept.top.values[0], 3)
    (6.854, 2.0)
    """
    _check(top, products, probes, population)
    check_repeatable(data, "data")
    generator = seeded(generator)
    seed = generator.initial_seed()
    chosen = chosen_parameters(model, parameters)
    everything = moving_entries(chosen, None)
    kept = None if masks is None else moving_entries(chosen, masks)
    fit = measure_fit(
        model, loss, data, parameters=parameters, mode=mode,
        generator=torch.Generator().manual_seed(seed),
    )  # fmt: skip
    request = Request(
        top, tolerance, products, probes, radius, adaptive_radius, population, parameters, mode
    )
    of = (model, loss, data)
    full = measure_space(*of, "full", everything, fit.gradient, request, generator)
    sparse = (
        None
        if kept is None
        else measure_space(*of, "kept", kept, fit.gradient, request, generator)
    )
    return Flatness(fit, full, sparse, mode, seed)


def _check(top: int, products: int, probes: int, population: float | None) -> None:
    if top < 1 or products < 3 or probes < 0:
        raise ConfigurationError(
            "expected top of at least 1, products of at least 3 and probes of at least 0; got "
            f"{top}, {products}, {probes}"
        )
    if population is not None and not (population == math.inf or population >= 2):
        raise ConfigurationError(
            f"population counts the examples that data was sampled from; got {population}: give "
            "their number, math.inf for a distribution, or None for no standard error"
        )
