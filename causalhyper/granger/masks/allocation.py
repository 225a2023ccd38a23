"""How many parameters of each layer are kept, and which: from scores to masks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.lasso.arguments import check_real, check_whole
from causalhyper.granger.masks.cutoffs import Cut, cut_by_threshold, cut_each, cut_together
from causalhyper.granger.masks.masks import Masks
from causalhyper.notebook import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Scope = Literal["layer", "network"]


@dataclass(frozen=True, slots=True, eq=False)
class Allocation(Shown):
    """Masks, with what a reader has to know of how they came about.

    Attributes
    ----------
    masks : Masks
        Which entries are kept.
    before : mapping of str to int
        Entries of each layer that could be kept: those that were not pruned before.
    rule : str
        In words.
    minimum : int
        Entries kept of each layer at least, as far as it has so many.
    collapsed : mapping of str to int
        Layers of which the rule alone kept fewer than the minimum, and how many it kept.
    tied : int
        Entries left out with the same score as one that was kept: their place decided.
    """

    masks: Masks
    before: Mapping[str, int]
    rule: str
    minimum: int
    collapsed: Mapping[str, int]
    tied: int

    def counts(self) -> pd.DataFrame:
        """One row a layer: layer, entries, before, kept, sparsity, collapsed."""
        frame = self.masks.counts()
        frame.insert(2, "before", [self.before[name] for name in frame["layer"]])
        frame["collapsed"] = [name in self.collapsed for name in frame["layer"]]
        return frame

    def to_frame(self) -> pd.DataFrame:
        """One row an entry that is kept: layer, index (row-major)."""
        return self.masks.to_frame()

    def _overview(self) -> pd.DataFrame:
        return self.counts()

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the share of each layer that is kept."""
        from causalhyper.figures.kept_shares import plot_kept_shares

        counts = self.counts()
        shares = counts["kept"] / counts["entries"]
        return plot_kept_shares(counts.assign(share_kept=shares), ax=ax)

    def summary(self) -> str:
        """Say what is kept, by which rule, and which layers collapsed."""
        lines = [f"scores {self.rule}", self.masks.summary()]
        lines += [
            f"layer {name!r} collapsed: the rule alone kept {alone}, the minimum is {self.minimum}"
            for name, alone in self.collapsed.items()
        ]
        if self.tied:
            lines.append(f"{self.tied} entries left out tie with one that was kept")
        return "\n".join(lines)


def allocate(
    scores: Mapping[str, ArrayLike],
    *,
    sparsity: float | None = None,
    threshold: float | None = None,
    counts: Mapping[str, int] | None = None,
    scope: Scope = "network",
    minimum: int = 1,
    within: Masks | None = None,
) -> Allocation:
    """Keep the entries with the largest scores.

    Exactly one of `sparsity`, `threshold` and `counts` says how many.

    Parameters
    ----------
    scores : mapping of str to array_like
        By layer, in its shape (or of its units): finite, not negative; the larger, the sooner an
        entry is kept. Among equals the earlier one is.
    sparsity : float
        Share, in [0, 1], of all p entries that is pruned afterwards, those pruned before
        included: ``round((1 - sparsity) p)`` are kept.
    threshold : float
        Keep the entries with scores above it; 0 leaves it to the criterion how many.
    counts : mapping of str to int
        How many entries of each layer are kept. They are kept to exactly: no minimum is held.
    scope : {"layer", "network"}
        Whether a sparsity is one of each layer, or of all layers ranked together.
    minimum : int
        Entries kept of each layer at least; of a layer with fewer left, all. Over the network
        they take the place of others, so that the number kept stays.
    within : Masks, optional
        What was kept before: what is pruned stays so. All of it unless given.

    Returns
    -------
    Allocation
        Layers in the order of `within`, or of the scores.

    Raises
    ------
    ConfigurationError
        If not one of the three is given, a number means nothing, layers or shapes differ, or more
        entries are to be kept than are left.
    DataError
        If a score is negative or not finite.

    Examples
    --------
    >>> scores = {"conv": [3.0, 1.0], "fc": [[0.5, 0.2], [0.4, 0.1]]}
    >>> allocate(scores, sparsity=0.5).masks.layer_counts()
    {'conv': 2, 'fc': 1}
    >>> allocate(scores, sparsity=0.5, scope="layer").masks.layer_counts()
    {'conv': 1, 'fc': 2}
    """
    _check_request(sparsity, threshold, counts, scope, minimum)
    found, before = _checked(scores, within)
    left = [found[name].ravel()[mask.ravel()] for name, mask in before.kept.items()]
    floors = [min(minimum, len(values)) for values in left]
    if threshold is not None:
        cut, rule = cut_by_threshold(left, threshold, floors), f"above {threshold:g}"
    elif counts is not None:
        cut = cut_each(left, _given_counts(counts, before), [0] * len(left))
        rule = "among the largest of each layer, so many as were given"
    else:
        assert sparsity is not None
        share = "each layer" if scope == "layer" else "the network"
        rule = f"among the largest {1 - sparsity:.4g} of {share}"
        cut = _cut_to_sparsity(left, before, sparsity, scope, minimum)
    collapsed = {
        name: alone
        for name, alone, floor in zip(before.kept, cut.alone, floors, strict=True)
        if alone < floor
    }
    masks = _placed(cut, before)
    return Allocation(masks, before.layer_counts(), rule, minimum, collapsed, cut.tied)


