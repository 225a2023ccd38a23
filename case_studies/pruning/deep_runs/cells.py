"""One network and data set: its subject on the device, and the files of its stages."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from case_studies.pruning.deep_runs.design import DENSE, Network, Source, Study, methods
from case_studies.pruning.deep_runs.images import network_images
from causalhyper.errors import ConfigurationError
from causalhyper.frames import write_atomic
from collectors.deep_pruning import Subject, make_subject
from collectors.ensembles.pruning import Ladder, Method
from collectors.pruning import PruningTask


@dataclass(frozen=True, slots=True)
class Device:
    """Where and how networks are trained.

    Attributes
    ----------
    name : str
        Of the device.
    collecting, training : {"float32", "tf32", "bfloat16"}
        Precision of products while steps are recorded, and elsewhere.
    compiled : bool
        Compile the networks.
    seconds : float
        Between two checkpoints of post-training.
    """

    name: str = "cpu"
    collecting: Any = "tf32"
    training: Any = "bfloat16"
    compiled: bool = False
    seconds: float = 60.0


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One network and data set.

    Attributes
    ----------
    network : Network
        Which.
    source : Source
        Which.
    study : Study
        Sizes.
    device : Device
        Where.
    subject : Subject
        Of no seed in particular.
    ladder : Ladder
        Shares pruned.
    methods : dict of str to Method
        Those that are wanted, owners of counts before who takes them.
    out : Path
        Folder of the files.
    """

    network: Network
    source: Source
    study: Study
    device: Device
    subject: Subject
    ladder: Ladder
    methods: dict[str, Method]
    out: Path

    @property
    def name(self) -> str:
        """Begins the names of its files."""
        return f"{self.network.name}-{self.source.name}"

    @property
    def steps(self) -> int:
        """Minibatches of an epoch."""
        return len(self.subject.task.train)  # type: ignore[arg-type]

    @property
    def dense(self) -> bool:
        """Whether the network is trained without pruning too."""
        return DENSE in (self.study.methods or self.network.methods)

    def targets(self, method: str) -> tuple[float | None, ...]:
        """Shares at which a method's networks are trained; None where the criterion chooses."""
        rule = self.methods[method]
        free = self.methods[rule.counts_of or method].free
        return (None,) if free else tuple(self.ladder.stops)

    def of_seed(self, seed: int) -> Subject:
        """Return the subject of a seed."""
        return replace(self.subject, seed=seed)

    def file(self, seed: int, stage: str) -> Path:
        """Return the file of a stage of a seed."""
        return self.out / f"{self.name}-s{seed}-{stage.replace(' ', '_')}"


def open_cell(
    data: Path, network: Network, source: Source, study: Study, device: Device, out: Path
) -> Cell:
    """Read a data set, and make the network.

    Parameters
    ----------
    data : Path
        Folder of the images.
    network : Network
        Which.
    source : Source
        Which.
    study : Study
        Sizes.
    device : Device
        Where.
    out : Path
        Folder of the files.

    Returns
    -------
    Cell

    Raises
    ------
    ConfigurationError
        If a method is not known, or lacks the one whose counts it takes.
    """
    parts, classes = network_images(
        data,
        source.name,
        device.name,
        study.batch_size,
        study.validation or source.validation,
        side=network.side and (study.side or network.side),
        channels=network.channels,
    )
    settings = replace(network.settings, **study.changes)  # type: ignore[arg-type]
    train = parts["train"]
    make = network.make(classes, train.channels, train.side, study.initialisation)
    task = PruningTask(make, train, parts["validation"], parts["test"], device=device.name)
    subject = make_subject(
        task,
        settings,
        precision=device.collecting,
        fast=device.training,
        channels_last=device.name.startswith("cuda"),
        compiled=device.compiled,
    )
    steps = len(train) * settings.n_prune
    l1 = source.penalties[network.cell]
    chosen = chosen_methods(study.methods or network.methods, steps, l1)
    ladder = study.ladder(network, source, settings)
    return Cell(network, source, study, device, subject, ladder, chosen, out)


def chosen_methods(names: tuple[str, ...], steps: int, l1: float) -> dict[str, Method]:
    """Return the methods of these names, owners of counts first.

    Parameters
    ----------
    names : tuple of str
        Those wanted.
    steps : int
        Of a collecting stage.
    l1 : float
        Of the paper's own rule.

    Returns
    -------
    dict of str to Method

    Raises
    ------
    ConfigurationError
        If one is not known, or lacks the one whose counts it takes.
    """
    known = methods(steps, l1)
    if unknown := [name for name in names if name not in (DENSE, *known)]:
        raise ConfigurationError(
            f"there is no method {unknown[0]!r}; there are {', '.join((DENSE, *known))}"
        )
    found = {name: method for name, method in known.items() if name in names}
    for method in found.values():
        if method.counts_of is not None and method.counts_of not in found:
            raise ConfigurationError(
                f"{method.name!r} takes the layer counts of {method.counts_of!r}: name both"
            )
    return found


def check_options(cell: Cell) -> None:
    """Write down with which options a cell's files are made, or refuse others.

    Parameters
    ----------
    cell : Cell
        Whose files are to be made.

    Raises
    ------
    ConfigurationError
        If the folder holds files that were made with other options.
    """
    study, device = cell.study, cell.device
    own = {
        "settings": asdict(cell.subject.settings),
        "levels": list(cell.ladder.levels),
        "batch_size": study.batch_size,
        "validation": study.validation or cell.source.validation,
        "later": study.later,
        "stop_on": study.stop_on,
        "side": cell.subject.task.train.side,  # type: ignore[union-attr]
        "initialisation": study.initialisation,
        "precisions": [device.collecting, device.training],
        "l1": cell.source.penalties[cell.network.cell],
    }
    keep_or_refuse(cell.out / f"{cell.name}-options.json", own)


def keep_or_refuse(path: Path, own: dict[str, Any]) -> None:
    """Write options down, or refuse them where others are.

    Parameters
    ----------
    path : Path
        File of the options.
    own : dict
        Options as JSON has them.

    Raises
    ------
    ConfigurationError
        If the file holds other options.
    """
    if not path.exists():
        write_atomic(path, json.dumps(own, indent=1).encode())
        return
    there = json.loads(path.read_text("utf-8"))
    if odd := [name for name, value in own.items() if there.get(name) != value]:
        raise ConfigurationError(
            f"{str(path)!r} says that files were made with another {odd[0]}: "
            f"{there.get(odd[0])}; got {own[odd[0]]}: name another folder, or the same options"
        )


def device_name(device: torch.device) -> str:
    """Return what the device is called in the frames."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
