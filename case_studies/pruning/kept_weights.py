"""Final weights of networks: what each keeps, with its mask, in one file a seed and stage."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from causalhyper.errors import DataError
from causalhyper.frames import write_atomic
from causalhyper.granger.masks import Masks
from collectors.ensembles.pruning.layout import FlatLayout

SCHEMA = "causalhyper.kept_weights/1"
ENDING = "-weights.npz"
"""Of the files' names."""


@dataclass(frozen=True, slots=True, eq=False)
class KeptNetwork:
    """One network as its best epoch left it.

    Attributes
    ----------
    names : dict of str to value
        dataset, network, protocol, target (NaN where the criterion chose), rate, run_id, seed,
        method; validation, how many training images were held out; where images were enlarged or
        grey ones repeated, side (in pixels) and channels.
    layout : FlatLayout
        Where each parameter stands, and each statistic of batch normalisation.
    kept : Tensor of bool, shape (p,)
        What may be other than zero.
    row : Tensor of float32, shape (p,)
        Weights.
    """

    names: dict[str, Any]
    layout: FlatLayout
    kept: Tensor
    row: Tensor

    @property
    def is_empty(self) -> bool:
        """Whether no weight that may be pruned is left: answers do not depend on the image."""
        places = self.layout.places()
        return not any(bool(self.kept[places[name]].any()) for name in self.layout.prunable)

    @classmethod
    def of_state(
        cls, names: dict[str, Any], state: Mapping[str, Tensor], masks: Masks
    ) -> KeptNetwork:
        """Return a network of its state dict; its whole numbers, which count, are left out.

        Parameters
        ----------
        names : dict of str to value
            See above.
        state : mapping of str to Tensor
            On any device.
        masks : Masks
            Of what may be pruned.

        Returns
        -------
        KeptNetwork
            On the CPU.
        """
        numbers = {name: v for name, v in state.items() if v.is_floating_point()}
        shapes = {name: tuple(value.shape) for name, value in numbers.items()}
        layout = FlatLayout(shapes, tuple(masks.kept))
        kept = layout.mask_row(masks, torch.device("cpu"))
        return cls(names, layout, kept, layout.row(numbers).float().cpu())


def write_weights(path: Path, networks: Sequence[KeptNetwork]) -> None:
    """Write networks of one layout: bits for the masks, and the values that they keep.

    Parameters
    ----------
    path : Path
        An ``npz``, written whole or not at all. ``about`` is JSON, the networks' names and the
        layout; ``mask0, mask1, ...`` are packed bits, ``values0, ...`` what they keep.
    networks : sequence of KeptNetwork
        At least one. What their masks do not keep is taken to be zero.
    """
    layout = networks[0].layout
    about = {
        "schema": SCHEMA,
        "shapes": {name: list(shape) for name, shape in layout.shapes.items()},
        "prunable": list(layout.prunable),
        "networks": [network.names for network in networks],
    }
    arrays = {"about": np.frombuffer(json.dumps(about).encode(), np.uint8)}
    for at, network in enumerate(networks):
        kept = network.kept.cpu().numpy()
        arrays[f"mask{at}"] = np.packbits(kept)
        arrays[f"values{at}"] = network.row.cpu().numpy()[kept]
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
    write_atomic(path, stream.getvalue())


def read_weights(path: Path) -> Iterator[KeptNetwork]:
    """Read what `write_weights` wrote, one network after the other; nothing in it is run.

    Parameters
    ----------
    path : Path

    Yields
    ------
    KeptNetwork
        On the CPU.

    Raises
    ------
    DataError
        If it is no such file, or is damaged.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as held:
            about = json.loads(held["about"].tobytes())
            if about["schema"] != SCHEMA:
                raise ValueError(f"its schema is {about['schema']!r}, expected {SCHEMA!r}")
            shapes = {name: tuple(shape) for name, shape in about["shapes"].items()}
            layout = FlatLayout(shapes, tuple(about["prunable"]))
            for at, names in enumerate(about["networks"]):
                kept = np.unpackbits(held[f"mask{at}"], count=layout.width).astype(bool)
                row = np.zeros(layout.width, np.float32)
                row[kept] = held[f"values{at}"]
                yield KeptNetwork(names, layout, torch.from_numpy(kept), torch.from_numpy(row))
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise DataError(f"{str(path)!r} is no file of kept weights: {error}") from error
