"""One data set and seed: its data on the device, and the files of its stages."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from case_studies.pruning.images import classes_of, parts_of
from case_studies.pruning.lenet import paper_lenet
from case_studies.pruning.stacked_runs.design import Source, Study
from case_studies.pruning.stacked_runs.sheets import read_images
from causalhyper.frames import write_atomic
from causalhyper.frames.writing import write_frame
from collectors.ensembles.pruning import Pruning, Stack, stacked_network
from collectors.ensembles.pruning.networks import StackedNetwork
from collectors.pruning import PruningTask

NETWORK = "LeNet"


@dataclass(frozen=True, slots=True)
class Device:
    """Where and how networks are trained.

    Attributes
    ----------
    name : str
        Of the device.
    engine : str
        See `stacked_network`.
    collecting, training : {"float32", "tf32", "bfloat16"}
        Precision of products while collecting, and before and after.
    descent : {"float32", "tf32", "bfloat16"}, optional
        That of the gradients of collecting steps, see `Stack`.
    at_once : int
        Networks a pass at most.
    """

    name: str = "cpu"
    engine: str = "conv-loop"
    collecting: Any = "tf32"
    training: Any = "bfloat16"
    at_once: int = 128
    descent: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """One data set.

    Attributes
    ----------
    source : Source
        Which.
    study : Study
        Sizes.
    stack : Stack
        Of no seed in particular; its network is that of collecting.
    trainer : StackedNetwork
        What trains before and after.
    out : Path
        Folder of the files.
    """

    source: Source
    study: Study
    stack: Stack
    trainer: StackedNetwork
    out: Path

    def of_seed(self, seed: int, *, collecting: bool = False) -> Stack:
        """Return the stack of a seed, for collecting or for training before and after."""
        network = self.stack.network if collecting else self.trainer
        return replace(self.stack, seed=seed, network=network)

    def file(self, seed: int, stage: str) -> Path:
        """Return the file of a stage of a seed."""
        return self.out / f"{self.source.name}-s{seed}-{stage}"


def open_cell(data: Path, source: Source, study: Study, device: Device, out: Path) -> Cell:
    """Read a data set, and make what trains its networks.

    Parameters
    ----------
    data : Path
        Folder of the images.
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
    """
    arrays = read_images(data, source.name)
    held = study.validation or source.validation
    parts = parts_of(arrays, device.name, study.batch_size, held)
    _, channels, side, _ = parts["train"].images.shape
    network = paper_lenet(classes_of(arrays), channels, side)
    names = ("train", "validation", "test")
    train, validation, test = (parts[name] for name in names)
    task = PruningTask(network, train, validation, test, device=device.name)
    stack = Stack(
        task,
        stacked_network(task, device.engine),
        study.settings,
        0,
        device.collecting,
        device.training,
        device.at_once,
        descent=device.descent,
    )
    return Cell(source, replace(study, validation=held), stack, stack.network, out)


def write_row(path: Path, row: Tensor, log: list[dict[str, Any]]) -> None:
    """Write the weights after pre-training, and its log."""
    words = np.frombuffer(json.dumps(log).encode(), np.uint8)
    _save(path, {"row": row.cpu().numpy(), "log": words})


def read_row(path: Path, device: str) -> tuple[Tensor, list[dict[str, Any]]]:
    """Read what `write_row` wrote."""
    with np.load(path, allow_pickle=False) as held:
        log = json.loads(held["log"].tobytes())
        return torch.from_numpy(held["row"]).to(device), log


def write_prunings(path: Path, prunings: list[Pruning]) -> None:
    """Write masks as bits, with the rows of the frames until there."""
    about = [
        {"method": p.method, "target": p.target, "log": p.log, "layers": p.layers}
        for p in prunings
    ]
    kept = torch.stack([p.kept for p in prunings]).cpu().numpy()
    words = np.frombuffer(json.dumps(about).encode(), np.uint8)
    bits = np.packbits(kept, axis=1)
    _save(path, {"about": words, "kept": bits, "width": np.array(kept.shape[1])})


def read_prunings(path: Path, device: str) -> list[Pruning]:
    """Read what `write_prunings` wrote."""
    with np.load(path, allow_pickle=False) as held:
        about, width = json.loads(held["about"].tobytes()), int(held["width"])
        kept = np.unpackbits(held["kept"], axis=1, count=width).astype(bool)
    rows = torch.from_numpy(kept).to(device)
    return [
        Pruning(a["method"], a["target"], row, tuple(a["log"]), tuple(a["layers"]))
        for a, row in zip(about, rows, strict=True)
    ]


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write a frame."""
    write_frame(path, pd.DataFrame(rows))


def _save(path: Path, arrays: dict[str, Any]) -> None:
    import io

    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    write_atomic(path, stream.getvalue())
