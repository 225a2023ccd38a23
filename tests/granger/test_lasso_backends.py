"""Claims about lasso paths over tensors: the same columns as in numpy, certified all the same."""

import functools
import itertools
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.lasso import DenseColumns, SquaredChanges, backend, lasso_path, products
from causalhyper.granger.lasso.products import product
from causalhyper.granger.lasso.scan import scan, survey
from causalhyper.granger.lasso.shortlist import Shortlist
from collectors.device_columns import DeviceColumns
from tests.granger.test_lasso_path import certified_gaps, drifting, planted

HALVES = (torch.float16, torch.bfloat16)
WHOLES = (torch.float32, torch.float64)


def streamed(matrix, width=None):
    """Blocks that are tensors: what a GPU would be given, in a processor's memory."""
    return DeviceColumns(matrix, "cpu", width)


def kept(path):
    return [c.tolist() for c in path.columns]


def assert_same_path(found, expected, room):
    assert kept(found) == kept(expected)
    assert found.converged.all()
    for at in range(len(expected)):
        truth = expected.coefficients[at]
        np.testing.assert_allclose(
            found.coefficients[at], truth, atol=room * np.abs(truth).max(initial=0)
        )
    np.testing.assert_allclose(found.lambdas, expected.lambdas, rtol=1e-5)
    np.testing.assert_allclose(found.intercepts, expected.intercepts, rtol=room, atol=1e-20)


@pytest.mark.parametrize("width", [None, 7, 200])
@pytest.mark.parametrize("standardise", [True, False])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize(("dtype", "room"), [(np.float32, 1e-4), (np.float64, 1e-9)])
def test_blocks_of_tensors_give_the_path_of_numpy(dtype, room, intercept, standardise, width):
    x, y = planted()
    x, options = x.astype(dtype), {"standardise": standardise, "intercept": intercept}
    path = lasso_path(streamed(x, width), y, lambdas=30, **options)
    assert_same_path(path, lasso_path(DenseColumns(x), y, lambdas=30, **options), room)
    assert max(certified_gaps(x, y, path)) < 1e-6


@pytest.mark.parametrize("stored", WHOLES)
@pytest.mark.parametrize("design", [DenseColumns, SquaredChanges])
def test_a_tensor_in_a_processors_memory_gives_the_bytes_of_the_array(design, stored):
    changes, y = drifting()
    tensor = torch.from_numpy(changes).to(stored)
    here, there = (lasso_path(design(x), y).to_frame() for x in (tensor, tensor.numpy()))
    assert here.to_csv() == there.to_csv()


@pytest.mark.parametrize("stored", HALVES)
@pytest.mark.parametrize("through", [lambda x: x, streamed])
def test_half_precision_is_computed_with_in_float32(stored, through):
    changes, y = drifting()
    tensor = torch.from_numpy(1e4 * changes).to(stored)
    widened = tensor.double().numpy()
    path = lasso_path(SquaredChanges(through(tensor)), y)
    expected = lasso_path(SquaredChanges(tensor.float().numpy()), y)
    assert_same_path(path, expected, 1e-4)
    assert max(certified_gaps(widened**2, y, path)) < 1e-6


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy, streamed])
def test_changes_stored_with_a_scale_a_step_keep_squares_that_float16_cannot_hold(kind):
    changes, y = drifting()
    changes = changes * np.float32(1e-3)
    powers = np.frexp(np.abs(changes).max(axis=1))[1] - 15
    scales = 2.0**powers
    halves = (changes / scales[:, None]).astype(np.float16)
    path = lasso_path(SquaredChanges(kind(halves), scales=scales), y)
    truth = (halves.astype(float) * scales[:, None]) ** 2
    assert truth.max() < 1e-12
    assert not (changes.astype(np.float16) ** 2).any()
    assert len(path.columns[-1]) > 20
    assert max(certified_gaps(truth, y, path)) < 1e-6


def test_squares_of_a_stream_are_in_the_unit_that_they_say():
    changes, _ = drifting()
    columns = SquaredChanges(streamed(changes, 100))
    found = torch.cat([block for _, block in columns.blocks()], dim=1).double().numpy()
    np.testing.assert_allclose(found * columns.unit, changes.astype(float) ** 2, rtol=1e-6)
    twice = SquaredChanges(SquaredChanges(changes))
    fourth = np.hstack([block for _, block in twice.blocks()]).astype(float)
    np.testing.assert_allclose(fourth * twice.unit, changes.astype(float) ** 4, rtol=1e-5)


def test_a_memory_map_streams_through_a_device_like_the_array(tmp_path):
    changes, y = drifting()
    np.save(tmp_path / "changes.npy", changes)
    mapped = np.load(tmp_path / "changes.npy", mmap_mode="r")
    here, there = (lasso_path(SquaredChanges(streamed(c)), y) for c in (changes, mapped))
    assert here.to_frame().to_csv() == there.to_frame().to_csv()


