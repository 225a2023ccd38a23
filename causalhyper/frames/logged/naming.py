"""Names in logs, and the known columns that they stand for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

PARAMETERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "batch_size": ("batchsize", "bs", "minibatch_size", "mini_batch_size"),
        "learning_rate": ("lr", "learningrate", "base_lr", "peak_lr", "max_lr", "init_lr"),
        "seed": ("random_seed", "random_state", "rng_seed"),
        "optimizer": ("optimiser", "optim", "optimizer_name", "optimizer_class"),
        "epochs": ("max_epochs", "num_epochs", "n_epochs", "num_train_epochs"),
        "dataset": ("dataset_name", "data_set"),
        "model": ("model_name", "arch", "architecture"),
        "design": (),
        "n_train": ("train_size", "num_train", "num_train_examples"),
        "n_test": ("test_size", "num_test", "num_test_examples"),
    }
)
"""Known columns that are chosen before a run, and what else they are called, by `plain`."""

MEASURES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "train_loss": ("training_loss", "loss_train", "train_loss_epoch"),
        "test_loss": ("loss_test", "test_loss_epoch"),
        "train_accuracy": ("train_acc", "training_accuracy", "acc_train", "accuracy_train"),
        "test_accuracy": ("test_acc", "acc_test", "accuracy_test"),
        "test_precision": ("precision_test",),
        "sharpness": (),
        "hessian_trace": (),
        "grad_noise": ("gradient_noise",),
        "noise_scale": ("gradient_noise_scale", "simple_noise_scale"),
        "weight_norm": ("param_norm", "parameter_norm"),
        "path_norm": (),
        "margin": (),
        "generalization_gap": ("generalisation_gap",),
    }
)
"""Known columns that a run measures, and what else they are called."""

STEPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "epoch": ("train_epoch",),
        "loss": ("train_loss", "train_loss_step", "training_loss", "loss_train", "batch_loss"),
        "loss_after": ("train_loss_after",),
        "grad_norm": ("gradient_norm", "train_grad_norm", "train_gradient_norm"),
        "grad_noise": ("gradient_noise", "train_grad_noise"),
        "update_norm": ("train_update_norm",),
        "learning_rate": (
            "lr",
            "train_lr",
            "train_learning_rate",
            *(f"lr_{name}" for name in ("sgd", "adam", "adamw")),
        ),
    }
)
"""Columns of the steps frame, and what else they are called."""


def plain(name: str) -> str:
    """Fold a name: small letters, everything between letters and digits one underscore.

    Parameters
    ----------
    name : str
        Such as "train/Loss".

    Returns
    -------
    str
        Such as "train_loss".

    Examples
    --------
    >>> plain("train/Loss"), plain("lr-SGD")
    ('train_loss', 'lr_sgd')
    """
    return re.sub(r"[^0-9a-z]+", "_", name.casefold()).strip("_")


def recognise(names: Iterable[str], table: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Find the names that stand for a known column beyond doubt.

    Parameters
    ----------
    names : iterable of str
        Names in a log.
    table : mapping
        Known columns and what else they are called: `PARAMETERS`, `MEASURES` or `STEPS`.

    Returns
    -------
    dict of str
        From name to known column. A known column that is there under its own name keeps it; a
        spelling of its own name goes before other names; where two of a kind could mean the
        same column, neither is taken.

    Examples
    --------
    >>> recognise(["lr", "bs", "train/loss"], PARAMETERS)
    {'bs': 'batch_size', 'lr': 'learning_rate'}
    >>> recognise(["lr", "base_lr"], PARAMETERS)
    {}
    """
    found = {}
    given = list(names)
    for column, others in table.items():
        if column in given:
            continue
        spelled = [name for name in given if plain(name) == column]
        called = [name for name in given if plain(name) in others]
        candidates = spelled or called
        if len(candidates) == 1:
            found[candidates[0]] = column
    return found
