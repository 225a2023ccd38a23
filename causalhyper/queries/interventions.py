"""Interventions: the distribution of the outcome under do, value by value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.errors import ConfigurationError
from causalhyper.inference import bandwidth
from causalhyper.mechanisms.bases import Array
from causalhyper.queries.distributions import Collector, Functionals, read_functionals
from causalhyper.queries.experiment import Progress, count_simulated
from causalhyper.queries.levels import Levels, Setting, ask_levels
from causalhyper.queries.resampling import Resampling, resample_model
from causalhyper.results import Estimate, EstimateResult, decimals
from causalhyper.scm.draws import make_sampler
from causalhyper.scm.model import FittedModel

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PRECISE = 2**16
"""Simulated runs, at least, behind the estimate of what is no mean."""
COARSE = 2048
"""Simulated runs, at least, of a replicate of the same: their own error is common to all."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, slots=True)
class Intervention(EstimateResult):
    """Distribution of the outcome where nodes are set, value by value.

    Every family is ordered by value, and within a value by quantile, threshold or point.

    Attributes
    ----------
    protocol : str
    treatment, outcome : str
        Labels on the scale that was analysed, such as "log2(batch_size)".
    column, outcome_column : str
        Their columns.
    held : str
        Other nodes that are set in every world, such as "sharpness=0.1"; "" for none.
    mean, sd : tuple of Estimate
        Expectation and standard deviation, one a value.
    quantiles, above, density : tuple of Estimate
        Quantiles, probabilities of more than a threshold, densities.
    quantile_levels, thresholds, points : tuple of float
        What those were asked for; thresholds and points in the unit of the outcome's column.
    places : tuple of float
        The points on the outcome's scale, which the density is per unit of.
    bandwidth : float
        Standard deviation of the density's kernel, on the outcome's scale; 0 without a density.
    extrapolated : tuple of float
        Share of simulated runs beyond the observed ones, for each value.
    note : str
        What holds by construction.
    """

    protocol: str
    treatment: str
    outcome: str
    column: str
    outcome_column: str
    held: str
    mean: tuple[Estimate, ...]
    sd: tuple[Estimate, ...]
    quantiles: tuple[Estimate, ...]
    above: tuple[Estimate, ...]
    density: tuple[Estimate, ...]
    quantile_levels: tuple[float, ...]
    thresholds: tuple[float, ...]
    points: tuple[float, ...]
    places: tuple[float, ...]
    bandwidth: float
    extrapolated: tuple[float, ...]
    note: str

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """Mean, standard deviation, quantiles, exceedance probabilities, densities."""
        return self.mean + self.sd + self.quantiles + self.above + self.density

    @property
    def verdict(self) -> str:
        """The level at each value, in words."""
        digits = decimals(e.se for e in self.mean)
        also = f" with {self.held}" if self.held else ""
        low, high = min(self.quantile_levels, default=0), max(self.quantile_levels, default=0)
        parts = []
        for i, e in enumerate(self.mean):
            text = f"{e.value:g} gives {e.estimate:.{digits}f} on average ({e.level:.0%} interval "
            text += f"{e.lower:.{digits}f} to {e.upper:.{digits}f})"
            if low < high:
                own = self._of(self.quantiles, i)
                span = f"{own[0].estimate:.{digits}f} and {own[-1].estimate:.{digits}f}"
                text += f" and {high - low:.0%} of runs between {span}"
            parts.append(text)
        return (
            f"Under the protocol “{self.protocol}”, through the hypergraph, {self.outcome} where "
            f"{self.column} is set{also}: {'; '.join(parts)}. These are levels: whether two "
            "values differ is for effect_curve to say."
        )

    def _of(self, family: tuple[Estimate, ...], i: int) -> tuple[Estimate, ...]:
        """The estimates of one family at one value."""
        size = len(family) // len(self.mean)
        return family[i * size : (i + 1) * size]

    def summary(self) -> str:
        """The distribution as text."""
        also = f", {self.held}" if self.held else ""
        lines = [f"{self.outcome} given do({self.column}{also})"]
        digits = decimals(e.se for e in self.mean)
        for i, (mean, sd) in enumerate(zip(self.mean, self.sd, strict=True)):
            named = [("mean", mean), ("standard deviation", sd)]
            named += [(e.subject, e) for f in (self.quantiles, self.above) for e in self._of(f, i)]
            lines += [f"{mean.value:>10g}  {k:<18} {e.interval(digits)}" for k, e in named]
        return "\n".join([*lines, *([self.note] if self.note else []), self.verdict])

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the densities where they were asked for, otherwise quantiles and means."""
        from causalhyper.figures import plot_densities, plot_quantiles

        if self.density:
            frame = pd.DataFrame(
                {
                    "value": [e.value for e in self.density],
                    "place": self.places * len(self.mean),
                    "density": [e.estimate for e in self.density],
                    "lower": [e.lower for e in self.density],
                    "upper": [e.upper for e in self.density],
                }
            )
            return plot_densities(frame, xlabel=self.outcome, ylabel=self.column, ax=ax)
        rows = [("mean", np.nan, e) for e in self.mean]
        levels = self.quantile_levels * len(self.mean)
        rows += [("quantile", q, e) for q, e in zip(levels, self.quantiles, strict=True)]
        frame = pd.DataFrame(
            [
                {"value": e.value, "kind": kind, "quantile": q, "estimate": e.estimate}
                | {"lower": e.lower, "upper": e.upper, "level": e.level}
                for kind, q, e in rows
            ]
        )
        return plot_quantiles(frame, xlabel=self.column, ylabel=self.outcome, ax=ax)


def do(
    model: FittedModel,
    setting: Setting,
    outcome: str,
    *,
    quantiles: Sequence[float] = QUANTILES,
    above: Sequence[float] | float = (),
    density: Sequence[float] | None = None,
    draws: int = 2000,
    seed: int = 1,
    level: float = 0.95,
    interval: str = "bootstrap",
    progress: Progress | None = None,
) -> Intervention:
    """Estimate the distribution of an outcome where nodes are set, P(outcome | do(b)).

    By the truncated factorisation: the set nodes lose their mechanisms, every other node follows
    its own, with noise drawn from the residuals and contexts from the runs. Contexts are those of
    the runs in their proportions.

    Parameters
    ----------
    model : FittedModel
    setting : mapping of str to float or sequence of float
        Nodes, assigned or not, and values in the units of their columns, within the range of the
        runs, such as ``{"B": [16, 32, 512]}``. One node may have several values; any others are
        held at one: ``{"B": [16, 512], "S": 0.1}`` asks for controlled worlds.
    outcome : str
        An effect of every node that is set.
    quantiles : sequence of float
        Levels in (0, 1).
    above : float or sequence of float
        Thresholds in the unit of the outcome's column: P(outcome > threshold).
    density : sequence of float, optional
        Where the density is asked for, in the same unit.
    draws : int
        Cluster-bootstrap replicates.
    seed : int
    level : float
    interval : str
        How intervals are made: "bootstrap" (the default: quantiles and densities are too rough
        for a jackknife), "percentile", "basic" and others of docs/intervals.md.
    progress : callable, optional

    Returns
    -------
    Intervention

    Raises
    ------
    ConfigurationError
        If the question does not fit the model or the runs.

    Notes
    -----
    Source: HGCNet poster, step 5: sum over N, S, C of P(G|C) P(C|N,S) P(S|N) P(N|B=b). The
    means differ by what `effect_curve` finds through the hypergraph, from the same draws. The
    density is smoothed by a normal kernel whose width is the same at every value and in every
    replicate, so that densities can be compared; intervals are of the smoothed density.

    Examples
    --------
    >>> import causalhyper as ch
    >>> import pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> runs = pd.DataFrame({"run_id": range(40), "b": [1.0, 2.0] * 20})
    >>> runs["g"] = 3 * runs.b + rng.normal(size=40)
    >>> roles = {"B": "b", "G": "g"}
    >>> model = ch.fit("B -> G", runs, roles, protocol="equal epochs", cluster="run_id")
    >>> found = do(model, {"B": [1, 2]}, "G", quantiles=[0.1, 0.9], above=5, draws=200)
    >>> [e.interval(1) for e in found.mean]
    ['2.7 [2.4, 3.1]', '6.1 [5.8, 6.5]']
    """
    levels = ask_levels(model, setting, outcome)
    asked = read_functionals(model.roles[outcome], quantiles, above, density)
    drawn = resample_model(model, draws=draws, seed=seed, level=level, interval=interval)
    small = make_sampler(model, count_simulated(model.n), drawn.first)
    means = levels.summarise(drawn.replicates, small, lambda y: y.mean(axis=2), averaged=True)
    beyond = levels.extrapolated(drawn.replicates, small)
    asked, found = _shapes(levels, asked, drawn, progress)
    return _collect(levels, asked, Collector(levels, drawn.uncertainty, beyond), means, found)


def _shapes(
    levels: Levels, asked: Functionals, drawn: Resampling, progress: Progress | None
) -> tuple[Functionals, Array]:
    """What is no mean, shape (replicates, d, ...), with the density's kernel chosen.

    The error of simulating is nearly the same in all replicates, so it does not widen intervals;
    the estimate, which it would move, comes from many more simulated runs.
    """
    model = levels.model
    fine = make_sampler(model, model.n * -(-PRECISE // model.n), drawn.second)
    precise = levels.simulate(drawn.replicates.part(slice(1)), fine)
    if asked.points:
        asked = replace(asked, width=bandwidth(precise[0], model.n))
        if not asked.width > 0:
            raise ConfigurationError(
                f"{levels.outcome} does not vary under do, so it has no density: ask for its mean"
            )
    coarse = make_sampler(model, model.n * -(-COARSE // model.n), drawn.third)
    found = levels.summarise(drawn.replicates, coarse, asked, progress)
    found[:1] = asked(precise)
    return asked, found


def _collect(
    levels: Levels, asked: Functionals, collector: Collector, means: Array, found: Array
) -> Intervention:
    role, treatment = asked.role, levels.model.roles[levels.treatment]
    parts, y, x = asked.split(found), role.label, role.column
    smooth = f"smoothed by a normal kernel of standard deviation {asked.width:.3g}"
    collect = collector.collect
    return Intervention(
        protocol=levels.model.protocol,
        treatment=treatment.label,
        outcome=y,
        column=treatment.column,
        outcome_column=x,
        held=", ".join(f"{levels.model.roles[v].column}={b:g}" for v, b in levels.held.items()),
        mean=collect("do.mean", means[:, :, None], [""], lambda do, _: f"E[{y} | do({do})]"),
        sd=collect("do.sd", parts["sd"], [""], lambda do, _: f"SD[{y} | do({do})]", scale="log"),
        quantiles=collect(
            "do.quantile",
            parts["quantiles"],
            [f"quantile {q:g}" for q in asked.quantiles],
            lambda do, which: f"{which} of {y} given do({do})",
        ),
        above=collect(
            "do.above",
            parts["above"],
            [f"above {g:g}" for g in asked.above],
            lambda do, which: f"P({x} {which.replace('above', '>')} | do({do}))",
            scale="logit",
        ),
        density=collect(
            "do.density",
            parts["density"],
            [f"at {g:g}" for g in asked.points],
            lambda do, which: f"density of {y} {which} given do({do}), {smooth}",
            scale="positive",
        ),
        quantile_levels=asked.quantiles,
        thresholds=asked.above,
        points=asked.points,
        places=tuple(role.apply(np.array(asked.points)).tolist()),
        bandwidth=asked.width,
        extrapolated=collector.beyond,
        note=levels.note,
    )
