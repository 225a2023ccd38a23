"""Operator norms against dense matrices and, for circular padding, the Fourier formula."""

import math
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from causalhyper.errors import ConfigurationError
from collectors.complexity import spectral
from collectors.complexity.linear_maps import linear_calls
from collectors.complexity.singular_value import top_singular_value
from collectors.complexity.spectral import row_norm_sum, spectral_norms


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def matrix_of(layer, shape):
    """The matrix of a layer on one example, column by column."""
    zero = torch.zeros(1, *shape, dtype=torch.float64)
    eye = torch.eye(math.prod(shape), dtype=torch.float64).reshape(-1, *shape)
    with torch.no_grad():
        return (layer(eye) - layer(zero)).flatten(1).T


CONVOLUTIONS = {
    "zeros": (nn.Conv2d(2, 3, 3, padding=1), (2, 6, 5)),
    "stride": (nn.Conv2d(2, 3, 3, stride=2, padding=1), (2, 7, 6)),
    "no padding": (nn.Conv2d(3, 2, (2, 3), bias=False), (3, 5, 6)),
    "dilation and groups": (nn.Conv2d(4, 4, 3, dilation=2, padding=2, groups=2), (4, 6, 6)),
    "circular": (nn.Conv2d(2, 3, 3, padding=1, padding_mode="circular"), (2, 6, 6)),
    "reflect": (nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect"), (2, 5, 5)),
    "conv1d": (nn.Conv1d(3, 4, 5, padding=2), (3, 12)),
    "conv3d": (nn.Conv3d(1, 2, 2), (1, 3, 4, 3)),
    "transposed": (nn.ConvTranspose2d(3, 2, 3, stride=2, padding=1, output_padding=1), (3, 4, 4)),
}


@pytest.fixture(scope="module", autouse=True)
def drawn():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for layer, _ in CONVOLUTIONS.values():
            layer.reset_parameters()
            layer.double()
        yield


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_the_norm_of_a_convolution_is_that_of_its_dense_matrix(name):
    layer, shape = CONVOLUTIONS[name]
    exact = torch.linalg.svdvals(matrix_of(layer, shape))
    found = spectral_norms(
        layer, torch.ones(2, *shape, dtype=torch.float64), generator=generator(), tolerance=1e-9
    ).norms[0]
    assert found.converged
    assert found.value == pytest.approx(float(exact[0]), rel=1e-10)
    # the certificate: some singular value lies within the residual
    assert float((exact - found.value).abs().min()) <= found.residual + 1e-12


@pytest.mark.parametrize("tolerance", [1e-1, 1e-2, 1e-3])
def test_a_loose_tolerance_never_overshoots_and_keeps_its_certificate(tolerance):
    layer, shape = CONVOLUTIONS["zeros"]
    exact = torch.linalg.svdvals(matrix_of(layer, shape))
    found = spectral_norms(
        layer,
        torch.ones(1, *shape, dtype=torch.float64),
        generator=generator(),
        tolerance=tolerance,
    ).norms[0]
    assert found.value <= float(exact[0]) * (1 + 1e-12)
    assert float((exact - found.value).abs().min()) <= found.residual <= tolerance * found.value


def test_circular_padding_gives_the_formula_of_sedghi_gupta_and_long():
    layer = nn.Conv2d(4, 5, 3, padding=1, padding_mode="circular", bias=False)
    kernel = layer.weight.detach().double().numpy()
    transforms = np.fft.fft2(kernel, (8, 8), axes=(2, 3)).transpose(2, 3, 0, 1)
    exact = np.linalg.svd(transforms, compute_uv=False).max()
    found = spectral_norms(layer, torch.ones(1, 4, 8, 8), generator=generator(), tolerance=1e-8)
    assert found.product == pytest.approx(exact, rel=1e-10)


def test_the_norm_of_the_reshaped_kernel_is_another_quantity():
    layer, shape = nn.Conv2d(8, 8, 3, padding=1), (8, 8, 8)
    nn.init.constant_(layer.weight, 0.1)
    reshaped = float(torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2))
    found = spectral_norms(layer, torch.ones(1, *shape), generator=generator()).product
    assert found > 2 * reshaped


@pytest.mark.parametrize("dense", [2048, 1])
def test_a_dense_layer_has_its_largest_singular_value_either_way(dense, monkeypatch):
    monkeypatch.setattr(spectral, "DENSE", dense)
    layer = nn.Linear(7, 5)
    found = spectral_norms(layer, torch.ones(1, 7), generator=generator(), tolerance=1e-9).norms[0]
    exact = np.linalg.norm(layer.weight.detach().double().numpy(), 2)
    assert found.value == pytest.approx(exact, rel=1e-10)
    assert (found.products > 0) == (dense == 1)


def test_batch_normalisation_is_a_diagonal_by_its_running_variance():
    layer = nn.BatchNorm2d(3)
    layer.weight.detach().copy_(torch.tensor([1.0, -6.0, 2.0]))
    layer.running_var.copy_(torch.tensor([1.0, 4.0, 0.25]))
    found = spectral_norms(layer, torch.ones(2, 3, 4, 4), generator=generator())
    assert found.product == pytest.approx(4.0, rel=1e-4)


