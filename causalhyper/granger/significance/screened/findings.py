"""Three ways to select among picked columns, with what each takes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from causalhyper.arrays import Array, Flags
from causalhyper.errors import ConfigurationError
from causalhyper.granger.significance.screened.debiased import debiased_lasso
from causalhyper.granger.significance.screened.knockoffs import (
    entry_differences,
    fixed_knockoffs,
)
from causalhyper.granger.significance.screened.mirror import mirror_splits
from causalhyper.granger.significance.screened.parts import HeldOutPart
from causalhyper.granger.significance.screened.signed import select_by_inclusion, signed_q_values
from causalhyper.inference.multiplicity import adjust_p_values


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """What a method finds of k columns.

    Attributes
    ----------
    statistic : ndarray, shape (k,)
        Inclusion rate of mirror statistics (the mirror statistic itself of one split); signed
        entry penalty of knockoffs; estimate over standard error of the debiased lasso.
    p : ndarray, shape (k,)
        NaN where a method has none.
    q : ndarray, shape (k,)
        Smallest level at which the column is selected; NaN for several splits.
    selected : ndarray of bool, shape (k,)
    frequency : ndarray, shape (k,)
        Share of the splits that select; NaN where nothing is split.
    how : str
        The settings, as a sentence.
    caution : str
        What the control of false selections takes.

    Raises
    ------
    ConfigurationError
        If the arrays differ in length.
    """

    statistic: Array
    p: Array
    q: Array
    selected: Flags
    frequency: Array
    how: str
    caution: str

    def __post_init__(self) -> None:
        parts = (self.statistic, self.p, self.q, self.selected, self.frequency)
        if len({part.shape for part in parts}) != 1:
            raise ConfigurationError(
                f"a number of each kind a column is needed; got {[part.shape for part in parts]}"
            )


def by_mirror_statistics(
    part: HeldOutPart, *, level: float, splits: int, gap: int, rng: np.random.Generator
) -> Findings:
    """Select by mirror statistics of one split of the steps, or of many.

    Parameters
    ----------
    part : HeldOutPart
    level : float
    splits : int
    gap : int
        Steps left out between blocks of two halves.
    rng : numpy.random.Generator

    Returns
    -------
    Findings
    """
    statistics, kept = mirror_splits(part, splits, level, gap, rng)
    nothing, count = np.full(statistics.shape[1], np.nan), statistics.shape[1]
    caution = (
        "Needs errors symmetric about zero, halves that are nearly independent, and every "
        "influence among the columns that the lasso of a half keeps; dependence of the errors in "
        "time alone does not bias it."
    )
    if splits == 1:
        q = signed_q_values(statistics[0], offset=1)
        how = "Mirror statistics of one split of the steps, which another split may contradict."
        return Findings(statistics[0], nothing, q, q <= level, nothing, how, caution)
    sizes = np.maximum(kept.sum(axis=1, keepdims=True), 1)
    inclusion = (kept / sizes).mean(axis=0)
    how = (
        f"Mirror statistics of {splits} splits of {count} columns; the statistic is the inclusion "
        "rate."
    )
    lengths = np.maximum(np.linalg.norm(statistics, axis=1, keepdims=True), np.finfo(float).tiny)
    chosen = select_by_inclusion(inclusion, level, (statistics / lengths).mean(axis=0))
    return Findings(inclusion, nothing, nothing, chosen, kept.mean(axis=0), how, caution)


def by_knockoffs(part: HeldOutPart, *, level: float, rng: np.random.Generator) -> Findings:
    """Select by fixed-X knockoffs, entry penalties and the knockoff+ threshold.

    Parameters
    ----------
    part : HeldOutPart
    level : float
    rng : numpy.random.Generator

    Returns
    -------
    Findings
    """
    knockoffs = fixed_knockoffs(part.x, rng, part.trend)
    statistic = entry_differences(part.x, knockoffs, part.y)
    q = signed_q_values(statistic, offset=1)
    nothing = np.full(len(q), np.nan)
    caution = (
        "Exact for independent normal errors of one variance; after estimated dependence was "
        "taken away, simulated rates were up to 0.27 at 0.2. "
        f"{math.ceil(1 / level)} selected columns are the fewest it can find at this level."
    )
    return Findings(statistic, nothing, q, q <= level, nothing, "Fixed-X knockoffs.", caution)


def by_debiased_lasso(
    part: HeldOutPart, *, level: float, adjust: str, lags: float | None
) -> Findings:
    """Select by adjusted p-values of the debiased lasso.

    Parameters
    ----------
    part : HeldOutPart
    level : float
    adjust : {"bh", "by", "holm"}
    lags : float or None

    Returns
    -------
    Findings
    """
    fit = debiased_lasso(part, lags)
    q = adjust_p_values(fit.p_values, adjust)
    nothing = np.full(len(q), np.nan)
    z = np.divide(fit.estimates, fit.errors, out=np.zeros(len(q)), where=fit.errors > 0)
    how = (
        f"Debiased lasso, Newey-West standard errors with {np.median(fit.lags):.3g} lags in the "
        f"median; p-values adjusted by {adjust}."
    )
    caution = (
        "Approximate: for many steps and few influences, with errors as good as independent after "
        "what was taken from them."
    )
    return Findings(z, fit.p_values, q, q <= level, nothing, how, caution)
