"""Claims about changes computed from factors, in arrays and tensors."""

import numpy as np
import pytest
import torch

from causalhyper.errors import ConfigurationError
from causalhyper.granger.design.factors import FactorChanges
from causalhyper.granger.lasso import SquaredChanges, lasso_path


def factors(seed=0, scale=1e-4, dtype=np.float32, steps=40):
    rng = np.random.default_rng(seed)
    inputs = np.maximum(rng.normal(size=(steps, 6, 11)), 0).astype(dtype)
    errors = (scale * rng.normal(size=(steps, 6, 9))).astype(dtype)
    return inputs, errors, np.linspace(0.1, 0.01, steps)


def changes(inputs, errors, rates):
    return np.einsum("t,tbo,tbi->toi", -rates, errors.astype(float), inputs.astype(float)).reshape(
        len(rates), -1
    )


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
@pytest.mark.parametrize("width", [None, 1, 11, 25, 1000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_blocks_side_by_side_are_the_changes(kind, width, dtype):
    inputs, errors, rates = factors(dtype=dtype)
    columns = FactorChanges(kind(inputs), kind(errors), rates, width)
    starts, blocks = zip(*columns.blocks(), strict=True)
    found = np.hstack([np.asarray(b, dtype=float) for b in blocks])
    expected = changes(inputs, errors, rates)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(found, expected, rtol=0, atol=20 * eps * abs(expected).max())
    assert list(starts) == np.cumsum([0, *(b.shape[1] for b in blocks)])[:-1].tolist()
    assert columns.shape == found.shape
    assert columns.dtype == dtype


def test_squares_of_tiny_changes_stay_clear_of_the_smallest_numbers():
    inputs, errors, rates = factors(scale=1e-22)
    squares = SquaredChanges(FactorChanges(inputs, errors, rates))
    block = next(squares.blocks())[1]
    assert 0.1 < block.max() < 1e3
    expected = changes(inputs, errors, rates) ** 2
    found = block.astype(float) * squares.unit
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6 * expected.max())


def test_a_path_through_factors_is_the_path_through_changes():
    inputs, errors, rates = factors(dtype=np.float64)
    x = changes(inputs, errors, rates)
    y = -(x**2).sum(axis=1) / rates + 1e-11 * np.random.default_rng(1).normal(size=len(rates))
    by_factors = lasso_path(
        SquaredChanges(FactorChanges(inputs, errors, rates, width=30)), y, lambdas=20
    )
    by_changes = lasso_path(SquaredChanges(x), y, lambdas=20)
    assert by_factors.converged.all()
    for at in range(20):
        expected = by_changes.dense(at)
        np.testing.assert_allclose(
            by_factors.dense(at), expected, atol=1e-6 * np.abs(expected).max(initial=1e-300)
        )


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"inputs": np.ones((4, 11), np.float32)}, "expected inputs of shape"),
        ({"errors": np.ones((40, 5, 9), np.float32)}, "expected inputs of shape"),
        ({"errors": np.ones((40, 6, 9))}, "one precision"),
        ({"rates": [0.1]}, "a learning rate for each of 40 steps"),
        ({"rates": np.full(40, -0.1)}, "not negative"),
        ({"width": 0}, "one column at least"),
    ],
)
def test_factors_that_do_not_fit_together_are_refused(wrong, message):
    inputs, errors, rates = factors()
    given = {"inputs": inputs, "errors": errors, "rates": rates} | wrong
    with pytest.raises(ConfigurationError, match=message):
        FactorChanges(**given)
