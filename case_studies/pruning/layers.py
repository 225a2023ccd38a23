"""What each method leaves of each layer, at every sparsity."""

from __future__ import annotations

import pandas as pd

from case_studies.pruning.logs import CELL, StudyFrames
from causalhyper.report.pruning.layers import layer_shares

COLUMNS = ("method", "layer", "entries", "kept", "share", "collapsed", "seeds")


def layer_table(frames: StudyFrames) -> pd.DataFrame:
    """What is left of each layer, means over seeds.

    Masks whose criterion chose how much it prunes have no share asked for, and are left out.

    Parameters
    ----------
    frames : StudyFrames

    Returns
    -------
    DataFrame
        Columns `CELL`, pruned, `COLUMNS`; ``layer`` "all" is the whole network, ``collapsed`` the
        share of seeds in which the ranking alone would have left fewer than the fewest allowed.
    """
    own = frames.others.get("layers", pd.DataFrame())
    if "target" not in own or own["target"].isna().all():
        return pd.DataFrame()
    places = [*CELL, "target"]
    parts = [
        layer_shares(rows)[list(COLUMNS)].assign(**dict(zip(places, values, strict=True)))
        for values, rows in own.groupby(places, sort=False)
    ]
    whole = pd.concat(parts, ignore_index=True).rename(columns={"target": "pruned"})
    return whole[[*CELL, "pruned", *COLUMNS]]
