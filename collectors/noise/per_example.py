"""Exact moments of the per-example gradients of a network, at the cost of about two gradients."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError
from collectors.batches import Data, batches
from collectors.calls import Loss
from collectors.model_state import Mode, measuring
from collectors.noise.gradient_noise import GradientNoise, LayerNoise
from collectors.noise.refusals import refuse_batch_statistics, warn_of_shared_passes
from collectors.noise.strategy import Strategy, Way
from collectors.parameters import chosen_parameters, layer_of

MEMORY = 64 * 2**20
"""Bytes that per-example gradients held at once may take: 64 MiB."""


def per_example_noise(
    model: nn.Module,
    loss: Loss,
    data: Data,
    *,
    mode: Mode = "eval",
    generator: torch.Generator | None = None,
    memory: int = MEMORY,
    way: Way = "auto",
) -> GradientNoise:
    r"""Compute the moments of the per-example gradients exactly, by layer and whole.

    With g_i the gradient of example i's loss and g their mean,

    .. math:: |g|^2 \qquad \mathrm{and} \qquad
              \mathrm{tr}\,S = \frac{1}{n - 1} \sum_{i=1}^n |g_i - g|^2

    Parameters
    ----------
    model : Module
        The network; its trainable parameters are differentiated by.
    loss : callable
        ``loss(outputs, targets)`` gives the losses of the examples, shape (n,).
    data : tuple (inputs, targets), or iterable of such
        One batch, examples first, or several; iterated once. Each example's gradient is its own,
        so how they are batched changes nothing but memory and speed.
    mode : {"eval", "train", "as_found"}
        Mode of the network. In train mode every example has dropout masks of its own, and their
        noise is part of ``tr S``. Batch normalisation by the batch is refused.
    generator : Generator, optional
        What dropout draws from.
    memory : int
        Bytes that per-example gradients held at once may take; the activations of a batch and
        their derivatives come beside it.
    way : {"auto", "vmap", "loop"}
        "auto" goes by rules for linear, convolutional, embedding and normalisation layers,
        held on the first batch against single examples; ``torch.func.vmap`` for the rest or
        where they disagree; a loop where torch cannot map.

    Returns
    -------
    GradientNoise
        All NaN where a gradient is not finite, as after divergence.

    Raises
    ------
    ConfigurationError
        If the loss is not one number an example, there are fewer than two examples or no
        trainable parameters, a layer normalises by the batch, or an option is unknown.

    Warns
    -----
    RuntimeWarning
        If an example's loss in eval mode depends on its batch: what is measured is of the example
        alone.

    See Also
    --------
    collectors.noise.minibatch_pairs.paired_noise : Estimates the same at one gradient's cost.
    collectors.noise.joint_losses.gradient_moments : For examples that share a forward pass.

    Notes
    -----
    Units: squared units of loss a unit of parameter. Bias: ``tr S`` is unbiased for the
    population that the examples were drawn from; ``|g|^2`` is exact for these examples and
    overshoots the population's by ``tr S / n`` in the mean. Sums are in float64, gradients in
    the parameters' type.

    Cost: 1.4 gradients of the same examples on LeNet-5 and 1.5 to 2.4 on a small residual network
    by rules (``benchmarks/gradient_noise.py``); 2 to 4 by vmap, and some 15 by a loop. The rules
    hold the derivatives by the outputs of all layers of one batch at once: smaller batches, 64
    examples say, take less memory and no more time.

    Sources: Goodfellow 2015, "Efficient per-example gradient computations"; Rochette, Manoel and
    Tramel 2019, "Efficient per-example gradient computations in convolutional neural networks".

    Examples
    --------
    >>> model = nn.Linear(1, 1, bias=False)
    >>> x, y = torch.tensor([[1.0], [1.0]]), model.weight.detach()[0] - torch.tensor([1.0, 3.0])
    >>> half_squares = lambda outputs, targets: 0.5 * (outputs[:, 0] - targets) ** 2
    >>> noise = per_example_noise(model, half_squares, [(x, y)])
    >>> round(noise.mean_norm_squared, 4), round(noise.covariance_trace, 4)
    (4.0, 2.0)
    """
    if way not in ("auto", "vmap", "loop") or memory < 1:
        raise ConfigurationError(
            f"expected way 'auto', 'vmap' or 'loop' and a positive memory; got {way!r}, {memory}"
        )
    chosen_parameters(model)
    with measuring(model, mode, generator=generator):
        refuse_batch_statistics(model)
        sums = collect(model, loss, data, Strategy(model, loss, memory, way))
        return _moments(model, sums, mode)


@dataclass(slots=True)
class Sums:
    """Sums over examples, of per-example gradients and of their squared norms.

    Attributes
    ----------
    squares : list of Tensor
        Squared norms of whole gradients, a vector a batch, in float64.
    layers : dict of str to Tensor
        Sum of squared norms by parameter.
    totals : dict of str to Tensor
        Sum of gradients by parameter, in float64 and flat.
    ways : dict of str to set of str
        How each parameter's were taken.
    """

    squares: list[Tensor] = field(default_factory=list)
    layers: dict[str, Tensor] = field(default_factory=dict)
    totals: dict[str, Tensor] = field(default_factory=dict)
    ways: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    @property
    def examples(self) -> int:
        """Number of examples."""
        return sum(len(s) for s in self.squares)


def collect(model: nn.Module, loss: Loss, data: Data, strategy: Strategy) -> Sums:
    """Sum over batches what the strategy finds in each.

    Parameters
    ----------
    model : Module
        The network, in the mode wanted.
    loss : callable
        Per-example losses from outputs and targets.
    data : tuple (inputs, targets), or iterable of such
        One batch or several.
    strategy : Strategy
        How to take per-example gradients.

    Returns
    -------
    Sums
        Over all examples.
    """
    sums = Sums()
    for inputs, targets in batches(data, model):
        if not sums.squares:
            warn_of_shared_passes(model, loss, inputs, targets)
        whole: Tensor | None = None
        for name, part in strategy(inputs, targets).items():
            squares, total = part.squares.double(), part.total.detach().double().reshape(-1)
            whole = squares if whole is None else whole + squares
            sums.layers[name] = sums.layers.get(name, 0) + squares.sum()
            sums.totals[name] = sums.totals.get(name, 0) + total
            sums.ways[name].add(part.way)
        if whole is not None:
            sums.squares.append(whole)
    if sums.examples < 2:
        raise ConfigurationError(
            f"a covariance needs at least 2 examples; got {sums.examples}: is data a generator "
            "that was used up?"
        )
    return sums


def _moments(model: nn.Module, sums: Sums, mode: Mode) -> GradientNoise:
    groups: dict[str, list[str]] = defaultdict(list)
    for name in chosen_parameters(model):
        groups[layer_of(name)].append(name)
    n = sums.examples
    layers = []
    for layer, names in groups.items():
        squares = math.fsum(float(sums.layers[k]) for k in names)
        mean = math.fsum(float(sums.totals[k].square().sum()) for k in names) / n**2
        trace = max(0.0, squares - n * mean) / (n - 1)
        size = sum(sums.totals[k].numel() for k in names)
        way = "+".join(sorted(set().union(*(sums.ways[k] for k in names))))
        known = math.isfinite(squares) and math.isfinite(mean)
        layers.append(
            LayerNoise(layer, size, *((mean, trace) if known else (math.nan, math.nan)), way)
        )
    if any(math.isnan(x.covariance_trace) for x in layers):
        layers = [LayerNoise(x.layer, x.parameters, math.nan, math.nan, x.way) for x in layers]
    return GradientNoise(tuple(layers), n, mode)
