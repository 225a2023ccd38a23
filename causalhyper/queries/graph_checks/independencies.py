"""Every conditional independence that the hypergraph implies, held against the runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.hypergraph import Independence, implied_independencies
from causalhyper.inference import adjust_p_values
from causalhyper.inference.independence import check_options, check_size
from causalhyper.notebook import Shown
from causalhyper.progress import Progress, track_all
from causalhyper.queries.graph_checks.independence_tests import IndependenceFinding, make_tester
from causalhyper.results import HypothesisTest
from causalhyper.scm.model import FittedModel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLUMNS = (
    *("independence", "x", "y", "given", "statistic", "estimate", "lower", "upper"),
    *("p", "q", "rejected", "reading"),
)
"""Columns of the table of checks, in order."""

_RATES = {
    "bh": ("Benjamini-Hochberg", "a false discovery rate"),
    "by": ("Benjamini-Yekutieli", "a false discovery rate"),
    "holm": ("Holm", "a family-wise error rate"),
}


@dataclass(frozen=True, slots=True)
class IndependenceCheck:
    """One implied independence and what the runs say of it.

    Attributes
    ----------
    independence : Independence
    finding : IndependenceFinding
        Statistic, p-value, partial correlation and its interval.
    test : HypothesisTest
        Its p-value is adjusted for all that were tested together.
    """

    independence: Independence
    finding: IndependenceFinding
    test: HypothesisTest


@dataclass(frozen=True, slots=True)
class IndependenceChecks(Shown):
    """All independencies that a hypergraph implies, tested together.

    Attributes
    ----------
    graph, protocol : str
    method : str
        "partial correlation" or "kernel".
    adjust : str
        How p-values were adjusted for one another: "bh", "by" or "holm".
    alpha : float
        Error rate at which an independence counts as contradicted.
    checks : tuple of IndependenceCheck
        In topological order.
    n, clusters : int
        Runs and independent clusters.
    seed : int
        Of the sign flips.
    """

    graph: str
    protocol: str
    method: str
    adjust: str
    alpha: float
    checks: tuple[IndependenceCheck, ...]
    n: int
    clusters: int
    seed: int

    @property
    def tests(self) -> tuple[HypothesisTest, ...]:
        """The tests, in the order of the checks."""
        return tuple(check.test for check in self.checks)

    @property
    def rejected(self) -> tuple[Independence, ...]:
        """The independencies that the runs contradict."""
        return tuple(check.independence for check in self.checks if check.test.rejected)

    @property
    def verdict(self) -> str:
        """What the runs say of the hypergraph, in words."""
        if not self.checks:
            return (
                "The hypergraph implies no independence: every two nodes are joined, or cannot "
                "be separated, so no such test can contradict it."
            )
        applied = [check for check in self.checks if check.test.p_value is not None]
        rate = f"{_RATES[self.adjust][1]} of {self.alpha:.0%}"
        if not applied:
            return "None of the implied independencies can be tested in these runs."
        if not self.rejected:
            return (
                f"The runs contradict none of the {len(applied)} implied independencies that can "
                f"be tested, at {rate}; that is no proof of the hypergraph: hidden common causes "
                "may leave correlations too small to be seen."
            )
        return (
            f"The runs contradict {len(self.rejected)} of the {len(applied)} implied "
            f"independencies that can be tested, at {rate} "
            f"({'; '.join(map(str, self.rejected))}): an arc or a common cause is missing, or "
            "what is conditioned on acts in a way that the regressions do not follow."
        )

    def to_frame(self) -> pd.DataFrame:
        """One row an independence; columns `COLUMNS` of this module."""
        rows = [
            {
                "independence": str(check.independence),
                "x": check.independence.x,
                "y": check.independence.y,
                "given": ", ".join(check.independence.given),
                "statistic": check.finding.statistic,
                "estimate": check.finding.estimate,
                "lower": check.finding.lower,
                "upper": check.finding.upper,
                "p": check.finding.p_value,
                "q": check.test.p_value,
                "rejected": check.test.rejected,
                "reading": check.test.reading,
            }
            for check in self.checks
        ]
        frame = pd.DataFrame(rows, columns=list(COLUMNS))
        numbers = ["statistic", "estimate", "lower", "upper", "p", "q"]
        return frame.astype(dict.fromkeys(numbers, "float64") | {"rejected": "bool"})

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the partial correlations; independencies that cannot be tested are left out."""
        from causalhyper.figures import plot_forest

        frame = self.to_frame().dropna(subset=["estimate"])
        # common fonts have this sign for independence, and lack the one used in text
        labels = frame["independence"].str.replace("⟂", "⊥")
        frame = frame.assign(label=labels, muted=~frame["rejected"])
        return plot_forest(frame, xlabel="partial correlation (grey: not contradicted)", ax=ax)

    def summary(self) -> str:
        """The checks as text; the verdict is the last line."""
        name = _RATES[self.adjust][0]
        lines = [
            f"independencies implied by {self.graph}",
            f"protocol: {self.protocol}",
            f"{self.n} runs in {self.clusters} clusters; test by {self.method}; q is p adjusted "
            f"by {name}",
        ]
        for check in self.checks:
            found, label = check.finding, f"  {check.independence!s:<22}"
            if found.p_value is None:
                lines.append(f"{label} {found.inapplicable}")
                continue
            mark = "contradicted" if check.test.rejected else "kept"
            lines.append(
                f"{label} partial correlation {found.estimate:+.3f} [{found.lower:+.3f}, "
                f"{found.upper:+.3f}]  p {found.p_value:.2g}  q {check.test.p_value:.2g}  {mark}"
            )
        return "\n".join([*lines, self.verdict])


