"""The result of fitting a model again with another hypergraph."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from causalhyper.results import Estimate, EstimateResult


@dataclass(frozen=True, slots=True)
class FitChange:
    """How the fit of one node changes.

    Attributes
    ----------
    head : str
    log_likelihood, aic : float
        After less before; of normal noise, runs counted as independent.
    error, error_change : float or None
        Mean squared error when each cluster is predicted from all others, before; and after
        less before. None where some cluster cannot be left out.
    lower, upper : float or None
        Interval of `error_change`: clusters' paired losses resampled, mechanisms not refitted.
    """

    head: str
    log_likelihood: float
    aic: float
    error: float | None
    error_change: float | None
    lower: float | None
    upper: float | None

    def __str__(self) -> str:
        said = f"{self.head}: log-likelihood {self.log_likelihood:+.2f}, AIC {self.aic:+.2f}"
        if self.error_change is None:
            return f"{said}; some cluster cannot be left out, so there is no cross-validated error"
        return (
            f"{said}, cross-validated squared error {self.error:.4g} {self.error_change:+.4g} "
            f"[{self.lower:+.4g}, {self.upper:+.4g}]"
        )


@dataclass(frozen=True, slots=True)
class Refit(EstimateResult):
    """What an effect becomes when the model is fitted again with another hypergraph.

    Attributes
    ----------
    protocol : str
    operation : str
    graph : str
        The new hypergraph.
    before, after, change : tuple of Estimate
        Effect of each treatment value, from the same resamples.
    fit : tuple of FitChange
        For each head whose causes changed and can be compared.
    latent : tuple of (str, str)
        Pairs of nodes with an unobserved common cause in the new hypergraph.
    tautological : bool
        Whether the new hypergraph has no directed path from treatment to outcome.
    note : str
        What the numbers are not.
    """

    protocol: str
    operation: str
    graph: str
    before: tuple[Estimate, ...]
    after: tuple[Estimate, ...]
    change: tuple[Estimate, ...]
    fit: tuple[FitChange, ...]
    latent: tuple[tuple[str, str], ...]
    tautological: bool
    note: str

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
        if self.latent:
            pairs = ", ".join(f"{a} <-> {b}" for a, b in self.latent)
            lines.append(f"  unobserved common causes: {pairs}")
        return "\n".join([*lines, self.note] if self.note else lines)
