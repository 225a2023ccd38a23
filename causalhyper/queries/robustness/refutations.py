"""What a refuter found: where refitted effects lie, and what that says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from causalhyper.arrays import Array
from causalhyper.notebook import Shown
from causalhyper.queries.effects.query import EffectCurve
from causalhyper.queries.robustness.findings import Finding, Verdict
from causalhyper.queries.robustness.targets import Target
from causalhyper.results import Estimate, HypothesisTest, decimals

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TOLERANCE = 0.25
"""Standard errors by which an average may move: with such a bias a 95% interval covers 94.3%."""
ROUNDING = 1e-12
"""Share of the outcome's size below which a standard error is an error of rounding."""
SPREAD_LIMIT = 1.5
"""How many times the spread that its standard error implies a subset's effect may have."""


@dataclass(frozen=True, slots=True)
class Movement:
    """Refitted effects at one treatment value, by one estimator.

    Attributes
    ----------
    estimator : {"design", "graph"}
    value, baseline : float
    estimate, se : float
        The effect itself and its cluster-bootstrap standard error.
    expected : float
        Where refitted effects should lie: zero, or the estimate.
    mean, sd : float
        Of the refitted effects.
    lower, upper : float
        Their 2.5 and 97.5 percentiles.
    same_sign : float
        Share of refitted effects with the estimate's sign.
    shift : float or None
        (mean - expected) / se; None where the effect does not vary between clusters.
    spread : float or None
        sd over what the standard error implies; None where it implies nothing, or the effect
        does not vary.
    holds : bool
        Whether shift and spread are within `TOLERANCE` (beyond three Monte Carlo errors) and
        `SPREAD_LIMIT`; where the effect does not vary, whether the mean is within three Monte
        Carlo errors.
    """

    estimator: str
    value: float
    baseline: float
    estimate: float
    se: float
    expected: float
    mean: float
    sd: float
    lower: float
    upper: float
    same_sign: float
    shift: float | None
    spread: float | None
    holds: bool


