"""Where a pruning is: all that its next stage needs, as bytes and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from causalhyper.errors import DataError
from causalhyper.granger.masks import Masks
from collectors.pruning.extras import needed
from collectors.pruning.stopping import Stopping

FORMAT = "causalhyper pruning checkpoint 1"
Stage = Literal["made", "pretrained", "pruned", "posttraining", "posttrained"]
Tensors = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """A pruning between two of its stages.

    Attributes
    ----------
    stage : str
        The last one that is done: "made", "pretrained", "pruned" (`iteration` of them),
        "posttraining" (`epoch` of them) or "posttrained".
    iteration, epoch : int
        Pruning iterations and epochs of post-training done.
    weights : mapping of str to Tensor
        The network's state dict, on the CPU.
    origin : mapping of str to Tensor
        The state dict to which training is rewound; empty where it is not yet known.
    best : mapping of str to Tensor
        The state dict of the best epoch of post-training; empty before.
    masks : Masks
        What is kept: of parameters, or of units.
    key : str
        Of what pre-training depends on: seed, initial weights and settings.
    optimizer : mapping
        The optimiser's state dict, in the midst of post-training; else empty.
    stopping : Stopping
        How post-training goes.
    log, layers : tuple of dict
        Rows of the frames.
    seconds : tuple of float
        Duration of each row of the log.
    """

    stage: Stage
    weights: Tensors
    masks: Masks
    key: str
    iteration: int = 0
    epoch: int = 0
    origin: Tensors = field(default_factory=dict)
    best: Tensors = field(default_factory=dict)
    optimizer: Mapping[str, Any] = field(default_factory=dict)
    stopping: Stopping = field(default_factory=Stopping)
    log: tuple[dict[str, Any], ...] = ()
    layers: tuple[dict[str, Any], ...] = ()
    seconds: tuple[float, ...] = ()

    def with_row(self, row: dict[str, Any], seconds: float) -> State:
        """Return the state with one more row of the log."""
        return replace(self, log=(*self.log, row), seconds=(*self.seconds, seconds))


PARTS = ("weights", "origin", "best")
PLAIN = ("stage", "key", "iteration", "epoch", "log", "layers", "seconds")


def state_bytes(state: State) -> bytes:
    """Write a state as one safetensors file: tensors, and the rest as JSON in its header.

    Parameters
    ----------
    state : State
        What to write.

    Returns
    -------
    bytes
        The whole file; equal states give equal bytes.
    """
    tensors = {
        f"{part}/{name}": tensor for part in PARTS for name, tensor in getattr(state, part).items()
    }
    for name, mask in state.masks.kept.items():
        tensors[f"masks/{name}"] = torch.from_numpy(mask)
    plain: dict[str, Any] = {name: getattr(state, name) for name in PLAIN}
    plain["stopping"] = asdict(state.stopping)
    plain["masks"] = list(state.masks.kept)
    plain["order"] = {part: list(getattr(state, part)) for part in PARTS}
    plain["optimizer"] = _encoded(dict(state.optimizer), tensors)
    whole = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    return needed("safetensors.torch", "safetensors", "a checkpoint").save(
        whole, metadata={FORMAT: json.dumps(plain)}
    )


def state_of(data: bytes, source: str) -> State:
    """Read a state that `state_bytes` wrote; no code is run.

    Parameters
    ----------
    data : bytes
        The file.
    source : str
        Its name, for the error.

    Returns
    -------
    State
        As it was.

    Raises
    ------
    DataError
        If it is damaged or something else.
    """
    library = needed("safetensors.torch", "safetensors", "a checkpoint")
    fault = needed("safetensors", "safetensors", "a checkpoint").SafetensorError
    try:
        length = int.from_bytes(data[:8], "little")
        plain = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][FORMAT])
        fields: dict[str, Any] = {name: plain[name] for name in PLAIN}
        tensors = library.load(data)
        for part in PARTS:
            fields[part] = {name: tensors[f"{part}/{name}"] for name in plain["order"][part]}
        for name in ("log", "layers", "seconds"):
            fields[name] = tuple(fields[name])
        masks = {name: tensors[f"masks/{name}"].numpy().astype(bool) for name in plain["masks"]}
        fields["stopping"] = Stopping(**plain["stopping"])
        fields["optimizer"] = _decoded(plain["optimizer"], tensors)
    except (fault, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{source!r} holds no state of a pruning, or is damaged ({error}): begin anew in "
            "another folder, or take a copy"
        ) from error
    return State(**fields, masks=Masks(masks))


def copied(tensors: Tensors) -> dict[str, Tensor]:
    """Copy a state dict to the CPU.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        The state dict.

    Returns
    -------
    dict of str to Tensor
        Detached; nothing is shared.
    """
    return {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}


def _encoded(value: Any, tensors: dict[str, Tensor]) -> Any:
    """Write nested values as JSON takes them, tensors by a name under which they are put away."""
    if isinstance(value, Tensor):
        name = f"optimizer/{len(tensors)}"
        tensors[name] = value
        return {"tensor": name}
    if isinstance(value, Mapping):
        return {"map": [[key, _encoded(each, tensors)] for key, each in value.items()]}
    if isinstance(value, list | tuple):
        kind = "tuple" if isinstance(value, tuple) else "list"
        return {kind: [_encoded(each, tensors) for each in value]}
    if isinstance(value, np.generic):
        return value.item()
    return value


def _decoded(value: Any, tensors: Tensors) -> Any:
    if not isinstance(value, dict):
        return value
    [(kind, content)] = value.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "map":
        return {key: _decoded(each, tensors) for key, each in content}
    found = [_decoded(each, tensors) for each in content]
    return tuple(found) if kind == "tuple" else found
