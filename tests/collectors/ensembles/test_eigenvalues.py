"""Eigenvalues of a stack: each is what dense algebra, and the member alone, give."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import cross_entropy

from causalhyper.errors import ConfigurationError
from collectors.curvature import hessian_product, top_eigenvalue
from collectors.ensembles.beginnings import spawned_seeds
from collectors.ensembles.measures import stacked_top_eigenvalue
from tests.collectors.curvature.samples import Attention, draw
from tests.collectors.ensembles.samples import make_rectifier, stack


def dense(stacked, k):
    """One member's Hessian, column by column, as an array."""
    model, x, y = stacked.alone(k)
    parameters = list(model.parameters())
    product = hessian_product(cross_entropy(model(x), y), parameters)
    identity = torch.eye(sum(p.numel() for p in parameters), dtype=x.dtype)
    return torch.stack([product(row) for row in identity]).double().numpy()


def quadratics(matrices):
    """Losses w' A w / 2 of given matrices (members, p, p), at any point."""
    return lambda p: torch.einsum("mi,mij,mj->m", p["w"], matrices, p["w"]) / 2


def symmetric(seed, members=3, p=12):
    matrices = draw(members, p, p, seed=seed)
    return matrices + matrices.mT


def tokens():
    """Networks with attention, on sequences of five tokens."""
    stacked = stack(Attention)
    stacked.x = draw(4, 24, 5, 3, seed=5)
    return stacked


@pytest.mark.parametrize("make", [stack, lambda: stack(make_rectifier), tokens])
@sdpa_kernel(SDPBackend.MATH)  # the others cannot be differentiated twice
def test_every_value_is_the_largest_eigenvalue_of_the_dense_hessian(make):
    stacked = make()
    found = stacked_top_eigenvalue(stacked.losses, stacked.parameters, seed=0, tolerance=1e-7)
    wanted = [np.linalg.eigvalsh(dense(stacked, k))[-1] for k in range(4)]
    np.testing.assert_allclose(found.values, wanted, rtol=1e-10)
    assert found.converged.all()
    assert (found.residuals <= 1e-7 * found.values).all()


def test_every_adjusted_value_is_the_largest_eigenvalue_of_the_dense_product():
    stacked = stack()
    scale = {k: p.detach().abs() for k, p in stacked.parameters.items()}
    found = stacked_top_eigenvalue(
        stacked.losses, stacked.parameters, seed=0, scale=scale, tolerance=1e-7
    )
    for k in range(4):
        d = torch.cat([s[k].reshape(-1) for s in scale.values()]).numpy()
        wanted = np.linalg.eigvalsh(d[:, None] * dense(stacked, k) * d)[-1]
        assert found.values[k].item() == pytest.approx(wanted, rel=1e-10)


def test_the_adjusted_value_of_a_rectifier_network_stays_when_its_layers_are_rescaled():
    stacked = stack(make_rectifier)
    factors = torch.tensor([0.1, 0.5, 3.0, 20.0], dtype=torch.float64)
    rescaled = {k: p.detach().clone() for k, p in stacked.parameters.items()}
    rescaled["0.weight"] *= factors[:, None, None]
    rescaled["0.bias"] *= factors[:, None]
    rescaled["2.weight"] /= factors[:, None, None]
    values, plain = [], []
    for parameters in (stacked.parameters, rescaled):
        scale = {k: p.detach().abs() for k, p in parameters.items()}
        one = stacked_top_eigenvalue(
            stacked.losses, parameters, seed=0, scale=scale, tolerance=1e-8
        )
        values.append(one.values)
        plain.append(stacked_top_eigenvalue(stacked.losses, parameters, seed=0).values)
    torch.testing.assert_close(values[0], values[1], rtol=1e-9, atol=0)
    assert ((plain[1] / plain[0]).log().abs() > 0.1).all()


