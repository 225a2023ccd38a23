"""Many estimates read together: p-values, adjusted for how many there are."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy import special

from causalhyper.errors import ConfigurationError
from causalhyper.inference import adjust_p_values
from causalhyper.results.collection import EstimateResult
from causalhyper.results.estimate import Estimate

ADJUSTED = (
    "query",
    "subject",
    "treatment",
    "value",
    "baseline",
    "estimate",
    "se",
    "df",
    "statistic",
    "p_value",
    "adjusted_p_value",
    "adjust",
)
"""Columns of `adjust_estimates`, in order."""


def adjust_estimates(
    estimates: EstimateResult | Iterable[Estimate], adjust: str = "holm"
) -> pd.DataFrame:
    """Test that each of a family of effects is zero, and adjust for the size of the family.

    The family is what is given: pass the estimates that are read together, and no others (not
    an effect beside the gap between two estimates of it).

    Parameters
    ----------
    estimates : EstimateResult or iterable of Estimate
    adjust : {"holm", "bh", "by"}
        How several tests count one another. "holm" controls the probability of any false finding
        under any dependence; "bh" the expected share of false ones among the findings, under
        independence or positive dependence; "by" that share under any dependence.

    Returns
    -------
    DataFrame
        One row an estimate, columns `ADJUSTED`. The p-value is two-sided, of ``estimate / se``
        against Student's t with the estimate's own degrees of freedom. It is NaN, and does not
        count, for an estimate that does not vary or has no t reference.

    Raises
    ------
    ConfigurationError
        For an unknown `adjust`, no estimates, or a mean in one world, which is compared with
        nothing.

    Examples
    --------
    >>> from causalhyper.results import Estimate
    >>> shared = dict(query="effect_curve.design", treatment="B", baseline=1.0, estimand="e")
    >>> shared |= dict(level=0.95, method="m", n=40, clusters=11, assumptions=(), seed=1, df=10.0)
    >>> effects = [
    ...     Estimate(value=v, estimate=e, se=1.0, lower=e - 2.2, upper=e + 2.2, **shared)
    ...     for v, e in [(2.0, 3.0), (4.0, 2.4), (8.0, 0.1)]
    ... ]
    >>> adjust_estimates(effects)[["p_value", "adjusted_p_value"]].round(3).to_numpy().tolist()
    [[0.013, 0.04], [0.037, 0.075], [0.922, 0.922]]
    """
    family = _family(estimates)
    if not family:
        raise ConfigurationError("there is no estimate to adjust: pass at least one")
    if levels := list(dict.fromkeys(e.query for e in family if e.baseline is None)):
        raise ConfigurationError(
            f"{', '.join(levels)} are means in one world, which are compared with nothing: that "
            "they are zero is no hypothesis. Pass effects, such as those of effect_curve"
        )
    rows = [_row(e) for e in family]
    frame = pd.DataFrame(rows, columns=list(ADJUSTED[:-2]))
    frame["adjusted_p_value"] = adjust_p_values(
        frame["p_value"].to_numpy(dtype=np.float64), adjust
    )
    frame["adjust"] = adjust
    return frame


def _family(given: object) -> tuple[Estimate, ...]:
    """The estimates that are given, alone or in a result."""
    if isinstance(given, EstimateResult):
        return given.estimates
    members = tuple(given) if isinstance(given, Iterable) else (given,)
    if wrong := [e for e in members if not isinstance(e, Estimate)]:
        raise ConfigurationError(
            f"expected a result such as that of effect_curve, or its estimates; got {wrong[0]!r}"
        )
    return members


def _row(e: Estimate) -> tuple[object, ...]:
    tested = e.se > 0 and e.df is not None
    t = e.estimate / e.se if tested else np.nan
    df = np.nan if e.df is None else e.df
    p = 2 * float(special.stdtr(df, -abs(t))) if tested else np.nan
    return (
        e.query,
        e.subject,
        e.treatment,
        e.value,
        e.baseline,
        e.estimate,
        e.se,
        df,
        t,
        p,
    )
