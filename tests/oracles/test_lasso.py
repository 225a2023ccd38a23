"""Lasso paths against the stored objectives of adelie, glmnet, celer and skglm."""

import json
from pathlib import Path

import numpy as np
import pytest

from causalhyper.granger.lasso.columns import DenseColumns
from causalhyper.granger.lasso.path import lasso_path
from tests.oracles.make_lasso import problem, standardised

STORED = json.loads(Path(__file__).with_name("lasso.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def objectives():
    """Ours, from the coefficients alone."""
    x, y = problem()
    centred, response, penalties = standardised()
    path = lasso_path(DenseColumns(x), y, lambdas=penalties.tolist())
    spread = x.std(axis=0)
    slopes = np.stack([path.dense(i) * spread for i in range(len(path))], axis=1)
    left = ((response[:, None] - centred @ slopes) ** 2).sum(axis=0) / (2 * len(y))
    return left + penalties * np.abs(slopes).sum(axis=0)


@pytest.mark.parametrize("program", ["adelie", "python-glmnet", "celer", "skglm"])
def test_no_program_has_a_lower_objective_and_all_have_nearly_ours(program, objectives):
    theirs = np.array(STORED[program]["objectives"])
    null = (standardised()[1] ** 2).mean() / 2
    excess = (theirs - objectives) / null
    assert excess.min() > -1e-12
    assert excess.max() < 1e-6
