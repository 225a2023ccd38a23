"""How to fit the mechanism of a node: one options class a rung of the ladder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from causalhyper.errors import ConfigurationError
from causalhyper.mechanisms.regressor import Estimator


def _check_sizes(df: int, joint_df: int) -> None:
    if not all(isinstance(x, int | np.integer) and x >= 1 for x in (df, joint_df)):
        raise ConfigurationError(
            f"a mechanism needs whole numbers df >= 1 and joint_df >= 1, got {df!r} and "
            f"{joint_df!r}"
        )


def _check_contexts(contexts: str) -> None:
    if contexts not in ("fixed", "pooled"):
        raise ConfigurationError(f"contexts must be 'fixed' or 'pooled', got {contexts!r}")


def _shape(df: int, joint_df: int) -> str:
    shape = "linear" if df == 1 else f"natural splines with {df} functions"
    joint = "products" if joint_df == 1 else f"{joint_df}-function tensor products"
    return f"{shape}, joint terms by {joint}"


@dataclass(frozen=True, slots=True)
class Additive:
    """How to fit an additive mechanism.

    Attributes
    ----------
    df : int
        Natural-spline functions a cause in terms of one cause; 1 is a straight line.
    joint_df : int
        Functions a cause in joint terms, which are tensor products.
    contexts : {"fixed", "pooled"}
        Whether each context has an intercept of its own, or intercepts are drawn to their mean
        as far as their variance says (partial pooling, by REML). Pooling
        assumes that contexts have nothing to do with the causes; fixed effects do not.

    Raises
    ------
    ConfigurationError
        If a number is below 1, or `contexts` is another word.
    """

    df: int = 3
    joint_df: int = 1
    contexts: Literal["fixed", "pooled"] = "fixed"

    def __post_init__(self) -> None:
        _check_sizes(self.df, self.joint_df)
        _check_contexts(self.contexts)

    def __str__(self) -> str:
        pooled = "; contexts pooled" if self.contexts == "pooled" else ""
        return _shape(self.df, self.joint_df) + pooled


LINEAR = Additive(1, 1)
"""Straight lines, and products of them for joint terms."""
SPLINE = Additive()
"""The default: curves for main effects, products for joint terms."""


@dataclass(frozen=True, slots=True)
class Binomial:
    """A proportion out of so many trials, such as accuracy; the logit of its mean is additive.

    Attributes
    ----------
    df, joint_df : int
        As in `Additive`, for the logit.
    trials : str
        The runs' column with the number of trials.

    Raises
    ------
    ConfigurationError
        If a number is below 1.
    """

    df: int = 3
    joint_df: int = 1
    trials: str = "n_test"

    def __post_init__(self) -> None:
        _check_sizes(self.df, self.joint_df)

    def __str__(self) -> str:
        return f"binomial of {self.trials}, logit by {_shape(self.df, self.joint_df)}"


@dataclass(frozen=True, slots=True, eq=False)
class Regressor:
    """Any regressor with scikit-learn's interface; noise is drawn from its residuals.

    Attributes
    ----------
    estimator : object
        With ``fit``, ``predict`` and ``get_params``; it is copied, never changed.
    bins : int
        1 for noise of equal spread; more for a spread that depends on the fitted value, bin by
        bin.

    Raises
    ------
    ConfigurationError
        If `bins` is below 1.
    """

    estimator: Estimator
    bins: int = 1

    def __post_init__(self) -> None:
        if self.bins < 1:
            raise ConfigurationError(f"noise needs bins >= 1, got {self.bins}")

    def __str__(self) -> str:
        name = " ".join(repr(self.estimator).split())
        spread = f", noise in {self.bins} bins" if self.bins > 1 else ""
        return f"{name}{spread}"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of P(node | causes), for nodes with few different values.

    Attributes
    ----------
    prior : float
        Imagined runs a combination of causes, spread as the node is over all runs; 0 counts
        nothing but runs.

    Raises
    ------
    ConfigurationError
        If `prior` is negative.
    """

    prior: float = 0.0

    def __post_init__(self) -> None:
        if self.prior < 0:
            raise ConfigurationError(f"a prior counts runs, so it is at least 0: {self.prior}")

    def __str__(self) -> str:
        return f"table, prior of {self.prior:g} runs a cell" if self.prior else "table"


