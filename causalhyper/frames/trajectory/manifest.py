"""The manifest: what a store holds and how, as a JSON file with a checksum of itself."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from causalhyper.errors import CausalHyperError, ConfigurationError, DataError
from causalhyper.frames.trajectory.layout import Layer, StoreLayout

FORMAT, VERSION = "causalhyper trajectory", 1
MANIFEST, JOURNAL, INDEX = "manifest.json", "journal", "index"
_START, _BLANK = b'{\n "checksum": "', b"00000000"


@dataclass(frozen=True, slots=True)
class Seal:
    """What vouches for the index of a closed store.

    Parameters
    ----------
    checksum : int
        CRC-32 of the index.
    journal : int
        Length of the journal that it was made of, in bytes.
    """

    checksum: int
    journal: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a store holds.

    Parameters
    ----------
    run_id : str
        Name of the run.
    layout : StoreLayout
        Layers, dtype and blocks.
    settings : mapping
        Optimiser, learning rate, seed and whatever else describes the run: JSON values.
    every : int
        Steps are recorded whose number is a multiple of this.
    steps : int or None
        Number of recorded steps once the store is closed; None while it may grow.
    index : Seal or None
        That of its index; None while it may grow, and in stores of releases that made none.
    """

    run_id: str
    layout: StoreLayout
    settings: Mapping[str, Any]
    every: int = 1
    steps: int | None = None
    index: Seal | None = None

    def to_bytes(self) -> bytes:
        """Return the content of the manifest's file."""
        layers = [
            {"name": layer.name, "shape": list(layer.shape), "file": file}
            for layer, file in zip(self.layout.layers, self.layout.files, strict=True)
        ]
        content = {
            "checksum": _BLANK.decode(),
            "format": FORMAT,
            "version": VERSION,
            "run_id": self.run_id,
            "complete": self.steps is not None,
            "steps": self.steps,
            "index": self._shown_index(),
            "every": self.every,
            "dtype": self.layout.dtype,
            "block_steps": self.layout.block_steps,
            "block_columns": self.layout.block_columns,
            "layers": layers,
            "settings": self.settings,
        }
        data = json.dumps(content, indent=1, allow_nan=False).encode() + b"\n"
        return _START + b"%08x" % zlib.crc32(data) + data[len(_START) + 8 :]

    def _shown_index(self) -> dict[str, object] | None:
        if self.index is None:
            return None
        return {"checksum": f"{self.index.checksum:08x}", "journal": self.index.journal}


def check_settings(settings: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return settings as JSON would give them back; refuse what it cannot hold."""
    try:
        plain = json.loads(json.dumps(dict(settings or {}), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"the settings of a trajectory must be JSON values: {error}: give text, finite "
            "numbers, booleans, None, and lists and mappings of them"
        ) from error
    return dict(plain)


def read_manifest(folder: Path) -> Manifest:
    """Read and check the manifest of a store.

    Parameters
    ----------
    folder : Path
        The store.

    Returns
    -------
    Manifest
        What it says.

    Raises
    ------
    ConfigurationError
        If the folder holds no trajectory, or one of another version.
    DataError
        If the manifest is damaged.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise ConfigurationError(
            f"no trajectory in {str(folder)!r}; expected a folder with {MANIFEST}: check the path"
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot open {str(path)!r}: {error}") from error
    place = len(_START)
    blanked = data[:place] + _BLANK + data[place + 8 :]
    if not data.startswith(_START) or data[place : place + 8] != b"%08x" % zlib.crc32(blanked):
        raise DataError(f"{str(path)!r} is damaged: the checksum differs: restore it from a copy")
    content = json.loads(data)
    if content.get("format") != FORMAT or content.get("version") != VERSION:
        raise ConfigurationError(
            f"{str(path)!r} is {content.get('format')!r} of version {content.get('version')!r}; "
            f"expected {FORMAT!r} of version {VERSION}: read it with the release that wrote it"
        )
    try:
        return _parse(content)
    except (CausalHyperError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{str(path)!r} is no manifest of a trajectory: {error!r}") from error


def _parse(content: Mapping[str, Any]) -> Manifest:
    layers = tuple(Layer(entry["name"], tuple(entry["shape"])) for entry in content["layers"])
    blocks = content["block_steps"], content["block_columns"]
    layout = StoreLayout(layers, content["dtype"], *blocks)
    if [entry["file"] for entry in content["layers"]] != list(layout.files):
        raise ValueError("the files are not named by their layers")
    steps = content["steps"]
    if content["complete"] is not (steps is not None):
        raise ValueError("it is complete, and has no number of steps")
    found = content.get("index")
    index = Seal(int(found["checksum"], 16), int(found["journal"])) if found else None
    return Manifest(content["run_id"], layout, content["settings"], content["every"], steps, index)
