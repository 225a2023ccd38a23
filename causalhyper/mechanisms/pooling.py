"""Partial pooling: how far context effects are drawn to their mean."""

from __future__ import annotations

import warnings

import numpy as np

from causalhyper.errors import ConfigurationError
from causalhyper.mechanisms.bases import Array
from causalhyper.mechanisms.grams import Codes

LARGEST = 1e8
"""Ratio that stands for context effects without any variance."""


def variance_ratio(columns: Array, response: Array, contexts: Codes) -> float:
    """Variance of the noise over the variance of the context effects, by REML.

    Parameters
    ----------
    columns : ndarray, shape (n, k)
        Without a constant.
    response : ndarray, shape (n,)
    contexts : ndarray of int, shape (n,)
        At least two contexts.

    Returns
    -------
    float
        At most `LARGEST`; the ridge penalty under which least squares gives the best linear
        unbiased predictions of the context effects.

    Raises
    ------
    ConfigurationError
        If statsmodels is not installed, or there is a single context.
    """
    try:
        from statsmodels.regression.mixed_linear_model import MixedLM
        from statsmodels.tools.sm_exceptions import ConvergenceWarning
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "partial pooling needs statsmodels: pip install 'causalhyper[models]'"
        ) from error
    if contexts.max() == 0:
        raise ConfigurationError(
            "there is one context only, so there is nothing to pool: name context columns, or "
            "use contexts='fixed'"
        )
    exog = np.column_stack([np.ones(len(columns)), columns])
    with warnings.catch_warnings():
        # at the boundary of no variance the optimiser complains, and the answer is the boundary
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", UserWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        found = MixedLM(response, exog, groups=contexts).fit(reml=True, method=["lbfgs", "powell"])
    variance = float(np.asarray(found.cov_re)[0, 0])
    noise = float(found.scale)
    return min(noise / variance, LARGEST) if variance > noise / LARGEST else LARGEST
