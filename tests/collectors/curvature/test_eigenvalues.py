"""Extreme eigenvalues with their bounds against numpy's eigendecompositions."""

import math
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from collectors.curvature import eigenvalues
from collectors.curvature.bounds import error_bounds
from collectors.curvature.extremes import extremes
from collectors.curvature.krylov import krylov_spaces
from tests.collectors.curvature.samples import (
    classified,
    convolutional,
    dense_gauss_newton,
    dense_hessian,
    draw,
    entropy,
    images,
    matrix,
    network,
    seeded,
    spectrum,
)


def found(H, k, which="largest", seed=0, block=1, **options):
    """Values and details from products of an explicit matrix."""
    generator = seeded(seed)

    def start():
        return torch.randn(block, len(H), generator=generator, dtype=H.dtype)

    counted = []

    def product(rows):
        counted.append(len(rows))
        return rows @ H

    _, each = extremes(product, start, k=k, which=which, **options)
    return np.array([e.value for e in each]), each, sum(counted)


@pytest.mark.parametrize("which", ["largest", "smallest", "both", "size"])
@pytest.mark.parametrize("model", [network(), network(nn.GELU, seed=4)])
def test_each_end_of_the_hessian_is_found_with_its_sign(model, which):
    data = classified()
    true = spectrum(dense_hessian(model, entropy, *data))
    assert true[0] > 0 > true[-1]
    sized = true[np.argsort(-np.abs(true))][:3]
    wanted = {"largest": true[:3], "smallest": true[::-1][:3], "size": sized}
    wanted["both"] = np.concatenate([wanted["largest"], wanted["smallest"]])
    result = eigenvalues(model, entropy, data, k=3, which=which, tolerance=1e-9)
    assert result.converged
    assert result.values == pytest.approx(wanted[which], rel=1e-8)
    ends = [each.end for each in result.found]
    assert ends == (["largest"] * 3 + ["smallest"] * 3 if which == "both" else [which] * 3)


def test_the_gauss_newton_matrix_has_its_own_eigenvalues():
    model, data = convolutional(activation=nn.Softplus), images()
    true = spectrum(dense_gauss_newton(model, entropy, *data))
    result = eigenvalues(model, entropy, data, kind="gauss_newton", tolerance=1e-9)
    assert result.values == pytest.approx(true[:5], rel=1e-8)
    assert result.products < 40


def test_several_batches_give_the_eigenvalues_of_one():
    model, (x, y) = convolutional(), images()
    split = list(zip(x.split(8), y.split(8), strict=True))
    true = spectrum(dense_hessian(model, entropy, x, y))
    for block in (1, 3):
        result = eigenvalues(model, entropy, split, tolerance=1e-9, block=block)
        assert result.values == pytest.approx(true[:5], rel=1e-8)
        assert result.examples == 20


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("which", ["largest", "smallest", "both", "size"])
def test_the_error_never_exceeds_the_bound_nor_the_bound_the_tolerance(seed, which):
    values = sorted([30.0, 20.0, 19.0, 12.0, -25.0, -14.0, -9.0, *np.linspace(-2, 2, 60)])[::-1]
    ends = {"largest": values[:3], "smallest": values[::-1][:3], "size": [30.0, -25.0, 20.0]}
    ends["both"] = ends["largest"] + ends["smallest"]
    got, details, _ = found(matrix(values), 3, which, seed, tolerance=1e-3)
    bounds = np.array([each.bound for each in details])
    assert (np.abs(got - ends[which]) <= bounds + 1e-12).all()
    assert (bounds <= 1e-3 * np.abs(got)).all()
    assert all(each.bound <= each.residual for each in details)


def test_the_quadratic_bound_is_sharper_than_the_residual_and_saves_products():
    values = [100.0, 80.0, 60.0, 50.0, 40.0, *np.linspace(-1, 1, 200)]
    got, details, products = found(matrix(values), 5, tolerance=1e-4)
    assert any(each.residual > 1e-4 * each.value for each in details)
    assert got == pytest.approx(values[:5], rel=1e-4)
    assert products < 15


def test_the_bound_is_that_of_kato_and_temple_for_two_by_two():
    # H = [[2, e], [e, 0]] at the first axis: residual e, error about e^2 / 2
    e = 0.1
    error = math.sqrt(1 + e * e) - 1
    bound = error_bounds(np.array([2.0, 0.0]), np.array([e, 0.0]))[0]
    assert error <= bound == pytest.approx(e * e / 2)