@dataclass(frozen=True, slots=True)
class Flow:
    """A conditional normalising flow, for noise that is not normal or of unequal spread.

    The head is ``m(x) + exp(s(x)) R(u; x)`` with a standard normal u and an increasing R of mean
    zero and variance one, so m is its mean given its causes and exp(s) its standard deviation.
    Mean and spread maximise a normal quasi-likelihood, R then the likelihood. How far spread and
    shape may leave equal spread and normal noise is chosen by the density of clusters that are
    left out.

    Attributes
    ----------
    df, joint_df : int
        As in `Additive`, for the mean.
    spread_df : int
        Functions a cause in the log standard deviation; 0 for equal spread.
    shape_df : int
        Functions a cause on which the shape R depends; 0 for one shape everywhere.
    slopes : int
        Coefficients of R: slopes between -2.5 and 2.5 standard deviations, at least 2.
    contexts : {"fixed", "pooled"}
        As in `Additive`.
    folds : int
        Folds of clusters for the penalties.
    seed : int
        Deals the clusters out.

    Raises
    ------
    ConfigurationError
        If a number is too small, or `contexts` is another word.
    """

    df: int = 3
    joint_df: int = 1
    spread_df: int = 3
    shape_df: int = 1
    slopes: int = 6
    contexts: Literal["fixed", "pooled"] = "fixed"
    folds: int = 5
    seed: int = 1

    def __post_init__(self) -> None:
        _check_sizes(self.df, self.joint_df)
        _check_contexts(self.contexts)
        least = {"spread_df": 0, "shape_df": 0, "slopes": 2, "folds": 2}
        for name, low in least.items():
            given = getattr(self, name)
            if not isinstance(given, int | np.integer) or given < low:
                raise ConfigurationError(
                    f"a flow needs {name} as a whole number >= {low}, got {given!r}"
                )

    def __str__(self) -> str:
        pooled = "; contexts pooled" if self.contexts == "pooled" else ""
        return f"flow, mean by {_shape(self.df, self.joint_df)}{pooled}"


Rung = Additive | Binomial | Flow | Regressor | Table
"""Options of one mechanism."""


@dataclass(frozen=True, slots=True)
class CrossValidated:
    """Choose the mechanism by its error at clusters that were left out.

    The first candidate whose error exceeds the smallest by no more than one standard error of
    their difference is taken, so write the simplest first.

    Attributes
    ----------
    candidates : tuple
        `Additive`, `Binomial`, `Flow`, `Regressor` or `Table` options.
    folds : int
        Folds of clusters.
    seed : int
        Deals the clusters out.
    score : {"squared", "log"}, optional
        Squared errors of the mean, or log densities of the runs, which see spread and shape of
        the noise too; by default densities where a flow is among the candidates.

    Raises
    ------
    ConfigurationError
        If there are fewer than two candidates or folds, or densities are to be compared and a
        candidate has none.
    """

    candidates: tuple[Rung, ...] = (LINEAR, SPLINE)
    folds: int = 5
    seed: int = 1
    score: Literal["squared", "log"] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "candidates", tuple(self.candidates))
        if len(self.candidates) < 2 or self.folds < 2:
            raise ConfigurationError(
                f"cross-validation needs two candidates and two folds or more, got "
                f"{len(self.candidates)} and {self.folds}"
            )
        if self.score not in (None, "squared", "log"):
            raise ConfigurationError(f"score must be 'squared' or 'log', got {self.score!r}")
        without = [str(c) for c in self.candidates if isinstance(c, Binomial | Table)]
        if self.measure == "log" and without:
            raise ConfigurationError(
                f"candidates are compared by density, and there is none for {without[0]}: leave "
                "it out, or compare means with score='squared'"
            )

    @property
    def measure(self) -> Literal["squared", "log"]:
        """How candidates are compared."""
        if self.score is not None:
            return self.score
        return "log" if any(isinstance(c, Flow) for c in self.candidates) else "squared"


Options = Rung | CrossValidated
"""What `fit` takes for a node."""