def test_a_member_has_the_value_and_residual_that_as_many_products_give_alone():
    stacked = stack()
    found = stacked_top_eigenvalue(stacked.losses, stacked.parameters, seed=7, tolerance=1e-3)
    for k in range(4):
        model, x, y = stacked.alone(k)
        parameters = list(model.parameters())
        generator = torch.Generator().manual_seed(spawned_seeds([7, k])[0])
        start = torch.randn(sum(p.numel() for p in parameters), generator=generator).double()
        product = hessian_product(cross_entropy(model(x), y), parameters)
        products = int(found.products[k])
        with pytest.warns(RuntimeWarning, match="residual"):
            one = top_eigenvalue(product, start, tolerance=1e-15, max_products=products)
        assert found.values[k].item() == pytest.approx(one.value, rel=1e-12)
        assert found.residuals[k].item() == pytest.approx(one.residual, rel=1e-8)


def test_a_members_result_does_not_depend_on_who_else_is_in_the_stack():
    matrices = symmetric(0, members=5)
    point = {"w": torch.ones(5, 12, dtype=torch.float64)}
    whole = stacked_top_eigenvalue(
        quadratics(matrices), point, seed=3, member_seeds=[8, 2, 5, 9, 0]
    )
    chosen = [3, 1]
    some = stacked_top_eigenvalue(
        quadratics(matrices[chosen]), {"w": point["w"][chosen]}, seed=3, member_seeds=[9, 2]
    )
    assert some.products.tolist() == whole.products[chosen].tolist()
    torch.testing.assert_close(some.values, whole.values[chosen], rtol=1e-12, atol=0)
    torch.testing.assert_close(some.residuals, whole.residuals[chosen], rtol=1e-9, atol=0)


def test_other_seeds_start_elsewhere():
    matrices = symmetric(0)
    point = {"w": torch.ones(3, 12, dtype=torch.float64)}
    with pytest.warns(RuntimeWarning):
        one, other = (
            stacked_top_eigenvalue(quadratics(matrices), point, seed=s, max_products=2)
            for s in (0, 1)
        )
    assert (one.values != other.values).all()


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_diverged_member_is_nan_and_leaves_the_others_bit_equal(value):
    stacked = stack(make_rectifier)
    options = {"seed": 0, "tolerance": 1e-4}
    whole = stacked_top_eigenvalue(stacked.losses, stacked.parameters, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = stacked_top_eigenvalue(stacked.losses, stacked.spoiled(2, value), **options)
    others = [0, 1, 3]
    assert torch.isnan(found.values[2])
    assert torch.isnan(found.residuals[2])
    assert not found.converged[2]
    for name in ("values", "residuals", "products", "converged"):
        assert torch.equal(getattr(found, name)[others], getattr(whole, name)[others])


def test_a_loss_that_is_infinite_with_a_finite_hessian_is_nan():
    def losses(p):
        return (p["w"] ** 2).sum(1) + torch.tensor([0.0, torch.inf])

    for parts in (losses, [losses, losses]):
        found = stacked_top_eigenvalue(parts, {"w": torch.ones(2, 3)}, seed=0)
        assert found.values[0].item() == pytest.approx(2)
        assert torch.isnan(found.values[1])


def test_a_member_that_converged_keeps_its_value_while_others_go_on():
    easy = torch.diag(torch.tensor([9.0] + 59 * [0.0]))
    hard = torch.diag(torch.linspace(0, 1, 60))
    point = {"w": torch.ones(2, 60)}
    found = stacked_top_eigenvalue(
        quadratics(torch.stack([easy, hard])), point, seed=0, tolerance=1e-4
    )
    alone = stacked_top_eigenvalue(quadratics(easy[None]), {"w": torch.ones(1, 60)}, seed=0)
    assert found.products[0] == alone.products[0] == 2
    assert found.products[1] > 10
    assert found.values.tolist() == pytest.approx([9, 1], rel=1e-5)


def test_parts_of_the_data_give_what_the_whole_gives():
    stacked = stack()
    whole = stacked_top_eigenvalue(stacked.losses, stacked.parameters, seed=0)
    parts = stacked_top_eigenvalue(list(stacked.batches(6)), stacked.parameters, seed=0)
    torch.testing.assert_close(parts.values, whole.values, rtol=1e-12, atol=0)


def test_single_precision_agrees_with_double():
    values = [
        stacked_top_eigenvalue(s.losses, s.parameters, seed=0, tolerance=1e-4).values
        for s in (stack(dtype=dtype) for dtype in (torch.float32, torch.float64))
    ]
    torch.testing.assert_close(values[0], values[1], rtol=1e-5, atol=0)


@pytest.mark.parametrize("size", [1e-25, 1e-6, 1e12])
def test_the_units_of_the_loss_change_nothing_but_the_units(size):
    matrices = symmetric(1).float()
    point = {"w": torch.ones(3, 12)}
    one = stacked_top_eigenvalue(quadratics(matrices), point, seed=0)
    other = stacked_top_eigenvalue(quadratics(matrices * size), point, seed=0)
    assert one.products.tolist() == other.products.tolist()
    torch.testing.assert_close(other.values / size, one.values, rtol=1e-4, atol=0)


def test_the_largest_in_value_is_found_beside_a_more_negative_one():
    matrices = torch.diag_embed(torch.tensor([[2.0, -50.0, 1.0], [-3.0, -1.0, -9.0]]))
    found = stacked_top_eigenvalue(quadratics(matrices), {"w": torch.ones(2, 3)}, seed=0)
    assert found.values.tolist() == pytest.approx([2, -1], rel=1e-5)


@pytest.mark.parametrize("losses", [lambda p: p["w"].sum(1), lambda p: torch.ones(2)])
def test_a_loss_without_curvature_has_the_eigenvalue_zero(losses):
    found = stacked_top_eigenvalue(losses, {"w": torch.ones(2, 5)}, seed=0)
    assert found.values.tolist() == found.residuals.tolist() == [0, 0]
    assert found.converged.all()
    assert found.products.tolist() == [1, 1]


def test_a_parameter_that_the_losses_do_not_use_counts_as_flat():
    parameters = {"w": torch.ones(2, 2), "unused": torch.ones(2, 3)}
    found = stacked_top_eigenvalue(lambda p: -(p["w"] ** 2).sum(1), parameters, seed=0)
    assert found.values.tolist() == pytest.approx([0, 0], abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 12))
