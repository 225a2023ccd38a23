"""Step sums in a file: an uncompressed npz of plain arrays with a JSON manifest."""

from __future__ import annotations

import json
import os
import secrets
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames.step_sums import ARRAYS, LayerSums, StepSums

FORMAT = "causalhyper step sums 1"


def write_sums(path: str | Path, sums: StepSums) -> None:
    """Write step sums, whole or not at all.

    Parameters
    ----------
    path : str or Path
        A file whose name ends in ``.npz``; folders above it are made, an old file is replaced.
    sums : StepSums
        The sums.

    Raises
    ------
    ConfigurationError
        If the name ends in something else, or the disk refuses; an old file is then as it was.

    Notes
    -----
    A zip archive of arrays, each with a checksum, and the array of bytes ``manifest``, a JSON text
    with format, layers, lags, features and settings. Nothing is pickled; `numpy.load` reads it.

    Examples
    --------
    >>> import tempfile
    >>> ones, one = np.ones((1, 1, 2)), np.ones(2)
    >>> layer = LayerSums("fc", (2,), ones, ones, ones, one, one)
    >>> sums = StepSums((layer,), (0,), False, (np.array([0.5]),), {"run_id": "a"})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_sums(Path(folder, "a.npz"), sums)
    ...     read_sums(Path(folder, "a.npz")).settings
    {'run_id': 'a'}
    """
    path = Path(path)
    if path.suffix != ".npz":
        raise ConfigurationError(f"expected a file name that ends in .npz; got {str(path)!r}")
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("xb") as stream:
            with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
                for name, array in _arrays(sums):
                    with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                        np.lib.format.write_array(member, array, allow_pickle=False)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except OSError as error:
        raise ConfigurationError(
            f"cannot write {str(path)!r} ({error.strerror or error}): name a place that you may "
            "write to, with room for the sums"
        ) from error
    finally:
        draft.unlink(missing_ok=True)


def read_sums(path: str | Path) -> StepSums:
    """Read step sums that `write_sums` wrote; no code is run, and torch is not needed.

    Parameters
    ----------
    path : str or Path
        The file.

    Returns
    -------
    StepSums
        As they were written.

    Raises
    ------
    ConfigurationError
        If there is no such file.
    DataError
        If it is no file of step sums, is cut off, or was changed.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigurationError(f"there is no file {str(path)!r}")
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            manifest = json.loads(bytes(archive["manifest"]))
            if manifest.get("format") != FORMAT:
                raise ValueError(f"format {manifest.get('format')!r}, expected {FORMAT!r}")
            layers = tuple(
                LayerSums(
                    entry["name"],
                    tuple(entry["shape"]),
                    **{name: archive[f"{i}.{name}"] for name in ARRAYS},
                )
                for i, entry in enumerate(manifest["layers"])
            )
            responses = tuple(archive[f"response.{r}"] for r in range(manifest["trainings"]))
            lags = tuple(manifest["lags"])
            return StepSums(layers, lags, manifest["momentum"], responses, manifest["settings"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{str(path)!r} holds no step sums, or is damaged ({error}): record anew, or take a "
            "copy"
        ) from error


def _arrays(sums: StepSums) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """Yield every array with its name, the manifest first."""
    manifest = {
        "format": FORMAT,
        "layers": [{"name": layer.name, "shape": list(layer.shape)} for layer in sums.layers],
        "lags": list(sums.lags),
        "momentum": sums.momentum,
        "trainings": len(sums.responses),
        "settings": dict(sums.settings),
    }
    yield "manifest", np.frombuffer(json.dumps(manifest).encode(), dtype=np.uint8)
    for r, response in enumerate(sums.responses):
        yield f"response.{r}", response
    for i, layer in enumerate(sums.layers):
        for name, array in layer.arrays().items():
            yield f"{i}.{name}", array
