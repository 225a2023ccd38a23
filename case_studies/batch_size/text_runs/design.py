"""What is trained: data sets, models, budgets and arms, all in one place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from collectors.ensembles.stacked_transformers import EncoderShape


@dataclass(frozen=True, slots=True)
class Source:
    """A data set.

    Attributes
    ----------
    name : str
        In the frame.
    file : str
        Of the table of texts.
    tokens : int
        A text is cut after so many word pieces.
    """

    name: str
    file: str
    tokens: int


@dataclass(frozen=True, slots=True)
class Recipe:
    """A model and how it is trained.

    Attributes
    ----------
    name : str
        In the frame.
    shape : EncoderShape
        Of the encoder.
    width, inner : int
        Of the hidden states and of the dense maps between them.
    pretrained : bool
        Whether the encoder begins with MiniLM's weights; drawn by the seed if not.
    epochs, updates : int
        Budgets of "equal_epochs" and of "equal_updates"; the latter caps "equal_loss" too.
    rate : float
        The fixed learning rate.
    rates : tuple of float
        Grid of the tuning, increasing; holds the fixed rate.
    check_every : int
        The full training loss is looked at after every so many updates.
    """

    name: str
    shape: EncoderShape
    width: int
    inner: int
    pretrained: bool
    epochs: int
    updates: int
    rate: float
    rates: tuple[float, ...]
    check_every: int


@dataclass(frozen=True, slots=True)
class Study:
    """Sizes that all runs share.

    Attributes
    ----------
    seeds, tuning_seeds : tuple of int
        Of the study and of the tuning; none is in both.
    batch_sizes : tuple of int
        Each divides `n_train`.
    n_train, n_validation, n_test : int
        Examples; validation and test are cut to what the official parts have.
    weight_decay : float
        Of AdamW.
    label_noise : float
        Share of the training labels that the arm replaces.
    rho : float
        Radius of SAM and of `sam_sharpness`.
    noise_examples, noise_batch : int
        Examples of one estimate of the gradient noise, and of each part of their partition.
    sharpness_examples, products : int
        Training examples of the Hessian, and the most products of the Lanczos process.
    together : int
        The most examples in one pass over all members.
    """

    seeds: tuple[int, ...] = tuple(range(8))
    tuning_seeds: tuple[int, ...] = (1000, 1001, 1002)
    batch_sizes: tuple[int, ...] = (16, 32, 64, 128, 256, 512)
    n_train: int = 2048
    n_validation: int = 1000
    n_test: int = 2000
    weight_decay: float = 0.01
    label_noise: float = 0.2
    rho: float = 0.05
    noise_examples: int = 512
    noise_batch: int = 64
    sharpness_examples: int = 128
    products: int = 12
    together: int = 4096


SOURCES = (
    Source("amazon", "amazon_reviews_14dom.csv.gz", 64),
    Source("nicta_piboso", "nicta_piboso.csv.gz", 48),
)
RECIPES = (
    Recipe(
        "MiniLM",
        EncoderShape(layers=6, heads=12),
        width=384,
        inner=1536,
        pretrained=True,
        epochs=3,
        updates=96,
        rate=5e-5,
        rates=(1.25e-5, 2.5e-5, 5e-5, 1e-4, 2e-4),
        check_every=4,
    ),
    Recipe(
        "RoBERTa-small",
        EncoderShape(layers=4, heads=4, first_position=1),
        width=256,
        inner=1024,
        pretrained=False,
        epochs=10,
        updates=320,
        rate=5e-4,
        rates=(1.25e-4, 2.5e-4, 5e-4, 1e-3, 2e-3),
        check_every=8,
    ),
)
ARMS = ("plain", "sam", "label_noise", "tuned", "noise_added", "noise_removed")
LARGEST_ALONE = ("noise_added", "noise_removed")
"""Arms that are trained with the largest minibatch alone: with the smallest one's noise added, or
as the smallest batch whose gradients are accumulated to the largest, for as many updates."""


def epoch_updates(study: Study, recipe: Recipe, batch_size: int) -> int:
    """Updates of the equal-epochs budget.

    Examples
    --------
    >>> [epoch_updates(Study(), RECIPES[0], size) for size in (16, 512)]
    [384, 12]
    """
    return recipe.epochs * study.n_train // batch_size


def quarters(updates: int) -> tuple[int, ...]:
    """Updates after 25, 50 and 75% of a budget, at least 1.

    Examples
    --------
    >>> quarters(12)
    (3, 6, 9)
    """
    return tuple(max(1, updates * k // 4) for k in (1, 2, 3))


def drawn_order(batch_sizes: Sequence[int], *words: int) -> dict[int, int]:
    """Draw the place in time of each batch size's stack; the seeds of one are made together.

    Examples
    --------
    >>> sorted(drawn_order((16, 32, 64), 5).values())
    [0, 1, 2]
    """
    places = np.random.default_rng([271, *words]).permutation(len(batch_sizes))
    return dict(zip(batch_sizes, (int(place) for place in places), strict=True))


def added_share(n: int, batch_size: int, noise_of: int) -> float:
    """Find c such that w_B + c (w_b - 1/n) has the gradient noise of w_b.

    Both minibatches are drawn without replacement and independently, so that the traces add:
    S/B (1 - B/n) + c^2 S/b (1 - b/n) = S/b (1 - b/n).

    Examples
    --------
    >>> round(added_share(2048, 512, 16), 4)
    0.9881
    """
    return float(np.sqrt(1 - noise_factor(n, batch_size) / noise_factor(n, noise_of)))


def noise_factor(n: int, batch_size: int) -> float:
    """Trace of a minibatch gradient's covariance, per unit of S, drawn without replacement."""
    return (1 - batch_size / n) / batch_size
