"""Scores against scikit-learn and torchmetrics, calibration against closed forms."""

import math

import numpy as np
import pytest
import torch
from sklearn import metrics
from torch import nn
from torch.nn.functional import cross_entropy

from causalhyper.errors import ConfigurationError
from collectors.generalization.calibration import brier_score, calibration_error
from collectors.generalization.scores import gap
from collectors.generalization.scoring import Scorer, score

per_example = nn.CrossEntropyLoss(reduction="none")


def classifier(n=83, classes=4, seed=0):
    torch.manual_seed(seed)
    model = nn.Linear(5, classes)
    with torch.no_grad():
        model.weight *= 4
    return model, torch.randn(n, 5), torch.randint(classes, (n,))


def batches(x, y, size=17):
    return [(x[i : i + size], y[i : i + size]) for i in range(0, len(x), size)]


@pytest.mark.parametrize("seed", range(5))
def test_scores_over_batches_are_scikit_learns_over_all(seed):
    model, x, y = classifier(seed=seed)
    found = score(model, per_example, batches(x, y))
    with torch.no_grad():
        p = model(x).double().softmax(1).numpy()
    called, every = p.argmax(1), list(range(4))
    options = {"average": "macro", "zero_division": 0, "labels": every}
    assert found.accuracy == pytest.approx(metrics.accuracy_score(y, called))
    assert found.macro_precision == pytest.approx(metrics.precision_score(y, called, **options))
    assert found.macro_recall == pytest.approx(metrics.recall_score(y, called, **options))
    assert found.macro_f1 == pytest.approx(metrics.f1_score(y, called, **options))
    assert found.nll == pytest.approx(metrics.log_loss(y, p, labels=every), rel=1e-6)
    hot = np.eye(4)[y.numpy()]
    assert found.brier == pytest.approx(((p - hot) ** 2).sum(1).mean(), rel=1e-6)
    assert np.array_equal(found.confusion, metrics.confusion_matrix(y, called, labels=every))
    assert (found.n, found.n_correct) == (83, int((called == y.numpy()).sum()))


def test_the_loss_is_the_mean_over_examples_with_its_standard_error():
    model, x, y = classifier()
    found = score(model, per_example, batches(x, y))
    losses = cross_entropy(model(x), y, reduction="none").detach().double().numpy()
    assert found.loss == pytest.approx(losses.mean())
    assert found.loss_error == pytest.approx(losses.std(ddof=1) / math.sqrt(83))
    assert found.loss == pytest.approx(found.nll, rel=1e-6)


def test_the_table_of_classes_adds_up():
    model, x, y = classifier()
    found = score(model, per_example, batches(x, y))
    frame = found.to_frame()
    assert frame["examples"].sum() == frame["called"].sum() == 83
    assert frame["correct"].sum() == found.n_correct
    assert list(frame["examples"]) == np.bincount(y, minlength=4).tolist()


def test_a_class_that_is_never_met_nor_called_counts_as_0_in_every_average():
    scorer = Scorer()
    logits = torch.tensor([[5.0, 0.0, 0.0], [0.0, 5.0, 0.0]])
    scorer.add(logits, torch.tensor([0, 1]), torch.zeros(2))
    found = scorer.result()
    assert found.macro_precision == found.macro_recall == found.macro_f1 == pytest.approx(2 / 3)


def test_calibration_error_of_equal_width_is_that_of_bins_closed_above():
    p = torch.tensor([0.2, 0.5, 0.55, 0.9, 1.0])
    right = torch.tensor([True, False, True, True, True])
    # bins (0, 0.5] and (0.5, 1]
    expected = abs(1 - 0.7) / 5 + abs(3 - 2.45) / 5
    assert calibration_error(p, right, bins=2) == pytest.approx(expected)


def test_calibration_error_of_equal_mass_splits_by_rank():
    rng = np.random.default_rng(0)
    p, right = rng.uniform(0.3, 1, 40), rng.uniform(size=40) < 0.6
    groups = np.array_split(np.argsort(p), 5)
    expected = sum(abs(right[g].sum() - p[g].sum()) for g in groups) / 40
    found = calibration_error(torch.tensor(p), torch.tensor(right), bins=5, equal="mass")
    assert found == pytest.approx(expected)
    # more bins than examples: each is its own
    few = calibration_error(torch.tensor(p[:3]), torch.tensor(right[:3]), bins=9, equal="mass")
    assert few == pytest.approx(np.abs(right[:3] - p[:3]).mean())


def test_calibration_error_is_that_of_torchmetrics():
    peer = pytest.importorskip("torchmetrics.functional.classification")
    model, x, y = classifier(n=400)
    with torch.no_grad():
        p = model(x).softmax(1)
    expected = peer.multiclass_calibration_error(p, y, num_classes=4, n_bins=15)
    found = score(model, per_example, batches(x, y)).ece
    assert found == pytest.approx(float(expected), abs=1e-6)


