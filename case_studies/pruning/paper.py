"""What the paper reports: its table 2, share pruned and test accuracy in percent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reported:
    """One row of table 2.

    Attributes
    ----------
    network, dataset : str
    dense : float
        Accuracy without pruning.
    magnitude, causal : tuple of float
        Share pruned, and accuracy.
    """

    network: str
    dataset: str
    dense: float
    magnitude: tuple[float, float]
    causal: tuple[float, float]


TABLE_2 = (
    Reported("LeNet", "FashionMNIST", 90.51, (65.13, 90.31), (68.72, 90.39)),
    Reported("LeNet", "CIFAR-10", 64.49, (95.99, 55.71), (96.30, 67.22)),
    Reported("LeNet", "Tiny-ImageNet", 17.79, (95.99, 9.93), (96.08, 19.49)),
    Reported("AlexNet", "FashionMNIST", 91.05, (95.99, 91.09), (93.37, 91.25)),
    Reported("AlexNet", "CIFAR-10", 70.29, (95.99, 69.88), (99.13, 72.01)),
    Reported("AlexNet", "Tiny-ImageNet", 37.38, (88.71, 41.89), (88.72, 41.64)),
    Reported("ResNet18", "FashionMNIST", 92.79, (85.22, 92.08), (85.21, 92.32)),
    Reported("ResNet18", "CIFAR-10", 74.05, (91.11, 76.18), (91.17, 78.45)),
    Reported("ResNet18", "Tiny-ImageNet", 29.40, (77.87, 28.22), (73.93, 29.72)),
)
"""Shah et al., "A Granger-causal perspective on gradient descent with application to pruning",
table 2; one number a cell, no seeds, sparsities that differ between methods."""


@dataclass(frozen=True, slots=True)
class Published:
    """A figure for ResNet50 on ImageNet.

    Attributes
    ----------
    method, how : str
    pruned, accuracy : float
        In percent.
    source : str
    """

    method: str
    how: str
    pruned: float
    accuracy: float
    source: str


IMAGENET = (
    Published("causal", "at once, after fine-tuning (54 before)", 80, 71, "the paper, section 4"),
    Published("CHITA", "at once", 80, 45, "read by the paper off CHITA's figure 2(a)"),
    Published("causal", "in two steps", 95, 56, "the paper, section 4"),
    Published("CHITA", "gradually", 95, 73, "reported by CHITA, as the paper quotes it"),
)
"""One number each, without seeds; the paper says that neither was tuned and set-ups differ."""


def same_cell(row: Reported, network: str, dataset: str) -> bool:
    """Whether runs stand beside a row of table 2; a subset of the classes, in brackets, does.

    Parameters
    ----------
    row : Reported
    network, dataset : str
        Of the runs, as they are shown.

    Returns
    -------
    bool

    Examples
    --------
    >>> same_cell(TABLE_2[2], "LeNet", "Tiny-ImageNet (50 classes)")
    True
    """
    return (row.network, row.dataset) == (network, dataset.partition(" (")[0])
