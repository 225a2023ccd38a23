"""Pairs of masks from logged counts of what two masks of a seed both keep, layer by layer."""

from __future__ import annotations

import numpy as np
import pandas as pd

from case_studies.pruning.methods import MAGNITUDE, MOVEMENT, NULL, role
from causalhyper.granger.masks.pairs import pair_rows

COUNTS = ("method", "other", "layer", "entries", "kept", "kept_other", "both", "seed", "target")
"""Columns of logged counts, with the network and data set."""
PLACE = ("network", "dataset", "protocol", "target", "seed")


def pairs_of_counts(counts: pd.DataFrame) -> pd.DataFrame:
    """Say how much masks agree, for the pairs that the study asks about.

    Parameters
    ----------
    counts : DataFrame
        Columns `COUNTS` and `PLACE`, a row a pair of methods, seed and layer.

    Returns
    -------
    DataFrame
        As `MaskAgreement.to_frame` gives it, with `PLACE`; ``pruned`` is the target. Pairs are
        those with magnitude, and of a criterion with movement and with its null.
    """
    asked = [_asked(one, two) for one, two in zip(counts["method"], counts["other"], strict=True)]
    frames = []
    for key, own in counts[asked].groupby([*PLACE, "method", "other"], sort=False):
        *place, one, two = key  # type: ignore[misc]
        seed = str(place[-1])
        kept = own[["kept", "kept_other"]].to_numpy(dtype=np.intp).T
        both = np.stack([[kept[0], own["both"]], [own["both"], kept[1]]]).astype(np.intp)
        labels = ((str(one), seed), (str(two), seed))
        entries = own["entries"].to_numpy(dtype=np.intp)
        row = pair_rows(labels, tuple(own["layer"]), entries, kept, both, by_layer=False)
        frames.append(row.assign(**dict(zip(PLACE, place, strict=True))))
    if not frames:
        return pd.DataFrame()
    return pd.concat(frames, ignore_index=True).rename(columns={"target": "pruned"})


def overlap_table(overlaps: pd.DataFrame) -> pd.DataFrame:
    """How much of what either of two masks keeps both keep, means over seeds.

    Masks whose criterion chose how much it prunes have no share asked for, and are left out.

    Parameters
    ----------
    overlaps : DataFrame
        Of `pairs_of_counts`, or with its columns.

    Returns
    -------
    DataFrame
        Columns network, dataset, protocol, first, second, pruned, jaccard, by_chance (of masks
        with these numbers of parameters of each layer), seeds.
    """
    keys = [*PLACE[:3], "first", "second", "pruned"]
    if overlaps.empty or not {*keys, "jaccard_kept", "expected_jaccard"} <= set(overlaps):
        return pd.DataFrame()
    means = {
        "jaccard": ("jaccard_kept", "mean"),
        "by_chance": ("expected_jaccard", "mean"),
        "seeds": ("first_seed", "nunique"),
    }
    return overlaps.groupby(keys, sort=False, as_index=False).agg(**means)


def _asked(one: str, two: str) -> bool:
    roles = {role(one), role(two)}
    if "own counts" in roles or "dense" in roles:
        return False
    return MAGNITUDE in (one, two) or (
        "criterion" in roles and bool({MOVEMENT, one + NULL, two + NULL} & {one, two})
    )
