"""A pruning's result as files: weights, masks, frames, and a word on what they are."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames import write_together
from causalhyper.granger.masks import Masks
from collectors.pruning.extras import needed
from collectors.pruning.folders import RESULT, read_json
from collectors.pruning.frames import LAYERS, LOG
from collectors.pruning.pruned import Pruned
from collectors.pruning.safetensors_masks import MASK
from collectors.pruning.settings import PruningSettings
from collectors.pruning.tasks import PruningTask

FORMAT = "causalhyper pruned network 1"
WEIGHTS, MASKS, UNITS = "weights.safetensors", "masks.safetensors", "units.safetensors"
LOG_FILE, LAYERS_FILE, SECONDS = "log.parquet", "layers.parquet", "seconds.json"
DEAD = "dead_units.parquet"


def write_pruned(folder: Path, pruned: Pruned) -> None:
    """Write a result; the last file says that all are there.

    Parameters
    ----------
    folder : Path
        Made when missing.
    pruned : Pruned
        What to write.

    Notes
    -----
    Durations have a file of their own: all others are equal in bytes where runs are equal.
    """
    named = {"format": FORMAT, "run_id": pruned.run_id, "seed": pruned.seed}
    about = named | {
        "method": pruned.method,
        "settings": pruned.settings.to_dict(),
        "examples": dict(pruned.examples),
        "structured": pruned.units is not None,
        "dead units": pruned.dead is not None,
        "layers": list(pruned.masks.kept),
    }
    weights = {
        name: tensor.detach().cpu().contiguous().clone()
        for name, tensor in pruned.model.state_dict().items()
    }
    files = {
        WEIGHTS: _safetensors().save(weights),
        MASKS: _mask_bytes(pruned.masks),
        LOG_FILE: _parquet(pruned.log.drop(columns="seconds")),
        LAYERS_FILE: _parquet(pruned.layers),
        SECONDS: json.dumps(pruned.log["seconds"].tolist()).encode(),
    }
    if pruned.units is not None:
        files[UNITS] = _mask_bytes(pruned.units)
    if pruned.dead is not None:
        files[DEAD] = _parquet(pruned.dead)
    write_together({folder / name: data for name, data in files.items()})
    write_together({folder / RESULT: (json.dumps(about, indent=2) + "\n").encode()})


def read_pruned(folder: str | Path, model: PruningTask | Callable[[], nn.Module]) -> Pruned:
    """Read a result that `prune` or `Pruned.save` wrote; no code is run.

    Parameters
    ----------
    folder : str or Path
        Where it is.
    model : PruningTask, or callable
        Makes the network whose weights are read.

    Returns
    -------
    Pruned
        As it was.

    Raises
    ------
    ConfigurationError
        If there is no result, or the network is another.
    DataError
        If a file is damaged or missing.
    """
    folder = Path(folder)
    if not (folder / RESULT).exists():
        raise ConfigurationError(
            f"{str(folder)!r} holds no result of a pruning: is it finished? resume=True goes on"
        )
    about = read_json(folder / RESULT)
    if about.get("format") != FORMAT:
        raise DataError(f"{str(folder / RESULT)!r} is not of a pruned network, format {FORMAT!r}")
    try:
        files = {name: _tensors(folder / name) for name in (WEIGHTS, MASKS)}
        units = _tensors(folder / UNITS) if about["structured"] else None
        dead = pd.read_parquet(folder / DEAD) if about["dead units"] else None
        log, layers = read_log(folder), pd.read_parquet(folder / LAYERS_FILE)
    except (OSError, ValueError) as error:
        raise DataError(f"a file of {str(folder)!r} is damaged or missing: {error}") from error
    network = model.new_model() if isinstance(model, PruningTask) else model()
    try:
        network.load_state_dict(files[WEIGHTS])
    except RuntimeError as error:
        raise ConfigurationError(
            f"the weights in {str(folder)!r} are of another network: {error}"
        ) from error
    return Pruned(
        model=network.eval(),
        masks=_masks(files[MASKS], about["layers"]),
        units=None if units is None else _masks(units, about["layers"]),
        log=log,
        layers=layers.astype(LAYERS),
        dead=dead,
        settings=PruningSettings(**about["settings"]),
        **{name: about[name] for name in ("examples", "run_id", "seed", "method")},
    )


def read_log(folder: Path) -> pd.DataFrame:
    """Read the log of a result.

    Parameters
    ----------
    folder : Path
        Where the result is.

    Returns
    -------
    pandas.DataFrame
        With durations.
    """
    log = pd.read_parquet(folder / LOG_FILE)
    log["seconds"] = json.loads((folder / SECONDS).read_bytes())
    return log.astype(LOG)


def _mask_bytes(masks: Masks) -> bytes:
    """Write masks so that `load_masks` reads them; without metadata, whose order is not fixed."""
    named = {name: np.ascontiguousarray(mask) for name, mask in masks.kept.items()}
    return _safetensors().save({f"{n}{MASK}": torch.from_numpy(m) for n, m in named.items()})


def _masks(tensors: dict[str, torch.Tensor], order: list[str]) -> Masks:
    return Masks({name: tensors[f"{name}{MASK}"].numpy().astype(bool) for name in order})


def _tensors(file: Path) -> dict[str, Any]:
    try:
        return _safetensors().load(file.read_bytes())
    except needed("safetensors", "safetensors", "a result").SafetensorError as error:
        raise ValueError(f"{file.name}: {error}") from error


def _safetensors() -> Any:
    return needed("safetensors.torch", "safetensors", "a result")


def _parquet(frame: pd.DataFrame) -> bytes:
    stream = io.BytesIO()
    frame.to_parquet(stream, engine="pyarrow", index=False)
    return stream.getvalue()