@pytest.mark.parametrize("width", [1, 60, 64, 1000])
def test_narrow_blocks_of_a_design_are_gathered_into_wide_ones(width):
    x, _ = planted()
    source = DenseColumns(x.astype(np.float32), width=30)
    got = list(DeviceColumns(source, "cpu", width).blocks())
    np.testing.assert_array_equal(torch.cat([block for _, block in got], dim=1), source.matrix)
    widths = [block.shape[1] for _, block in got]
    expected = {1: 30, 60: 60, 64: 60, 1000: 300}[width]
    assert set(widths) == {expected}
    assert [start for start, _ in got] == list(range(0, 300, expected))


def test_a_fault_of_the_source_comes_through_and_a_stream_may_be_left_early():
    class Torn:
        shape, dtype, unit = (2, 4), np.dtype(np.float32), 1.0

        def blocks(self):
            yield 0, np.ones((2, 2), np.float32)
            raise DataError("the file ends here")

    blocks = DeviceColumns(Torn(), "cpu", 2).blocks()
    next(blocks)
    with pytest.raises(DataError, match="the file ends here"):
        next(blocks)
    early = streamed(np.ones((3, 1000), np.float32), 10).blocks()
    next(early)
    early.close()


def assert_bounds_what_is_not_kept(through):
    changes, y = drifting(80, 3000)
    columns = SquaredChanges(through(changes), width=300)
    problem, (known, _) = survey(columns, y, standardise=True, intercept=True, keep=40)
    rng = np.random.default_rng(0)
    residuals = problem.y * rng.uniform(0.1, 1, size=(20, 1)) + 1e-9 * rng.normal(size=(20, 80))
    residuals -= residuals.mean(axis=1, keepdims=True)
    squares = changes.astype(float) ** 2
    squares -= squares.mean(axis=0)
    ratios = np.abs(residuals @ squares / squares.std(axis=0)) / 80
    lambdas = np.quantile(ratios, 0.98, axis=1)
    ratios /= lambdas[:, None]
    for keep in (500, 5):
        excess, best = scan(problem, residuals, lambdas, known, keep)
        indices, values = best.columns()
        assert best.overflowed == (keep == 5)
        outside = np.setdiff1d(np.arange(3000), np.concatenate([known, indices]))
        assert not np.intersect1d(known, indices).size
        assert (excess >= ratios[:, outside].max(axis=1)).all()
        assert (excess <= np.delete(ratios, known, axis=1).max(axis=1) + 1e-2).all()
        np.testing.assert_allclose(
            values * columns.unit, changes[:, indices].T.astype(float) ** 2, rtol=1e-6
        )


@pytest.mark.parametrize("through", [np.asarray, functools.partial(streamed, width=300)])
def test_a_scan_bounds_every_column_that_it_does_not_keep(through):
    assert_bounds_what_is_not_kept(through)


def assert_shortlist_is_a_full_sort(kind):
    rng = np.random.default_rng(0)
    scores = rng.permutation(500).astype(float) - 100
    block = rng.normal(size=(3, 500))
    best = Shortlist(40, 3, np.dtype(float))
    for start in range(0, 500, 50):
        where = slice(start, start + 50)
        best.offer(start, kind(block[:, where].copy()), kind(scores[where].copy()))
    indices, values = best.columns()
    assert sorted(np.argsort(scores)[-40:]) == indices.tolist()
    assert best.overflowed
    np.testing.assert_array_equal(values, block[:, indices].T)


@pytest.mark.parametrize("kind", [np.asarray, torch.from_numpy])
def test_a_shortlist_keeps_the_largest_of_a_full_sort(kind):
    assert_shortlist_is_a_full_sort(kind)


def test_a_shortlist_that_was_offered_nothing_is_empty():
    indices, values = Shortlist(3, 5, np.dtype(np.float32)).columns()
    assert indices.shape == (0,)
    assert values.shape == (0, 5)


def test_only_what_is_kept_and_the_maxima_come_to_the_host(monkeypatch):
    moved = []
    there = backend.to_device
    monkeypatch.setattr(
        backend, "to_device", lambda x, where: moved.append(x.numel()) or there(x, where)
    )
    changes, y = drifting(80, 20_000)
    columns = SquaredChanges(streamed(changes, 5000))
    problem, (known, _) = survey(columns, y, standardise=True, intercept=True, keep=40)
    assert sum(moved) == 40 * 81
    moved.clear()
    _, kept = scan(problem, problem.y[None], np.array([1e-9]), known, 60)
    indices, _ = kept.columns()
    assert len(indices) > 0
    assert sum(moved) == len(indices) * 81 + 1


