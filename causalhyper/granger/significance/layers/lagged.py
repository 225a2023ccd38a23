"""Granger's test: does the past of one series tell more about another than its own past."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.lasso.response import checked_response, varies
from causalhyper.granger.significance.layers.long_run import Kernel
from causalhyper.granger.significance.layers.stationarity import Stationarity, stationarity_of
from causalhyper.granger.significance.layers.wald import (
    WaldStatistic,
    bootstrap_p,
    nested_regression,
    wald_statistic,
)
from causalhyper.results import HypothesisTest


@dataclass(frozen=True, slots=True)
class LaggedDirection:
    """One direction.

    Attributes
    ----------
    cause, effect : str
    f, p_f : float
        F of independent errors of equal variance.
    wald : WaldStatistic
        For errors of changing variance, and dependent ones.
    p : float
        Of `wald`, by the bootstrap.
    """

    cause: str
    effect: str
    f: float
    p_f: float
    wald: WaldStatistic
    p: float


@dataclass(frozen=True, slots=True)
class LaggedTests:
    """Granger's test of two series, in both directions.

    Attributes
    ----------
    directions : tuple of LaggedDirection
        Movement to loss, loss to movement.
    lags : int
        Of both series.
    chosen : bool
        Whether the lags were chosen by the Bayesian information criterion.
    instantaneous : bool
        Whether the cause's own step is among its lags.
    difference : int
        How often the series were differenced.
    rows : int
        Steps of the regressions.
    stationarity : mapping of str to Stationarity
        By series.
    alpha : float
    """

    directions: tuple[LaggedDirection, ...]
    lags: int
    chosen: bool
    instantaneous: bool
    difference: int
    rows: int
    stationarity: dict[str, Stationarity]
    alpha: float

    def to_frame(self) -> pd.DataFrame:
        """One row a direction: cause, effect, lags, rows, f, p_f, statistic, p_asymptotic, p."""
        return pd.DataFrame(
            [
                {
                    "cause": d.cause,
                    "effect": d.effect,
                    "lags": self.lags,
                    "rows": self.rows,
                    "f": d.f,
                    "p_f": d.p_f,
                    "statistic": d.wald.value,
                    "p_asymptotic": d.wald.p_asymptotic,
                    "p": d.p,
                }
                for d in self.directions
            ]
        )

    def hypothesis_tests(self) -> tuple[HypothesisTest, ...]:
        """One a direction."""
        return tuple(
            HypothesisTest(
                name=f"{d.cause} to {d.effect}",
                null=f"given {self.lags} lags of {d.effect}, those of {d.cause} tell nothing",
                statistic=d.wald.value,
                p_value=d.p,
                reference="dependent wild bootstrap",
                alpha=self.alpha,
                if_rejected=f"past {d.cause} tells more about {d.effect} than its own past",
                if_kept=f"no sign that past {d.cause} tells about {d.effect}",
            )
            for d in self.directions
        )

    def summary(self) -> str:
        """Say the lags, whether the series are stationary, and the reading of each direction."""
        how = "chosen by BIC" if self.chosen else "given"
        lines = [
            f"Granger's test with {self.lags} lags ({how}), {self.rows} steps, differenced "
            f"{self.difference} times"
            + (", the step itself among the lags" if self.instantaneous else "")
        ]
        lines += [
            f"{name} may not be stationary: unit root p = {s.p_unit_root:.3g}, stationary p = "
            f"{s.p_stationary:.3g}"
            for name, s in self.stationarity.items()
            if s.doubtful
        ]
        lines += [
            f"{test.name}: {test.reading} (p = {test.p_value:.3g})"
            for test in self.hypothesis_tests()
        ]
        return "\n".join(lines)


def lagged_tests(
    movement: ArrayLike,
    loss: ArrayLike,
    *,
    lags: int | None = None,
    most: int = 12,
    instantaneous: bool = False,
    difference: int | None = None,
    kernel: Kernel = "quadratic_spectral",
    bandwidth: float | None = None,
    draws: int = 999,
    block: int = 1,
    alpha: float = 0.05,
    seed: int = 0,
) -> LaggedTests:
    """Test whether past movement tells about the loss change, and the other way round.

    Parameters
    ----------
    movement, loss : array_like, shape (T,)
        Total movement and loss change of each step of one training.
    lags : int, optional
        Of both series; unless given the Bayesian information criterion chooses among 1 to `most`,
        all fitted to the same steps.
    most : int
    instantaneous : bool
        Whether the cause's own step is tested with its lags. For a loss change on the step's own
        minibatch it then holds the Taylor identity, no prediction.
    difference : int, optional
        How often the series are differenced first; unless given, once where one of them may not
        be stationary.
    kernel, bandwidth
        Of the long-run covariance, see `smoother`.
    draws, block : int
        Of the bootstrap. Lags leave errors nearly independent: the block is one step.
    alpha : float
    seed : int

    Returns
    -------
    LaggedTests

    Raises
    ------
    ConfigurationError
        If a number means nothing.
    DataError
        If there are too few steps, or a series does not vary.

    Warns
    -----
    UserWarning
        If a series may not be stationary.

    Notes
    -----
    Movement and loss that fall together look as if each told of the other, in levels: at 5%, with
    no link and T = 200, the bootstrap rejected in 49% of trainings, and in 7% after one
    difference (F of independent errors 77% and 27%).

    Source: Granger 1969, "Investigating causal relations by econometric models and cross-spectral
    methods"; Schwarz 1978. statsmodels is needed for the stationarity tests.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, noise = rng.normal(size=(2, 200))
    >>> found = lagged_tests(x, np.roll(x, 1) + noise)
    >>> found.lags, [d.p <= 0.05 for d in found.directions]
    (1, [True, False])
    """
    times = _differences(movement, loss) if difference is None else difference
    series = _series(movement, loss, times)
    if most < 1 or (lags is not None and lags < 1) or draws < 1 or not 0 < alpha < 1:
        raise ConfigurationError(
            "expected a lag and a draw at least, and alpha in (0, 1); got lags "
            f"{lags}, most {most}, draws {draws} and alpha {alpha}"
        )
    longest = most if lags is None else lags
    if len(series) < 4 * longest + 10:
        raise DataError(
            f"{len(series)} steps are too few for {longest} lags of two series: take fewer lags"
        )
    count = lags or _by_information(series, most)
    names = ("movement", "loss")
    kinds = {name: stationarity_of(series[:, i]) for i, name in enumerate(names)}
    if doubtful := [name for name, kind in kinds.items() if kind.doubtful]:
        warnings.warn(
            f"{' and '.join(doubtful)} may not be stationary, and the tests take that for given: "
            "difference more often, or take a later part of training",
            UserWarning,
            stacklevel=2,
        )
    streams = np.random.default_rng(seed).spawn(2)
    directions = []
    for cause, rng in zip((0, 1), streams, strict=True):
        now, own, other = lagged_columns(series, 1 - cause, count)
        if instantaneous:
            other = np.column_stack([series[count:, cause], other])
        regression = nested_regression(other, own, now)
        wald = wald_statistic(regression, kernel=kernel, bandwidth=bandwidth)
        directions.append(
            LaggedDirection(
                names[cause],
                names[1 - cause],
                regression.f,
                float(special.fdtrc(other.shape[1], regression.free, regression.f)),
                wald,
                bootstrap_p(regression, wald, draws=draws, block=block, rng=rng),
            )
        )
    return LaggedTests(
        tuple(directions),
        count,
        lags is None,
        instantaneous,
        times,
        len(series) - count,
        kinds,
        alpha,
    )


def lagged_columns(series: Array, effect: int, lags: int) -> tuple[Array, Array, Array]:
    """Return a series, its own lags with an intercept, and the other one's lags.

    Parameters
    ----------
    series : ndarray, shape (T, 2)
    effect : {0, 1}
    lags : int

    Returns
    -------
    now : ndarray, shape (T - lags,)
    own : ndarray, shape (T - lags, 1 + lags)
    other : ndarray, shape (T - lags, lags)
    """
    rows = len(series)
    past = [series[lags - lag : rows - lag] for lag in range(1, lags + 1)]
    own = np.column_stack([np.ones(rows - lags), *(p[:, effect] for p in past)])
    other = np.column_stack([p[:, 1 - effect] for p in past])
    return series[lags:, effect], own, other


def _differences(movement: ArrayLike, loss: ArrayLike) -> int:
    levels = _series(movement, loss, 0)
    if len(levels) < 20:
        return 0
    return int(any(stationarity_of(column).doubtful for column in levels.T))


def _series(movement: ArrayLike, loss: ArrayLike, difference: int) -> Array:
    first = np.asarray(movement, dtype=np.float64)
    if first.ndim != 1 or not 0 <= difference < max(len(first), 1):
        raise ConfigurationError(
            f"expected one total movement a step, and a number of differences; got shape "
            f"{first.shape} and {difference}"
        )
    series = np.column_stack(
        [checked_response(first, len(first)), checked_response(loss, len(first))]
    )
    series = np.diff(series, n=difference, axis=0)
    if not all(varies(column) for column in series.T):
        raise DataError("movement and loss must vary for one to tell about the other")
    return np.asarray(series / series.std(axis=0))


def _by_information(series: Array, most: int) -> int:
    """Lags of a vector autoregression by the Bayesian information criterion."""
    values = []
    for lags in range(1, most + 1):
        # all orders predict the same steps
        part = series[most - lags :]
        now, own, other = lagged_columns(part, 0, lags)
        both = np.column_stack([now, lagged_columns(part, 1, lags)[0]])
        columns = np.column_stack([own, other])
        left = both - columns @ np.linalg.lstsq(columns, both, rcond=None)[0]
        _, size = np.linalg.slogdet(left.T @ left / len(left))
        values.append(size + np.log(len(left)) * 2 * columns.shape[1] / len(left))
    return 1 + int(np.argmin(values))
