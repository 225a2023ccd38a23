"""The result of fitting a model again with another hypergraph."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from causalhyper.hypergraph import DirectedHypergraph
from causalhyper.results import Estimate, EstimateResult


@dataclass(frozen=True, slots=True)
class FitChange:
    """How the fit of one node changes.

    Attributes
    ----------
    head : str
    log_likelihood, aic : float or None
        After less before; of least squares with normal noise, runs counted as independent.
        None for other mechanisms.
    error, error_change : float or None
        Mean squared error at clusters left out, ten folds, before; and after less before. None
        where some fold cannot be left out.
    lower, upper : float or None
        Interval of `error_change`: clusters' paired losses resampled, mechanisms not refitted.
    """

    head: str
    log_likelihood: float | None
    aic: float | None
    error: float | None
    error_change: float | None
    lower: float | None
    upper: float | None

    def __str__(self) -> str:
        said = []
        if self.log_likelihood is not None:
            said.append(f"log-likelihood {self.log_likelihood:+.2f}, AIC {self.aic:+.2f}")
        if self.error_change is not None:
            said.append(
                f"cross-validated squared error {self.error:.4g} {self.error_change:+.4g} "
                f"[{self.lower:+.4g}, {self.upper:+.4g}]"
            )
        return f"{self.head}: {', '.join(said) or 'cannot be compared'}"


@dataclass(frozen=True, slots=True)
class Refit(EstimateResult):
    """What an effect becomes when the model is fitted again with another hypergraph.

    Attributes
    ----------
    protocol : str
    operation : str
    graph : DirectedHypergraph
        The new hypergraph; latent pairs share an unobserved common cause.
    before, after, change : tuple of Estimate
        Effect of each treatment value, from the same resamples.
    fit : tuple of FitChange
        For each head whose causes changed and can be compared.
    tautological : bool
        Whether the new hypergraph has no directed path from treatment to outcome.
    note : str
        What the numbers are not.
    outcome : str
        Its label on the scale that was analysed; "" where nobody says.
    """

    protocol: str
    operation: str
    graph: DirectedHypergraph
    before: tuple[Estimate, ...]
    after: tuple[Estimate, ...]
    change: tuple[Estimate, ...]
    fit: tuple[FitChange, ...]
    tautological: bool
    note: str
    outcome: str = ""

    @property
    def estimates(self) -> tuple[Estimate, ...]:
        """Effect before, after, and its change."""
        return self.before + self.after + self.change

    def fit_frame(self) -> pd.DataFrame:
        """One row a head: head, log_likelihood, aic, error, error_change, lower, upper."""
        names = list(FitChange.__slots__)
        rows = [{name: getattr(change, name) for name in names} for change in self.fit]
        return pd.DataFrame(rows, columns=names)

    def summary(self) -> str:
        """The comparison as text."""
        lines = [f"{self.operation}: {self.graph} ({self.protocol})", *self._lines()]
        lines += [f"  change of fit of {change}" for change in self.fit]
        return "\n".join([*lines, self.note] if self.note else lines)
