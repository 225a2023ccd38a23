"""Convolutions' second derivatives against torch's own, finite differences, dense matrices."""

import pytest
import torch
from torch import nn
from torch.autograd import forward_ad, gradgradcheck
from torch.func import vmap
from torch.nn.functional import conv1d, conv2d, conv3d
from torch.utils.checkpoint import checkpoint

from collectors.curvature import curvature_of
from collectors.curvature.convolutions import QuickConvolutions
from tests.collectors.curvature.samples import (
    convolutional,
    dense_gauss_newton,
    dense_hessian,
    draw,
    entropy,
    images,
)

CASES = {
    "line": (conv1d, (2, 2, 7), (3, 2, 3), {"stride": 2, "padding": 1}),
    "plain": (conv2d, (2, 1, 4, 4), (2, 1, 3, 3), {}),
    "steps": (conv2d, (2, 2, 6, 5), (2, 2, 3, 2), {"stride": (2, 1), "padding": (1, 0)}),
    "spread": (conv2d, (2, 2, 5, 5), (2, 2, 2, 2), {"dilation": 2, "padding": [1]}),
    "groups": (conv2d, (2, 4, 4, 4), (4, 2, 3, 3), {"groups": 2, "padding": 1}),
    "each channel": (conv2d, (2, 3, 4, 4), (3, 1, 3, 3), {"groups": 3, "stride": (2,)}),
    "same": (conv2d, (2, 1, 4, 4), (2, 1, 3, 3), {"padding": "same"}),
    "valid": (conv2d, (2, 1, 4, 4), (2, 1, 3, 3), {"padding": "valid"}),
    "volume": (conv3d, (1, 1, 3, 3, 3), (2, 1, 2, 2, 2), {"padding": 1, "stride": 2}),
}


def operands(image, kernel, *, bias=True):
    shapes = [image, kernel] + [kernel[:1]] * bias
    return [draw(*shape, seed=i).requires_grad_() for i, shape in enumerate(shapes)]


def quick(func, *given, **options):
    with QuickConvolutions():
        return func(*given, **options)


def replaced(outputs):
    return outputs.grad_fn.name() == "_ConvolutionBackward"


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("case", CASES)
def test_second_derivatives_are_those_of_finite_differences(case, bias):
    func, image, kernel, options = CASES[case]
    given = operands(image, kernel, bias=bias)
    outputs = quick(func, *given, **options)
    assert replaced(outputs)
    assert torch.equal(outputs, func(*given, **options))
    assert gradgradcheck(lambda *each: quick(func, *each, **options).tanh(), given, fast_mode=True)


@pytest.mark.parametrize("fixed", range(3))
def test_second_derivatives_hold_where_one_operand_is_fixed(fixed):
    given = operands((2, 2, 4, 4), (3, 2, 3, 3))
    given[fixed].requires_grad_(False)
    assert gradgradcheck(lambda *each: quick(conv2d, *each).tanh(), given, fast_mode=True)


def test_third_derivatives_are_those_of_torch():
    given = operands((2, 2, 4, 4), (3, 2, 3, 3))

    def third(outputs):
        value = (outputs.sin() ** 3).sum()
        for power in (2, 3):
            grads = torch.autograd.grad(value, given, create_graph=True)
            value = sum((g**power).sum() for g in grads)
        return torch.autograd.grad(value, given)

    for found, true in zip(third(quick(conv2d, *given)), third(conv2d(*given)), strict=True):
        assert torch.allclose(found, true, rtol=1e-10)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
def test_padding_that_differs_from_side_to_side_is_left_to_torch():
    given = operands((2, 1, 4, 4), (2, 1, 2, 2))
    outputs = quick(conv2d, *given, padding="same")
    assert not replaced(outputs)
    assert torch.equal(outputs, conv2d(*given, padding="same"))


def test_one_image_without_a_batch_is_left_to_torch():
    assert not replaced(quick(conv2d, *operands((1, 4, 4), (2, 1, 2, 2))))


def test_autocast_is_left_to_torch():
    given = [each.float() for each in operands((2, 1, 4, 4), (2, 1, 2, 2))]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert quick(conv2d, *given).dtype == torch.bfloat16


def test_transforms_and_dual_numbers_are_left_to_torch():
    image, kernel, bias = operands((3, 2, 1, 4, 4), (2, 1, 2, 2))
    found = quick(vmap(lambda one: conv2d(one, kernel, bias)), image)
    assert torch.allclose(found[1], conv2d(image[1], kernel, bias))
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(kernel, torch.ones_like(kernel))
        tangent = forward_ad.unpack_dual(quick(conv2d, image[0], dual, bias)).tangent
    assert torch.allclose(tangent, conv2d(image[0], torch.ones_like(kernel)))


class Residual(nn.Module):
    """Two convolutions and their input, in eval mode of batch normalisation; 71 parameters."""

    def __init__(self, *, recomputed):
        super().__init__()
        self.into = nn.Conv2d(1, 2, 1)
        self.inner = nn.Sequential(
            nn.Conv2d(2, 2, 3, padding=1, bias=False), nn.BatchNorm2d(2), nn.Softplus(),
            nn.Conv2d(2, 2, 2, stride=2, dilation=2, padding=3, groups=2),
        )  # fmt: skip
        self.out = nn.ConvTranspose2d(2, 2, 2)
        self.recomputed = recomputed

    def forward(self, x):
        x = self.into(x)
        inner = (
            checkpoint(self.inner, x, use_reentrant=False) if self.recomputed else self.inner(x)
        )
        return self.out(inner).sum(dim=(2, 3)) + x.sum(dim=(2, 3))


@pytest.mark.parametrize("recomputed", [False, True])
@pytest.mark.parametrize("batches", [1, 2])
@pytest.mark.parametrize("kind", ["hessian", "gauss_newton"])
def test_products_of_a_residual_network_are_those_of_the_dense_matrix(kind, batches, recomputed):
    torch.manual_seed(0)
    model = Residual(recomputed=recomputed).double().eval()
    x, y = draw(6, 1, 4, 4), torch.arange(6) % 2
    data = list(zip(x.chunk(batches), y.chunk(batches), strict=True))
    with curvature_of(model, entropy, data, kind=kind) as A:
        found = A(torch.eye(A.size, dtype=torch.float64))
    model.recomputed = False
    true = {"hessian": dense_hessian, "gauss_newton": dense_gauss_newton}[kind](
        model, entropy, x, y
    )
    assert true.abs().max() > 0.01
    assert torch.allclose(found, true, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("chosen", [["0.weight"], ["0.bias"], ["4"]])
def test_blocks_of_some_parameters_are_those_of_the_dense_matrix(chosen):
    model, data = convolutional(activation=nn.Softplus), images()
    names = [name for name, p in model.named_parameters() for _ in range(p.numel())]
    rows = torch.tensor([name.startswith(tuple(chosen)) for name in names])
    with curvature_of(model, entropy, data, parameters=chosen) as H:
        found = H(torch.eye(H.size, dtype=torch.float64))
    true = dense_hessian(model, entropy, *data)[rows][:, rows]
    assert torch.allclose(found, true, rtol=1e-10, atol=1e-12)


def test_a_network_that_was_compiled_is_measured():
    model, data = convolutional(activation=nn.Softplus), images()
    vector = draw(69)
    with curvature_of(model, entropy, data) as H:
        true = H(vector)
    with curvature_of(torch.compile(model, backend="eager"), entropy, data) as H:
        assert torch.allclose(H(vector), true)
