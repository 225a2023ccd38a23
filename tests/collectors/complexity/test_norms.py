"""Norms of parameters against closed forms."""

import math

import pytest
import torch

from collectors.complexity.norms import weight_norm


def test_the_weight_norm_joins_all_parameters():
    parts = [torch.tensor([[1.0, 2.0]]), torch.tensor(4.0), torch.tensor([2.0])]
    assert weight_norm(iter(parts)) == 5.0
    assert weight_norm([]) == 0.0


def test_the_weight_norm_does_not_overflow_float32():
    assert weight_norm([torch.full((4,), 1e30)]) == pytest.approx(2e30, rel=1e-6)


def test_the_weight_norm_of_a_network_that_is_not_finite_is_not_finite():
    assert math.isnan(weight_norm([torch.tensor([1.0, math.nan])]))
