"""Effects over correlations of errors: where they are zero, and where the gap closes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from causalhyper.arrays import Array
from causalhyper.queries.effects.query import farthest
from causalhyper.queries.experiments.assumptions import GRAPH_ASSUMES
from causalhyper.queries.experiments.experiment import Experiment
from causalhyper.queries.robustness.findings import Finding
from causalhyper.queries.robustness.rho_roots import (
    RhoCurve,
    judge_curve,
    judge_gap,
    nearest_doubt,
    nearest_root,
    read_curve,
    read_gap,
)
from causalhyper.results import COLUMNS, Estimate, EstimateResult, to_frame
from causalhyper.scm.replicates import Replicates

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PARTS = {
    "total": "E[Y(b)] - E[Y(b0)]",
    "natural_direct": "E[Y(b, M(b0))] - E[Y(b0)]",
    "natural_indirect": "E[Y(b)] - E[Y(b, M(b0))]",
    "gap": "E[Y(b)] - E[Y(b0)] by the hypergraph less the same by the design",
}


@dataclass(frozen=True, slots=True)
class PairSensitivity(EstimateResult):
    """Effects if the errors of two mechanisms are correlated.

    Attributes
    ----------
    pair : tuple of str
        The earlier and the later node.
    curves : tuple of RhoCurve
        One for each effect and treatment value.
    """

    pair: tuple[str, str]
    curves: tuple[RhoCurve, ...]

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """Every estimate; its subject names pair and correlation."""
        return tuple(e for c in self.curves for e in c.estimates)

    def summary(self) -> str:
        """The findings as text."""
        return "\n".join(map(str, self.findings))

    @property
    def name(self) -> str:
        """Such as "S ~ G"."""
        return " ~ ".join(self.pair)

    def widest(self, part: str) -> RhoCurve | None:
        """The curve of one effect at the treatment value farthest from the baseline."""
        own = [c for c in self.curves if c.part == part]
        if not own:
            return None
        value = farthest([c.uncorrelated for c in own]).value
        return next(c for c in own if c.value == value)

    @property
    def whole(self) -> bool:
        """Whether the indirect effect is the total by construction, or there is none."""
        direct = self.widest("natural_direct")
        return direct is None or all(e.estimate == 0 and e.se == 0 for e in direct.estimates)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What undoes the total and the indirect effect, and what closes the gap."""
        null = f"an unmeasured cause of {self.pair[0]} and {self.pair[1]} undoes the effect"
        out = []
        for part in ("total",) if self.whole else ("total", "natural_indirect"):
            if curve := self.widest(part):
                label = part.replace("_", " ")
                out.append(
                    Finding(
                        f"correlated errors ({self.name}, {label})",
                        null,
                        read_curve(curve),
                        judge_curve(curve),
                    )
                )
        if gap := self.widest("gap"):
            null = f"an unmeasured cause of {self.pair[0]} and {self.pair[1]} explains the gap"
            test = f"correlated errors ({self.name}, gap)"
            out.append(Finding(test, null, read_gap(gap), judge_gap(gap)))
        return tuple(out)

    def plot(self, ax: Axes | None = None, part: str = "natural_indirect") -> Axes:
        """Draw one effect over the correlations, at the widest contrast."""
        from causalhyper.figures import plot_sensitivity_curve

        curve = self.widest(part) or self.curves[0]
        name = curve.part.replace("_", " ") + (" effect" if curve.part != "gap" else "")
        frame = to_frame(curve.estimates).assign(x=curve.rhos)
        marks = {"zero": curve.zero, "interval holds zero": curve.doubt}
        return plot_sensitivity_curve(
            frame,
            marks={k: v for k, v in marks.items() if np.isfinite(v)},
            xlabel=f"correlation of the errors of {self.pair[0]} and {self.pair[1]}",
            ylabel=f"{name}, {curve.value:g} against {curve.uncorrelated.against:g}",
            ax=ax,
        )


