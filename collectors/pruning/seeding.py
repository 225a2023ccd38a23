"""Random numbers of a pruning: each epoch has its own seed, and the caller's are left alone."""

from __future__ import annotations

import random
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def derived_seed(seed: int, *words: str | int) -> int:
    """Derive a seed from a seed and what it is for.

    Parameters
    ----------
    seed : int
        Of the run, from 0.
    *words : str or int
        Such as stage, iteration and epoch.

    Returns
    -------
    int
        Below 2^63; independent for different words.

    Examples
    --------
    >>> derived_seed(1, "collecting", 2, 0) == derived_seed(1, "collecting", 2, 1)
    False
    """
    numbers = [zlib.crc32(w.encode()) if isinstance(w, str) else w for w in words]
    words_of_state = np.random.SeedSequence([seed, *numbers]).generate_state(1, np.uint64)
    return int(words_of_state[0] >> np.uint64(1))


def seed_everything(seed: int, loader: object = None, *, order: int | None = None) -> None:
    """Seed the global generators of torch, numpy and Python, and those of a loader.

    Parameters
    ----------
    seed : int
        From `derived_seed`.
    loader : object
        A ``DataLoader``, whose own generators are seeded and whose sampler is told the epoch;
        of anything else nothing is touched.
    order : int, optional
        What the sampler is told as its epoch, where that must be the same in all processes.
    """
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - what a data set's transforms may draw from
    for place, generator in enumerate(_generators(loader)):
        generator.manual_seed(seed + place)
    sampler = getattr(loader, "sampler", None)
    if callable(told := getattr(sampler, "set_epoch", None)):
        told((seed if order is None else order) % 2**31)


@contextmanager
def random_state_kept(loaders: Iterable[object], devices: list[int]) -> Iterator[None]:
    """Put all random state back on leaving, also after an error.

    Parameters
    ----------
    loaders : iterable
        Whose generators are meant, beside the global ones.
    devices : list of int
        CUDA devices.

    Yields
    ------
    None
    """
    python = random.getstate()
    numpy = np.random.get_state()  # noqa: NPY002
    own = [(g, g.get_state()) for loader in loaders for g in _generators(loader)]
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        for generator, state in own:
            generator.set_state(state)


def _generators(loader: object) -> list[torch.Generator]:
    """List the generators that a loader draws its order from, each once."""
    sampler: Any = getattr(loader, "sampler", None)
    batch_sampler: Any = getattr(loader, "batch_sampler", None)
    places = (loader, sampler, batch_sampler, getattr(batch_sampler, "sampler", None))
    found = [getattr(place, "generator", None) for place in places]
    unique = {id(g): g for g in found if isinstance(g, torch.Generator)}
    return list(unique.values())
