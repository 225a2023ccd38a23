"""From scores to masks on a device, as `causalhyper.granger.masks.allocate` makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from causalhyper.errors import ConfigurationError
from collectors.ensembles.pruning.layout import FlatLayout

Target = float | Mapping[str, int] | None
"""Share pruned of all that may be, how many are kept of each layer, or what has a score."""


@dataclass(frozen=True, slots=True, eq=False)
class RowCut:
    """What is kept of one network.

    Attributes
    ----------
    kept : Tensor of bool, shape (p,)
        True too for what is not prunable.
    layers : tuple of dict
        Of each layer: layer, entries, before, kept, sparsity, collapsed.
    """

    kept: Tensor
    layers: tuple[dict[str, Any], ...]

    def counts(self) -> dict[str, int]:
        """Return how many are kept of each layer."""
        return {row["layer"]: row["kept"] for row in self.layers}


def cut(
    layout: FlatLayout,
    scores: Tensor,
    before: Tensor,
    target: Target,
    *,
    scope: str = "network",
    minimum: int = 1,
) -> RowCut:
    """Keep the entries with the largest scores, earlier ones first among equals.

    Parameters
    ----------
    layout : FlatLayout
        Of the row.
    scores : Tensor, shape (p,)
        Not negative.
    before : Tensor of bool, shape (p,)
        What was kept until now.
    target : float, mapping of str to int, or None
        How many.
    scope : {"network", "layer"}
        Of a share.
    minimum : int
        Entries kept of each layer at least, but for counts, which are kept to.

    Returns
    -------
    RowCut

    Raises
    ------
    ConfigurationError
        If more is to be kept than is left.
    """
    places = [layout.places()[name] for name in layout.prunable]
    own = torch.cat([scores[place] for place in places])
    there = torch.cat([before[place] for place in places])
    sizes = [place.stop - place.start for place in places]
    if target is None:
        alone = there & (own > 0)
        chosen = _with_floor(alone, own, there, sizes, minimum)
    elif isinstance(target, Mapping) or scope == "layer":
        share = target if isinstance(target, float) else 0.0
        counts = (
            [target[name] for name in layout.prunable]
            if isinstance(target, Mapping)
            else [round((1 - share) * size) for size in sizes]
        )
        floor = 0 if isinstance(target, Mapping) else minimum
        chosen = _largest_of_each(own, there, sizes, [max(n, floor) for n in counts])
        alone = chosen if floor == 0 else _largest_of_each(own, there, sizes, counts)
    else:
        count = round((1 - target) * sum(sizes))
        alone = _largest(own, there, count)
        raised = _largest_of_each(own, there, sizes, [minimum] * len(sizes))
        chosen = _largest(torch.where(raised, torch.inf, own), there, count)
    kept = before.clone()
    for place, part in zip(places, chosen.split(sizes), strict=True):
        kept[place] = part
    return RowCut(kept, _rows(layout, sizes, (there, alone, chosen), minimum))


def _largest(scores: Tensor, there: Tensor, count: int) -> Tensor:
    if count > int(there.sum()):
        raise ConfigurationError(
            f"{count} entries are to be kept, and {int(there.sum())} are left: what is pruned "
            "stays so; ask for a higher sparsity"
        )
    order = torch.where(there, scores, -1.0).sort(descending=True, stable=True).indices
    chosen = torch.zeros_like(there)
    chosen[order[:count]] = True
    return chosen


def _largest_of_each(scores: Tensor, there: Tensor, sizes: list[int], counts: list[int]) -> Tensor:
    parts = zip(scores.split(sizes), there.split(sizes), counts, strict=True)
    return torch.cat([_largest(s, t, min(n, int(t.sum()))) for s, t, n in parts])


def _with_floor(
    chosen: Tensor, scores: Tensor, there: Tensor, sizes: list[int], minimum: int
) -> Tensor:
    floor = _largest_of_each(scores, there, sizes, [minimum] * len(sizes))
    return chosen | floor


def _rows(
    layout: FlatLayout, sizes: list[int], flags: tuple[Tensor, Tensor, Tensor], minimum: int
) -> tuple[dict[str, Any], ...]:
    each = [part.sum() for row in flags for part in row.split(sizes)]
    counts = torch.stack(each).unflatten(0, (3, len(sizes))).tolist()
    return tuple(
        {
            "layer": name,
            "entries": size,
            "before": int(left),
            "kept": int(kept),
            "sparsity": 1 - kept / size,
            "collapsed": int(by_rule) < min(minimum, int(left)),
        }
        for name, size, left, by_rule, kept in zip(layout.prunable, sizes, *counts, strict=True)
    )
