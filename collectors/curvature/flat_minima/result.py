"""Flatness of a network, told together with how well it fits and how flat its gradient is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from causalhyper.notebook import Shown
from collectors.curvature.flat_minima.fit import Fit
from collectors.curvature.flat_minima.space import COLUMNS, SpaceFlatness

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CHANCE = 0.1
"""Skill below which a network counts as no better than a constant prediction."""
FALL = 0.01
"""Share of the loss that one gradient step may take off at what is called a minimum."""
SADDLE = 0.1
"""Size of a negative eigenvalue, as a share of the largest, at which a minimum is none."""


@dataclass(frozen=True, slots=True, eq=False)
class Flatness(Shown):
    """Curvature at a network beside its training loss, training accuracy and gradient.

    Attributes
    ----------
    fit : Fit
        Loss, accuracy and gradient on the examples.
    full : SpaceFlatness
        All parameters move, also those that are pruned.
    kept : SpaceFlatness or None
        Only those move that the masks keep; None where no masks were given.
    mode : str
        Mode of the network.
    seed : int
        Of all draws.
    """

    fit: Fit
    full: SpaceFlatness
    kept: SpaceFlatness | None
    mode: str
    seed: int

    @property
    def spaces(self) -> tuple[SpaceFlatness, ...]:
        """The spaces measured."""
        return (self.full,) if self.kept is None else (self.full, self.kept)

    def cautions(self, space: str = "network") -> dict[str, str]:
        """Say what speaks against reading the curvature as that of a good minimum.

        Parameters
        ----------
        space : {"network", "full", "kept"}
            What concerns the network alone, or also what concerns its place in a space.

        Returns
        -------
        dict of str to str
            A sentence by its short name: "not finite", "near chance", "not a minimum",
            "negative curvature". Empty where nothing does.
        """
        found = dict(self._of_fit())
        for each in self.spaces:
            if each.space == space:
                found |= self._of_space(each)
        return found

    def to_frame(self, **labels: Any) -> pd.DataFrame:
        """Return one row a quantity, space and rank.

        Columns: the labels; quantity, space, rank, value, standard_error, error_of ("probes" or
        "examples"), bound (distance to an eigenvalue), certified, and caution, the short names of
        `cautions` that hold for the row's space.

        Parameters
        ----------
        **labels : scalar
            Columns that say whose flatness it is, such as method="magnitude", seed=0.
        """
        fit = self.fit
        rows = [
            (name, "network", 0, value, math.nan, "", math.nan, True)
            for name, value in (
                ("training_loss", fit.loss),
                ("training_accuracy", fit.accuracy),
                ("chance_accuracy", fit.chance),
                ("commonest_prediction", fit.commonest),
                ("examples", float(fit.examples)),
            )
        ]
        for space in self.spaces:
            rows += space.rows()
        frame = pd.DataFrame(rows, columns=list(COLUMNS))
        known = {name: "; ".join(self.cautions(name)) for name in frame["space"].unique()}
        frame["caution"] = frame["space"].map(known)
        return frame.assign(**labels)[[*labels, *frame.columns]]

    def density_frame(self, **labels: Any) -> pd.DataFrame:
        """Return the smoothed density: the labels, space, value, density, se, width.

        Parameters
        ----------
        **labels : scalar
            Columns that say whose it is.
        """
        parts = [
            each.density.to_frame().assign(space=each.space)
            for each in self.spaces
            if each.density is not None
        ]
        columns = ["space", "value", "density", "se", "width"]
        frame = pd.concat(parts)[columns] if parts else pd.DataFrame(columns=columns)
        return frame.assign(**labels)[[*labels, *columns]].reset_index(drop=True)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the largest eigenvalues of the full space beside the loss; return the axes."""
        from causalhyper.figures import plot_eigenvalues

        return plot_eigenvalues(self.to_frame(method="network"), ax=ax)

    def summary(self) -> str:
        """Return the fit, the curvature in each space, and the cautions, in text."""
        fit = self.fit
        sizes = f"{self.full.entries} parameters"
        if self.kept is not None:
            sizes += f", {self.kept.entries} of them kept"
        accuracy = "training accuracy not measured: the targets are no classes"
        if not math.isnan(fit.accuracy):
            accuracy = f"training accuracy {fit.accuracy:.1%} (chance {fit.chance:.1%})"
        lines = [
            f"Flatness: {sizes}, {fit.examples} examples, {self.mode} mode",
            f"  training loss {fit.loss:.4g}, {accuracy}",
        ]
        for each in self.spaces:
            lines += _lines(each, fit.loss)
        told = {k: v for each in self.spaces for k, v in self._labelled(each).items()}
        found = [*self._of_fit().values(), *told.values()]
        lines += [f"CAUTION: {sentence}" for sentence in found]
        return "\n".join(lines)

    def _labelled(self, space: SpaceFlatness) -> dict[str, str]:
        found = self._of_space(space)
        return {f"{space.space}: {k}": f"{space.space} space: {v}" for k, v in found.items()}

    def _of_fit(self) -> dict[str, str]:
        fit = self.fit
        if not math.isfinite(fit.loss):
            return {"not finite": "the training loss is not finite: no curvature is meant"}
        if not fit.skill < CHANCE:
            return {}
        return {
            "near chance": (
                f"training accuracy {fit.accuracy:.1%} is near chance ({fit.chance:.1%}; one "
                f"class is predicted for {fit.commonest:.1%} of the examples). A network that "
                "has collapsed is flat because it no longer answers to its parameters: do not "
                "read this as a flat minimum"
            )
        }

    def _of_space(self, space: SpaceFlatness) -> dict[str, str]:
        found = {}
        share = space.one_step / self.fit.loss if self.fit.loss > 0 else math.nan
        if share > FALL:
            found["not a minimum"] = (
                f"the gradient (norm {space.gradient_norm:.3g}) is not small: one gradient step "
                f"would take {share:.1%} off the loss. This is no minimum, and the curvature "
                "is that of a place on the way"
            )
        low, top = space.smallest.values[0], space.top.values[0]
        if low < -SADDLE * abs(top):
            found["negative curvature"] = (
                f"the smallest eigenvalue {low:.3g} is {low / abs(top):.0%} of the "
                "largest: the loss curves down along a direction, as it does at no minimum"
            )
        return found


