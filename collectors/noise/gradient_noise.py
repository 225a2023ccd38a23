"""What is known of the per-example gradients at one point in parameter space, layer by layer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.notebook import Shown
from collectors.model_state import Mode
from collectors.noise.finite_population import minibatch_noise

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True, slots=True)
class LayerNoise:
    """First two moments of the per-example gradients by the parameters of one layer.

    Attributes
    ----------
    layer : str
        Dotted name of the layer that holds the parameters.
    parameters : int
        Number of its trainable numbers.
    mean_norm_squared : float
        ``|g|^2`` over these parameters, in squared units of loss a unit of parameter.
    covariance_trace : float
        ``tr S`` over these parameters, the same units.
    way : str
        How it was taken: "rule", "vmap", "loop", or two of them joined by "+".
    """

    layer: str
    parameters: int
    mean_norm_squared: float
    covariance_trace: float
    way: str


@dataclass(frozen=True, slots=True)
class GradientNoise(Shown):
    r"""Moments of the per-example gradients of n examples, by layer and whole.

    Attributes
    ----------
    layers : tuple of LayerNoise
        In the network's order; all NaN where a loss or gradient is not finite.
    examples : int
        n.
    mode : str
        Mode of the network while it was measured: batch normalisation and dropout depend on it.

    Raises
    ------
    ConfigurationError
        If there is no layer, or fewer than two examples.

    Examples
    --------
    >>> noise = GradientNoise((LayerNoise("0", 6, 4.0, 12.0, "rule"),), 100, "eval")
    >>> noise.noise_scale, round(noise.corrected_norm_squared, 2)
    (3.0, 3.88)
    """

    layers: tuple[LayerNoise, ...]
    examples: int
    mode: Mode

    def __post_init__(self) -> None:
        if not self.layers or self.examples < 2:
            raise ConfigurationError(
                f"expected at least 1 layer and 2 examples; got {len(self.layers)} and "
                f"{self.examples}: a variance needs two"
            )

    @property
    def covariance_trace(self) -> float:
        """``tr S`` of the whole gradient: the sum over layers."""
        return math.fsum(layer.covariance_trace for layer in self.layers)

    @property
    def mean_norm_squared(self) -> float:
        """``|g|^2`` of the whole gradient, exact for these examples: the sum over layers."""
        return math.fsum(layer.mean_norm_squared for layer in self.layers)

    @property
    def corrected_norm_squared(self) -> float:
        """``|g|^2 - tr S / n``, unbiased for the population's; it may be negative."""
        return self.mean_norm_squared - self.covariance_trace / self.examples

    @property
    def noise_scale(self) -> float:
        """``tr S / |g|^2`` of these examples, in examples; NaN where the gradient is zero."""
        squared = self.mean_norm_squared
        return self.covariance_trace / squared if squared > 0 else math.nan

    def at(self, batch_size: int, *, replacement: bool = False) -> float:
        """Trace of the covariance of the gradient of a minibatch of these examples.

        Parameters
        ----------
        batch_size : int
            B.
        replacement : bool
            Whether the batch is drawn with replacement.

        Returns
        -------
        float
            ``minibatch_noise`` of the trace.
        """
        return minibatch_noise(
            self.covariance_trace, batch_size, self.examples, replacement=replacement
        )

    def to_frame(self) -> pd.DataFrame:
        """Tidy frame, a row a layer: layer, parameters, the two moments, way."""
        return pd.DataFrame([{k: getattr(x, k) for k in x.__slots__} for x in self.layers])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the trace of the covariance in each layer."""
        from causalhyper.figures.dots import plot_dots

        frame = self.to_frame().rename(columns={"layer": "label", "covariance_trace": "value"})
        return plot_dots(
            frame,
            xlabel="trace of the gradients' covariance (squared loss per squared parameter)",
            log=True,
            ax=ax,
        )

    def summary(self) -> str:
        """Describe the moments in words, the noisiest layer last."""
        trace = self.covariance_trace
        noisiest = max(self.layers, key=lambda x: x.covariance_trace)
        share = noisiest.covariance_trace / trace if trace > 0 else math.nan
        return (
            f"gradient noise of {self.examples} examples in {self.mode} mode\n"
            f"  tr S = {trace:.4g}, |g|^2 = {self.mean_norm_squared:.4g}, "
            f"tr S / |g|^2 = {self.noise_scale:.4g} examples\n"
            f"  the noisiest layer is {noisiest.layer}, with {share:.0%} of tr S"
        )
