"""The top eigenvalue against eigendecompositions of explicit Hessians."""

import math
import warnings

import pytest
import torch
from torch.autograd.functional import hessian

from causalhyper.errors import ConfigurationError
from collectors.curvature.products import hessian_product
from collectors.curvature.sharpness import top_eigenvalue


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


X, Y = draw(12, 3, seed=1), torch.arange(12) % 2


def loss_of(flat):
    """Training loss of a network 3-4-2 as a function of its 26 parameters in one vector."""
    first, bias, second, end = flat[:12], flat[12:16], flat[16:24], flat[24:]
    hidden = torch.tanh(X @ first.view(3, 4) + bias)
    return torch.nn.functional.cross_entropy(hidden @ second.view(4, 2) + end, Y)


def matrix(values, seed=3):
    """A symmetric matrix with the given eigenvalues and random eigenvectors."""
    Q, _ = torch.linalg.qr(draw(len(values), len(values), seed=seed))
    return Q @ torch.diag(torch.tensor(values, dtype=torch.float64)) @ Q.T


@pytest.mark.parametrize("seed", range(5))
def test_the_top_eigenvalue_is_that_of_the_explicit_hessian(seed):
    point = draw(26, seed=seed).requires_grad_()
    true = torch.linalg.eigvalsh(hessian(loss_of, point))[-1]
    found = top_eigenvalue(
        hessian_product(loss_of(point), [point]), draw(26, seed=9), tolerance=1e-8
    )
    assert found.converged
    assert found.products <= 26
    assert found.value == pytest.approx(float(true), rel=1e-8)


def test_parameters_in_several_tensors_are_one_vector_in_their_order():
    point = draw(26)
    true = hessian(loss_of, point)
    parts = [p.clone().requires_grad_() for p in point.split([12, 4, 8, 2])]
    product = hessian_product(loss_of(torch.cat(parts)), parts)
    v = draw(26, seed=4)
    assert torch.allclose(product(v), true @ v, rtol=1e-12, atol=1e-14)


def test_the_hessian_product_is_the_finite_difference_of_the_gradient():
    point, v, step = draw(26).requires_grad_(), draw(26, seed=4), 1e-5

    def gradient(at):
        at = at.detach().requires_grad_()
        return torch.autograd.grad(loss_of(at), at)[0]

    with torch.no_grad():
        ahead, behind = point + step * v, point - step * v
    difference = (gradient(ahead) - gradient(behind)) / (2 * step)
    product = hessian_product(loss_of(point), [point])(v)
    assert torch.allclose(product, difference, rtol=1e-6, atol=1e-8)


def test_the_algebraically_largest_is_returned_though_a_negative_one_is_larger_in_size():
    H = matrix([-50.0, -3.0, 0.5, 1.0, 2.0])
    found = top_eigenvalue(lambda v: H @ v, draw(5), tolerance=1e-9)
    assert found.value == pytest.approx(2.0, rel=1e-9)


def test_the_top_of_a_negative_definite_matrix_is_its_least_negative():
    H = matrix([-50.0, -3.0, -0.5])
    found = top_eigenvalue(lambda v: H @ v, draw(3), tolerance=1e-9)
    assert found.value == pytest.approx(-0.5, rel=1e-8)


@pytest.mark.parametrize("seed", range(5))
def test_a_top_eigenvalue_of_zero_takes_one_product_for_each_distinct_eigenvalue(seed):
    # a tolerance relative to a value of zero is never met: rounding has to be the floor
    H = matrix([-50.0, -7.0, -3.0] + [0.0] * 50, seed)
    found = top_eigenvalue(lambda v: H @ v, draw(53, seed=seed + 100))
    assert found.converged
    assert found.products == 4
    assert found.value == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("products", [1, 2, 3, 5, 8])
def test_some_eigenvalue_lies_within_the_residual_also_before_convergence(products):
    H = matrix([float(k) ** 1.5 - 10 for k in range(15)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        found = top_eigenvalue(lambda v: H @ v, draw(15), tolerance=1e-12, max_products=products)
    assert found.products == products
    assert (torch.linalg.eigvalsh(H) - found.value).abs().min() <= found.residual
    assert found.value <= torch.linalg.eigvalsh(H)[-1] + 1e-12


def test_too_few_products_warn_and_are_not_called_converged():
    H = matrix([float(k) for k in range(20)])
    with pytest.warns(RuntimeWarning, match="after 3 products: raise max_products"):
        found = top_eigenvalue(lambda v: H @ v, draw(20), tolerance=1e-6, max_products=3)
    assert not found.converged
    assert found.residual > 1e-6 * found.value


def test_convergence_means_a_residual_below_the_tolerance():
    H = matrix([float(k) ** 2 for k in range(40)])
    found = top_eigenvalue(lambda v: H @ v, draw(40), tolerance=1e-3)
    assert found.converged
    assert found.residual <= 1e-3 * found.value
    assert found.products < 40
    assert found.value == pytest.approx(39.0**2, rel=1e-3)


def test_a_problem_of_one_dimension_takes_one_product():
    point = torch.tensor([2.0], dtype=torch.float64, requires_grad=True)
    found = top_eigenvalue(
        hessian_product((point**3).sum(), [point]), torch.tensor([-0.3], dtype=torch.float64)
    )
    assert (found.value, found.products, found.converged) == (pytest.approx(12.0), 1, True)


def test_the_hessian_of_a_linear_loss_is_zero():
    point = torch.ones(4, requires_grad=True)
    found = top_eigenvalue(hessian_product(3 * point.sum(), [point]), torch.ones(4))
    assert (found.value, found.residual, found.converged) == (0.0, 0.0, True)


def test_a_zero_hessian_that_depends_on_the_parameters_is_zero_too():
    point = torch.ones(4, requires_grad=True)
    found = top_eigenvalue(hessian_product((0 * point**2).sum(), [point]), torch.ones(4))
    assert (found.value, found.residual, found.converged) == (0.0, 0.0, True)


def test_parameters_without_curvature_have_rows_of_zeros():
    bent, straight, idle = (torch.ones(2, requires_grad=True) for _ in range(3))
    product = hessian_product((bent**2).sum() + straight.sum(), [bent, straight, idle])
    assert product(torch.ones(6)).tolist() == [2.0, 2.0, 0.0, 0.0, 0.0, 0.0]


def test_a_hessian_that_is_not_finite_has_no_eigenvalue_and_warns():
    with pytest.warns(RuntimeWarning, match="not finite"):
        found = top_eigenvalue(lambda v: v * math.inf, torch.ones(3))
    assert math.isnan(found.value)
    assert not found.converged


def test_calls_that_cannot_be_answered_are_refused():
    for start in (torch.zeros(3), torch.ones(2, 2)):
        with pytest.raises(ConfigurationError, match="vector that is not zero"):
            top_eigenvalue(lambda v: v, start)
    with pytest.raises(ConfigurationError, match="max_products"):
        top_eigenvalue(lambda v: v, torch.ones(3), max_products=0)
    weight = torch.ones(2, requires_grad=True)
    with pytest.raises(ConfigurationError, match="scalar loss"):
        hessian_product(weight**2, [weight])
