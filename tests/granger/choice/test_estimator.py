"""Claims about the estimator: scikit-learn's own conventions, and that it is the path's fit."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.linear_model import Lasso
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from causalhyper.errors import ConfigurationError
from causalhyper.granger.estimator import GrangerLasso


@parametrize_with_checks(
    [
        GrangerLasso(),
        GrangerLasso(choose="ebic"),
        GrangerLasso(choose="given", alpha=0.1),
        GrangerLasso(scheme="left_out", rule="best", standardise=False, intercept=False),
    ]
)
def test_scikit_learns_checks(estimator, check):
    check(estimator)