def test_sum_product_and_logs_are_over_calls_and_what_is_not_linear_is_named():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.twice, self.norm = nn.Linear(3, 3), nn.LayerNorm(3)

        def forward(self, x):
            return self.twice(self.norm(self.twice(x)))

    model = Net()
    found = spectral_norms(model, torch.ones(1, 3), generator=generator())
    sigma = np.linalg.norm(model.twice.weight.detach().double().numpy(), 2)
    assert found.layers == ("twice", "twice")
    assert found.left_out == ("norm",)
    assert found.product == pytest.approx(sigma**2)
    assert found.sum == pytest.approx(2 * sigma)
    assert found.sum_of_logs == pytest.approx(2 * math.log(sigma))
    assert list(found.to_frame()["value"]) == pytest.approx([sigma, sigma])


def test_a_layer_of_zeros_has_norm_zero_and_log_minus_infinity():
    layer = nn.Conv2d(1, 1, 3)
    nn.init.zeros_(layer.weight)
    found = spectral_norms(layer, torch.ones(1, 1, 5, 5), generator=generator())
    assert (found.product, found.sum_of_logs) == (0.0, -math.inf)


def test_a_layer_that_is_not_finite_has_no_norm():
    for layer, x in (
        (nn.Conv1d(1, 1, 3), torch.ones(1, 1, 5)),
        (nn.Linear(2, 2), torch.ones(1, 2)),
    ):
        nn.init.constant_(layer.weight, math.nan)
        found = spectral_norms(layer, x, generator=generator())
        assert math.isnan(found.product)
        assert not found.norms[0].converged


def test_stopping_short_warns_and_says_so():
    layer, shape = CONVOLUTIONS["zeros"]
    x = torch.ones(1, *shape, dtype=torch.float64)
    with pytest.warns(RuntimeWarning, match="after 2 products"):
        found = spectral_norms(layer, x, generator=generator(), max_products=2)
    assert not found.norms[0].converged


def test_the_same_generator_gives_the_same_bits_and_the_global_state_is_not_touched():
    layer, shape = CONVOLUTIONS["stride"]
    x = torch.ones(1, *shape, dtype=torch.float64)
    state = torch.get_rng_state()
    a, b = (spectral_norms(layer, x, generator=generator(5)) for _ in range(2))
    assert a == b
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("name", [k for k in CONVOLUTIONS if k != "reflect"])
def test_the_row_norms_are_those_of_the_dense_matrix(name):
    layer, shape = CONVOLUTIONS[name]
    calls, _ = linear_calls(layer, torch.ones(1, *shape, dtype=torch.float64))
    exact = float(matrix_of(layer, shape).norm(dim=1).sum())
    assert row_norm_sum(calls[0]) == pytest.approx(exact, rel=1e-10)


def test_row_norms_count_every_place_of_dense_and_diagonal_layers():
    linear, norm = nn.Linear(3, 2).double(), nn.BatchNorm1d(2).double().eval()
    norm.weight.detach().copy_(torch.tensor([2.0, -3.0]))
    for layer, shape in ((linear, (4, 3)), (norm, (2, 5))):
        calls, _ = linear_calls(layer, torch.ones(2, *shape, dtype=torch.float64))
        exact = float(matrix_of(layer, shape).norm(dim=1).sum())
        assert row_norm_sum(calls[0]) == pytest.approx(exact, rel=1e-10)


def test_row_norms_of_reflected_padding_are_refused():
    layer, shape = CONVOLUTIONS["reflect"]
    calls, _ = linear_calls(layer, torch.ones(1, *shape, dtype=torch.float64))
    with pytest.raises(ConfigurationError, match="'reflect' and may meet one input twice"):
        row_norm_sum(calls[0])


def test_a_network_without_linear_layers_is_refused():
    with pytest.raises(ConfigurationError, match="no linear layer"):
        spectral_norms(nn.Embedding(3, 2), torch.tensor([[1]]), generator=generator())


def test_lanczos_refuses_a_zero_start_and_handles_low_rank():
    A = torch.outer(torch.arange(1.0, 4.0), torch.tensor([3.0, 4.0])).double()
    start = torch.tensor([1.0, 0.0], dtype=torch.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = top_singular_value(A.mv, A.T.mv, start)
    assert found.value == pytest.approx(5 * math.sqrt(14))
    with pytest.raises(ConfigurationError, match="not zero"):
        top_singular_value(A.mv, A.T.mv, start * 0)


def test_fifty_power_iterations_can_fall_short_where_lanczos_does_not():
    # two close singular values: a power iteration mixes them
    values = torch.linspace(0.9, 1.0, 60, dtype=torch.float64)
    v = torch.ones(60, dtype=torch.float64)
    for _ in range(50):
        v = functional.normalize(values**2 * v, dim=0)
    power = float((values * v).norm())
    found = top_singular_value(lambda x: values * x, lambda x: values * x, torch.ones_like(values))
    assert power < 0.999
    assert found.value == pytest.approx(1.0, abs=1e-9)
