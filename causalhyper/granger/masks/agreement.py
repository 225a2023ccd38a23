"""Masks compared: what two of them prune and keep alike, and what independent ones would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.arrays import Codes
from causalhyper.errors import ConfigurationError
from causalhyper.granger.masks.masks import Masks
from causalhyper.granger.masks.pairs import pair_rows
from causalhyper.notebook import Shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes


EXCHANGEABLE = (
    "p and z take the entries of a layer for exchangeable: masks that leave out the same dead "
    "inputs or whole units agree for that alone"
)


@dataclass(frozen=True, slots=True, eq=False)
class MaskAgreement(Shown):
    """How several masks overlap, pair by pair; see `compare_masks`.

    Attributes
    ----------
    labels : tuple of (str, str)
        Method and seed of each of the m masks.
    layers : tuple of str
    entries : ndarray of int, shape (layers,)
    kept : ndarray of int, shape (m, layers)
    both : ndarray of int, shape (m, m, layers)
        Entries that both of two masks keep.

    Raises
    ------
    ConfigurationError
        If the counts contradict one another.
    """

    labels: tuple[tuple[str, str], ...]
    layers: tuple[str, ...]
    entries: Codes
    kept: Codes
    both: Codes

    def __post_init__(self) -> None:
        least = self.kept[:, None] + self.kept[None] - self.entries
        most = np.minimum(self.kept[:, None], self.kept[None])
        if (self.both < least).any() or (self.both > most).any():
            raise ConfigurationError("entries that both masks keep must fit what each keeps")

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the methods, in order."""
        return tuple(dict.fromkeys(method for method, _ in self.labels))

    def to_frame(self, *, by_layer: bool = False) -> pd.DataFrame:
        """One row a pair of masks, or a pair and layer.

        Parameters
        ----------
        by_layer : bool
            A row for each layer, and for all of them together, whose name is "".

        Returns
        -------
        DataFrame
            Columns `causalhyper.granger.masks.pairs.COLUMNS`; shares are fractions of the
            entries. ``expected_both_pruned`` is what independent masks of the same layer counts
            both prune; ``at_totals`` what those of the same totals do, whatever the layers.
        """
        return pair_rows(
            self.labels, self.layers, self.entries, self.kept, self.both, by_layer=by_layer
        )

    def summary(self) -> str:
        """Say for each two methods how far their masks agree beyond independent ones."""
        frame = self.to_frame()
        lines = [
            f"{len(self.labels)} masks of {int(self.entries.sum())} entries in "
            f"{len(self.layers)} layers; shares are means over pairs"
        ]
        for key, rows in frame.groupby(["first", "second"], sort=False):
            same = rows[rows["first_seed"] == rows["second_seed"]]
            first, second = key
            if first == second:
                lines += _tell(f"{first}, two seeds", rows, len(frame))
            else:
                of = f"{first} and {second}"
                pairs = rows if same.empty else same
                lines += _tell(
                    f"{of}, {'any seeds' if same.empty else 'same seed'}", pairs, len(frame)
                )
        if (frame["p_value"] * len(frame) <= 0.05).any():
            lines.append(EXCHANGEABLE)
        return "\n".join(lines)

    def plot(
        self, first: str | None = None, second: str | None = None, ax: Axes | None = None
    ) -> Axes:
        """Draw the masks of two methods against one another, a 2 x 2 block a pair.

        Parameters
        ----------
        first, second : str, optional
            Methods in rows and in columns; the first two by default.
        ax : matplotlib.axes.Axes, optional
            Where to draw; a new figure otherwise.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        ConfigurationError
            If there is no such pair of methods.
        """
        from causalhyper.figures.mask_agreement import plot_mask_agreement

        names = self.methods
        down = names[0] if first is None else first
        across = names[min(1, len(names) - 1)] if second is None else second
        frame = self.to_frame()
        rows = frame[(frame["first"] == down) & (frame["second"] == across)]
        if rows.empty:
            raise ConfigurationError(
                f"there is no pair of masks of {down!r} and {across!r}; methods: "
                f"{', '.join(names)}, each with one mask or more"
            )
        return plot_mask_agreement(rows, ax=ax)


