"""On a GPU: the columns of numpy, certified, whatever is stored and wherever it lies."""

import numpy as np
import pytest
import torch

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.lasso import DenseColumns, SquaredChanges, lasso_path
from causalhyper.granger.lasso.products import product
from collectors.device_columns import DeviceColumns
from tests.granger.test_lasso_backends import (
    assert_bounds_what_is_not_kept,
    assert_same_path,
    assert_shortlist_is_a_full_sort,
)
from tests.granger.test_lasso_path import certified_gaps, drifting, planted

ROOM = {torch.float16: 1e-4, torch.bfloat16: 1e-4, torch.float32: 1e-4, torch.float64: 1e-9}
PLACES = {
    "resident": lambda tensor: tensor.cuda(),
    "resident, many blocks": lambda tensor: tensor.cuda(),
    "streamed": lambda tensor: DeviceColumns(tensor, "cuda"),
    "streamed, many blocks": lambda tensor: DeviceColumns(tensor, "cuda", 37, readers=2),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("stored", ROOM)
def test_squares_of_changes_have_the_path_of_numpy(stored, place):
    changes, y = drifting()
    tensor = torch.from_numpy(1e4 * changes).to(stored)
    columns = PLACES[place](tensor)
    width = 41 if place == "resident, many blocks" else None
    path = lasso_path(SquaredChanges(columns, width=width), y)
    host = tensor.double().numpy()
    expected = lasso_path(SquaredChanges(host), y)
    assert_same_path(path, expected, ROOM[stored])
    assert max(certified_gaps(host**2, y, path)) < 1e-6


@pytest.mark.parametrize("standardise", [True, False])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("stored", [torch.float32, torch.float64])
def test_columns_as_they_are_have_the_path_of_numpy(stored, intercept, standardise):
    x, y = planted()
    options = {"standardise": standardise, "intercept": intercept, "lambdas": 30}
    path = lasso_path(DenseColumns(torch.from_numpy(x).to(stored).cuda(), 50), y, **options)
    assert_same_path(path, lasso_path(DenseColumns(x), y, **options), ROOM[stored])
    assert max(certified_gaps(x, y, path)) < 1e-6


def test_changes_with_a_scale_a_step_are_squared_in_float32():
    changes, y = drifting()
    scales = 2.0 ** (np.frexp(np.abs(changes).max(axis=1))[1] - 15)
    halves = (changes / scales[:, None]).astype(np.float16)
    path = lasso_path(SquaredChanges(torch.from_numpy(halves).cuda(), scales=scales), y)
    assert len(path.columns[-1]) > 20
    truth = (halves.astype(float) * scales[:, None]) ** 2
    assert max(certified_gaps(truth, y, path)) < 1e-6


def test_a_scan_bounds_every_column_that_it_does_not_keep():
    assert_bounds_what_is_not_kept(lambda x: torch.from_numpy(x).cuda())


def test_a_shortlist_keeps_the_largest_of_a_full_sort():
    assert_shortlist_is_a_full_sort(lambda x: torch.from_numpy(x).cuda())


@pytest.mark.parametrize("precision", ["high", "medium"])
def test_products_of_float32_are_in_float32_whatever_torch_is_told(precision):
    random = torch.Generator("cuda").manual_seed(0)
    left, right = (
        torch.randn(shape, generator=random, device="cuda") for shape in ((128, 512), (512, 4096))
    )
    exact = left.double() @ right.double()
    torch.set_float32_matmul_precision(precision)
    try:
        assert (left @ right - exact).abs().max() > 1e-3  # else this shows nothing
        with torch.autocast("cuda", torch.bfloat16):
            found = product(left, right)
    finally:
        torch.set_float32_matmul_precision("highest")
    assert found.dtype == torch.float32
    assert (found - exact).abs().max() < 2e-4


@pytest.mark.parametrize("place", PLACES)
def test_a_value_that_is_not_finite_is_named(place):
    x, y = planted()
    tensor = torch.from_numpy(x).float()
    tensor[7, 42] = torch.nan
    with pytest.raises(DataError, match="column 42, row 7"):
        lasso_path(SquaredChanges(PLACES[place](tensor)), y)


def test_a_tensor_that_is_on_the_gpu_needs_no_stream():
    with pytest.raises(ConfigurationError, match="goes into the design as it is"):
        DeviceColumns(torch.ones(3, 2, device="cuda"), "cuda")


def test_a_stream_gives_every_value_though_its_buffers_are_used_again():
    values = torch.arange(64 * 200_000, dtype=torch.float32).reshape(64, -1)
    there = torch.empty(64, 200_000, device="cuda")
    for start, block in DeviceColumns(values, "cuda", 3000).blocks():
        torch.cuda._sleep(200_000)  # the device lags behind
        there[:, start : start + block.shape[1]] = block
    assert torch.equal(there.cpu(), values)