@pytest.mark.parametrize("precision", ["high", "medium"])
def test_products_of_float32_are_in_float32_whatever_torch_is_told(precision):
    rng = np.random.default_rng(0)
    left, right = (rng.normal(size=s).astype(np.float32) for s in ((64, 500), (500, 2048)))
    exact = left.astype(float) @ right.astype(float)
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(precision)
    try:
        with torch.autocast("cpu", torch.bfloat16):
            found = product(torch.from_numpy(left), torch.from_numpy(right))
        assert torch.get_float32_matmul_precision() == precision
    finally:
        torch.set_float32_matmul_precision(before)
    assert found.dtype == torch.float32
    assert np.abs(found.numpy() - exact).max() < 1e-3


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("stored", [*HALVES, *WHOLES])
@pytest.mark.parametrize("through", [lambda x: x, functools.partial(streamed, width=16)])
@pytest.mark.parametrize("design", [DenseColumns, SquaredChanges])
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_a_value_that_is_not_finite_is_named(design, through, stored, value):
    x, y = planted()
    tensor = torch.from_numpy(x).to(stored)
    tensor[7, 42] = value
    tensor[9, 40] = value
    columns = through(tensor)
    if design is SquaredChanges or columns is tensor:
        columns = design(columns)
    with pytest.raises(DataError, match="column 42, row 7"):
        lasso_path(columns, y)


def test_a_square_that_is_beyond_float32_is_named():
    x = np.ones((4, 3), np.float32)
    x[2, 1] = 1e30
    with pytest.raises(DataError, match="column 1 does not"):
        lasso_path(streamed(x), np.arange(4.0))


UNFIT = [
    (torch.ones(3, 2, requires_grad=True), r"tensor\.detach\(\)"),
    (torch.ones(3, 2, device="meta"), "with values"),
    (torch.ones(3, 2, dtype=torch.int64), "of int64"),
    (torch.ones(3, 2, dtype=torch.complex64), "of complex64"),
    (torch.ones(3), r"got shape \(3,\)"),
    (torch.ones(0, 2), r"got shape \(0, 2\)"),
]


@pytest.mark.parametrize("design", [DenseColumns, SquaredChanges, streamed])
@pytest.mark.parametrize(("tensor", "message"), UNFIT)
def test_a_tensor_that_is_no_design_is_refused(tensor, message, design):
    with pytest.raises(ConfigurationError, match=message):
        design(tensor)


def test_a_sparse_tensor_is_refused():
    with pytest.raises(ConfigurationError, match="to_dense"):
        DenseColumns(torch.eye(3).to_sparse())


@pytest.mark.parametrize("scales", [[1.0, 2.0], [1.0, 0.0, 1.0], [1.0, np.nan, 1.0], [1, 2]])
def test_scales_that_are_none_are_refused(scales):
    with pytest.raises(ConfigurationError, match="scale above zero and finite"):
        SquaredChanges(np.ones((3, 2), np.float16), scales=scales)


@pytest.mark.parametrize("wrong", [{"width": 0}, {"readers": 0}])
def test_a_stream_without_columns_or_readers_is_refused(wrong):
    with pytest.raises(ConfigurationError, match="a reader at least"):
        DeviceColumns(np.ones((3, 2)), "cpu", **wrong)


@pytest.mark.parametrize(
    ("source", "device", "message"),
    [
        ([[1.0]], "cpu", "an array of numpy, a tensor or a design; got list"),
        (np.ones((3, 2)), "gpu", "no device 'gpu'"),
        (np.ones((3, 2)), None, "no device None"),
    ],
)
def test_a_stream_from_or_to_nowhere_is_refused(source, device, message):
    with pytest.raises(ConfigurationError, match=message):
        DeviceColumns(source, device)


def test_without_a_gpu_a_stream_to_one_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigurationError, match="no GPU here for the device 'cuda:0'"):
        DeviceColumns(np.ones((3, 2)), "cuda:0")


class Faulty:
    """A design whose blocks are not what it says."""

    shape, dtype, unit = (3, 4), np.dtype(np.float32), 1.0

    def __init__(self, blocks):
        self.blocks = lambda: iter(blocks)


ONES = np.ones((3, 2), np.float32)


@pytest.mark.parametrize(
    "blocks",
    [
        [(2, ONES), (0, ONES)],
        [(0, ONES)],
        [(0, ONES), (2, ONES), (4, ONES)],
        [(0, ONES.astype(float)), (2, ONES)],
        [(0, ONES[:2]), (2, ONES[:2])],
    ],
)
def test_blocks_that_are_not_the_design_are_refused(blocks):
    with pytest.raises(ConfigurationError, match="yield"):
        lasso_path(Faulty(blocks), np.arange(3.0))


def test_paths_on_many_threads_leave_torchs_precision_as_it_was():
    from concurrent.futures import ThreadPoolExecutor

    x, y = planted()
    torch.set_float32_matmul_precision("high")
    try:
        with ThreadPoolExecutor(4) as pool:
            paths = list(
                pool.map(lambda w: lasso_path(streamed(x, w), y, lambdas=5), (3, 5, 8, 13))
            )
        assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision("highest")
    for one, other in itertools.pairwise(paths):
        assert kept(one) == kept(other)


def test_before_torch_2_9_its_one_setting_is_changed_and_put_back(monkeypatch):
    said = ["medium"]
    old = SimpleNamespace(
        backends=SimpleNamespace(mkldnn=SimpleNamespace()),
        get_float32_matmul_precision=lambda: said[-1],
        set_float32_matmul_precision=said.append,
    )
    monkeypatch.setitem(sys.modules, "torch", old)
    with products._PlainProducts():
        assert said[-1] == "highest"
    assert said == ["medium", "highest", "medium"]