def test_one_ritz_value_has_its_residual_for_a_bound():
    assert error_bounds(np.array([2.0]), np.array([0.5])).tolist() == [0.5]


@pytest.mark.parametrize("seed", range(3))
def test_a_multiple_eigenvalue_is_found_as_often_as_it_stands_by_a_block(seed):
    values = [9.0, 9.0, 9.0, 5.0, *np.linspace(-1, 1, 80)]
    got, _, _ = found(matrix(values), 4, seed=seed, block=3, tolerance=1e-8)
    assert got == pytest.approx([9.0, 9.0, 9.0, 5.0], rel=1e-7)


def test_a_single_start_sees_a_multiple_eigenvalue_once():
    # the limit that the documentation states
    values = [9.0, 9.0, 9.0, 5.0, 4.0, *np.linspace(-1, 1, 80)]
    got, _, _ = found(matrix(values), 3, tolerance=1e-4)
    assert got == pytest.approx([9.0, 5.0, 4.0], rel=1e-4)


@pytest.mark.parametrize("block", [1, 2])
def test_few_distinct_eigenvalues_are_all_found_after_breakdown(block):
    values = [5.0] * 4 + [1.0] * 2 + [0.0] * 20 + [-3.0] * 2
    got, details, products = found(matrix(values), 5, "both", block=block)
    assert got == pytest.approx([5, 5, 5, 5, 1, -3, -3, 0, 0, 0], abs=1e-10)
    assert all(each.converged for each in details)
    assert products < 28


@pytest.mark.parametrize("block", [1, 3, 8])
def test_more_eigenvalues_than_parameters_give_them_all(block):
    values = [3.0, 2.0, -1.0, -4.0]
    got, _, products = found(matrix(values), 7, block=min(block, 4), tolerance=1e-9)
    assert got == pytest.approx(values, rel=1e-9)
    assert products == 4


def test_the_zero_matrix_has_zeros():
    got, details, products = found(torch.zeros(9, 9, dtype=torch.float64), 3, "both")
    assert (got == 0).all()
    assert all(each.converged and each.bound == 0 for each in details)
    assert products <= 4


def test_a_linear_network_has_no_curvature():
    model = nn.Linear(3, 1).double()
    result = eigenvalues(model, lambda z, y: z[:, 0] * y, (draw(5, 3), draw(5, seed=1)), k=2)
    assert result.values == (0.0, 0.0)
    assert result.converged


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_matrix_that_is_not_finite_gives_nan_and_warns(bad):
    model, (x, y) = network(), classified()
    x[3, 1] = bad
    with pytest.warns(RuntimeWarning, match="not finite: did training diverge"):
        result = eigenvalues(model, entropy, (x, y), k=2, which="both")
    assert len(result.found) == 4
    assert all(math.isnan(value) for value in result.values)
    assert not result.converged
    assert result.to_frame()["value"].isna().all()


def test_too_few_products_warn_and_say_what_to_do():
    model, data = convolutional(activation=nn.Tanh), images()
    with pytest.warns(RuntimeWarning, match=r"did not converge in 7 products.*raise max_products"):
        result = eigenvalues(model, entropy, data, max_products=7, tolerance=1e-8)
    assert not result.converged
    assert result.products == 7
    assert "NOT CONVERGED" in result.summary()
    true = spectrum(dense_hessian(model, entropy, *data))
    for each in result.found:
        assert np.abs(true - each.value).min() <= each.residual + 1e-12
        assert each.value <= true[each.rank - 1] + 1e-12


def test_values_near_zero_are_settled_by_an_absolute_tolerance():
    values = [10.0, *(np.linspace(0, 1, 100) ** 2)]
    _, strict, relative = found(matrix(values), 2, "smallest", max_products=60)
    got, details, products = found(matrix(values), 2, "smallest", absolute=1e-2)
    assert products < relative == 60
    assert not strict[0].converged
    assert all(each.converged for each in details)
    assert np.abs(got - [0, 1e-4]).max() < 1e-2


