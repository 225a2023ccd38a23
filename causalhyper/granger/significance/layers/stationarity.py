"""Is a series stationary: two tests with opposite hypotheses."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

from causalhyper.arrays import Array


@dataclass(frozen=True, slots=True)
class Stationarity:
    """Two tests of one series, about a constant.

    Attributes
    ----------
    p_unit_root : float
        Augmented Dickey-Fuller; the hypothesis is a unit root.
    p_stationary : float
        KPSS, between 0.01 and 0.1; the hypothesis is stationarity.
    """

    p_unit_root: float
    p_stationary: float

    @property
    def doubtful(self) -> bool:
        """Whether a unit root is not rejected, or stationarity is, at 5%."""
        return self.p_unit_root > 0.05 or self.p_stationary < 0.05


def stationarity_of(series: Array) -> Stationarity:
    """Test a series for a unit root and for stationarity.

    Parameters
    ----------
    series : ndarray, shape (T,)

    Returns
    -------
    Stationarity
    """
    from statsmodels.tsa.stattools import adfuller, kpss

    scaled = (series - series.mean()) / series.std()
    with warnings.catch_warnings():
        # KPSS warns where its p-value lies outside the published table
        warnings.simplefilter("ignore")
        return Stationarity(
            float(adfuller(scaled, autolag="BIC")[1]), float(kpss(scaled, nlags="auto")[1])
        )
