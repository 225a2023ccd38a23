"""The size of every arc in standard deviations: numbers for the picture of a hypergraph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.hypergraph.drawing import picture
from causalhyper.inference.moments import slopes_on, within_moments
from causalhyper.notebook import Shown
from causalhyper.queries.experiments.questions import check_model
from causalhyper.scm.model import FittedModel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class ArcSlope:
    """The slope of a node on one of its causes, the others held.

    Attributes
    ----------
    tail, head : str
    given : tuple of str
        The other causes of the head.
    estimate, se, lower, upper : float
        Standard deviations of the head a standard deviation of the tail.
    """

    tail: str
    head: str
    given: tuple[str, ...]
    estimate: float
    se: float
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class ArcSlopes(Shown):
    """Standardised slopes of all arcs of a fitted model.

    Attributes
    ----------
    model : FittedModel
    treatment, outcome : str or None
        Nodes to mark in the picture.
    slopes : tuple of ArcSlope
    level : float
        Of the intervals.
    df : int
        Degrees of freedom of the standard errors: clusters less strata.
    """

    model: FittedModel
    treatment: str | None
    outcome: str | None
    slopes: tuple[ArcSlope, ...]
    level: float
    df: int

    @property
    def notes(self) -> tuple[str, ...]:
        """How to read the numbers."""
        return (
            "A slope is of a linear regression of the head on all its causes, within contexts, "
            "in standard deviations within contexts. It is a summary of the runs: joint causes "
            "and curves are in the mechanisms, and effects in the queries.",
            f"{self.level:.0%} intervals: t with {self.df} degrees of freedom and standard errors "
            "of the jackknife over clusters.",
        )

    def to_frame(self) -> pd.DataFrame:
        """One row an arc: tail, head, given, estimate, se, lower, upper."""
        rows = [
            (s.tail, s.head, ", ".join(s.given), s.estimate, s.se, s.lower, s.upper)
            for s in self.slopes
        ]
        names = ["tail", "head", "given", "estimate", "se", "lower", "upper"]
        return pd.DataFrame(rows, columns=names)

    @property
    def description(self) -> str:
        """The hypergraph and every slope in words, for those who cannot see the picture."""
        told = "; ".join(
            f"{s.tail} to {s.head} {_signed(s.estimate)} "
            f"({_signed(s.lower)} to {_signed(s.upper)})"
            for s in self.slopes
        )
        return (
            f"{self.model.graph}. Slopes in standard deviations, with {self.level:.0%} intervals: "
            f"{told}. Squares join the causes that act together."
        )

    def summary(self) -> str:
        """Every slope with its interval, and how to read it."""
        lines = [
            f"  {s.tail} -> {s.head}: {s.estimate:+.3f} [{s.lower:+.3f}, {s.upper:+.3f}]"
            + (f" given {', '.join(s.given)}" if s.given else "")
            for s in self.slopes
        ]
        return "\n".join(["slopes in standard deviations", *lines, *self.notes])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the hypergraph with the slope beside each arc."""
        from causalhyper.figures import plot_hypergraph

        graph, roles = self.model.graph, self.model.roles
        marks = {self.treatment: "treatment", self.outcome: "outcome"}
        nodes = [(v, roles[v].label, marks.get(v, "mediator")) for v in graph.order()]
        title = (
            f"Slopes in standard deviations; in brackets where the {self.level:.0%} interval "
            "holds zero"
        )
        return plot_hypergraph(
            pd.DataFrame(nodes, columns=["node", "label", "role"]),
            graph.to_frame(),
            effects=self.to_frame(),
            latent=graph.latent,
            title=title,
            ax=ax,
        )

    def _picture(self) -> str:
        return picture(self.model.graph, self.plot)


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")


def arc_slopes(
    model: FittedModel,
    treatment: str | None = None,
    outcome: str | None = None,
    *,
    level: float = 0.95,
) -> ArcSlopes:
    """Size every arc of a model: the standardised slope of the head on the tail.

    Parameters
    ----------
    model : FittedModel
    treatment, outcome : str, optional
        Nodes to mark in the picture.
    level : float
        Of the intervals, in (0, 1).

    Returns
    -------
    ArcSlopes
        Of a linear regression of each node on all its causes, whatever its mechanism. Where a
        node does not vary within contexts its slopes are left out.

    Raises
    ------
    ConfigurationError
        If a node is not in the hypergraph, or the level is not in (0, 1).

    Notes
    -----
    Source: Wright 1934, "The method of path coefficients"; the standard error is that of the
    jackknife over clusters (Efron and Stein 1981).

    Examples
    --------
    >>> from causalhyper.scm import fit
    >>> rng = np.random.default_rng(0)
    >>> runs = pd.DataFrame({"b": np.tile([1.0, 2.0, 3.0], 20), "k": np.arange(60) // 3})
    >>> runs["g"] = -runs["b"] + rng.normal(size=60)
    >>> runs["run_id"] = runs.index.astype(str)
    >>> model = fit("B -> G", runs, {"B": "b", "G": "g"}, protocol="p", cluster="k")
    >>> print(arc_slopes(model).summary().splitlines()[1])
      B -> G: -0.639 [-0.785, -0.493]
    """
    check_model(model)
    model.graph.require(*[v for v in (treatment, outcome) if v is not None])
    if not 0 < level < 1:
        raise ConfigurationError(f"the level of intervals lies in (0, 1); got {level:g}")
    weights = np.concatenate([np.ones((1, model.clusters)), 1 - np.eye(model.clusters)])
    df = model.clusters - model.strata
    found = []
    for head in model.graph.order():
        causes = [v for v in model.graph.order() if v in model.graph.parents(head)]
        if causes:
            replicates = _standardised(model, head, causes, weights)
            found += _with_intervals(model, head, causes, replicates, level, df)
    return ArcSlopes(model, treatment, outcome, tuple(found), level, df)


def _standardised(model: FittedModel, head: str, causes: list[str], weights: Array) -> Array:
    """Slopes in standard deviations for all weights, shape (r, causes)."""
    columns = np.column_stack([model.values[v] for v in (*causes, head)])
    columns = columns - columns.mean(axis=0)
    size = np.abs(columns).max(axis=0)
    columns = columns / np.where(size > 0, size, 1.0)
    products = within_moments(columns, model.groups, weights).products
    k = len(causes)
    slopes = slopes_on(products, list(range(k)), [k])[:, :, 0]
    squares = np.maximum(np.einsum("rii->ri", products), 0.0)
    squares[squares <= _ROUNDING * len(columns)] = np.nan
    found: Array = slopes * np.sqrt(squares[:, :k] / squares[:, k:])
    return found


def _with_intervals(
    model: FittedModel, head: str, causes: list[str], replicates: Array, level: float, df: int
) -> list[ArcSlope]:
    estimate, left = replicates[0], replicates[1:]
    variance = np.zeros(len(causes))
    for stratum in range(model.strata):
        own = left[model.groups.strata == stratum]
        variance += (len(own) - 1) * own.var(axis=0)
    se = np.sqrt(variance)
    half = float(stdtrit(df, 0.5 + level / 2)) * se
    return [
        ArcSlope(
            tail,
            head,
            tuple(v for v in causes if v != tail),
            *map(float, (estimate[i], se[i], estimate[i] - half[i], estimate[i] + half[i])),
        )
        for i, tail in enumerate(causes)
        if np.isfinite([estimate[i], half[i]]).all()
    ]