def test_a_cluster_that_is_not_resolved_is_off_by_no_more_than_the_residual():
    # three eigenvalues closer than the tolerance look like one to a single start
    values = [9.0, 5.0005, 5.0, 4.9995, *np.linspace(-1, 1, 50)]
    got, details, _ = found(matrix(values), 2, tolerance=1e-3)
    assert abs(got[1] - 5) <= 0.0005 + details[1].residual
    assert details[1].residual <= 1e-2 * 5


def test_ritz_vectors_are_unit_eigenvectors():
    model, data = network(), classified()
    H = dense_hessian(model, entropy, *data)
    result = eigenvalues(model, entropy, data, k=3, which="both", tolerance=1e-12, keep=True)
    V = result.vectors
    assert V.shape == (31, 6)
    assert torch.allclose(V.T @ V, torch.eye(6, dtype=torch.float64), atol=1e-9)
    assert torch.allclose(H @ V, V * torch.tensor(result.values), atol=1e-7)
    with pytest.raises(ConfigurationError, match="keep=True"):
        _ = eigenvalues(model, entropy, data).vectors


@pytest.mark.parametrize("block", [1, 2, 5])
def test_the_basis_stays_orthonormal_and_projects_the_matrix(block):
    H = matrix([10.0**-j for j in range(40)])
    generator = seeded(8)

    def start():
        return torch.randn(block, 40, generator=generator, dtype=H.dtype)

    for space in krylov_spaces(lambda rows: rows @ H, start(), start):
        Q = space.basis
        eye = torch.eye(len(Q), dtype=torch.float64)
        assert torch.allclose(Q @ Q.T, eye, atol=1e-12)
        assert np.allclose(space.projected, (Q @ H @ Q.T).numpy(), atol=1e-12)
        ritz = space.ritz()
        vectors = space.vectors(ritz.coordinates)
        true = (H @ vectors - vectors * torch.tensor(ritz.values.copy())).norm(dim=0)
        assert np.allclose(ritz.residuals, true.numpy(), atol=1e-12)
    assert len(Q) == 40


def test_float32_finds_what_float64_finds():
    model, (x, y) = convolutional(), images()
    true = spectrum(dense_hessian(model, entropy, x, y))
    result = eigenvalues(model.float(), entropy, (x.float(), y), tolerance=1e-4)
    assert result.values == pytest.approx(true[:5], rel=2e-4)


def test_another_seed_changes_the_digits_but_not_the_value():
    model, data = convolutional(), images()
    one, two = (eigenvalues(model, entropy, data, generator=seeded(s)) for s in (1, 2))
    assert one.values != two.values
    assert one.values == pytest.approx(two.values, rel=2e-3)
    assert (one.seed, two.seed) == (1, 2)


def test_measuring_twice_gives_the_same_bits_whatever_happened_between():
    model, data = convolutional(), images()
    one = eigenvalues(model, entropy, data)
    entropy(model(data[0]), data[1]).mean().backward()
    torch.rand(3)
    assert eigenvalues(model, entropy, data) == one


def test_the_frame_has_one_row_an_eigenvalue():
    frame = eigenvalues(network(), entropy, classified(), k=2, which="both").to_frame()
    assert list(frame.columns) == ("kind end rank value residual bound converged products".split())
    assert list(frame["end"]) == ["largest", "largest", "smallest", "smallest"]
    assert list(frame["rank"]) == [1, 2, 1, 2]


def test_calls_that_cannot_be_answered_are_refused():
    for options, match in [
        ({"k": 0}, "at least 1"),
        ({"block": 0}, "at least 1"),
        ({"max_products": 0}, "at least 1"),
        ({"which": "top"}, "which must be"),
        ({"tolerance": -1.0}, "at least 0"),
        ({"absolute": math.nan}, "at least 0"),
    ]:
        with pytest.raises(ConfigurationError, match=match), warnings.catch_warnings():
            eigenvalues(network(), entropy, classified(), **options)


def test_no_bound_is_below_the_rounding_of_the_products():
    model, data = network(), classified()
    found = eigenvalues(model, entropy, data, k=3, tolerance=1e-12, generator=seeded(0))
    rounding = 10 * torch.finfo(next(model.parameters()).dtype).eps * found.values[0]
    assert all(each.bound >= 0.9 * rounding for each in found.found)
    exact = np.linalg.eigvalsh(dense_hessian(model, entropy, *data))[::-1][:3]
    assert all(abs(e.value - x) <= e.bound for e, x in zip(found.found, exact, strict=True))
