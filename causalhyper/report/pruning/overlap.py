"""The section of overlap: what masks have in common beyond independent ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from causalhyper.errors import DataError
from causalhyper.report.blocks import PageSection, Prose
from causalhyper.report.frame_tables import ShownColumn, frame_table
from causalhyper.report.pruning.tested import NullTest, fold_tests, p_words

PAIRS = (
    "first", "first_seed", "second", "second_seed", "both_pruned", "expected_both_pruned",
    "at_totals", "jaccard_kept", "expected_jaccard", "kappa_layers", "z", "p_value",
)  # fmt: skip
"""Columns that a frame of pairs of masks has, see `causalhyper.granger.masks`."""
ALPHA = 0.05


def overlap_section(
    pairs: pd.DataFrame, *, title: str = "What masks have in common"
) -> PageSection:
    """Show how much masks agree beyond independent masks of the same layer counts.

    Parameters
    ----------
    pairs : DataFrame
        Of `MaskAgreement.to_frame`: columns `PAIRS`, a row a pair of masks.
    title : str

    Returns
    -------
    PageSection

    Raises
    ------
    DataError
        If a column is missing or there is no row.
    """
    if missing := [name for name in PAIRS if name not in pairs.columns]:
        raise DataError(f"a frame of pairs of masks lacks the columns {', '.join(missing)}")
    if not len(pairs):
        raise DataError("a frame of pairs of masks needs a row at least")
    means = overlap_means(pairs)
    tests = [_overlap_test(row, len(pairs)) for row in means.to_dict("records")]
    shown = [
        ShownColumn("masks", ("masks",), kind="text"),
        ShownColumn("pairs", ("pairs",), 0),
        ShownColumn("both pruned, %", ("both_pruned",), 2, 100),
        ShownColumn("independent, same totals, %", ("at_totals",), 2, 100),
        ShownColumn("independent, same layer counts, %", ("expected_both_pruned",), 2, 100),
        ShownColumn("Jaccard of the kept", ("jaccard_kept",), 3),
        ShownColumn("independent", ("expected_jaccard",), 3),
        ShownColumn("kappa within layers", ("kappa_layers",), 3),
    ]
    closest = means.sort_values("kappa_layers", kind="stable").iloc[-1]
    said = (
        f"Most alike beyond their layer counts: {closest['masks']}, Jaccard of the kept "
        f"{closest['jaccard_kept']:.3f} against {closest['expected_jaccard']:.3f} of independent "
        "masks. Most of the share that both prune is arithmetic: compare it with that of "
        "independent masks beside it."
    )
    table = frame_table(means, "Overlap, means over pairs of seeds", shown)
    blocks = (Prose(said, verdict=True), table, fold_tests(tests))
    return PageSection(title, blocks)


def overlap_means(pairs: pd.DataFrame) -> pd.DataFrame:
    """Means over pairs of masks: two methods at the same seed where there are such, or two seeds.

    Parameters
    ----------
    pairs : DataFrame
        Of `MaskAgreement.to_frame`.

    Returns
    -------
    DataFrame
        Columns masks, pairs, means of shares, ``least_p`` and ``z``.
    """
    rows = []
    for (first, second), own in pairs.groupby(["first", "second"], sort=False):
        same = own[own["first_seed"].astype(str) == own["second_seed"].astype(str)]
        chosen, word = (own, ", any seeds") if same.empty else (same, ", same seed")
        name = f"{first}, two seeds" if first == second else f"{first} and {second}{word}"
        numbers = chosen[list(PAIRS[4:10])].mean().to_dict()
        least, z = float(chosen["p_value"].min()), float(chosen["z"].mean())
        rows.append({"masks": name, "pairs": len(chosen), **numbers, "least_p": least, "z": z})
    return pd.DataFrame(rows)


def _overlap_test(row: Mapping[Any, Any], tests: int) -> NullTest:
    masks, least, z = (row[name] for name in ("masks", "least_p", "z"))
    adjusted = min(1.0, least * tests)
    word = "more alike" if z > 0 else "less alike"
    return NullTest(
        "Mantel and Haenszel, layers as strata",
        f"{masks}: within layers, what one keeps says nothing of what the other keeps",
        f"least p {p_words(least)}, by Bonferroni over {tests} pairs {p_words(adjusted)}; mean z "
        f"{z:.1f}",
        "H0 kept" if adjusted > ALPHA else f"H0 rejected: {word}; entries taken as exchangeable",
    )
