"""The result of path-specific effects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.errors import CausalHyperError
from causalhyper.queries.effects.query import farthest
from causalhyper.queries.mediation.couplings import Coupling
from causalhyper.results import Estimate, EstimateResult, decimals


@dataclass(frozen=True, slots=True)
class PathEffects(EstimateResult):
    """Effects along groups of directed paths, and what belongs to no single group.

    Attributes
    ----------
    protocol : str
    paths : tuple of str
        The groups; together they hold every directed path.
    sequential : bool
        Whether each effect has the groups before it at the new value (it then depends on the
        order), or all other groups at the baseline.
    coupling : str
        Of the noise between worlds.
    total : tuple of Estimate
        One for each treatment value.
    along : tuple of tuple of Estimate
        For each group the effect at each treatment value.
    remainder : tuple of Estimate
        Total less all of `along`: interaction of the paths, which no single one has. Empty
        where the effects are sequential and sum to the total.
    coupling_shift : tuple of tuple of Estimate
        For each group its effect under the other coupling less that under the declared one;
        empty where no recanting witness makes the coupling matter.
    witnesses : tuple of tuple of str
        For each group its recanting witnesses; with any, its effect is not identified without
        the model.
    extrapolated : float
        Largest share of simulated runs beyond the observed ones, over the worlds compared.
    outcome : str
        Its label on the scale that was analysed; "" where nobody says.
    """

    protocol: str
    paths: tuple[str, ...]
    sequential: bool
    coupling: Coupling
    total: tuple[Estimate, ...]
    along: tuple[tuple[Estimate, ...], ...]
    remainder: tuple[Estimate, ...]
    coupling_shift: tuple[tuple[Estimate, ...], ...]
    witnesses: tuple[tuple[str, ...], ...]
    extrapolated: float
    outcome: str = ""

    def __post_init__(self) -> None:
        for i, total in enumerate(self.total):
            parts = [group[i].estimate for group in self.along]
            parts += [self.remainder[i].estimate] if self.remainder else []
            if not np.isclose(total.estimate, sum(parts), rtol=1e-9, atol=1e-12):
                raise CausalHyperError(f"paths sum to {sum(parts)}, not to {total.estimate}")

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """Total, each group, remainder, shifts under the other coupling."""
        along = tuple(e for group in self.along for e in group)
        shifts = tuple(e for group in self.coupling_shift for e in group)
        return self.total + along + self.remainder + shifts

    @property
    def verdict(self) -> str:
        """Whether paths oppose one another, and which effects rest on the model alone."""
        value = farthest(self.total).value
        clear = [e for group in self.along for e in group if e.value == value and e.excludes_zero]
        up = [e.subject for e in clear if e.estimate > 0]
        down = [e.subject for e in clear if e.estimate < 0]
        said = []
        if up and down:
            said.append(f"Paths oppose one another: up {', '.join(up)}; down {', '.join(down)}.")
        if unsure := [p for p, w in zip(self.paths, self.witnesses, strict=True) if w]:
            names = ", ".join(dict.fromkeys(v for w in self.witnesses for v in w))
            said.append(
                f"Not identified without the model (recanting witness {names}): "
                f"{'; '.join(unsure)}."
            )
        else:
            said.append("No path has a recanting witness: the coupling of worlds is irrelevant.")
        return " ".join(said)

    def summary(self) -> str:
        """The effects as text."""
        order = "each after those before it" if self.sequential else "each alone"
        digits = decimals(e.se for e in self.estimates)
        names = [f"{e.query.partition('.')[2]} {e.subject}".strip() for e in self.estimates]
        width = max(map(len, names))
        lines = [f"along paths, {order} ({self.protocol})"]
        lines += [
            f"{e.value:>10g}  {name:<{width}} {e.interval(digits)}"
            for name, e in zip(names, self.estimates, strict=True)
        ]
        return "\n".join([*lines, self.verdict])