@dataclass(frozen=True, slots=True)
class Refutation(Shown):
    """One refuter's answer.

    Attributes
    ----------
    name, null : str
    movements : tuple of Movement
        One for each estimator and treatment value.
    tests : tuple of HypothesisTest
        Permutation tests, where the refuter gives an exact reference distribution.
    refits : int
    effects : mapping of str to ndarray, shape (refits, values)
        The refitted effects by estimator.
    inapplicable : str
        Why the refuter says nothing; "" where it does.
    """

    name: str
    null: str
    movements: tuple[Movement, ...]
    tests: tuple[HypothesisTest, ...]
    refits: int
    effects: Mapping[str, Array]
    inapplicable: str = ""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """One finding an estimator, and one a test."""
        if self.inapplicable:
            return (Finding(self.name, self.null, self.inapplicable, "does not apply"),)
        moved = [
            _read_movement(self, estimator)
            for estimator in dict.fromkeys(m.estimator for m in self.movements)
        ]
        return (*moved, *(_read_test(t) for t in self.tests))

    def to_frame(self) -> pd.DataFrame:
        """One row an estimator and treatment value; columns of `Movement` behind the refuter."""
        names = [f.name for f in fields(Movement)]
        rows = [[self.name, *(getattr(m, n) for n in names)] for m in self.movements]
        return pd.DataFrame(rows, columns=["refuter", *names])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw where 95% of the refitted effects lie, beside the effect itself."""
        from causalhyper.figures import plot_forest

        rows = []
        for m in self.movements:
            group = f"{m.estimator}, {m.value:g} against {m.baseline:g}"
            rows.append([group, "the effect itself", m.estimate, m.estimate, m.estimate])
            rows.append([group, self.name, m.mean, m.lower, m.upper])
        columns = ["group", "label", "estimate", "lower", "upper"]
        frame = pd.DataFrame(rows, columns=columns)
        return plot_forest(frame, xlabel="effect; 95% of refits", ax=ax)

    def summary(self) -> str:
        """The findings as text."""
        return "\n".join(str(f) for f in self.findings)


def collect_refutation(
    target: Target,
    curve: EffectCurve,
    name: str,
    null: str,
    found: Mapping[str, Array],
    *,
    expected: Literal["zero", "estimate"],
    spread: float | None = None,
    tests: tuple[HypothesisTest, ...] = (),
) -> Refutation:
    """Hold refitted effects of shape (refits, values) against the effect itself."""
    movements = []
    size = target.model.size(target.outcome)
    for estimator in ("design", "graph"):
        if estimator not in found:
            continue
        for i, own in enumerate(getattr(curve, estimator)):
            centre = 0.0 if expected == "zero" else own.estimate
            movements.append(_move(estimator, own, found[estimator][:, i], centre, spread, size))
    return Refutation(name, null, tuple(movements), tests, len(found["graph"]), dict(found))


def _move(
    estimator: str,
    own: Estimate,
    effects: Array,
    expected: float,
    spread: float | None,
    size: float,
) -> Movement:
    """Hold the refitted effects at one value against the one; `size` is that of the outcome."""
    mean, sd = float(effects.mean()), float(effects.std(ddof=1))
    rounding = ROUNDING * max(size, abs(own.estimate))
    away, noise = abs(mean - expected), 3 * sd / np.sqrt(len(effects))
    moved = away > noise and away > rounding
    shift = ratio = None
    if own.se > rounding:
        shift = (mean - expected) / own.se
        moved = moved and abs(shift) > TOLERANCE
        ratio = None if spread is None else sd / (own.se * spread)
    wide = ratio is not None and ratio > SPREAD_LIMIT
    low, high = np.quantile(effects, [0.025, 0.975])
    return Movement(
        estimator=estimator,
        value=own.value,
        baseline=own.against,
        estimate=own.estimate,
        se=own.se,
        expected=expected,
        mean=mean,
        sd=sd,
        lower=float(low),
        upper=float(high),
        same_sign=float(np.mean(np.sign(effects) == np.sign(own.estimate))),
        shift=shift,
        spread=ratio,
        holds=not (moved or wide),
    )


def permutation_tests(
    target: Target, curve: EffectCurve, found: Mapping[str, Array]
) -> tuple[HypothesisTest, ...]:
    """Exact tests of the sharp null hypothesis, one an estimator, over all treatment values."""
    return tuple(
        _permutation_test(target, estimator, [e.estimate for e in own], found[estimator])
        for estimator in ("design", "graph")
        if estimator in found and (own := getattr(curve, estimator))
    )


def _permutation_test(
    target: Target, estimator: str, own: list[float], effects: Array
) -> HypothesisTest:
    # scaled by the spread over the effect and the placebos together: they stay exchangeable
    pooled = np.vstack([own, effects])
    scale = np.sqrt((pooled**2).mean(axis=0))
    largest = (np.abs(pooled) / np.where(scale > 0, scale, 1.0)).max(axis=1)
    p_value = float(np.mean(largest >= largest[0] * (1 - 1e-9)))
    size = 1 - target.level
    outcome = target.model.roles[target.outcome].label
    changed = "any node" if estimator == "graph" else outcome
    return HypothesisTest(
        name=f"placebo test ({estimator})",
        null=f"{target.treatment} does not change {changed} in any run",
        statistic=float(largest[0]),
        p_value=p_value,
        reference=f"largest |effect|/spread over {len(effects)} treatments drawn anew",
        alpha=size,
        if_rejected=f"treatments drawn anew reach the effect in {p_value:.2g} of draws",
        if_kept=(
            f"treatments drawn anew reach the effect in {p_value:.2g} of draws: it is not told "
            "apart from none"
        ),
    )


def _read_test(test: HypothesisTest) -> Finding:
    verdict: Verdict = "holds" if test.rejected else "is fragile"
    return Finding(test.name, test.null, test.reading, verdict)


def _read_movement(found: Refutation, estimator: str) -> Finding:
    rows = [m for m in found.movements if m.estimator == estimator]
    worst = max(rows, key=lambda m: np.inf if m.shift is None else abs(m.shift))
    digits = decimals([worst.se]) + 1
    if worst.shift is None:
        off = "the effect does not vary between clusters, so there is no standard error to hold"
        off += " this against"
    else:
        off = f"{abs(worst.shift):.2f} standard errors off"
    reading = (
        f"mean of {found.refits} refits {worst.mean:+.{digits}f} at {worst.value:g} where "
        f"{worst.expected:+.{digits}f} is expected: {off}"
    )
    if worst.spread is not None:
        spread = max(m.spread for m in rows if m.spread is not None)
        signs = min(m.same_sign for m in rows)
        reading += (
            f"; spread {spread:.2f} times what the standard error implies; sign kept in "
            f"{signs:.0%}"
        )
    verdict: Verdict = "holds" if all(m.holds for m in rows) else "fails"
    return Finding(f"{found.name} ({estimator})", found.null, reading, verdict)


def not_applicable(target: Target, name: str, null: str, why: str) -> Refutation:
    """A refuter that says nothing of these runs, with the reason."""
    return Refutation(name, null, (), (), 0, {}, why)
