"""Products of Hessian and Gauss-Newton matrix against dense matrices; nothing is left behind."""

import pytest
import torch
from torch import nn
from torch.func import functional_call, hessian
from torch.nn.attention import SDPBackend, sdpa_kernel

from causalhyper.errors import ConfigurationError
from collectors.curvature import (
    curvature_of,
    curvature_trace,
    eigenvalues,
    sam_sharpness,
    sampled_curvature,
    sampled_trace,
    spectral_density,
)
from tests.collectors.curvature.samples import (
    attention,
    classified,
    convolutional,
    dense_gauss_newton,
    dense_hessian,
    differences_of_gradients,
    draw,
    entropy,
    flat_loss,
    images,
    network,
    seeded,
    squares,
)

DENSE = {"hessian": dense_hessian, "gauss_newton": dense_gauss_newton}


def dense(model, loss, data, **options):
    """The whole matrix, from products with unit vectors."""
    with curvature_of(model, loss, data, **options) as A:
        return A(torch.eye(A.size, dtype=torch.float64))


def split(data, *sizes):
    return list(zip(*(part.split(list(sizes)) for part in data), strict=True))


@pytest.mark.parametrize("kind", ["hessian", "gauss_newton"])
@pytest.mark.parametrize(
    ("model", "loss", "data"),
    [
        (network(), entropy, classified()),
        (network(nn.GELU), squares, (draw(24, 3), draw(24, 3, seed=5))),
        (convolutional(), entropy, images()),
        (convolutional(activation=nn.Softplus), entropy, images()),
    ],
)
def test_products_are_those_of_the_dense_matrix(model, loss, data, kind):
    true = DENSE[kind](model, loss, *data)
    assert true.abs().max() > 0.01
    assert torch.allclose(dense(model, loss, data, kind=kind), true, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", ["hessian", "gauss_newton"])
def test_a_ragged_last_batch_weighs_by_its_examples(kind):
    model, data = network(), classified(24)
    true = DENSE[kind](model, entropy, *data)
    found = dense(model, entropy, split(data, 10, 10, 4), kind=kind)
    assert torch.allclose(found, true, rtol=1e-10, atol=1e-12)


def test_a_data_loader_and_a_list_of_one_batch_give_what_a_tuple_gives():
    model, data = network(), classified()
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(*data), batch_size=7, shuffle=True
    )
    one = dense(model, entropy, data)
    assert torch.equal(dense(model, entropy, [data]), one)
    assert torch.allclose(dense(model, entropy, loader), one, rtol=1e-10, atol=1e-12)


class Named(nn.Module):
    """Takes two inputs by name, has an unused and a linear parameter."""

    def __init__(self):
        super().__init__()
        self.first, self.unused = nn.Linear(2, 3), nn.Linear(2, 2)

    def forward(self, left, right):
        return self.first(left) * right


@pytest.mark.parametrize("kind", ["hessian", "gauss_newton"])
@pytest.mark.parametrize("form", ["tuple", "mapping"])
def test_inputs_go_in_order_or_by_name_and_unused_parameters_have_zeros(form, kind):
    model = Named().double()
    left, right, y = draw(8, 2), draw(8, 1, seed=2), torch.arange(8) % 3
    inputs = (left, right) if form == "tuple" else {"right": right, "left": left}
    found = dense(model, entropy, (inputs, y), kind=kind)
    point = torch.cat([p.detach().reshape(-1) for p in model.first.parameters()])

    def value(flat):
        weights = {"weight": flat[:6].view(3, 2), "bias": flat[6:]}
        return entropy(functional_call(model.first, weights, (left,)) * right, y).mean()

    # the network is linear in its parameters: both matrices are the same
    assert torch.allclose(found[:9, :9], hessian(value)(point), rtol=1e-10, atol=1e-12)
    assert not found[9:].any()
    assert not found[:, 9:].any()