def test_a_calibrated_network_has_a_positive_error_of_the_size_that_is_stated():
    rng = np.random.default_rng(1)
    found = []
    for _ in range(300):
        p = rng.uniform(0.5, 1, 500)
        right = rng.uniform(size=500) < p
        found.append(calibration_error(torch.tensor(p), torch.tensor(right), bins=10))
    # five bins of confidence are met, 100 examples each, with mean p from 0.55 to 0.95
    means = np.array([0.55, 0.65, 0.75, 0.85, 0.95])
    stated = np.sqrt(2 * 100 * means * (1 - means) / np.pi).sum() / 500
    assert np.mean(found) == pytest.approx(stated, rel=0.08)


def test_a_network_that_is_sure_and_wrong_has_the_largest_error():
    sure, wrong = torch.ones(4), torch.zeros(4, dtype=torch.bool)
    assert calibration_error(sure, wrong) == 1.0
    assert brier_score(torch.tensor([[1.0, 0.0]]), torch.tensor([1])) == 2.0


@pytest.mark.parametrize("seed", range(3))
def test_the_brier_score_of_two_classes_is_twice_scikit_learns(seed):
    rng = np.random.default_rng(seed)
    p, y = rng.uniform(size=30), rng.integers(2, size=30)
    both = torch.tensor(np.column_stack([1 - p, p]))
    assert brier_score(both, torch.tensor(y)) == pytest.approx(2 * metrics.brier_score_loss(y, p))


def test_logits_may_be_taken_out_of_the_outputs():
    model, x, y = classifier()

    class Wrapped(nn.Module):
        def forward(self, x):
            return {"logits": model(x)}

    found = score(
        Wrapped(),
        lambda outputs, targets: per_example(outputs["logits"], targets),
        batches(x, y),
        logits=lambda outputs: outputs["logits"],
    )
    assert found == score(model, per_example, batches(x, y))


def test_the_mode_is_recorded_and_the_network_left_as_found():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 3), nn.BatchNorm1d(3), nn.Dropout()).train()
    x, y = torch.randn(20, 5), torch.randint(3, (20,))
    before = {k: v.clone() for k, v in model.state_dict().items()}
    assert score(model, per_example, [(x, y)]).mode == "eval"

    def train(seed):
        generator = torch.Generator().manual_seed(seed)
        return score(model, per_example, [(x, y)], mode="train", generator=generator)

    assert train(0).mode == "train"
    assert train(0) == train(0)
    assert train(0).loss != train(1).loss
    assert model.training
    assert all(torch.equal(before[k], v) for k, v in model.state_dict().items())


def test_the_gap_is_train_minus_test_accuracy_and_test_minus_train_loss():
    model, x, y = classifier(n=60)
    train = score(model, per_example, [(x[:40], y[:40])])
    test = score(model, per_example, [(x[40:], y[40:])])
    found = gap(train, test)
    assert found.accuracy == train.accuracy - test.accuracy
    assert found.loss == test.loss - train.loss
    assert found.accuracy_error == math.sqrt(test.accuracy * (1 - test.accuracy) / 20)
    assert found.loss_error == test.loss_error


def test_a_diverged_network_has_no_loss_but_counts():
    scorer = Scorer()
    scorer.add(torch.full((2, 2), math.nan), torch.tensor([0, 1]), torch.full((2,), math.nan))
    found = scorer.result()
    assert (found.n, found.n_correct) == (2, 1)
    assert math.isnan(found.loss)
    assert math.isnan(found.ece)
    assert math.isnan(found.nll)


def test_scores_that_cannot_be_taken_are_refused():
    model, x, y = classifier()
    for call, words in (
        (lambda: score(model, per_example, iter([])), "used up"),
        (lambda: score(model, cross_entropy, [(x, y)]), "one number an example"),
        (lambda: score(model, lambda o, t: o[:, 0], [(x, y + 1)]), "labels from 0 to 3; got 1"),
        (lambda: Scorer(bins=0), "at least 1 bin"),
        (lambda: calibration_error(x[:, 0], y == 0), "from 0 to 1"),
        (lambda: calibration_error(x, y == 0), "one shape"),
        (lambda: calibration_error(torch.ones(2), torch.ones(2), equal="size"), "'size'"),
        (lambda: brier_score(x, y[:3]), "labels of shape"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            call()
    scorer = Scorer()
    scorer.add(torch.ones(1, 3), torch.tensor([0]), torch.ones(1))
    with pytest.raises(ConfigurationError, match="the same classes in every batch"):
        scorer.add(torch.ones(1, 2), torch.tensor([0]), torch.ones(1))
