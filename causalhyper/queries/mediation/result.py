"""The result of a mediation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causalhyper.errors import CausalHyperError
from causalhyper.queries.effects.query import farthest
from causalhyper.queries.mediation.couplings import Coupling
from causalhyper.results import Estimate, EstimateResult, decimals

IDENTITIES = (
    ("total", ("direct", "indirect", "remainder")),
    ("total", ("natural_direct", "natural_indirect")),
    ("total", ("natural_direct_total", "natural_indirect_pure")),
    ("total", ("natural_direct", "natural_indirect_pure", "mediated_interaction")),
    ("natural_direct", ("controlled_direct", "reference_interaction")),
)
"""Each whole is the sum of its parts, where there are such parts."""


@dataclass(frozen=True, slots=True)
class Mediation(EstimateResult):
    """Effects through and past one mediator (or several taken together).

    Each effect is a tuple with one estimate for each treatment value.

    Attributes
    ----------
    protocol : str
    mediators : tuple of str
    total : tuple of Estimate
        Total effect through the hypergraph.
    direct, indirect : tuple of Estimate
        Interventional (randomised-analogue) effects.
    remainder : tuple of Estimate
        Total minus direct minus indirect: what randomising the mediator loses because it breaks
        its dependence on the other effects of the treatment. Zero without such effects.
    natural_direct, natural_indirect : tuple of Estimate
        Pure natural direct and total natural indirect effect under the fitted model and the
        declared coupling of the worlds; they sum to the total.
    natural_direct_total, natural_indirect_pure : tuple of Estimate
        Total natural direct and pure natural indirect effect; they sum to the total.
    mediated_interaction : tuple of Estimate
        Total less both pure effects: what needs treatment and mediator to change together.
    controlled_direct, reference_interaction : tuple of Estimate
        Effect with the mediators held at given values, and the pure natural direct effect less
        it. With the mediated interaction and the pure natural indirect effect they are the
        four-way decomposition. Empty where no values were given.
    natural_coupling : tuple of Estimate
        Pure natural direct effect under the other coupling less that under the declared one;
        the total natural indirect effect moves by as much the other way. Empty without a
        witness: then no coupling matters.
    controlled : tuple of (str, float)
        The values given, in the units of the mediators' columns.
    coupling : {"shared", "independent", "antithetic"}
        How the noise of a witness hangs together between the worlds.
    witnesses : tuple of str
        Effects of the treatment that also cause mediator and outcome (recanting witnesses): with
        any, the natural effects are not identified without the model.
    note : str
        A direct effect of zero by construction is said here.
    extrapolated : float
        Largest share of simulated runs beyond the observed ones, over the worlds compared.
    outcome : str
        Its label on the scale that was analysed; "" where nobody says.
    """

    protocol: str
    mediators: tuple[str, ...]
    total: tuple[Estimate, ...]
    direct: tuple[Estimate, ...]
    indirect: tuple[Estimate, ...]
    remainder: tuple[Estimate, ...]
    natural_direct: tuple[Estimate, ...]
    natural_indirect: tuple[Estimate, ...]
    natural_direct_total: tuple[Estimate, ...]
    natural_indirect_pure: tuple[Estimate, ...]
    mediated_interaction: tuple[Estimate, ...]
    controlled_direct: tuple[Estimate, ...]
    reference_interaction: tuple[Estimate, ...]
    natural_coupling: tuple[Estimate, ...]
    controlled: tuple[tuple[str, float], ...]
    coupling: Coupling
    witnesses: tuple[str, ...]
    note: str
    extrapolated: float
    outcome: str = ""

    def __post_init__(self) -> None:
        for whole, parts in IDENTITIES:
            columns = [getattr(self, part) for part in parts]
            if not all(columns):
                continue
            for aim, *found in zip(getattr(self, whole), *columns, strict=True):
                reached = sum(e.estimate for e in found)
                if not np.isclose(aim.estimate, reached, rtol=1e-9, atol=1e-12):
                    raise CausalHyperError(
                        f"{', '.join(parts)} sum to {reached}, not to {whole} {aim.estimate}"
                    )

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """All estimates: total, interventional, remainder, natural, controlled, coupling."""
        return (
            self.total
            + self.direct
            + self.indirect
            + self.remainder
            + self.natural_direct
            + self.natural_indirect
            + self.natural_direct_total
            + self.natural_indirect_pure
            + self.mediated_interaction
            + self.controlled_direct
            + self.reference_interaction
            + self.natural_coupling
        )

    @property
    def verdict(self) -> str:
        """What goes through and past the mediators at the farthest value, in words.

        Effects that oppose one another are said to; no proportion is made of them.
        """
        i = self.total.index(farthest(self.total))
        direct, indirect = self.direct[i], self.indirect[i]
        digits = decimals((direct.se, indirect.se))
        names = ", ".join(self.mediators)
        said = (
            f"{direct.value:g} instead of {direct.baseline:g}: {indirect.interval(digits)} goes "
            f"through {names}, {direct.interval(digits)} past it (interventional)."
        )
        clear = direct.excludes_zero and indirect.excludes_zero
        if clear and direct.estimate * indirect.estimate < 0:
            said += " The two oppose one another."
        if self.witnesses:
            said += (
                f" The natural effects rest on the model and on {self.coupling} noise, because "
                f"{', '.join(self.witnesses)} is a recanting witness."
            )
        return said

    def summary(self) -> str:
        """The effects as text."""
        lines = [f"through {', '.join(self.mediators)} ({self.protocol})", *self._lines()]
        return "\n".join([*lines, *filter(None, (self.note, self.verdict))])
