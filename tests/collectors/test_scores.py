"""Norms, margins, accuracy and precision against closed forms and scikit-learn."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, precision_score

from causalhyper.errors import ConfigurationError
from collectors.complexity import margins, weight_norm
from collectors.generalization import accuracy, macro_precision


def test_the_weight_norm_joins_all_parameters():
    parts = [torch.tensor([[1.0, 2.0]]), torch.tensor(4.0), torch.tensor([2.0])]
    assert weight_norm(iter(parts)) == 5.0
    assert weight_norm([]) == 0.0


def test_the_weight_norm_does_not_overflow_float32():
    assert weight_norm([torch.full((4,), 1e30)]) == pytest.approx(2e30, rel=1e-6)


def test_the_weight_norm_of_a_network_that_is_not_finite_is_not_finite():
    assert math.isnan(weight_norm([torch.tensor([1.0, math.nan])]))


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


@pytest.mark.parametrize("seed", range(10))
def test_accuracy_and_precision_are_scikit_learns_where_every_class_occurs(seed):
    rng = np.random.default_rng(seed)
    truth = np.concatenate([np.arange(5), rng.integers(5, size=40)])
    called = rng.integers(4 if seed % 2 else 5, size=45)  # odd seeds: class 4 is never called
    a, b = torch.tensor(called), torch.tensor(truth)
    assert accuracy(a, b) == pytest.approx(accuracy_score(truth, called), rel=1e-12)
    assert macro_precision(a, b, 5) == pytest.approx(
        precision_score(truth, called, average="macro", zero_division=0), rel=1e-12
    )


def test_a_class_that_occurs_nowhere_counts_as_0_where_scikit_learn_leaves_it_out():
    truth, called = [0, 0, 1, 1], [0, 1, 1, 1]
    ours = macro_precision(torch.tensor(called), torch.tensor(truth), 4)
    present = precision_score(truth, called, average="macro", zero_division=0)
    listed = precision_score(truth, called, labels=range(4), average="macro", zero_division=0)
    assert present == pytest.approx((1 + 2 / 3) / 2)
    assert ours == pytest.approx(listed) == pytest.approx((1 + 2 / 3) / 4)


def test_scores_of_shapes_that_do_not_fit_or_no_examples_are_refused():
    one, none = torch.zeros(1, dtype=torch.int64), torch.zeros(0, dtype=torch.int64)
    for predicted, labels in ((one, one[:, None]), (one, none), (none, none)):
        with pytest.raises(ConfigurationError, match="one shape"):
            accuracy(predicted, labels)
        with pytest.raises(ConfigurationError, match="one shape"):
            macro_precision(predicted, labels, 2)


def test_precision_with_a_class_out_of_range_is_refused():
    with pytest.raises(ConfigurationError, match="from 0 to 1; got -1 to 2"):
        macro_precision(torch.tensor([0, 2]), torch.tensor([-1, 1]), 2)
