"""Claims about elastic nets and group lassos over tensors: numpy's paths, wherever they lie."""

import numpy as np
import pytest
import torch

from causalhyper.granger.lasso import DenseColumns, SquaredChanges
from causalhyper.granger.lasso.elastic_net import elastic_net_path
from causalhyper.granger.lasso.group_lasso import group_lasso_path
from causalhyper.granger.lasso.group_scan import scan_groups
from causalhyper.granger.lasso.groups import ColumnGroups
from causalhyper.granger.lasso.scan import survey
from collectors.device_columns import DeviceColumns
from tests.granger.test_lasso_path import drifting
from tests.granger.test_lasso_penalties import group_gap, triples

UNEVEN = [0, 1, 50, 53, 54, 55, 100, 120]
FITS = {
    "elastic net": lambda columns, y, **options: elastic_net_path(columns, y, **options),
    "triples": lambda columns, y, **options: group_lasso_path(columns, y, groups=3, **options),
    "uneven": lambda columns, y, **options: group_lasso_path(columns, y, groups=UNEVEN, **options),
}
PLACES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]


def assert_same_path(found, expected, room):
    assert found.converged.all()
    np.testing.assert_allclose(found.lambdas, expected.lambdas, rtol=1e-5)
    for at in range(len(expected)):
        truth = expected.dense(at)
        limit = room * np.abs(truth).max()
        np.testing.assert_allclose(found.dense(at), truth, atol=limit)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("form", FITS)
@pytest.mark.parametrize("standardise", [True, False])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_blocks_of_tensors_give_the_path_of_numpy(dtype, intercept, standardise, form, place):
    x, y = triples(rows=20, count=40)
    x = x.astype(dtype)
    options = {"standardise": standardise, "intercept": intercept, "tolerance": 1e-9, "lambdas": 8}
    path = FITS[form](DeviceColumns(x, place, 7), y, **options)
    assert_same_path(path, FITS[form](DenseColumns(x), y, **options), 1e-3)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("stored", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_squares_of_changes_of_any_precision_are_fitted_in_groups(stored, place):
    changes, y = drifting()
    changes, y = torch.from_numpy(1e4 * changes[:, :300]).to(stored), y
    squares = changes.double().numpy() ** 2
    path = group_lasso_path(SquaredChanges(DeviceColumns(changes, place)), y, groups=3, lambdas=10)
    assert path.converged.all()
    assert max(group_gap(squares, y, path, at) for at in range(10)) < 1e-6


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("groups", [3, UNEVEN])
@pytest.mark.parametrize("keep", [12, 10_000])
def test_a_reading_bounds_every_group_that_it_does_not_keep(groups, keep, place):
    x, y = triples(rows=20, count=40)
    cut, rng = ColumnGroups.of(groups, 120), np.random.default_rng(0)
    columns = DeviceColumns(x.astype(np.float32), place, 17)
    problem, _ = survey(columns, y, standardise=True, intercept=True, keep=1)
    residuals = rng.normal(size=(4, 20))
    residuals -= residuals.mean(axis=1, keepdims=True)
    lambdas, known = np.array([0.3, 0.2, 0.25, 0.4]), np.array([1, 4])
    excess, kept = scan_groups(problem, cut, residuals, lambdas, known, keep)
    z = (x - x.mean(axis=0)) / x.std(axis=0)
    squares = (residuals @ z / 20) ** 2
    truth = np.sqrt(np.add.reduceat(squares, cut.edges[:-1], axis=1)) / cut.roots
    truth /= lambdas[:, None]
    numbers, values = kept.columns()
    outside = np.setdiff1d(np.arange(len(cut)), known)
    assert set(cut.numbers(numbers)) <= set(outside.tolist())
    np.testing.assert_array_equal(values, x.astype(np.float32).T[numbers])
    if not kept.overflowed:
        outside = np.setdiff1d(outside, cut.numbers(numbers))
    worst = truth[:, outside].max(axis=1, initial=0.0)
    assert (excess >= worst).all()
    assert (excess <= worst + 1e-3).all()
