"""AlexNet in torchvision's layout."""

from __future__ import annotations

from torch import Tensor, fx, nn

from collectors.networks.images import checked_images
from collectors.networks.initialisation import Initialisation, initialise

SMALLEST = 63
"""Pixels a side, below which nothing is left after the last pooling."""

fx.wrap("checked_images")


class AlexNet(nn.Module):
    """Five convolutions and three linear layers; names and shapes are torchvision's.

    Parameters
    ----------
    classes : int
        Number of outputs.
    channels : int
        Of the images.
    initialisation : {"torch", "published"}
        Torch's own, or that of the paper's code: see `initialise`.

    Raises
    ------
    ConfigurationError
        When called, if images have other channels or a side under 63 pixels; those of CIFAR-10
        have to be enlarged first, to 224 pixels as a rule.

    Notes
    -----
    Krizhevsky, Sutskever and Hinton 2012, "ImageNet classification with deep convolutional neural
    networks", in the single-tower widths of Krizhevsky 2014, "One weird trick for parallelizing
    convolutional neural networks". Weights of torchvision's ``alexnet`` load by name. 57,044,810
    parameters with 10 classes.

    Examples
    --------
    >>> import torch
    >>> with torch.device("meta"):
    ...     model = AlexNet()
    >>> sum(p.numel() for p in model.parameters())
    57044810
    """

    def __init__(
        self, classes: int = 10, channels: int = 3, *, initialisation: Initialisation = "torch"
    ) -> None:
        super().__init__()
        self.channels = channels
        self.features = nn.Sequential(
            nn.Conv2d(channels, 64, 11, stride=4, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),
        )
        self.avgpool = nn.AdaptiveAvgPool2d(6)
        self.classifier = nn.Sequential(
            nn.Dropout(),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(),
            nn.Dropout(),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, classes),
        )
        initialise(self, initialisation)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits, shape (n, classes), of images of shape (n, channels, side, side)."""
        x = checked_images(images, self.channels, SMALLEST)
        logits: Tensor = self.classifier(self.avgpool(self.features(x)).flatten(1))
        return logits
