"""Bringing the files of a store back to what its journal says, after a writer was stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames.trajectory import disk, faults
from causalhyper.frames.trajectory.journal import Journal, read_journal
from causalhyper.frames.trajectory.layout import StoreLayout
from causalhyper.frames.trajectory.manifest import JOURNAL, MANIFEST, Manifest


def check_complete(folder: Path, manifest: Manifest, journal: Journal) -> None:
    """Refuse a closed store whose journal has lost steps."""
    if manifest.steps is not None:
        check_steps(folder / JOURNAL, journal, manifest.steps)


def check_steps(path: Path, journal: Journal, steps: int) -> None:
    """Refuse a journal that has not the steps that the manifest or its opening said."""
    if journal.rows != steps:
        raise DataError(
            f"{str(path)!r} has {journal.rows} steps; the manifest says {steps}: {faults.RESTORE}"
        )


def check_lengths(folder: Path, layout: StoreLayout, rows: int) -> None:
    """Refuse a store one of whose layers' files is missing or cut off."""
    for layer, file in zip(layout.layers, layout.files, strict=True):
        path, expected = folder / file, layout.length(layer.size, rows)
        try:
            length = path.stat().st_size
        except FileNotFoundError:
            raise faults.missing_file(path) from None
        if length < expected:
            raise faults.truncated(path, layout, layer.size, length, expected)


def reopen(folder: Path, manifest: Manifest, keep: int | None) -> tuple[Manifest, Journal]:
    """Make the files hold the journal's steps and nothing else, so that writing can go on.

    Parameters
    ----------
    folder : Path
        The store; its lock is held.
    manifest : Manifest
        The store's.
    keep : int, optional
        Drop what follows this many steps.

    Returns
    -------
    (Manifest, Journal)
        Those of the store that may grow again.

    Raises
    ------
    ConfigurationError
        If fewer than `keep` steps are stored.
    DataError
        If a file is missing, cut off or damaged.
    """
    layout = manifest.layout
    journal = read_journal(folder / JOURNAL, layout, keep)
    if keep is None:
        check_complete(folder, manifest, journal)
    elif not 0 <= keep <= journal.rows:
        raise ConfigurationError(
            f"{str(folder)!r} has {journal.rows} steps; cannot keep {keep} of them"
        )
    rows = journal.rows
    check_lengths(folder, layout, rows)
    if manifest.steps is not None:
        manifest = replace(manifest, steps=None, index=None)
        disk.replace_file(folder / MANIFEST, manifest.to_bytes())
    _cut(folder / JOURNAL, journal.ends[-1] if rows else 0)
    for layer, file in zip(layout.layers, layout.files, strict=True):
        _clear(folder / file, layout, layer.size, rows)
    return manifest, journal


def _cut(path: Path, length: int) -> None:
    descriptor = disk.open_to_write(path)
    try:
        if disk.size(descriptor) > length:
            disk.truncate(descriptor, length)
            disk.sync(descriptor)
    finally:
        disk.close(descriptor)


def _clear(path: Path, layout: StoreLayout, size: int, rows: int) -> None:
    """Cut a layer's file off after the last row, and blank the places of rows to come."""
    descriptor = disk.open_to_write(path)
    try:
        length = layout.length(size, rows)
        changed = disk.size(descriptor) > length
        disk.truncate(descriptor, length)
        left = -rows % layout.block_steps
        for cells in layout.cells(size, rows, left, 0, size) if left else ():
            extent = min(cells.length, length - cells.offset)
            if extent <= 0:
                break
            found = np.empty(extent, np.uint8)
            disk.read_at(descriptor, [found.data], cells.offset)
            if found.any():
                disk.write_at(descriptor, [memoryview(bytes(extent))], cells.offset)
                changed = True
        if changed:
            disk.sync(descriptor)
    finally:
        disk.close(descriptor)
