"""Norms of a stack: each is what the member alone has."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from causalhyper.errors import ConfigurationError
from collectors.complexity.norms import distance, weight_norm
from collectors.complexity.spectral import spectral_norms
from collectors.ensembles.measures import stacked_norms
from tests.collectors.curvature.samples import draw
from tests.collectors.ensembles.samples import stack


def test_every_norm_is_that_of_the_network_alone():
    stacked = stack(dtype=torch.float32)
    start = {k: p.detach() + draw(*p.shape).float() for k, p in stacked.parameters.items()}
    found = stacked_norms(stacked.parameters, start)
    for k, model in enumerate(stacked.models):
        own = {name: p[k] for name, p in start.items()}
        spectral = spectral_norms(model, stacked.x[k], generator=torch.Generator())
        assert found["weight_norm"][k].item() == pytest.approx(
            weight_norm(model.parameters()), rel=1e-12
        )
        assert found["distance"][k].item() == pytest.approx(distance(model, own), rel=1e-12)
        assert found["spectral_product"][k].item() == pytest.approx(spectral.product, rel=1e-12)
        assert found["log10_spectral_product"][k].item() == pytest.approx(
            spectral.sum_of_logs / np.log(10), rel=1e-12
        )


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(1, 7), st.integers(1, 7), st.sampled_from([1e-18, 1, 1e100])
)
def test_the_product_is_that_of_numpys_singular_values(seed, rows, columns, size):
    rng = np.random.default_rng(seed)
    one, two = rng.normal(size=(2, 3, rows, columns))
    parameters = {"a": torch.tensor(size * one), "b": torch.tensor(two.swapaxes(1, 2).copy())}
    found = stacked_norms(parameters, parameters)
    wanted = size * np.linalg.norm(one, 2, axis=(1, 2)) * np.linalg.norm(two, 2, axis=(1, 2))
    np.testing.assert_allclose(found["spectral_product"], wanted, rtol=1e-12)


@pytest.mark.parametrize("shape", [(80, 200), (200, 80), (80, 80)])
def test_large_matrices_have_numpys_norms_whatever_the_others_are(shape):
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=(2, 3, *shape))
    two[1] = np.linalg.svd(two[1], full_matrices=False)[2][:1]  # of rank one
    two[2] = np.eye(*shape)  # a singular value eighty times
    parameters = {"a": torch.tensor(one), "b": torch.tensor(two)}
    found = stacked_norms(parameters, parameters)
    wanted = np.linalg.norm(one, 2, axis=(1, 2)) * np.linalg.norm(two, 2, axis=(1, 2))
    np.testing.assert_allclose(found["spectral_product"], wanted, rtol=1e-9)


def test_the_logarithm_stays_where_the_product_overflows():
    parameters = {str(k): 1e4 * torch.eye(3).expand(2, 3, 3) for k in range(100)}
    found = stacked_norms(parameters, parameters)
    assert found["spectral_product"].isinf().all()
    assert found["log10_spectral_product"].tolist() == pytest.approx([400, 400])


def test_a_zero_matrix_makes_the_product_zero():
    parameters = {"w": torch.stack([torch.zeros(2, 2), torch.eye(2)])}
    found = stacked_norms(parameters, parameters)
    assert found["spectral_product"].tolist() == [0, 1]
    assert found["log10_spectral_product"].tolist() == [-torch.inf, 0]


def test_a_diverged_member_is_nan_and_leaves_the_others_bit_equal():
    stacked = stack()
    whole = stacked_norms(stacked.parameters, stacked.parameters)
    for value in (torch.nan, torch.inf):
        found = stacked_norms(stacked.spoiled(3, value), stacked.parameters)
        for name, values in found.items():
            assert values[3].isnan()
            assert torch.equal(values[:3], whole[name][:3])


def test_only_the_named_matrices_have_a_part():
    parameters = {"w": 2 * torch.eye(2)[None], "table": 5 * torch.ones(1, 9, 2)}
    found = stacked_norms(parameters, parameters, matrices=["w"])
    assert found["spectral_product"].tolist() == [2]


def test_wrong_input_is_refused():
    weights = {"w": torch.ones(1, 2, 2)}
    kernels = weights | {"k": torch.ones(1, 2, 2, 3, 3)}
    with pytest.raises(ConfigurationError, match="convolutions"):
        stacked_norms(kernels, kernels)
    for names in ([], ["v"], ["k"]):
        with pytest.raises(ConfigurationError, match="weight matrices"):
            stacked_norms(kernels, kernels, matrices=names)
    with pytest.raises(ConfigurationError, match="weight matrices"):
        stacked_norms({"b": torch.ones(1, 2)}, {"b": torch.ones(1, 2)})
    for start in ({}, {"w": torch.ones(1, 2, 3)}):
        with pytest.raises(ConfigurationError, match="start must hold"):
            stacked_norms(weights, start)
