"""Opening a trajectory for reading."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from causalhyper.errors import DataError
from causalhyper.frames.trajectory.index import Sums, read_index, sums_of
from causalhyper.frames.trajectory.journal import read_journal
from causalhyper.frames.trajectory.layer_file import LayerFile
from causalhyper.frames.trajectory.manifest import JOURNAL, Manifest, read_manifest
from causalhyper.frames.trajectory.reader import Trajectory
from causalhyper.frames.trajectory.repair import check_complete, check_lengths


def read_trajectory(path: str | Path) -> Trajectory:
    """Open a trajectory for reading.

    Nothing in it is run: it holds values only. A store that is being written, or whose writer
    was killed, reads as the steps that are durable by now.

    Parameters
    ----------
    path : str or Path
        The store's folder.

    Returns
    -------
    Trajectory
        Its layers, settings and steps; the values are read as they are asked for.

    Raises
    ------
    ConfigurationError
        If the folder holds no trajectory, or one of another version.
    DataError
        If a file is missing, cut off or damaged.

    Examples
    --------
    >>> import tempfile
    >>> from causalhyper.frames.trajectory import Layer, TrajectoryWriter
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with TrajectoryWriter.create(f"{folder}/a", layers=[Layer("w", (3,))]) as writer:
    ...         _ = writer.append({"w": [1.0, 2.0, 3.0]}, step=0, loss=0.7, loss_after=0.6)
    ...     found = read_trajectory(f"{folder}/a")
    ...     found.step(0)["w"].tolist(), found.steps["loss"].tolist()
    ([1.0, 2.0, 3.0], [0.7])
    """
    folder = Path(path)
    manifest = read_manifest(folder)
    try:
        return _open(folder, manifest)
    except DataError:
        if read_manifest(folder) == manifest:
            raise
    return read_trajectory(folder)  # a writer reopened or closed the store in the meantime


def _open(folder: Path, manifest: Manifest) -> Trajectory:
    sums = read_index(folder, manifest)
    if sums is None:
        journal = read_journal(folder / JOURNAL, manifest.layout)
        check_complete(folder, manifest, journal)
        sums = sums_of(journal)
    check_lengths(folder, manifest.layout, sums.rows)
    return Trajectory(folder, manifest, sums.rows, _files(folder, manifest, sums))


def _files(folder: Path, manifest: Manifest, known: Sums) -> tuple[LayerFile, ...]:
    """Gather what is known of the values by layer."""
    layout = manifest.layout
    files, first = [], 0
    for place, (layer, name) in enumerate(zip(layout.layers, layout.files, strict=True)):
        stop = first + len(layout.edges(layer.size)) - 1
        sums = known.checksums[:, first:stop]
        checked = np.zeros(sums.shape, np.bool_)
        exponents = known.exponents[:, place]
        files.append(LayerFile(folder / name, layout, layer.size, sums, exponents, checked))
        first = stop
    return tuple(files)
