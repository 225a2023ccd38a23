"""A small perceptron as a function of one vector, and its training."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from case_studies.pruning.images import load_parts

SIZES = (196, 256, 64, 10)
BATCH = 128
IMAGES = 20_000
"""Images to train on, of the 50,000."""


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """Rows of pixels and their classes.

    Attributes
    ----------
    pixels : Tensor, shape (n, 196)
        Of images of 14 x 14, standardised.
    classes : Tensor, shape (n,)
    """

    pixels: Tensor
    classes: Tensor

    def rows(self, chosen: Tensor) -> Images:
        """Return some of them."""
        return Images(self.pixels[chosen], self.classes[chosen])


def load_images(path: Path) -> dict[str, Images]:
    """Read images, and average pixels two by two: train, validation, test."""
    found = {}
    for name, part in load_parts(path, "cpu", BATCH).items():
        held = part.images[:IMAGES] if name == "train" else part.images
        small = functional.avg_pool2d((held.float() - part.centre) / part.scale, 2)
        found[name] = Images(small.flatten(1), part.classes[: len(small)])
    return found


def layer_places() -> dict[str, tuple[slice, tuple[int, int]]]:
    """Return where the weights of each layer stand in the vector, and their shapes."""
    found, start = {}, 0
    for i, (inputs, outputs) in enumerate(pairwise(SIZES)):
        found[f"fc{i + 1}"] = (slice(start, start + inputs * outputs), (outputs, inputs))
        start += inputs * outputs
    return found


def new_parameters(generator: torch.Generator) -> Tensor:
    """Draw all parameters: weights of all layers, then biases; He's scale."""
    weights = [
        math.sqrt(2 / shape[1]) * torch.randn(shape[0] * shape[1], generator=generator)
        for _, shape in layer_places().values()
    ]
    return torch.cat([*weights, torch.zeros(sum(SIZES[1:]))])


def outputs(theta: Tensor, pixels: Tensor) -> Tensor:
    """Return a score a class."""
    places = list(layer_places().values())
    counts = [a * b for _, (a, b) in places] + list(SIZES[1:])
    parts = theta.split(counts)
    hidden = pixels
    for i, (_, shape) in enumerate(places):
        hidden = functional.linear(hidden, parts[i].view(shape), parts[len(places) + i])
        hidden = hidden.relu() if i < len(places) - 1 else hidden
    return hidden


def loss(theta: Tensor, batch: Images) -> Tensor:
    """Return the mean cross-entropy."""
    return functional.cross_entropy(outputs(theta, batch.pixels), batch.classes)


def exact_loss(theta: Tensor, batch: Images) -> float:
    """Return the loss in double precision, of which small differences are taken."""
    with torch.no_grad():
        return float(loss(theta.double(), Images(batch.pixels.double(), batch.classes)))


def gradient(theta: Tensor, batch: Images) -> Tensor:
    """Return the gradient of the loss."""
    held = theta.detach().requires_grad_()
    (found,) = torch.autograd.grad(loss(held, batch), held)
    return found


def train(
    theta: Tensor, mask: Tensor, images: Images, epochs: int, rate: float, rng: torch.Generator
) -> Tensor:
    """Train by Adam; what is masked stays zero."""
    held = (theta * mask).requires_grad_()
    optimizer = torch.optim.Adam([held], lr=rate)
    for _ in range(epochs):
        for chosen in torch.randperm(len(images.classes), generator=rng).split(BATCH):
            held.grad = gradient(held, images.rows(chosen)) * mask
            optimizer.step()
    return held.detach()


def accuracy(theta: Tensor, images: Images) -> float:
    """Return the share of images whose class has the largest score."""
    with torch.no_grad():
        found = outputs(theta, images.pixels).argmax(1)
    return float((found == images.classes).double().mean())