def test_an_eigenvalue_lies_within_the_residual_and_none_below_the_value_is_the_largest(seed, m):
    matrices = symmetric(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        found = stacked_top_eigenvalue(
            quadratics(matrices),
            {"w": torch.ones(3, 12, dtype=torch.float64)},
            seed=seed,
            max_products=m,
            tolerance=1e-6,
        )
    wanted = np.linalg.eigvalsh(matrices.numpy())
    apart = np.abs(wanted - found.values.numpy()[:, None]).min(1)
    assert (apart <= found.residuals.numpy() + 1e-12).all()
    assert (found.values.numpy() <= wanted[:, -1] + 1e-12).all()
    assert found.converged.all() or m < 12


def test_members_that_have_not_converged_are_counted_in_a_warning():
    matrices = torch.stack([torch.eye(40), torch.diag(torch.linspace(0, 1, 40))])
    with pytest.warns(RuntimeWarning, match="1 of 2 top eigenvalues .* after 3 products"):
        found = stacked_top_eigenvalue(
            quadratics(matrices), {"w": torch.ones(2, 40)}, seed=0, max_products=3
        )
    assert found.converged.tolist() == [True, False]


def test_wrong_input_is_refused():
    losses, point = quadratics(torch.eye(3)[None]), {"w": torch.ones(1, 3)}
    wrong = [
        ({"tolerance": 0}, "tolerance"),
        ({"max_products": 0}, "max_products"),
        ({"member_seeds": [1, 2]}, "1 member seeds"),
        ({"seed": -1}, "at least 0"),
        ({"scale": {"w": torch.ones(3)}}, "scale"),
        ({"scale": {"v": torch.ones(1, 3)}}, "scale"),
    ]
    for options, message in wrong:
        with pytest.raises(ConfigurationError, match=message):
            stacked_top_eigenvalue(losses, point, **({"seed": 0} | options))
    with pytest.raises(ConfigurationError, match="one number a member"):
        stacked_top_eigenvalue(lambda p: p["w"], point, seed=0)
    with pytest.raises(ConfigurationError, match="got none"):
        stacked_top_eigenvalue(losses, {}, seed=0)