def check_independencies(
    model: FittedModel,
    *,
    method: str = "partial correlation",
    alpha: float = 0.05,
    adjust: str = "bh",
    df: int = 3,
    flips: int = 1999,
    seed: int = 1,
    progress: Progress | None = None,
) -> IndependenceChecks:
    """Test every conditional independence that a model's hypergraph implies.

    Parameters
    ----------
    model : FittedModel
    method : str
        Test of independence. "partial correlation" sees linear dependence, "kernel" curved
        dependence too.
    alpha : float
        Size of the tests of independence, in (0, 1).
    adjust : str
        How several tests count one another. `alpha` bounds, with "bh", the false discovery rate;
        with "by" the same under any dependence of the tests; with "holm" the probability of any
        false rejection.
    df : int
        Natural-spline functions of each node conditioned on.
    flips : int
        Sign flips of whole clusters behind each p-value, at least 19.
    seed : int
        Of everything random, not negative.
    progress : callable, optional
        Called with the share of the work done, in [0, 1].

    Returns
    -------
    IndependenceChecks

    Raises
    ------
    ConfigurationError
        If an option is wrong.

    Notes
    -----
    A pair of nodes without an arc is tested given the smallest set that separates it. Clusters
    are the independent units, and contexts have intercepts of their own, as in the model. With
    hidden common causes these tests may see nothing: see `effect_curve` for the test of the
    hypergraph against the design.

    Examples
    --------
    >>> from causalhyper.scm import fit
    >>> rng = np.random.default_rng(0)
    >>> b = np.tile([1.0, 2.0, 4.0], 40)
    >>> n = b + rng.normal(size=120)
    >>> runs = pd.DataFrame({"run_id": range(120), "seed": np.arange(120) // 3, "b": b, "n": n})
    >>> runs["g"] = n + b + rng.normal(size=120)
    >>> model = fit(
    ...     "B -> N -> G", runs.astype({"run_id": str}), {"B": "b", "N": "n", "G": "g"},
    ...     protocol="equal epochs", cluster="seed",
    ... )
    >>> print(*check_independencies(model).rejected)
    B ⟂ G | N
    """
    check_size(alpha)
    check_options(df, flips)
    test = make_tester(model, method, alpha=alpha, df=df, flips=flips, seed=seed)
    implied = implied_independencies(model.graph)
    findings = [test(one) for one in track_all(implied, progress)]
    raw = [np.nan if f.p_value is None else f.p_value for f in findings]
    adjusted = adjust_p_values(raw, adjust)
    count = len(raw) - int(np.isnan(raw).sum())
    pairs = zip(implied, findings, adjusted.tolist(), strict=True)
    reference = f"adjusted by {_RATES[adjust][0]} with {count} tests"
    return IndependenceChecks(
        graph=str(model.graph),
        protocol=model.protocol,
        method=method,
        adjust=adjust,
        alpha=alpha,
        checks=tuple(_check(one, found, q, alpha, reference) for one, found, q in pairs),
        n=model.n,
        clusters=model.clusters,
        seed=seed,
    )


def _check(
    one: Independence, found: IndependenceFinding, q: float, alpha: float, adjusted: str
) -> IndependenceCheck:
    """The test of one independence, read beside the others."""
    given = f" given {_listed(one.given)}" if one.given else ""
    seen = ""
    if found.p_value is not None:
        seen = f"(q = {q:.2g}; partial correlation {found.estimate:+.3f})"
    test = HypothesisTest(
        name=f"independence {one}",
        null=f"{one.x} and {one.y} are independent{given}",
        statistic=found.statistic,
        p_value=None if found.p_value is None else q,
        reference=f"{found.reference}, p-value {adjusted}",
        alpha=alpha,
        if_rejected=(
            f"{one.x} and {one.y} depend on each other{given} {seen}, which the hypergraph denies."
        ),
        if_kept=(
            f"No dependence of {one.x} and {one.y}{given} is shown {seen}"
            + (
                f"; partial correlations from {found.lower:+.3f} to {found.upper:+.3f} fit too."
                if found.p_value is not None
                else "."
            )
        ),
        inapplicable=found.inapplicable,
    )
    return IndependenceCheck(one, found, test)


def _listed(names: Sequence[str]) -> str:
    """Names joined as in a sentence."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
