"""What a network of images accepts as its input."""

from __future__ import annotations

from torch import Tensor

from causalhyper.errors import ConfigurationError


def checked_images(
    images: Tensor, channels: int, smallest: int = 1, largest: int | None = None
) -> Tensor:
    """Return images, after checking their shape.

    Parameters
    ----------
    images : Tensor, shape (n, channels, height, width)
        What a network is called with.
    channels : int
        Number of channels expected.
    smallest : int
        Pixels that height and width have at least.
    largest : int, optional
        Pixels that height and width have at most.

    Returns
    -------
    Tensor
        The same.

    Raises
    ------
    ConfigurationError
        If the shape is another.

    Notes
    -----
    A module that calls this names it to ``torch.fx.wrap``, so that its networks can be traced
    symbolically.
    """
    shape = tuple(images.shape)
    fits = len(shape) == 4 and shape[1] == channels
    if not fits or min(shape[2:]) < smallest or max(shape[2:]) > (largest or max(shape[2:])):
        sides = "height, width" if largest is None else f"{largest}, {largest}"
        least = f" with sides of {smallest} or more" if largest is None else ""
        raise ConfigurationError(
            f"expected images of shape (n, {channels}, {sides}){least}; got {shape}: resize the "
            "images, or make the network for theirs"
        )
    return images
