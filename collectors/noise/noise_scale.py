"""The simple noise scale with standard errors from leaving each example out."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd
import torch
from torch import Tensor, nn

from causalhyper.errors import ConfigurationError
from causalhyper.notebook import Shown
from collectors.batches import Data, batches
from collectors.calls import Loss
from collectors.model_state import Mode, measuring
from collectors.noise.jackknife import leave_one_out, ratio
from collectors.noise.per_example import MEMORY, Sums, collect
from collectors.noise.projection import project
from collectors.noise.refusals import draws, refuse_batch_statistics
from collectors.noise.strategy import Strategy
from collectors.parameters import chosen_parameters


@dataclass(frozen=True, slots=True)
class NoiseScale(Shown):
    """Trace, squared gradient and their ratio, as estimates of a population's.

    Attributes
    ----------
    covariance_trace, covariance_trace_error : float
        ``tr S`` and its standard error, in squared units of a gradient.
    gradient_squared, gradient_squared_error : float
        Unbiased estimate of the population's ``|g|^2``, and its standard error; it may be
        negative where noise hides the gradient.
    noise_scale, noise_scale_error : float
        Their ratio in examples, and its standard error by the delta method; NaN where
        `gradient_squared` is not positive: the scale is then too large to be seen.
    count : int
        Number of independent units that the standard errors rest on: examples, or steps.
    unit : str
        "examples" or "steps".
    mode : str
        Mode of the network while it was measured.
    """

    covariance_trace: float
    covariance_trace_error: float
    gradient_squared: float
    gradient_squared_error: float
    noise_scale: float
    noise_scale_error: float
    count: int
    unit: str
    mode: Mode

    def to_frame(self) -> pd.DataFrame:
        """Return one row a quantity: quantity, estimate, se, count, unit, mode."""
        rows = [
            (name, getattr(self, name), getattr(self, f"{name}_error"))
            for name in ("covariance_trace", "gradient_squared", "noise_scale")
        ]
        frame = pd.DataFrame(rows, columns=["quantity", "estimate", "se"])
        return frame.assign(count=self.count, unit=self.unit, mode=self.mode)

    def summary(self) -> str:
        """Describe the estimates in words."""
        head = (
            f"gradient noise from {self.count} {self.unit}, {self.mode} mode\n"
            f"  tr S = {self.covariance_trace:.4g} (se {self.covariance_trace_error:.2g}), "
            f"|g|^2 = {self.gradient_squared:.4g} (se {self.gradient_squared_error:.2g})\n"
        )
        if math.isnan(self.noise_scale):
            return head + "  the gradient does not rise above the noise: no scale can be given"
        return head + (
            f"  tr S / |g|^2 = {self.noise_scale:.4g} examples (se {self.noise_scale_error:.2g})"
        )


def estimate(
    trace: float,
    squared: float,
    variances: tuple[float, float, float],
    *,
    count: int,
    unit: str,
    mode: Mode,
) -> NoiseScale:
    """Put two estimates, their variances and their ratio together.

    Parameters
    ----------
    trace, squared : float
        Estimates of ``tr S`` and ``|g|^2``.
    variances : tuple of float
        Variances of the two, then their covariance.
    count : int
        Number of independent units behind the variances.
    unit : str
        "examples" or "steps".
    mode : str
        Mode of the network while it was measured.

    Returns
    -------
    NoiseScale
        All of it.

    Examples
    --------
    >>> found = estimate(6.0, 2.0, (0.04, 0.01, 0.0), count=9, unit="steps", mode="eval")
    >>> found.noise_scale, round(found.covariance_trace_error, 4)
    (3.0, 0.2)
    """
    errors = [math.sqrt(v) if v == v else math.nan for v in variances[:2]]
    both = ratio(trace, squared, variances)
    return NoiseScale(trace, errors[0], squared, errors[1], *both, count, unit, mode)


def noise_scale(
    model: nn.Module,
    loss: Loss,
    data: Data,
    *,
    mode: Mode = "eval",
    generator: torch.Generator | None = None,
    memory: int = MEMORY,
) -> NoiseScale:
    r"""Estimate the simple noise scale of the population that the examples were drawn from.

    .. math:: B_{\mathrm{simple}} = \frac{\mathrm{tr}\,S}{|g|^2}, \qquad
              \widehat{|g|^2} = |\bar g|^2 - \frac{\mathrm{tr}\,S}{n}
                              = \frac{1}{n (n - 1)} \sum_{i \neq j} g_i \cdot g_j

    Parameters
    ----------
    model : Module
        The network.
    loss : callable
        ``loss(outputs, targets)`` gives the losses of the examples, shape (n,).
    data : tuple (inputs, targets), or iterable of such
        One batch or several, of a random sample of examples; iterated twice or thrice.
    mode : {"eval", "train", "as_found"}
        Mode of the network; active dropout is refused, for the second pass would draw others.
    generator : Generator, optional
        Not drawn from unless the network draws by itself.
    memory : int
        Bytes that per-example gradients held at once may take.

    Returns
    -------
    NoiseScale
        With standard errors by the jackknife, each example left out in turn.

    Raises
    ------
    ConfigurationError
        As for `per_example_noise`; if dropout is active, there are fewer than three examples,
        or the second pass over the data meets other examples than the first.

    Notes
    -----
    Units: examples. Bias: ``tr S`` and ``|g|^2`` are unbiased for the population; their ratio is
    consistent only. The errors are those of sampling examples: if `data` is the whole training
    set and it is what you ask about, there is none, and ``per_example_noise`` is the answer.

    Cost: `per_example_noise` and one forward-mode pass, 2.5 to 3.5 gradients in all.

    What it is not: it is the batch size at which noise and gradient are equal in squared size at
    one point, not a best batch size. It takes the Hessian to be a multiple of the identity and
    the step to be tuned; it grows manifold as the loss falls, because the gradient vanishes and
    not because the noise grows; it depends on the parametrisation; and momentum and Adam are not
    in it. As a mediator of the batch size, prefer ``tr S`` and ``|g|^2`` apart.

    Source: McCandlish et al. 2018, "An empirical model of large-batch training", equation 2.9
    and appendix A; Efron 1982, "The jackknife, the bootstrap and other resampling plans".

    Examples
    --------
    >>> model = nn.Linear(1, 1, bias=False)
    >>> x = torch.tensor([[1.0], [2.0], [3.0], [6.0]])
    >>> found = noise_scale(model, lambda outputs, targets: outputs[:, 0], [(x, x)])
    >>> round(found.covariance_trace, 4), round(found.gradient_squared, 4)
    (4.6667, 7.8333)
    """
    with measuring(model, mode, generator=generator):
        refuse_batch_statistics(model)
        if draws(model):
            raise ConfigurationError(
                "dropout is active, and the two passes would draw different masks: measure in "
                "eval mode, or use paired_noise, which needs one pass"
            )
        sums = collect(model, loss, data, Strategy(model, loss, memory))
        n = sums.examples
        if n < 3:
            raise ConfigurationError(f"leaving one out needs at least 3 examples; got {n}")
        along = _along_the_mean(model, loss, data, sums)
    found = leave_one_out(torch.cat(sums.squares), along)
    return estimate(*found, count=n, unit="examples", mode=mode)


def _along_the_mean(model: nn.Module, loss: Loss, data: Data, sums: Sums) -> Tensor:
    """``g_i`` times the mean gradient; they must average to its square."""
    n, parameters = sums.examples, chosen_parameters(model)
    mean = {k: (sums.totals[k] / n).reshape(p.shape) for k, p in parameters.items()}
    direction = {k: mean[k].to(p.dtype) for k, p in parameters.items()}
    squared = math.fsum(float(g.square().sum()) for g in mean.values())
    size = math.sqrt(squared * float(torch.cat(sums.squares).mean()))
    for forward in (True, False):
        parts = [
            project(model, loss, x, y, direction, forward=forward) for x, y in batches(data, model)
        ]
        along = torch.cat(parts).double() if parts else torch.zeros(0)
        off = abs(float(along.sum()) / n - squared)
        if len(along) == n and not off > 1e-3 * size:
            return along
    raise ConfigurationError(
        f"the second pass over the data met {len(along)} examples whose gradients are not those "
        f"of the {n} before: give data that iterates alike twice, and a network that draws nothing"
    )
