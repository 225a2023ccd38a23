"""Images as sheets of lossless WebP, or as they were in JPEG, in files small enough to carry."""

from __future__ import annotations

import io
import itertools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from causalhyper.errors import DataError
from causalhyper.frames import write_atomic

Bytes = NDArray[np.uint8]
TILES = 50
"""Images a side of a sheet."""
PARTS = ("train", "test")


def read_images(folder: Path, name: str) -> dict[str, Bytes]:
    """Read a data set from ``name.npz``, or from the pieces ``name-1.npz, name-2.npz, ...``.

    Parameters
    ----------
    folder : Path
        Where the files are.
    name : str
        Of the data set.

    Returns
    -------
    dict of str to ndarray
        ``x_train, y_train, x_test, y_test``; images of shape (n, height, width) or with channels.

    Raises
    ------
    DataError
        If files are missing or damaged.
    """
    whole = folder / f"{name}.npz"
    if whole.exists():
        held = _arrays(whole)
        if "x_train" in held:
            return {key: held[key] for key in ("x_train", "y_train", "x_test", "y_test")}
    pieces = sorted(folder.glob(f"{name}-[0-9]*.npz"))
    held = {}
    for piece in pieces:
        held |= _arrays(piece)
    if "pieces" not in held or len(pieces) < int(held["pieces"]):
        raise DataError(
            f"expected {name}.npz or all pieces of it in {str(folder)!r}; got "
            f"{[piece.name for piece in pieces]}: `prepare` writes them"
        )
    shape = tuple(int(n) for n in held["shape"])
    found = {}
    for part in PARTS:
        sheets = [held[key] for key in sorted(held) if key.startswith(f"{part}/")]
        if (ends := held.get(f"ends_{part}")) is not None:
            images = [decoded(np.concatenate(sheets), ends, shape)]
        else:
            images = [unpacked(sheet, shape) for sheet in sheets]
        found[f"y_{part}"] = held[f"y_{part}"]
        found[f"x_{part}"] = np.concatenate(images)[: len(held[f"y_{part}"])]
    return found


def sheets_of(arrays: Mapping[str, Bytes]) -> dict[str, Bytes]:
    """Pack images, as `read_images` returns them, in sheets: ``train/000`` and so on."""
    step = TILES**2
    return {
        f"{part}/{start // step:03d}": packed(arrays[f"x_{part}"][start : start + step])
        for part in PARTS
        for start in range(0, len(arrays[f"x_{part}"]), step)
    }


def write_pieces(
    sheets: Mapping[str, Bytes],
    head: Mapping[str, Bytes],
    folder: Path,
    name: str,
    most: list[int],
) -> list[Path]:
    """Write a data set as pieces.

    Parameters
    ----------
    sheets : mapping of str to ndarray
        From `sheets_of`.
    head : mapping of str to ndarray
        ``y_train, y_test`` and ``shape``, of an image; ``ends_train, ends_test`` where sheets hold
        files of single images, see `decoded`.
    folder : Path
        Made when missing.
    name : str
        Of the data set.
    most : list of int
        Bytes of each piece; the last holds what is left.

    Returns
    -------
    list of Path
    """
    groups: list[dict[str, Bytes]] = [{}]
    for key, sheet in sheets.items():
        held = sum(map(len, groups[-1].values()))
        if len(groups) < len(most) and held + len(sheet) > most[len(groups) - 1]:
            groups.append({})
        groups[-1][key] = sheet
    groups[0] |= dict(head) | {"pieces": np.array(len(groups))}
    paths = []
    for at, group in enumerate(groups, start=1):
        stream = io.BytesIO()
        np.savez(stream, **group)
        paths.append(folder / f"{name}-{at}.npz")
        write_atomic(paths[-1], stream.getvalue())
    return paths


def packed(images: Bytes) -> Bytes:
    """Return at most 2,500 images as one lossless sheet, its bytes."""
    from PIL import Image

    filled = np.zeros((TILES**2, *images.shape[1:]), np.uint8)
    filled[: len(images)] = images
    high, wide = images.shape[1:3]
    tiles = filled.reshape(TILES, TILES, *images.shape[1:]).swapaxes(1, 2)
    sheet = tiles.reshape(TILES * high, TILES * wide, *images.shape[3:])
    stream = io.BytesIO()
    Image.fromarray(sheet).save(stream, "WEBP", lossless=True, quality=90, method=4, exact=True)
    return np.frombuffer(stream.getvalue(), np.uint8)


def unpacked(sheet: Bytes, shape: tuple[int, ...]) -> Bytes:
    """Return the 2,500 images of a sheet, each of a shape (height, width[, channels])."""
    from PIL import Image

    image = Image.open(io.BytesIO(sheet.tobytes())).convert("RGB" if len(shape) == 3 else "L")
    high, wide = shape[:2]
    tiles = np.asarray(image).reshape(TILES, high, TILES, wide, *shape[2:]).swapaxes(1, 2)
    return np.ascontiguousarray(tiles.reshape(TILES**2, *shape))


def decoded(data: Bytes, ends: NDArray[np.int64], shape: tuple[int, ...]) -> Bytes:
    """Return images of files such as JPEG, one behind the other.

    Parameters
    ----------
    data : ndarray of uint8
        The files' bytes.
    ends : ndarray of int64, shape (n + 1,)
        Where each begins, and the end of the last.
    shape : tuple of int
        Of an image, with channels; grey ones are repeated.

    Returns
    -------
    ndarray of uint8, shape (n, *shape)

    Raises
    ------
    DataError
        If an image has another shape.
    """
    from PIL import Image

    found = np.empty((len(ends) - 1, *shape), np.uint8)
    for at, (start, stop) in enumerate(itertools.pairwise(ends)):
        image = Image.open(io.BytesIO(data[start:stop].tobytes())).convert("RGB")
        if np.shape(image) != shape:
            raise DataError(f"image {at} is of shape {np.shape(image)}; expected {shape}")
        found[at] = image
    return found


def _arrays(path: Path) -> dict[str, Bytes]:
    try:
        with np.load(path, allow_pickle=False) as held:
            return dict(held)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{str(path)!r} is no archive of images: {error}") from error