@pytest.mark.parametrize("kind", ["hessian", "gauss_newton"])
def test_a_loss_linear_in_the_parameters_has_a_zero_matrix(kind):
    model = nn.Linear(3, 1).double()
    found = dense(model, lambda z, y: z[:, 0] * y, (draw(5, 3), draw(5, seed=2)), kind=kind)
    assert not found.any()
    assert not dense(model, lambda z, y: y, (draw(5, 3), draw(5, seed=2)), kind=kind).any()


def test_parameters_are_chosen_by_name_or_by_module():
    model, data = network(), classified()
    true = dense_hessian(model, entropy, *data)
    assert torch.allclose(dense(model, entropy, data, parameters=["2"]), true[16:, 16:])
    ends = dense(model, entropy, data, parameters=["0.bias", "2.weight"])
    assert torch.allclose(ends, true[12:28, 12:28])


def test_frozen_parameters_are_left_out_unless_named():
    model, data = network(), classified()
    true = dense_hessian(model, entropy, *data)
    model[0].requires_grad_(False)
    assert torch.allclose(dense(model, entropy, data), true[16:, 16:])
    assert torch.allclose(dense(model, entropy, data, parameters=["0", "2"]), true)


def test_batch_normalisation_in_train_mode_gives_the_hessian_of_batch_statistics():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 3)).double()
    data = classified()
    in_train, in_eval = (dense(model, entropy, data, mode=mode) for mode in ("train", "eval"))
    assert torch.allclose(in_eval, dense_hessian(model.eval(), entropy, *data), atol=1e-10)
    # forward-mode differentiation of batch statistics is not symmetric in torch: differences
    model = model.train()
    point, _, _ = flat_loss(model, entropy, *data)
    step, v = 1e-5, draw(len(point), seed=2)

    def gradient(flat):
        nn.utils.vector_to_parameters(flat, model.parameters())
        grads = torch.autograd.grad(
            entropy(model(data[0]), data[1]).mean(), tuple(model.parameters())
        )
        return torch.cat([g.reshape(-1) for g in grads])

    difference = (gradient(point + step * v) - gradient(point - step * v)) / (2 * step)
    assert torch.allclose(in_train @ v, difference, rtol=1e-6, atol=1e-8)
    assert (in_train - in_eval).abs().max() > 0.01


@pytest.mark.parametrize("sizes", [(24,), (10, 10, 4)])
def test_dropout_draws_one_mask_for_all_products_from_the_generator(sizes):
    model = nn.Sequential(nn.Linear(3, 8), nn.Dropout(), nn.Tanh(), nn.Linear(8, 3)).double()
    data = split(classified(24), *sizes)

    def product(seed):
        with curvature_of(model, entropy, data, mode="train", generator=seeded(seed)) as H:
            v = draw(H.size)
            assert torch.equal(H(v), H(v))
            return H(v)

    assert torch.equal(product(1), product(1))
    assert not torch.equal(product(1), product(2))


def state(model):
    return (
        [m.training for m in model.modules()],
        [t.clone() for t in (*model.buffers(), *model.parameters())],
        [(p.grad is None, p.requires_grad) for p in model.parameters()],
        [p.grad.clone() for p in model.parameters() if p.grad is not None],
        torch.get_rng_state(),
    )


def same(before, after):
    assert before[0] == after[0]
    assert before[2] == after[2]
    for i in (1, 3):
        assert all(torch.equal(a, b) for a, b in zip(before[i], after[i], strict=True))
    assert torch.equal(before[4], after[4])


VERBS = {
    "eigenvalues": eigenvalues,
    "trace": curvature_trace,
    "density": lambda *a, **o: spectral_density(*a, probes=1, steps=3, **o),
    "sam": lambda *a, **o: sam_sharpness(*a, steps=2, **o),
    "sampled trace": lambda *a, **o: sampled_trace(*a, probes=2, **o),
    "sampled": lambda *a, **o: sampled_curvature(*a, draw(43, 1), **o),
}


