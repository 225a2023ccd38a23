"""Refit again and again, each time with a random stream of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from causalhyper.arrays import Array, Codes, Flags
from causalhyper.errors import ConfigurationError
from causalhyper.progress import Progress


def repeat(
    drawn: Callable[[np.random.Generator], Mapping[str, Array]],
    refits: int,
    seed: int,
    progress: Progress | None,
) -> dict[str, Array]:
    """Effects of many refits by estimator, shape (refits, values); some are drawn again."""
    if refits < 20:
        raise ConfigurationError(f"{refits} refits are too few: use 50 to try, 199 to report")
    found: list[Mapping[str, Array]] = []
    for number, rng in enumerate(_streams(seed)):
        try:
            found.append(drawn(rng))
        except ConfigurationError as error:
            if number > 20 + 2 * len(found):
                raise ConfigurationError(
                    f"most changed samples cannot be fitted ({error}): use straight lines"
                ) from error
            continue
        if progress is not None:
            progress(len(found) / refits)
        if len(found) == refits:
            break
    shared = [k for k in found[0] if all(k in f for f in found)]
    return {k: np.stack([f[k] for f in found]) for k in shared}


def _streams(seed: int) -> Iterator[np.random.Generator]:
    """Independent generators without end."""
    parent = np.random.SeedSequence([seed, 4])
    while True:
        yield np.random.default_rng(parent.spawn(1)[0])


def count_kept(sizes: Codes, share: float) -> Codes:
    """Clusters kept of strata of such sizes: at least two, at least one left out of three."""
    wanted = np.rint(sizes * share).astype(np.intp)
    kept: Codes = np.minimum(np.maximum(wanted, 2), np.maximum(sizes - 1, 2))
    return kept


def subset(strata: Codes, share: float, rng: np.random.Generator) -> Flags:
    """Whether each cluster is kept."""
    kept = np.zeros(len(strata), dtype=bool)
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        size = int(count_kept(np.array(len(members)), share))
        kept[rng.choice(members, size=min(size, len(members)), replace=False)] = True
    return kept