@dataclass(frozen=True, slots=True)
class CorrelatedErrors(EstimateResult):
    """Effects over correlations of errors, pair by pair.

    Attributes
    ----------
    protocol : str
    pairs : tuple of PairSensitivity
    """

    protocol: str
    pairs: tuple[PairSensitivity, ...]

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """Every estimate; its subject names pair and correlation."""
        return tuple(e for p in self.pairs for c in p.curves for e in c.estimates)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Up to three a pair."""
        return tuple(f for p in self.pairs for f in p.findings)

    def to_frame(self) -> pd.DataFrame:
        """One row an estimate; columns pair, rho, part, then those of every estimate."""
        parts = [
            to_frame(c.estimates).assign(pair=p.name, rho=c.rhos, part=c.part)
            for p in self.pairs
            for c in p.curves
        ]
        return pd.concat(parts, ignore_index=True)[["pair", "rho", "part", *COLUMNS]]

    def roots_frame(self) -> pd.DataFrame:
        """One row a pair, effect and treatment value: where it is zero, and where in doubt."""
        rows = [
            {
                "pair": p.name,
                "part": c.part,
                "value": c.value,
                "estimate": c.uncorrelated.estimate,
                "rho_zero": c.zero,
                "rho_interval": c.doubt,
            }
            for p in self.pairs
            for c in p.curves
        ]
        return pd.DataFrame(rows)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the indirect effect of the last pair with the outcome over the correlations."""
        return self.pairs[-1].plot(ax)

    def summary(self) -> str:
        """The findings as text."""
        return "\n".join(str(f) for f in self.findings)


def collect_pair(
    experiment: Experiment,
    pair: tuple[str, str],
    grid: tuple[float, ...],
    quantities: Sequence[dict[str, Array]],
    effects: Callable[[float, Replicates], dict[str, Array]],
) -> PairSensitivity:
    """Estimates and roots of one pair.

    Parameters
    ----------
    experiment : Experiment
    pair : tuple of str
    grid : tuple of float
    quantities : sequence of dict of str to ndarray, shape (replicates, values)
        One dict a correlation.
    effects : callable
        Effects at any correlation, for the replicates given; to find roots more exactly.

    Returns
    -------
    PairSensitivity
    """
    single = experiment.replicates.part(slice(1))
    curves = []
    for part in quantities[0]:
        by_rho = [
            _estimates(experiment, pair, part, rho, q[part])
            for rho, q in zip(grid, quantities, strict=True)
        ]
        for i, value in enumerate(experiment.at):
            own = tuple(es[i] for es in by_rho)

            def point(rho: float, part: str = part, i: int = i) -> float:
                return float(effects(rho, single)[part][0, i])

            zero = nearest_root(grid, [e.estimate for e in own], point)
            doubt = nearest_doubt(grid, own, zero)
            curves.append(RhoCurve(part, value, grid, own, zero, doubt))
    return PairSensitivity(pair, tuple(curves))


def _estimates(
    experiment: Experiment, pair: tuple[str, str], part: str, rho: float, quantities: Array
) -> tuple[Estimate, ...]:
    model = experiment.model
    label, column = model.roles[experiment.outcome].label, model.roles[experiment.treatment].column
    about = f"Y={label}, M={{{pair[0]}}}, {column}"
    return experiment.estimates(
        f"correlated_errors.{part}",
        quantities,
        estimand=lambda value: (
            f"{PARTS[part]}, {about} b={value:g}, b0={experiment.baseline:g}, if the errors of "
            f"{pair[0]} and {pair[1]} have correlation {rho:g}"
        ),
        method=(
            f"control function in {pair[1]}'s mechanism, g-formula through {model.graph}; "
            f"{experiment.interval}"
        ),
        assumptions=(
            *(GRAPH_ASSUMES[0], GRAPH_ASSUMES[2]),
            f"no unmeasured common cause but of {pair[0]} and {pair[1]}, whose errors are linear "
            "in each other on average (as normal errors are)",
            *(
                ("cross-world: the noise of every node is the same in both worlds",)
                if part.startswith("natural")
                else ()
            ),
        ),
        subject=f"{pair[0]} ~ {pair[1]}, rho={rho:g}",
    )
