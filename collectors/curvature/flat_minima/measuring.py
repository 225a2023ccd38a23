"""Measuring all that is said of flatness within one space."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from collectors.batches import Data
from collectors.calls import Loss
from collectors.curvature.density import spectral_density
from collectors.curvature.eigenvalues import Eigenvalues, eigenvalues
from collectors.curvature.flat_minima.relative import relative_curvature
from collectors.curvature.flat_minima.space import SpaceFlatness
from collectors.curvature.loss_rise import SamSharpness, sam_sharpness
from collectors.curvature.sampling import sampled_curvature
from collectors.curvature.spectrum import SpectralDensity
from collectors.curvature.trace import curvature_trace
from collectors.model_state import Mode

SMALLEST, NOTHING = 0.005, 1e-6
"""Error allowed to the smallest eigenvalues: of their own size, or of the largest's.

Both are small, and two eigenvalues are sought, because the bulk lies near zero and close together:
a looser bound is met by a value inside the spectrum before the search has come to its end.
"""
ASCENTS = 5
"""Steps of each ascent to the highest loss nearby."""
STEPS = 40
"""Products of each probe of the density."""

Network = tuple[nn.Module, Loss, Data]


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """What is measured, as `flatness` takes it.

    Attributes
    ----------
    top, tolerance, products, probes, radius, adaptive_radius, population, parameters, mode
        Options of `flatness`.
    """

    top: int
    tolerance: float
    products: int
    probes: int
    radius: float
    adaptive_radius: float
    population: float | None
    parameters: list[str] | None
    mode: Mode


def measure_space(
    model: nn.Module,
    loss: Loss,
    data: Data,
    space: str,
    kept: Mapping[str, Tensor],
    gradient: Mapping[str, Tensor],
    request: Request,
    generator: torch.Generator,
) -> SpaceFlatness:
    """Measure all that is said of flatness within one space.

    Parameters
    ----------
    model : Module
        The network.
    loss : callable
        Losses of the examples.
    data : tuple (inputs, targets), or iterable of such
        Batches that can be iterated again.
    space : {"full", "kept"}
        Its name.
    kept : mapping of str to Tensor of bool
        The entries that move.
    gradient : mapping of str to Tensor
        Of the mean loss.
    request : Request
        What is measured.
    generator : Generator
        Seeds every measurement by itself.

    Returns
    -------
    SpaceFlatness
    """
    options: dict[str, Any] = {"parameters": request.parameters, "mode": request.mode}
    options["masks"] = None if space == "full" else kept
    of = (model, loss, data)

    def drawn() -> dict[str, Any]:
        return {**options, "generator": _child(generator)}

    def rise(radius: float, adaptive: bool) -> SamSharpness:
        return sam_sharpness(*of, radius=radius, steps=ASCENTS, adaptive=adaptive, **drawn())

    top = eigenvalues(*of, k=request.top, tolerance=request.tolerance, keep=True, **drawn())
    size = abs(top.values[0])
    absolute = NOTHING * size if math.isfinite(size) else 0.0
    return SpaceFlatness(
        space=space,
        entries=top.parameters,
        norm=_norm(dict(model.named_parameters()), kept),
        gradient_norm=_norm(gradient, kept),
        smallest=eigenvalues(
            *of, k=2, which="smallest", tolerance=SMALLEST, absolute=absolute, **drawn()
        ),
        standard_errors=_standard_errors(of, top, request.population, options),
        trace=curvature_trace(*of, products=request.products, **drawn()),
        relative=relative_curvature(*of, **drawn()),
        sam=rise(request.radius, False),
        adaptive=rise(request.adaptive_radius, True),
        density=_density(of, top, request.probes, drawn()) if request.probes else None,
        top=dataclasses.replace(top, krylov=None),
    )


def _standard_errors(
    of: Network, top: Eigenvalues, population: float | None, options: Mapping[str, Any]
) -> tuple[float, ...]:
    """Give those of the eigenvalues for the choice of examples, where there was one."""
    if population is None or top.krylov is None:
        return (math.nan,) * len(top.found)
    finite = int(population) if math.isfinite(population) else None
    return sampled_curvature(*of, top.vectors, population=finite, **options).standard_errors


def _density(
    of: Network, top: Eigenvalues, probes: int, options: Mapping[str, Any]
) -> SpectralDensity:
    """Measure the density, of which the eigenvalues found stand by themselves."""
    known = top.krylov is not None and not top.krylov.opened
    return spectral_density(
        *of, probes=probes, steps=STEPS, reuse=top if known else None, **options
    )


def _norm(tensors: Mapping[str, Tensor], kept: Mapping[str, Tensor]) -> float:
    parts = [float((tensors[name].detach().double() * mask).norm()) for name, mask in kept.items()]
    return math.hypot(*parts)


def _child(generator: torch.Generator) -> torch.Generator:
    seed = int(torch.randint(2**62, (), generator=generator, device=generator.device))
    return torch.Generator().manual_seed(seed)
