"""ResNet18 for small images, with and without batch normalisation."""

from __future__ import annotations

from typing import Literal

from torch import Tensor, fx, nn

from causalhyper.errors import ConfigurationError
from collectors.networks.images import checked_images
from collectors.networks.initialisation import initialise

BLOCKS = 8
"""Residual blocks of ResNet18."""

fx.wrap("checked_images")


class Block(nn.Module):
    """Two convolutions beside a shortcut.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    stride : int
        Of the first convolution and of the shortcut.
    normalise : bool
        With batch normalisation, and no biases; else with biases.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, normalise: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=not normalise)
        self.bn1 = normalisation(outputs, normalise)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=not normalise)
        self.bn2 = normalisation(outputs, normalise)
        self.downsample = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.downsample.append(nn.Conv2d(inputs, outputs, 1, stride, bias=not normalise))
            self.downsample.append(normalisation(outputs, normalise))

    def forward(self, x: Tensor) -> Tensor:
        """Return what the next block takes."""
        branch = self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))
        found: Tensor = (branch + self.downsample(x)).relu()
        return found


class ResNet18(nn.Module):
    """ResNet18 for images of about 32 x 32: a first 3 x 3 convolution, no pooling behind it.

    Parameters
    ----------
    classes : int
        Number of outputs.
    normalise : bool
        With batch normalisation and convolutions without biases, or, as in the paper, without it
        and convolutions with biases.
    channels : int
        Of the images.
    width : int
        Channels of the first of the four stages; each further stage has twice those before it.
    initialisation : {"torch", "published", "stable"}, optional
        Torch's own; that of the paper's code (see `initialise`); or one for depth. Without it
        "torch" with normalisation and "stable" without.

    Raises
    ------
    ConfigurationError
        If the initialisation is none of the three; when called, if images have other channels.

    Notes
    -----
    He, Zhang, Ren and Sun 2016, "Deep residual learning for image recognition". Parameters with
    10 classes: 11,169,162 without normalisation, 11,173,962 with it. The last activations are
    averaged over all positions, so every image size goes.

    Without normalisation the initialisation decides how activations grow. "published" about
    doubles their variance with every block, and torch's own shrinks what comes through branches
    and shortcuts. "stable" is that of Hayou et al. 2021, "Stable ResNet": normal of variance
    ``2 / fan_in``, the last convolution of every branch divided by the root of the number of
    blocks, so that the variance of all blocks together grows about e-fold; the last layer is left
    to torch.

    Examples
    --------
    >>> import torch
    >>> with torch.device("meta"):
    ...     models = ResNet18(), ResNet18(normalise=True)
    >>> [sum(p.numel() for p in model.parameters()) for model in models]
    [11169162, 11173962]
    """

    def __init__(
        self,
        classes: int = 10,
        normalise: bool = False,
        *,
        channels: int = 3,
        width: int = 64,
        initialisation: Literal["torch", "published", "stable"] | None = None,
    ) -> None:
        super().__init__()
        self.channels = channels
        self.conv1 = nn.Conv2d(channels, width, 3, padding=1, bias=not normalise)
        self.bn1 = normalisation(width, normalise)
        self.layer1 = _stage(width, width, 1, normalise)
        self.layer2 = _stage(width, 2 * width, 2, normalise)
        self.layer3 = _stage(2 * width, 4 * width, 2, normalise)
        self.layer4 = _stage(4 * width, 8 * width, 2, normalise)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8 * width, classes)
        _initialise(self, initialisation or ("torch" if normalise else "stable"))

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits, shape (n, classes), of images of shape (n, channels, side, side)."""
        x = checked_images(images, self.channels)
        x = self.bn1(self.conv1(x)).relu()
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        logits: Tensor = self.fc(self.avgpool(x).flatten(1))
        return logits


def normalisation(channels: int, normalise: bool) -> nn.Module:
    """Return batch normalisation of these channels, or what changes nothing.

    Parameters
    ----------
    channels : int
        Of what it is given.
    normalise : bool
        Whether it normalises.

    Returns
    -------
    Module
    """
    return nn.BatchNorm2d(channels) if normalise else nn.Identity()


def _stage(inputs: int, outputs: int, stride: int, normalise: bool) -> nn.Sequential:
    return nn.Sequential(
        Block(inputs, outputs, stride, normalise), Block(outputs, outputs, 1, normalise)
    )


def _initialise(model: ResNet18, rule: str) -> None:
    """Set the first weights, in place."""
    if rule not in ("torch", "published", "stable"):
        raise ConfigurationError(
            f"initialisation must be 'torch', 'published' or 'stable'; got {rule!r}"
        )
    if rule != "stable":
        initialise(model, rule)
        return
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    for block in model.modules():
        if isinstance(block, Block):
            block.conv2.weight.data.mul_(BLOCKS**-0.5)