def compare_masks(
    masks: Mapping[str, Masks | Sequence[Masks] | Mapping[object, Masks]],
) -> MaskAgreement:
    """Compare the masks of methods and seeds, pair by pair.

    Parameters
    ----------
    masks : mapping
        By method: one mask, one a seed in the same order in every method, or a mapping from
        seed to mask.

    Returns
    -------
    MaskAgreement
        Of all pairs, those of one method with itself at another seed among them: how well a
        method agrees with itself is the measure for how well two methods agree.

    Raises
    ------
    ConfigurationError
        If there are fewer than two masks, or their layers or shapes differ.

    Notes
    -----
    Two masks that prune 97% at random both prune 94.1%: most of the agreement of sparse masks
    is arithmetic. What is more than that is read at equal layer counts, since two methods that
    merely empty the same layers agree too. Entries of a layer need not be exchangeable: masks may
    agree only on inputs that are always zero.

    Source: the 2 x 2 tables: Shah et al., "A Granger-causal perspective on gradient descent with
    application to pruning", figure 1(b).

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> def draw():
    ...     return Masks({"fc": rng.random((50, 40)) < 0.03})
    >>> frame = compare_masks({"causal": [draw()], "magnitude": [draw()]}).to_frame()
    >>> frame[["both_pruned", "expected_both_pruned", "p_value"]].round(3).to_numpy().tolist()
    [[0.938, 0.937, 0.63]]
    """
    if not isinstance(masks, Mapping):
        raise ConfigurationError(
            f"masks are given by method, {{method: masks}}; got {masks!r:.60}"
        )
    named = [
        ((method, str(seed)), mask)
        for method, given in masks.items()
        for seed, mask in _seeds(given).items()
    ]
    if len(named) < 2:
        raise ConfigurationError(f"two masks are compared, or more; got {len(named)}")
    _check_shapes(named)
    shapes = named[0][1].shapes
    kept = np.array([list(mask.layer_counts().values()) for _, mask in named], dtype=np.intp)
    both = np.zeros((len(named), len(named), len(shapes)), dtype=np.intp)
    for i, own in enumerate(kept):
        both[i, i] = own
    for i, j in combinations(range(len(named)), 2):
        both[i, j] = both[j, i] = [
            np.count_nonzero(named[i][1].kept[layer] & named[j][1].kept[layer]) for layer in shapes
        ]
    entries = np.array([int(np.prod(shape)) for shape in shapes.values()], dtype=np.intp)
    return MaskAgreement(tuple(name for name, _ in named), tuple(shapes), entries, kept, both)


def _seeds(given: Masks | Sequence[Masks] | Mapping[object, Masks]) -> dict[object, Masks]:
    if isinstance(given, Masks):
        return {0: given}
    if isinstance(given, Mapping):
        return dict(given)
    return dict(enumerate(given)) if isinstance(given, Sequence) else {0: given}


def _check_shapes(named: Sequence[tuple[tuple[str, str], Masks]]) -> None:
    for label, given in named:
        if not isinstance(given, Masks):
            raise ConfigurationError(
                f"each mask is a Masks, one a seed; got {type(given).__name__} for "
                f"{' '.join(label)}: make it by Masks({{layer: kept}})"
            )
    (first, mask), *others = named
    for label, other in others:
        if other.shapes != mask.shapes:
            raise ConfigurationError(
                "masks are compared entry by entry, so their layers and shapes must be the same; "
                f"{' '.join(first)}: {mask.shapes}; {' '.join(label)}: {other.shapes}"
            )


def _tell(of: str, rows: pd.DataFrame, tests: int) -> list[str]:
    """Two lines on the masks of two methods, one of a family of tests."""
    mean = rows[
        ["both_pruned", "expected_both_pruned", "at_totals", "jaccard_kept", "expected_jaccard"]
    ].mean()
    found = (
        f"{of} ({len(rows)}): both prune {mean['both_pruned']:.1%}; independent masks: "
        f"{mean['at_totals']:.1%} at these totals, {mean['expected_both_pruned']:.1%} at these "
        f"layer counts; Jaccard of the kept {mean['jaccard_kept']:.3f} against "
        f"{mean['expected_jaccard']:.3f}, kappa within layers {rows['kappa_layers'].mean():.3f}"
    )
    share = f"{mean['both_pruned']:.1%} both pruned"
    least = float(rows["p_value"].min()) * tests
    if least > 0.05:
        verdict = f"{share} is what independent masks at these layer counts give"
        verdict += f" (no pair apart at 5%, of {tests})"
    else:
        gaps = 100 * (rows["both_pruned"] - rows["expected_both_pruned"])
        apart = gaps[rows["p_value"] * tests <= 0.05]
        verdict = (
            f"of the {share} {gaps.mean():+.2f} points are beyond independent masks at these "
            f"layer counts (pairs {gaps.min():+.2f} to {gaps.max():+.2f}; {(apart > 0).sum()} of "
            f"{len(rows)} agree more, {(apart < 0).sum()} less, at 5% by Bonferroni over {tests}; "
            f"z {rows['z'].min():.1f} to {rows['z'].max():.1f})"
        )
    return [found, f"  {verdict}"]