def _check_request(
    sparsity: float | None,
    threshold: float | None,
    counts: Mapping[str, int] | None,
    scope: str,
    minimum: int,
) -> None:
    if sum(given is not None for given in (sparsity, threshold, counts)) != 1:
        raise ConfigurationError(
            "give a sparsity, a threshold or counts: one of them, which says how many are kept"
        )
    check_whole(minimum=minimum)
    given = {"sparsity": sparsity, "threshold": threshold}
    check_real(**{name: value for name, value in given.items() if value is not None})
    if sparsity is not None and not 0 <= sparsity <= 1:
        raise ConfigurationError(f"sparsity is a share in [0, 1]; got {sparsity}")
    if threshold is not None and not 0 <= threshold < math.inf:
        raise ConfigurationError(f"a threshold is finite and not below 0; got {threshold}")
    if scope not in get_args(Scope) or minimum < 0:
        raise ConfigurationError(
            f"expected scope 'layer' or 'network' and a minimum of 0 or more; got {scope!r} and "
            f"{minimum}"
        )


def _checked(
    scores: Mapping[str, ArrayLike], within: Masks | None
) -> tuple[dict[str, Array], Masks]:
    """Return the scores as numbers, and what was kept before."""
    found = {name: np.asarray(values, dtype=np.float64) for name, values in scores.items()}
    shapes = {name: values.shape for name, values in found.items()}
    before = Masks.all_kept(shapes) if within is None else within
    if before.shapes != shapes:
        raise ConfigurationError(
            "scores and the masks before (within=) must have the same layers and shapes; got "
            f"{shapes} and {before.shapes}"
        )
    for name, values in found.items():
        bad = np.flatnonzero(~((values >= 0) & (values < math.inf)))
        if len(bad):
            raise DataError(
                f"scores must be finite and not negative; entry {bad[0]} of layer {name!r} is "
                f"{values.ravel()[bad[0]]} ({len(bad)} such entries): did training diverge?"
            )
    return found, before


def _cut_to_sparsity(
    left: list[Array], before: Masks, sparsity: float, scope: str, minimum: int
) -> Cut:
    sizes = {name: mask.size for name, mask in before.kept.items()}
    floors = [min(minimum, len(values)) for values in left]
    if scope == "layer":
        counts = {name: round((1 - sparsity) * size) for name, size in sizes.items()}
        return cut_each(left, _given_counts(counts, before), floors)
    count, there = round((1 - sparsity) * sum(sizes.values())), sum(map(len, left))
    if count > there:
        raise ConfigurationError(
            f"sparsity {sparsity:g} keeps {count} entries, and {there} are left: what is pruned "
            f"stays so; ask for a sparsity of {before.sparsity:.4g} or more"
        )
    if sum(floors) > count:
        raise ConfigurationError(
            f"a minimum of {minimum} in each of {len(left)} layers keeps {sum(floors)} entries; "
            f"sparsity {sparsity:g} leaves {count}: lower one of them"
        )
    return cut_together(left, count, floors)


def _given_counts(counts: Mapping[str, int], before: Masks) -> list[int]:
    """Counts in the order of the layers, none above what is left."""
    if set(counts) != set(before.kept):
        raise ConfigurationError(
            f"counts must be of every layer, {sorted(before.kept)}; got {sorted(counts)}"
        )
    for name, there in before.layer_counts().items():
        if not 0 <= counts[name] <= there:
            raise ConfigurationError(
                f"layer {name!r} is to keep {counts[name]} entries, and {there} are left: what is "
                "pruned stays so; ask for fewer"
            )
    return [int(counts[name]) for name in before.kept]


def _placed(cut: Cut, before: Masks) -> Masks:
    """Masks in the shapes of the layers, from masks of what was left of each."""
    kept = {}
    for (name, mask), chosen in zip(before.kept.items(), cut.masks, strict=True):
        kept[name] = np.zeros(mask.shape, dtype=bool)
        kept[name][mask] = chosen
    return Masks(kept)
