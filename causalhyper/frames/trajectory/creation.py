"""Making the files of a new store, and comparing an old one with what is wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from causalhyper.errors import ConfigurationError
from causalhyper.frames.trajectory import disk, faults
from causalhyper.frames.trajectory.layout import Layer
from causalhyper.frames.trajectory.lock import Lock
from causalhyper.frames.trajectory.manifest import (
    INDEX,
    JOURNAL,
    MANIFEST,
    Manifest,
    check_settings,
)


def make_store(folder: Path, manifest: Manifest) -> Lock:
    """Make an empty store; the manifest comes last, so that a folder with one is a store.

    Parameters
    ----------
    folder : Path
        Missing, empty, or what is left of a creation that was cut short.
    manifest : Manifest
        What it is to hold.

    Returns
    -------
    Lock
        Held.

    Raises
    ------
    ConfigurationError
        If the folder holds anything, or cannot be written.
    """
    lock = None
    try:
        _check_free(folder)
        folder.mkdir(parents=True, exist_ok=True)
        lock = Lock(folder / JOURNAL)
        _check_free(folder)
        for left in folder.iterdir():
            if left.name != JOURNAL:
                disk.remove(left)
        for file in (*manifest.layout.files, INDEX):
            disk.close(disk.open_to_write(folder / file))
        disk.sync_folder(folder)
        disk.replace_file(folder / MANIFEST, manifest.to_bytes())
        disk.sync_folder(folder.parent)
    except BaseException as error:
        if lock is not None:
            lock.release()
        if isinstance(error, OSError):
            raise faults.cannot_write(folder, 0, error) from error
        raise
    return lock


def check_agreement(
    folder: Path,
    manifest: Manifest,
    layers: Sequence[Layer] | None,
    settings: Mapping[str, Any] | None,
) -> None:
    """Refuse a store whose layers or settings are not those that are wanted.

    Parameters
    ----------
    folder : Path
        The store.
    manifest : Manifest
        The store's.
    layers, settings : optional
        What is wanted; None for anything.

    Raises
    ------
    ConfigurationError
        If they differ.
    """
    if layers is not None and tuple(layers) != manifest.layout.layers:
        pairs = zip(layers, manifest.layout.layers, strict=False)
        differing = next(((a, b) for a, b in pairs if a != b), None)
        found = (
            f"{differing[1].name!r} of shape {differing[1].shape} where {differing[0].name!r} of "
            f"shape {differing[0].shape} is wanted"
            if differing
            else f"{len(manifest.layout.layers)} layers where {len(layers)} are wanted"
        )
        raise ConfigurationError(f"{str(folder)!r} has {found}: name another folder")
    if settings is None:
        return
    wanted = check_settings(settings)
    for name in [*wanted, *manifest.settings]:
        if wanted.get(name) != manifest.settings.get(name):
            raise ConfigurationError(
                f"{str(folder)!r} has the setting {name!r} {manifest.settings.get(name)!r}, this "
                f"run has {wanted.get(name)!r}: name another folder"
            )


def _check_free(folder: Path) -> None:
    """Refuse a folder with anything in it but empty files and drafts of a store."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ConfigurationError(f"{str(folder)!r} is a file; expected the name of a folder")
    if (folder / MANIFEST).exists():
        raise ConfigurationError(
            f"{str(folder)!r} holds a trajectory already: go on with TrajectoryWriter.resume, or "
            "name another folder"
        )
    for entry in folder.iterdir():
        ours = entry.name in (JOURNAL, INDEX) or entry.suffix == ".blocks"
        empty = entry.is_file() and entry.stat().st_size == 0
        if entry.name != f".{MANIFEST}.tmp" and not (ours and empty):
            raise ConfigurationError(
                f"the folder {str(folder)!r} is not empty, it holds {entry.name!r}: name another"
            )
