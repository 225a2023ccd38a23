"""Settings and tasks say what is wrong with them when they are made."""

import json

import pytest
import torch
from torch import nn

from causalhyper.errors import ConfigurationError
from collectors.pruning import (
    PruningSettings,
    PruningTask,
    prunable_parameters,
    published_settings,
)
from collectors.pruning.passes import Performance
from collectors.pruning.stopping import Stopping
from tests.collectors.pruning.problems import examples, network


def test_the_defaults_are_the_papers():
    settings = PruningSettings()
    assert (settings.n_pre, settings.n_iter, settings.n_prune, settings.n_post) == (
        10,
        10,
        10,
        200,
    )
    assert (settings.learning_rate, settings.collecting_rate) == (5e-4, 1e-3)
    assert (settings.patience, settings.tolerance) == (5, 1e-4)
    assert settings.rewind == "pretrained"


@pytest.mark.parametrize(
    "wrong",
    [
        {"n_iter": 0}, {"n_pre": -1}, {"n_post": 1.5}, {"n_prune": True}, {"learning_rate": 0},
        {"collecting_rate": float("nan")}, {"momentum": 1.0}, {"tolerance": -1e-4},
        {"rewind": "start"}, {"scope": "layers"}, {"schedule": "step"}, {"protocol": "paper"},
        {"learning_rate": "fast"}, {"momentum": None}, {"structured": "yes"}, {"keep_zeros": 1},
        {"n_prune": 0}, {"n_more": -1}, {"n_more": 1.0}, {"excitation_noise": -1.0},
        {"excitation_noise": float("inf")}, {"excitation_noise": "much"},
        {"excitation_spread": 0.5}, {"excitation_spread": float("nan")},
    ],
)  # fmt: skip
def test_a_setting_out_of_range_is_named(wrong):
    [name] = wrong
    with pytest.raises(ConfigurationError, match=name):
        PruningSettings(**wrong)


def test_settings_are_plain_values_and_come_back():
    settings = published_settings(n_pre=3)
    assert PruningSettings(**json.loads(json.dumps(settings.to_dict()))) == settings


def test_the_published_protocol_is_labelled_and_cannot_be_bent():
    assert published_settings().protocol == "published"
    with pytest.raises(ConfigurationError, match="minimum"):
        published_settings(minimum=1)
    with pytest.raises(ConfigurationError, match="excitation_noise, n_more"):
        published_settings(n_more=2, excitation_noise=1.0)


def test_prunable_are_weights_of_convolutions_and_linear_layers_alone():
    model = nn.Sequential(
        nn.Conv1d(1, 2, 3), nn.BatchNorm1d(2), nn.Flatten(), nn.LazyLinear(4), nn.Embedding(3, 2)
    )
    model[:4](torch.zeros(2, 1, 5))
    assert list(prunable_parameters(model)) == ["0.weight", "3.weight"]
    assert list(prunable_parameters(model, ["*.bias", "4.*"])) == [
        "0.bias", "1.bias", "3.bias", "4.weight"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "layers", "words"),
    [
        (lambda m: m, "fc", "no parameter is called 'fc'"),
        (lambda m: m[0].weight.requires_grad_(False), "0.weight", "frozen"),
        (lambda m: nn.utils.prune.random_unstructured(m[0], "weight", 0.5), None, "permanent"),
        (lambda m: [p.requires_grad_(False) for p in m.parameters()], None, "nothing can be"),
    ],
)
def test_what_cannot_be_pruned_is_said_with_a_way_out(change, layers, words):
    model = network()
    change(model)
    with pytest.raises(ConfigurationError, match=words):
        prunable_parameters(model, layers)


def test_a_frozen_layer_is_passed_over_where_none_is_named():
    model = network()
    model[0].weight.requires_grad_(False)
    assert list(prunable_parameters(model)) == ["2.weight"]


def test_a_task_refuses_an_iterator_and_a_model_that_is_none():
    x, y = examples()
    with pytest.raises(ConfigurationError, match="iterated only once"):
        PruningTask(network, train=iter([(x, y)]))
    with pytest.raises(ConfigurationError, match="model must be"):
        PruningTask("network", train=[(x, y)])
    with pytest.raises(ConfigurationError, match="returned int"):
        PruningTask(lambda: 3, train=[(x, y)]).new_model()


def epochs(*pairs):
    """Take epochs of training loss and validation accuracy into account."""
    now = Stopping()
    for number, (loss, accuracy) in enumerate(pairs, 1):
        now = now.after(number, Performance(loss, 0.5, 9), Performance(1.0, accuracy, 9), 1e-4)
    return now


def test_a_fall_of_less_than_the_tolerance_is_no_gain():
    assert epochs((1.0, 0.5), (0.99995, 0.5), (0.99991, 0.5)).idle == 2
    assert epochs((1.0, 0.5), (0.99995, 0.5), (0.9998, 0.5)).idle == 0
    assert epochs((1.0, 0.5), (float("nan"), 0.5)).idle == 1


def test_the_best_epoch_has_the_highest_accuracy_and_then_the_lowest_loss():
    assert epochs((1, 0.5), (1, 0.7), (1, 0.6)).best_epoch == 2
    assert epochs((1, 0.5), (1, 0.5)).best_epoch == 1
    good, better = Performance(1.0, 0.5, 9), Performance(0.9, 0.5, 9)
    assert Stopping().after(1, good, good, 0).after(2, good, better, 0).best_epoch == 2
    diverged = Performance(float("nan"), float("nan"), 9)
    assert Stopping().after(1, good, good, 0).after(2, good, diverged, 0).best_epoch == 1


@pytest.mark.parametrize("data", [None, 3, torch.utils.data.TensorDataset(*examples())])
def test_a_task_refuses_training_data_that_are_no_batches(data):
    with pytest.raises(ConfigurationError, match="DataLoader"):
        PruningTask(network, train=data)
