"""Accuracy and precision against closed forms and scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, precision_score

from causalhyper.errors import ConfigurationError
from collectors.generalization.labels import accuracy, macro_precision


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