def _lines(space: SpaceFlatness, loss: float) -> list[str]:
    names = {
        "full": "full space (all parameters, pruned ones too)",
        "kept": "kept space (the Hessian's rows and columns of kept parameters)",
    }
    values = ", ".join(f"{v:.4g}" for v in space.top.values)
    found = [
        f"  {names[space.space]}: {space.entries} entries",
        f"    gradient norm {space.gradient_norm:.3g}; one step takes {space.one_step:.2g} off "
        f"the loss of {loss:.4g}",
        f"    largest eigenvalues {values}{'' if space.top.converged else ' NOT CONVERGED'}; "
        f"smallest {space.smallest.values[0]:.3g}",
        f"    trace {space.trace.value:.4g} (standard error {space.trace.se:.1g})",
        f"    SAM sharpness {space.sam.value:.3g} at radius {space.sam.radius:g}; adaptive "
        f"{space.adaptive.value:.3g} at radius {space.adaptive.radius:g}",
        f"    free of scale: eigenvalue x |weights|^2 {space.top.values[0] * space.norm**2:.4g}; "
        f"relative to filters, eigenvalue {space.relative.top.value:.4g}, trace "
        f"{space.relative.mean:.4g} (standard error {space.relative.mean_se:.1g})",
    ]
    if space.density is not None:
        share, se = space.negative_share
        found.append(f"    {share:.1%} of the eigenvalues negative (standard error {se:.1%})")
    return found
