"""What masks of one seed have in common, two methods at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from collectors.ensembles.pruning import Pruning
from collectors.ensembles.pruning.layout import FlatLayout


def overlap_rows(layout: FlatLayout, prunings: Sequence[Pruning]) -> list[dict[str, Any]]:
    """Count what each two masks of a sparsity both keep, layer by layer.

    Parameters
    ----------
    layout : FlatLayout
        Of the masks.
    prunings : sequence of Pruning
        Of one seed.

    Returns
    -------
    list of dict
        target (NaN where the criteria chose), method, other, layer, entries, kept, kept_other,
        both; `both` of independent masks would be ``kept * kept_other / entries`` on average.
    """
    rows: list[dict[str, Any]] = []
    for target in dict.fromkeys(p.target for p in prunings):
        chosen = [p for p in prunings if p.target == target]
        places = layout.places()
        for layer in layout.prunable:
            kept = torch.stack([p.kept[places[layer]] for p in chosen])
            # exact: sums of at most 2^24 ones
            both = (kept.float() @ kept.float().T).long().tolist()
            for i, one in enumerate(chosen):
                for j in range(i + 1, len(chosen)):
                    rows.append(
                        {
                            "target": float("nan") if target is None else target,
                            "method": one.method,
                            "other": chosen[j].method,
                            "layer": layer,
                            "entries": kept.shape[1],
                            "kept": both[i][i],
                            "kept_other": both[j][j],
                            "both": both[i][j],
                        }
                    )
    return rows