@pytest.mark.parametrize("mode", ["eval", "train"])
@pytest.mark.parametrize("verb", sorted(VERBS))
def test_a_measurement_leaves_no_trace_and_repeats_itself(verb, mode):
    dense = [nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Dropout(), nn.Tanh(), nn.Linear(5, 3)]
    model = nn.Sequential(*dense, nn.Linear(3, 3)).double().train()
    model[1].eval()
    model[5].weight.requires_grad_(False)
    model[1].weight.requires_grad_(False)
    model[5].bias.requires_grad_(False)
    data = classified()
    entropy(model(data[0]), data[1]).mean().backward()
    before = state(model)
    one = VERBS[verb](model, entropy, split(data, 20, 4), mode=mode)
    same(before, state(model))
    two = VERBS[verb](model, entropy, split(data, 20, 4), mode=mode)
    assert one.summary() == two.summary()


def test_what_cannot_be_measured_is_refused():
    model, data = network(), classified()
    with pytest.raises(ConfigurationError, match="one number an example"):
        eigenvalues(model, nn.functional.cross_entropy, data)
    with pytest.raises(ConfigurationError, match="hold no batch"):
        eigenvalues(model, entropy, [])
    with pytest.raises(ConfigurationError, match="expected batches"):
        eigenvalues(model, entropy, data[0])
    with pytest.raises(ConfigurationError, match="24 examples at first and 0 now"):
        eigenvalues(model, entropy, iter(split(data, 20, 4)))
    with pytest.raises(ConfigurationError, match="no parameter or module is named 'fc'"):
        eigenvalues(model, entropy, data, parameters=["fc"])
    with pytest.raises(ConfigurationError, match="no parameters to differentiate by"):
        eigenvalues(network().requires_grad_(False), entropy, data)
    with pytest.raises(ConfigurationError, match="kind must be"):
        eigenvalues(model, entropy, data, kind="fisher")


def test_data_that_change_from_pass_to_pass_are_refused():
    class Noisy:
        def __init__(self):
            self.scale = 1.0

        def __iter__(self):
            self.scale *= 2
            x, y = classified()
            yield from split((self.scale * x, y), 20, 4)

    with pytest.raises(ConfigurationError, match="change from pass to pass"):
        eigenvalues(network(), entropy, Noisy())


def test_gauss_newton_needs_one_tensor_of_outputs():
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = network()

        def forward(self, x):
            return self.inner(x), x

    with pytest.raises(ConfigurationError, match="outputs in one tensor"):
        eigenvalues(Pair(), lambda z, y: entropy(z[0], y), classified(), kind="gauss_newton")
    # the Hessian needs none
    assert eigenvalues(Pair(), lambda z, y: entropy(z[0], y), classified()).converged


@pytest.mark.parametrize("kind", ["hessian", "gauss_newton"])
def test_attention_is_measured_whose_fused_kernel_has_no_second_derivative(kind):
    model, data = attention(), (draw(6, 4, 3), torch.arange(6) % 3)
    matrix = dense(model, entropy, data, kind=kind)
    if kind == "gauss_newton":
        with sdpa_kernel(SDPBackend.MATH):
            true = dense_gauss_newton(model, entropy, *data)
    else:
        true = differences_of_gradients(model, entropy, *data)
    assert true.abs().max() > 0.01
    assert torch.allclose(matrix, true, rtol=1e-7, atol=1e-9)


def test_after_a_measurement_attention_has_its_kernels_again():
    before = torch.backends.cuda.flash_sdp_enabled()
    assert before
    eigenvalues(attention(), entropy, (draw(6, 4, 3), torch.arange(6) % 3))
    assert torch.backends.cuda.flash_sdp_enabled() == before


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_parameters_of_half_precision_are_refused(dtype):
    model = nn.Linear(4, 3).to(dtype)
    data = torch.ones(5, 4, dtype=dtype), torch.zeros(5, dtype=torch.long)
    with pytest.raises(ConfigurationError, match=r"measure model.float\(\)"):
        eigenvalues(model, entropy, data, k=1)
