"""LeNet as the pruning paper has it."""

from __future__ import annotations

from torch import Tensor, fx, nn

from causalhyper.errors import ConfigurationError
from collectors.networks.images import checked_images
from collectors.networks.initialisation import Initialisation, initialise

fx.wrap("checked_images")


class LeNet(nn.Module):
    """Two convolutions (20 and 50 channels), each with pooling, and two linear layers (500, C).

    Parameters
    ----------
    classes : int
        Number of outputs C.
    channels : int
        Of the images.
    size : int
        Height and width of the images, in pixels.
    kernel : int
        Of the convolutions; the paper has 7 for Tiny-ImageNet.
    initialisation : {"torch", "published"}
        Torch's own, or that of the paper's code: see `initialise`.

    Raises
    ------
    ConfigurationError
        If the images are too small for the kernels; when called, if images are of another shape.

    Notes
    -----
    After LeCun, Bottou, Bengio and Haffner 1998, "Gradient-based learning applied to document
    recognition", in the widths of Caffe's example. Parameters: 657,080 for CIFAR-10 (656,500
    without biases), 431,080 for FashionMNIST (``channels=1, size=28``), 3,177,710 for
    Tiny-ImageNet (``classes=200, size=64, kernel=7``).

    Examples
    --------
    >>> sum(p.numel() for p in LeNet().parameters())
    657080
    """

    def __init__(
        self,
        classes: int = 10,
        channels: int = 3,
        size: int = 32,
        *,
        kernel: int = 5,
        initialisation: Initialisation = "torch",
    ) -> None:
        super().__init__()
        side = ((size - kernel + 1) // 2 - kernel + 1) // 2
        if side < 1:
            raise ConfigurationError(
                f"images of {size} x {size} are too small for two kernels of {kernel} x {kernel} "
                f"with pooling: LeNet needs a size of {3 * kernel + 1} at least"
            )
        self.channels, self.size = channels, size
        self.conv1 = nn.Conv2d(channels, 20, kernel)
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(20, 50, kernel)
        self.pool2 = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(50 * side * side, 500)
        self.fc2 = nn.Linear(500, classes)
        initialise(self, initialisation)

    def forward(self, images: Tensor) -> Tensor:
        """Return the logits, shape (n, classes), of images of shape (n, channels, size, size)."""
        x = checked_images(images, self.channels, self.size, self.size)
        x = self.pool1(self.conv1(x).relu())
        x = self.pool2(self.conv2(x).relu()).flatten(1)
        logits: Tensor = self.fc2(self.fc1(x).relu())
        return logits
