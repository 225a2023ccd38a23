r"""Write image sets in pieces that fit through a narrow door.

    python -m case_studies.pruning.stacked_runs.prepare --images FILE --name NAME --out FOLDER \
        [--megabytes 50 50]

FILE is an npz with x_train, y_train, x_test, y_test in bytes; or with x_train_webp, x_test_webp
and their offsets, sheets of 50 x 50 images, which are passed on as they are; or with x_train_jpeg,
x_test_jpeg and theirs, the files of single images, likewise.
"""

from __future__ import annotations

import argparse
import io
import itertools
import sys
from pathlib import Path

import numpy as np

from case_studies.pruning.stacked_runs.sheets import PARTS, TILES, sheets_of, write_pieces
from causalhyper.errors import CausalHyperError, DataError


def prepare(path: Path, name: str, out: Path, megabytes: list[float]) -> list[Path]:
    """Write a data set as pieces of at most so many megabytes each; return their paths.

    Parameters
    ----------
    path : Path
        Images.
    name : str
        Of the data set.
    out : Path
        Folder of the pieces.
    megabytes : list of float
        Of each piece; the last holds what is left.

    Returns
    -------
    list of Path

    Raises
    ------
    DataError
        If the file holds no images.
    """
    with np.load(path, allow_pickle=False) as held:
        arrays = dict(held)
    ends: dict[str, np.ndarray] = {}
    if "x_train_webp" in arrays:
        sheets = _cut(arrays, "webp", 1)
        shape: tuple[int, ...] = (32, 32, 3)
    elif "x_train_jpeg" in arrays:
        sheets, shape = _cut(arrays, "jpeg", TILES**2), _shape_of_jpeg(arrays)
        ends = {f"ends_{part}": arrays[f"x_{part}_offsets"] for part in PARTS}
    elif "x_train" in arrays:
        sheets, shape = sheets_of(arrays), arrays["x_train"].shape[1:]
    else:
        raise DataError(f"{str(path)!r} has no x_train: it holds {', '.join(arrays)}")
    head = {key: arrays[key] for key in ("y_train", "y_test")} | {"shape": np.array(shape)}
    return write_pieces(sheets, head | ends, out, name, [int(1e6 * m) for m in megabytes])


def _cut(arrays: dict[str, np.ndarray], kind: str, step: int) -> dict[str, np.ndarray]:
    """Return bytes of so many sheets or images each, as they are."""
    found = {}
    for part in PARTS:
        data, offsets = arrays[f"x_{part}_{kind}"], arrays[f"x_{part}_offsets"]
        ends = [*offsets[:-1:step], offsets[-1]]
        for at, (start, stop) in enumerate(itertools.pairwise(ends)):
            found[f"{part}/{at:03d}"] = data[start:stop]
    return found


def _shape_of_jpeg(arrays: dict[str, np.ndarray]) -> tuple[int, ...]:
    from PIL import Image

    first = arrays["x_train_jpeg"][slice(*arrays["x_train_offsets"][:2])]
    wide, high = Image.open(io.BytesIO(first.tobytes())).size
    return high, wide, 3


def main() -> None:
    """Parse the command line, and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=Path, required=True, help="npz")
    parser.add_argument("--name", required=True, help="of the data set")
    parser.add_argument("--out", type=Path, required=True, help="folder of the pieces")
    parser.add_argument("--megabytes", type=float, nargs="+", default=[50.0, 50.0])
    options = parser.parse_args()
    for path in prepare(options.images, options.name, options.out, options.megabytes):
        sys.stdout.write(f"{path} {path.stat().st_size / 1e6:.1f} MB\n")


if __name__ == "__main__":
    try:
        main()
    except CausalHyperError as error:
        sys.exit(f"prepare: {error}")
