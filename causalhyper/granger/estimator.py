"""The lasso of few rows and many columns as an estimator of scikit-learn, which it needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, check_X_y, validate_data

from causalhyper.arrays import Array
from causalhyper.errors import ConfigurationError
from causalhyper.granger.choice.counts import choose_by_count
from causalhyper.granger.choice.cross_validation import choose_by_cross_validation
from causalhyper.granger.choice.ebic import choose_by_ebic
from causalhyper.granger.choice.given import choose_given
from causalhyper.granger.choice.penalties import (
    Groups,
    PathOptions,
    Penalty,
    PenaltySettings,
    penalty_named,
)
from causalhyper.granger.choice.result import PenaltyChoice
from causalhyper.granger.lasso.columns import DenseColumns
from causalhyper.granger.lasso.result import LassoPath

Choosing = Literal["given", "sparsity", "cv", "ebic"]


class GrangerLasso(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    r"""Linear regression with an :math:`\ell_1` penalty, for few rows in time and many columns.

    It minimises :math:`|y - a - X g|^2 / 2T + \lambda \sum_j w_j |g_j|` exactly, and chooses
    :math:`\lambda`. For designs that do not fit in memory use `lasso_path` and
    `causalhyper.granger.choice`, which this class calls.

    Parameters
    ----------
    penalty : str
        "lasso", "elastic_net" or "group_lasso".
    choose : {"cv", "ebic", "sparsity", "given"}
        By blocked cross-validation, the extended BIC, the share of columns to leave out, or not.
    alpha : float, optional
        The penalty lambda, where it is "given".
    sparsity : float, optional
        Share of the columns to leave out, in (0, 1), for "sparsity"; by entry order.
    l1_ratio : float
        Share of the l1 norm in an elastic net, in (0, 1].
    groups : int or sequence of int, optional
        Columns a group, or the increasing edges of the groups, of a group lasso.
    blocks : int
        Blocks of "cv"; fewer where there are fewer than four rows a block.
    scheme : {"forward", "left_out"}
        What they are predicted from.
    gap : int
        Steps left out beside them.
    rule : {"one_se", "best"}
        The largest penalty within one standard error of the best, or the best.
    n_lambdas : int
        Penalties of the path.
    ratio : float
        The last over the first.
    standardise : bool
        Whether to penalise a coefficient by the standard deviation of its column.
    intercept : bool
        Whether to fit a constant, without penalty.
    tolerance : float
        Relative duality gap to reach.

    Attributes
    ----------
    coef_ : ndarray, shape (p,)
    intercept_ : float
    lambda_ : float
        The penalty chosen.
    path_ : LassoPath
        The fits at all penalties.
    choice_ : PenaltyChoice
        How it was chosen, with its table and its regime.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, shape (p,)
        Where X is a frame with names.

    Notes
    -----
    Rows are steps in time: "cv" cuts them in blocks and never shuffles. Coefficients are those of
    the penalised fit, nearer to zero than those of least squares. By "sparsity" the columns
    that came in first are kept in `choice_`; `coef_` is the fit at the penalty where the last of
    them enters, in which some may be zero again.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(100, 400))
    >>> y = X[:, 3] - 2 * X[:, 5] + 0.1 * rng.normal(size=100)
    >>> model = GrangerLasso(choose="ebic").fit(X, y)
    >>> np.flatnonzero(model.coef_), model.predict(X).shape
    (array([3, 5]), (100,))
    """

    def __init__(
        self,
        penalty: str = "lasso",
        *,
        choose: Choosing = "cv",
        alpha: float | None = None,
        sparsity: float | None = None,
        l1_ratio: float = 0.5,
        groups: Groups | None = None,
        blocks: int = 5,
        scheme: Literal["forward", "left_out"] = "forward",
        gap: int = 0,
        rule: Literal["one_se", "best"] = "one_se",
        n_lambdas: int = 100,
        ratio: float = 1e-2,
        standardise: bool = True,
        intercept: bool = True,
        tolerance: float = 1e-6,
    ) -> None:
        self.penalty = penalty
        self.choose = choose
        self.alpha = alpha
        self.sparsity = sparsity
        self.l1_ratio = l1_ratio
        self.groups = groups
        self.blocks = blocks
        self.scheme = scheme
        self.gap = gap
        self.rule = rule
        self.n_lambdas = n_lambdas
        self.ratio = ratio
        self.standardise = standardise
        self.intercept = intercept
        self.tolerance = tolerance

    def fit(self, X: Any, y: Any) -> GrangerLasso:
        """Choose a penalty and fit.

        Parameters
        ----------
        X : array_like, shape (T, p)
            Rows in time; float32 stays float32. Sparse matrices are refused.
        y : array_like, shape (T,)

        Returns
        -------
        GrangerLasso
            Itself.

        Raises
        ------
        ConfigurationError
            If a parameter means nothing.
        """
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=False,
            dtype=(np.float64, np.float32),
            y_numeric=True,
            ensure_min_samples=2,
        )
        known = penalty_named(self.penalty, PenaltySettings(self.l1_ratio, self.groups))
        self._keep(self._way()(DenseColumns(X), np.asarray(y, dtype=np.float64), known))
        return self

    def predict(self, X: Any) -> Array:
        """Predict with the chosen fit.

        Parameters
        ----------
        X : array_like, shape (n, p)

        Returns
        -------
        ndarray, shape (n,)
        """
        check_is_fitted(self)
        X = validate_data(
            self, X, accept_sparse=False, dtype=(np.float64, np.float32), reset=False
        )
        used = np.flatnonzero(self.coef_)
        return X[:, used].astype(np.float64) @ self.coef_[used] + self.intercept_

    def path(self, X: Any, y: Any) -> LassoPath:
        """Fit the whole path, and choose nothing; the estimator stays as it is.

        Parameters
        ----------
        X : array_like, shape (T, p)
            Rows in time; float32 stays float32. Sparse matrices are refused.
        y : array_like, shape (T,)

        Returns
        -------
        LassoPath
            The fits at `n_lambdas` penalties, each certified.
        """
        X, y = check_X_y(
            X, y, dtype=(np.float64, np.float32), y_numeric=True, ensure_min_samples=2
        )
        known = penalty_named(self.penalty, PenaltySettings(self.l1_ratio, self.groups))
        return known.path(DenseColumns(X), np.asarray(y, dtype=np.float64), **self._options())

    def _keep(self, choice: PenaltyChoice) -> None:
        """Set what is fitted."""
        self.choice_: PenaltyChoice = choice
        self.path_: LassoPath = choice.path
        self.lambda_: float = choice.lambda_
        self.coef_: Array = choice.path.dense(choice.at)
        self.intercept_: float = choice.intercept

    def _way(self) -> Callable[[DenseColumns, Array, Penalty], PenaltyChoice]:
        """How to choose, by name."""
        ways = {
            "given": self._by_penalty,
            "sparsity": self._by_sparsity,
            "cv": self._by_validation,
            "ebic": self._by_ebic,
        }
        if self.choose not in ways:
            raise ConfigurationError(
                f"choose must be one of {', '.join(ways)}; got {self.choose!r}"
            )
        return ways[self.choose]

    def _by_penalty(self, columns: DenseColumns, y: Array, penalty: Penalty) -> PenaltyChoice:
        if self.alpha is None:
            raise ConfigurationError("choose='given' needs a penalty: set alpha, above zero")
        return choose_given(columns, y, self.alpha, penalty=penalty, **self._fit_options())

    def _by_sparsity(self, columns: DenseColumns, y: Array, penalty: Penalty) -> PenaltyChoice:
        options = self._options()
        return choose_by_count(
            columns, y, sparsity=self.sparsity, by="entry", penalty=penalty, **options
        )

    def _by_validation(self, columns: DenseColumns, y: Array, penalty: Penalty) -> PenaltyChoice:
        return choose_by_cross_validation(
            columns,
            y,
            blocks=max(2, min(self.blocks, len(y) // 4)),
            scheme=self.scheme,
            gap=self.gap,
            rule=self.rule,
            penalty=penalty,
            **self._options(),
        )

    def _by_ebic(self, columns: DenseColumns, y: Array, penalty: Penalty) -> PenaltyChoice:
        return choose_by_ebic(columns, y, penalty=penalty, **self._options())

    def _options(self) -> PathOptions:
        return {"lambdas": self.n_lambdas, "ratio": self.ratio, **self._fit_options()}

    def _fit_options(self) -> PathOptions:
        return {
            "standardise": self.standardise,
            "intercept": self.intercept,
            "tolerance": self.tolerance,
        }
