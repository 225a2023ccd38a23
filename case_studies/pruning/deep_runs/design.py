"""What is pruned: networks, data sets, methods, sparsities and lengths, all in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import nn

from case_studies.pruning.lenet import paper_lenet
from causalhyper.granger.criteria import named
from collectors.ensembles.pruning import Ladder, Method, ladder
from collectors.networks import AlexNet, ResNet18
from collectors.pruning import PruningSettings

DENSE = "dense"


@dataclass(frozen=True, slots=True)
class Source:
    """A data set.

    Attributes
    ----------
    name : str
        In the frames, and of its files.
    validation : int
        Training images held out, the last ones.
    published : mapping of str to float
        By network, the share that the paper's table 2 prunes by the causal criterion.
    penalties : mapping of str to float
        By network, the L1_coeff of the paper's table 3, with which its rule does so.
    """

    name: str
    validation: int
    published: Mapping[str, float]
    penalties: Mapping[str, float]


SOURCES = (
    Source(
        "cifar10",
        10_000,
        {"LeNet": 0.963, "AlexNet": 0.9913, "ResNet18": 0.9117},
        {"LeNet": 1e-14, "AlexNet": 1e-16, "ResNet18": 1e-15},
    ),
    Source(
        "fashion_mnist",
        10_000,
        {"LeNet": 0.6872, "AlexNet": 0.9337, "ResNet18": 0.8521},
        {"LeNet": 1e-14, "AlexNet": 1e-17, "ResNet18": 1e-16},
    ),
    Source(
        "tiny_imagenet50",
        2_000,
        {"LeNet": 0.9608, "AlexNet": 0.8872, "ResNet18": 0.7393},
        {"LeNet": 1e-14, "AlexNet": 1e-16, "ResNet18": 1e-15},
    ),
)
"""The paper has all 200 classes of Tiny-ImageNet; tiny_imagenet50 has 50 of them, 200 training
images each, and the official validation images of these classes as test images."""


@dataclass(frozen=True, slots=True)
class Network:
    """An architecture, with how it is pruned unless options say otherwise.

    Attributes
    ----------
    name : str
        In the frames.
    cell : str
        Its name in the paper's table 2.
    settings : PruningSettings
        Lengths and rates.
    methods : tuple of str
        Among those of `methods`; "dense" is one.
    side : int or None
        Images are enlarged to so many pixels a side; None leaves them.
    channels : int or None
        Grey images are repeated so often; None leaves them.
    """

    name: str
    cell: str
    settings: PruningSettings
    methods: tuple[str, ...]
    side: int | None = None
    channels: int | None = None

    def make(self, classes: int, channels: int, side: int, rule: str | None) -> Any:
        """Return a function without arguments that makes the network."""
        options: dict[str, Any] = {"classes": classes, "channels": channels}
        options |= {} if rule is None else {"initialisation": rule}
        if self.cell == "LeNet":
            return paper_lenet(side=side, **options)
        if self.cell == "AlexNet":
            return partial(AlexNet, **options)
        return partial(ResNet18, normalise=self.name.endswith("BN"), **options)


FEW = (
    DENSE,
    "magnitude",
    "lamp",
    "magnitude-later",
    "movement",
    "fisher",
    "causal-covariance",
    "causal-covariance-shifted",
    "random at causal-covariance",
)
MORE = (*FEW, "causal-marginal", "gain", "lamp-later", "magnitude at causal-covariance")
OWN = "causal-published"
"""The paper's rule with its L1_coeff of the cell, which decides how much is pruned."""
EXACT = (OWN, f"random at {OWN}", f"magnitude at {OWN}")
ALL = (*MORE, *EXACT, "causal-correlation", "magnitude-uniform", "taylor", "obd", "woodfisher",
       "random")  # fmt: skip
SHORT = PruningSettings(n_iter=5, n_prune=3, n_post=30)
MIDDLE = PruningSettings(n_iter=5, n_prune=5, n_post=40)

NETWORKS = (
    Network("ResNet18", "ResNet18", SHORT, MORE),
    Network("AlexNet", "AlexNet", MIDDLE, FEW, side=64, channels=3),
    Network("LeNet", "LeNet", PruningSettings(n_post=60), ALL),
    Network("ResNet18-BN", "ResNet18", SHORT, MORE),
)
"""ResNet18: a first convolution of 3 x 3 and no pooling behind it; convolutions with biases and no
normalisation, as in the paper's code (11,169,162 parameters with three channels and 10 classes);
ResNet18-BN has batch normalisation instead. AlexNet is torchvision's with dropout (57,044,810
parameters with 10 classes), so grey images are given three times. The paper does not say how
large its images are; 64 pixels are the fewest that torchvision's layers take but one. One value a
channel is left of 64 pixels, which the adaptive pooling repeats 36 times; at 224 none is repeated.
LeNet has kernels of 7 for Tiny-ImageNet, as the paper's code."""


