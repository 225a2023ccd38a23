"""Margins against closed forms."""

import math

import pytest
import torch

from causalhyper.errors import ConfigurationError
from collectors.complexity.margins import margins


def test_a_margin_is_the_true_logit_minus_the_best_other():
    logits = torch.tensor([[3.0, 1.0, 2.5], [3.0, 1.0, 2.5], [0.0, 0.0, -1.0]])
    before = logits.clone()
    assert margins(logits, torch.tensor([0, 1, 0])).tolist() == [0.5, -2.0, 0.0]
    assert torch.equal(logits, before)


def test_margins_are_positive_exactly_where_the_prediction_is_right():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(200, 4, generator=generator)
    labels = torch.randint(4, (200,), generator=generator)
    assert torch.equal(margins(logits, labels) > 0, logits.argmax(1) == labels)


def test_margins_of_logits_that_are_not_a_number_are_not_a_number():
    assert margins(torch.tensor([[math.nan, 1.0]]), torch.tensor([1])).isnan().all()


def test_margins_of_shapes_that_do_not_fit_are_refused():
    for logits, labels in ((torch.ones(3, 1), 3), (torch.ones(3), 3), (torch.ones(3, 2), 2)):
        with pytest.raises(ConfigurationError, match="classes >= 2"):
            margins(logits, torch.zeros(labels, dtype=torch.int64))
