"""Lanczos processes side by side: each finds the largest eigenvalue of its own matrix."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import beta, binom

from collectors.ensembles.measures.lanczos import stacked_lanczos
from tests.collectors.curvature.samples import draw


def found(matrices, **options):
    members, p, _ = matrices.shape
    return stacked_lanczos(
        lambda v: (matrices @ v[:, :, None])[:, :, 0], draw(members, p, seed=5), **options
    )


def crowded(p, members=4):
    """Symmetric matrices with eigenvalues that crowd at the top, and numpy's largest."""
    matrices = draw(members, p, p, seed=1)
    matrices = matrices @ matrices.mT
    return matrices, np.linalg.eigvalsh(matrices.numpy())[:, -1]


@pytest.mark.parametrize("growth", [1.0, 1.2, 2.0])
@pytest.mark.parametrize("p", [1, 2, 7, 60])
def test_however_often_they_are_judged_the_values_are_numpys(p, growth):
    matrices, wanted = crowded(p)
    one = found(matrices, tolerance=1e-8, max_products=p, growth=growth)
    np.testing.assert_allclose(one.values, wanted, rtol=1e-12)
    assert one.converged.all()


def test_judging_less_often_takes_some_products_more():
    matrices, _ = crowded(60)
    often = found(matrices, tolerance=1e-6, max_products=60).products
    seldom = found(matrices, tolerance=1e-6, max_products=60, growth=1.5).products
    assert (often <= seldom).all()
    assert (seldom <= 1.5 * often + 1).all()
    assert (often > 24).any()


def test_an_invariant_space_ends_at_once_however_seldom_it_is_judged():
    matrices = torch.eye(50, dtype=torch.float64).repeat(2, 1, 1)
    matrices[1] = draw(50, 1) @ draw(50, 1).T
    one = found(matrices, tolerance=1e-9, max_products=50, growth=10.0)
    assert one.products.tolist() == [1, 2]
    assert one.values.tolist() == pytest.approx([1, draw(50, 1).square().sum().item()])


def test_a_single_product_gives_the_rayleigh_quotient_with_its_residual():
    matrices, _ = crowded(9)
    one = found(matrices, tolerance=1e-9, max_products=1)
    v = draw(4, 9, seed=5)
    v /= v.norm(dim=1, keepdim=True)
    image = torch.einsum("mij,mj->mi", matrices, v)
    quotient = (image * v).sum(1)
    torch.testing.assert_close(one.values, quotient)
    torch.testing.assert_close(one.residuals, (image - quotient[:, None] * v).norm(dim=1))
    assert not one.converged.any()


def test_members_that_are_not_finite_are_nan_at_once():
    matrices, wanted = crowded(8)
    matrices[2, 3, 3] = torch.nan
    one = found(matrices, tolerance=1e-8, max_products=8)
    assert one.values.isnan().tolist() == [False, False, True, False]
    assert one.products[2] == 1
    np.testing.assert_allclose(one.values[[0, 1, 3]], wanted[[0, 1, 3]], rtol=1e-12)


def test_a_second_eigenvalue_is_taken_for_the_first_once_in_a_thousand_at_the_most():
    members, p = 4000, 40
    diagonal = torch.cat([torch.tensor([1.0, 0.9]), torch.linspace(-0.2, 0.4, p - 2)]).double()
    start = draw(members, p, seed=3)
    options = {"tolerance": 0.05, "max_products": p}
    one = stacked_lanczos(lambda v: v * diagonal, start, **options)
    assert one.converged.all()
    wrong = int((one.values < 0.95).sum())
    assert wrong <= binom.isf(1e-6, members, 1e-3)
    assert one.products.double().mean() < 15


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 11))
def test_a_member_converges_when_dense_algebra_bounds_what_it_cannot_have_seen(seed, products):
    """The bound w chi(x) <= product of betas, from the start's Krylov space by numpy."""
    rng = np.random.default_rng(seed)
    values, start = np.r_[1.0, 0.7, rng.uniform(-0.3, 0.3, 10)], rng.normal(size=12)
    one = stacked_lanczos(
        lambda v: v * torch.tensor(values),
        torch.tensor(start)[None],
        tolerance=0.05,
        max_products=products,
    )
    k = int(one.products)
    basis, added = np.linalg.qr(
        start[:, None] / np.linalg.norm(start) * values[:, None] ** range(k + 1)
    )
    roots = np.linalg.eigvalsh(basis[:, :k].T @ (values[:, None] * basis[:, :k]))
    assert one.values.item() == pytest.approx(roots[-1], rel=1e-8)
    height = 1.05 * roots[-1]
    share = abs(added[-1, -1]) / np.prod(height - roots)
    bound = np.sqrt(beta.ppf(1e-3, 0.5, 11 / 2))
    assume(abs(share / bound - 1) > 1e-6)
    small = one.residuals.item() <= 0.05 * roots[-1]
    assert (small and share <= bound) == bool(one.converged)
