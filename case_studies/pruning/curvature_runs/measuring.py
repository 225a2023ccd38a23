"""What is measured of one network: its flatness in both spaces, and loss surfaces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn

from case_studies.pruning.deep_runs.design import NETWORKS
from case_studies.pruning.deep_runs.images import shaped
from case_studies.pruning.images import parts_of
from case_studies.pruning.kept_weights import KeptNetwork
from case_studies.pruning.stacked_runs.sheets import read_images
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.masks import Masks
from collectors.curvature import flatness, loss_surface
from collectors.pruning.seeding import random_state_kept

DENSE = "dense"
LOSS = nn.CrossEntropyLoss(reduction="none")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is measured, and on how many images.

    Attributes
    ----------
    examples : int
        Training images, drawn once a data set, the same for all its networks.
    batch : int
        Images of one pass; memory grows with it, and fewer passes are faster.
    top : int
        Largest eigenvalues.
    tolerance : float
        Relative error of each.
    products : int
        For the trace.
    points : int
        Of a surface, along each axis; odd.
    span : float
        A surface goes from -span to span, in units of the network's filters.
    """

    examples: int = 1000
    batch: int = 1000
    top: int = 5
    tolerance: float = 1e-3
    products: int = 48
    points: int = 21
    span: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """The training images on which networks of one data set are measured.

    Attributes
    ----------
    batches : tuple of (Tensor, Tensor)
        Inputs, standardised as in training, and classes.
    population : int
        Training images from which they were drawn.
    """

    batches: tuple[tuple[Tensor, Tensor], ...]
    population: int

    @property
    def shape(self) -> torch.Size:
        """Of one image."""
        return self.batches[0][0].shape[1:]

    @property
    def data(self) -> tuple[Tensor, Tensor] | list[tuple[Tensor, Tensor]]:
        """One batch, whose graph is kept between products, or several."""
        return self.batches[0] if len(self.batches) == 1 else list(self.batches)


def draw_images(folder: Path, network: KeptNetwork, wanted: Wanted, device: str) -> Images:
    """Draw training images at random, without replacement; of a data set always the same.

    Parameters
    ----------
    folder : Path
        Of the images, see `read_images`.
    network : KeptNetwork
        Says of which data set, how many of its images were held out of training, and how images
        were shaped; see `place_of`.
    wanted : Wanted
        How many.
    device : str
        Where they lie.

    Returns
    -------
    Images

    Raises
    ------
    ConfigurationError
        If there are not so many.
    """
    dataset, validation, side, channels = place_of(network)
    train = parts_of(read_images(folder, dataset), device, wanted.batch, validation)["train"]
    count = len(train.images)
    if not 2 <= wanted.examples <= count:
        raise ConfigurationError(
            f"{dataset} has {count} training images; expected from 2 to as many examples, got "
            f"{wanted.examples}"
        )
    rows = torch.randperm(count, generator=torch.Generator().manual_seed(0))[: wanted.examples]
    chosen = rows.sort().values.to(train.images.device)
    inputs = (train.images[chosen].float() - train.centre) / train.scale
    inputs = shaped(inputs, side or inputs.shape[-1], channels or inputs.shape[1])
    pairs = zip(inputs.split(wanted.batch), train.classes[chosen].split(wanted.batch), strict=True)
    return Images(tuple(pairs), count)


def place_of(network: KeptNetwork) -> tuple[str, int, int | None, int | None]:
    """Return the data set, images held out, and side and channels unless they are the images'."""
    names = network.names
    shape = names.get("side"), names.get("channels")
    return str(names["dataset"]), int(names["validation"]), *shape


def as_model(network: KeptNetwork, images: Images) -> nn.Module:
    """Make the network from its weights.

    Parameters
    ----------
    network : KeptNetwork
    images : Images
        Say the device and the size.

    Returns
    -------
    Module

    Raises
    ------
    DataError
        If the network is not known, or the weights are not its own for such images.
    """
    inputs = images.batches[0][0]
    channels, size, _ = images.shape
    name, run, own = network.names["network"], network.names["run_id"], network.layout.shapes
    known = {each.name: each for each in NETWORKS}
    if name not in known:
        raise DataError(f"{run} is a {name}; expected one of {', '.join(known)}")
    classes = list(own.values())[-1][0]  # the last parameter is the bias of the last layer
    with random_state_kept((), []):  # first weights are drawn, and not used
        model: nn.Module = known[name].make(classes, channels, size, None)()
    state = model.state_dict()
    shapes = {key: tuple(v.shape) for key, v in state.items() if v.is_floating_point()}
    if shapes != dict(own):
        raise DataError(
            f"{run} has parameters {dict(own)}; expected those of {name} for images of "
            f"{tuple(images.shape)}: {shapes}"
        )
    model.load_state_dict({**state, **network.layout.state(network.row)})
    return model.to(inputs.device)


def measure_flatness(network: KeptNetwork, images: Images, wanted: Wanted) -> pd.DataFrame:
    """Measure eigenvalues, trace and sharpness; of the dense network in the full space alone.

    Parameters
    ----------
    network : KeptNetwork
    images : Images
    wanted : Wanted

    Returns
    -------
    DataFrame
        As `Flatness.to_frame` has it, with the network's labels.
    """
    found = flatness(
        as_model(network, images),
        LOSS,
        images.data,
        masks=_masks(network),
        top=wanted.top,
        tolerance=wanted.tolerance,
        products=wanted.products,
        probes=0,
        population=images.population,
        generator=torch.Generator().manual_seed(0),
    )
    return found.to_frame(**_labels(network))


def measure_surfaces(network: KeptNetwork, images: Images, wanted: Wanted) -> pd.DataFrame:
    """Evaluate the loss on a plane, in the kept and in the full space.

    All networks have the same directions, but for the norms of their filters.

    Parameters
    ----------
    network : KeptNetwork
    images : Images
    wanted : Wanted

    Returns
    -------
    DataFrame
        As `LossSurface.to_frame` has it, with the network's labels and the column space.
    """
    return pd.concat(list(_surfaces(network, images, wanted)), ignore_index=True)


def _surfaces(network: KeptNetwork, images: Images, wanted: Wanted) -> Iterator[pd.DataFrame]:
    model, masks = as_model(network, images), _masks(network)
    for space in ("full",) if masks is None else ("full", "kept"):
        found = loss_surface(
            model,
            LOSS,
            images.data,
            points=wanted.points,
            span=wanted.span,
            masks=masks if space == "kept" else None,
            generator=torch.Generator().manual_seed(0),
        )
        yield found.to_frame(**_labels(network), space=space)


def _masks(network: KeptNetwork) -> Masks | None:
    whole = network.names["method"] == DENSE
    return None if whole else network.layout.masks(network.kept)


def _labels(network: KeptNetwork) -> dict[str, object]:
    names = network.names
    keys = ("dataset", "network", "protocol", "method", "seed")
    return {key: names[key] for key in keys} | {"pruned": names["target"]}