@dataclass(frozen=True, slots=True)
class Study:
    """Sizes that all runs share.

    Attributes
    ----------
    seeds : tuple of int
        From 0; all of a cell before the next cell.
    sparsities : tuple of float
        Shares pruned.
    with_published : bool
        Prune as much as the paper's table 2 too.
    batch_size : int
        Of a minibatch.
    validation : int or None
        Training images held out, instead of each data set's own.
    later : int
        Epochs of Adam after which "-later" methods rank.
    stop_on : str
        "train" or "validation", see `collectors.deep_pruning.posttrain`.
    changes : mapping
        Fields of every network's settings that options change.
    methods : tuple of str or None
        Instead of each network's own.
    initialisation : str or None
        Instead of each network's own.
    side : int or None
        Pixels a side to which images of networks that ask for it are enlarged.
    kept : tuple of str
        Methods whose final weights, of the paper's rate, are written too.
    tuning_seeds : tuple of int
        Of the tuning; none is in `seeds`.
    rates : tuple of float
        Grid of the tuning, increasing.
    tuned_at : float
        The sparsity at which rates of post-training are tuned, for all.
    """

    seeds: tuple[int, ...] = (100, 101, 102)
    sparsities: tuple[float, ...] = (0.95, 0.98, 0.99)
    with_published: bool = True
    batch_size: int = 512
    validation: int | None = None
    later: int = 10
    stop_on: str = "train"
    changes: Mapping[str, int] = field(default_factory=dict)
    methods: tuple[str, ...] | None = None
    initialisation: str | None = None
    side: int | None = None
    kept: tuple[str, ...] = ()
    tuning_seeds: tuple[int, ...] = (200,)
    rates: tuple[float, ...] = (2.5e-4, 5e-4, 1e-3, 2e-3)
    tuned_at: float = 0.98

    def ladder(self, network: Network, source: Source, settings: PruningSettings) -> Ladder:
        """Return the way down in one cell."""
        shares = {*self.sparsities}
        shares |= {source.published[network.cell]} if self.with_published else set()
        return ladder(sorted(shares), settings.n_iter, settings.schedule)


SHIFT = 100
"""Steps by which the control's losses are shifted; half the steps of a shorter stage."""


def methods(steps: int, l1: float) -> dict[str, Method]:
    """Return every method but the dense one, in an order in which owners of counts come first.

    Magnitude and LAMP rank the weights to which training goes back, so they collect nothing: with
    rewinding this is the paper's own baseline.

    Parameters
    ----------
    steps : int
        Of a collecting stage.
    l1 : float
        Of the paper's own rule.

    Returns
    -------
    dict of str to Method

    Examples
    --------
    >>> found = methods(1000, 1e-14)
    >>> found["magnitude"].collecting, found["causal-covariance-shifted"].criterion.shift
    ('none', 100)
    >>> sorted(found) == sorted(set(ALL) - {DENSE})
    True
    """
    covariance, correlation, marginal = (
        named("causal", statistic=s, name=f"causal-{s}")
        for s in ("covariance", "correlation", "marginal")
    )
    exact = named("causal-published", form="sums", l1=l1, name=OWN)
    shift = max(1, min(SHIFT, steps // 2))
    shifted = named("causal-shifted", criterion=covariance, shift=shift)
    rewound = {"at": "rewound"}
    uniform = named("magnitude", name="magnitude-uniform", **rewound)
    own = "causal-covariance"
    known = ("gain", "movement", "fisher", "taylor", "obd", "woodfisher")
    found = [
        Method(own, covariance),
        Method("causal-correlation", correlation),
        Method("causal-marginal", marginal),
        Method("causal-covariance-shifted", shifted),
        Method(OWN, exact, scope="layer", free=True),
        *(Method(name, named(name)) for name in known),
        *(
            Method(name, named(name, **rewound), collecting="none")
            for name in ("magnitude", "lamp")
        ),
        Method("magnitude-uniform", uniform, scope="layer", collecting="none"),
        Method("random", named("random"), collecting="none"),
        *(
            Method(f"{name}-later", named(name, name=f"{name}-later"), collecting="adam")
            for name in ("magnitude", "lamp")
        ),
        *(
            Method(rule.name, rule, collecting="none", counts_of=counted)
            for counted in (own, OWN)
            for rule in (
                named("random", name=f"random at {counted}"),
                named("magnitude", name=f"magnitude at {counted}", **rewound),
            )
        ),
    ]
    return {method.name: method for method in found}


def parameters_of(model: nn.Module) -> int:
    """Count the parameters of a network."""
    return sum(p.numel() for p in model.parameters())
