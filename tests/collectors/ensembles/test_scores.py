"""Margins and scores of a stack: each is what the member alone has."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, log_loss, precision_score
from torch.nn.functional import cross_entropy

from causalhyper.errors import ConfigurationError
from collectors.complexity.margins import margins
from collectors.ensembles.measures import stacked_margins, stacked_scores
from collectors.generalization.labels import accuracy, macro_precision


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(2, 5), st.booleans())
def test_every_margin_and_score_is_that_of_the_member_alone(seed, n, classes, shared):
    generator = torch.Generator().manual_seed(seed)
    # few levels, so that ties occur
    logits = torch.randint(-2, 3, (3, n, classes), generator=generator).float()
    labels = torch.randint(classes, (n,) if shared else (3, n), generator=generator)
    found, margin = stacked_scores(logits, labels), stacked_margins(logits, labels)
    for k in range(3):
        y = labels if shared else labels[k]
        predicted = logits[k].argmax(1)
        assert found.accuracy[k].item() == accuracy(predicted, y)
        assert found.macro_precision[k].item() == pytest.approx(
            macro_precision(predicted, y, classes), rel=1e-14
        )
        assert found.loss[k].item() == pytest.approx(cross_entropy(logits[k], y).item(), rel=1e-5)
        assert margin[k].item() == margins(logits[k], y).median().item()
    assert found.n == n


def test_the_scores_are_those_of_scikit_learn():
    logits = torch.randn(2, 50, 4, generator=torch.Generator().manual_seed(0)).double()
    labels = torch.arange(50) % 4
    found = stacked_scores(logits, labels)
    for k in range(2):
        called = logits[k].argmax(1)
        assert found.accuracy[k].item() == pytest.approx(accuracy_score(labels, called))
        precision = precision_score(labels, called, average="macro", zero_division=0)
        assert found.macro_precision[k].item() == pytest.approx(precision)
        assert found.loss[k].item() == pytest.approx(log_loss(labels, logits[k].softmax(1)))


def test_a_member_with_nan_logits_leaves_the_others_as_they_are():
    logits = torch.randn(3, 10, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(10) % 4
    whole = stacked_scores(logits, labels)
    spoiled = logits.clone()
    spoiled[1] = torch.nan
    found, margin = stacked_scores(spoiled, labels), stacked_margins(spoiled, labels)
    assert found.loss[1].isnan()
    assert margin[1].isnan()
    for name in ("accuracy", "macro_precision", "loss"):
        assert torch.equal(getattr(found, name)[[0, 2]], getattr(whole, name)[[0, 2]])
    assert torch.equal(margin[[0, 2]], stacked_margins(logits, labels)[[0, 2]])


@pytest.mark.parametrize("measure", [stacked_margins, stacked_scores])
def test_wrong_input_is_refused(measure):
    logits, labels = torch.zeros(2, 3, 4), torch.zeros(3, dtype=torch.int64)
    wrong = [
        (logits[0], labels),
        (logits[..., :1], labels),
        (logits[:, :0], labels[:0]),
        (logits, labels[:2]),
    ]
    for each in wrong:
        with pytest.raises(ConfigurationError, match="expected logits"):
            measure(*each)
    for label in (-1, 4):
        with pytest.raises(ConfigurationError, match="classes from 0 to 3"):
            measure(logits, labels + label)
