"""The measurements of a run by name, and the columns of the runs frame that each one fills."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from causalhyper.errors import ConfigurationError
from causalhyper.frames import KNOWN
from collectors.calls import count
from collectors.complexity.counts import count_parameters
from collectors.complexity.margins import input_margins, input_size
from collectors.complexity.norms import distance, weight_norm
from collectors.complexity.paths import path_norm
from collectors.complexity.spectral import spectral_norms
from collectors.complexity.spectral_complexity import spectral_complexity
from collectors.generalization.scores import gap
from collectors.noise.finite_population import minibatch_noise
from collectors.noise.minibatch_pairs import paired_noise
from collectors.noise.per_example import per_example_noise
from collectors.trained import Trained

Row = dict[str, object]
"""Values by name of a column."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measurement of a trained network.

    Attributes
    ----------
    name : str
        What ``measure_run`` calls it by.
    columns : tuple of str
        Known columns of the runs frame that it may fill.
    take : callable
        Takes a `Trained` and returns values by column; it draws from ``run.generator(name)``.

    Raises
    ------
    ConfigurationError
        If a column is not known to the runs frame.

    Examples
    --------
    >>> Measurement("size", ("n_parameters",), lambda run: {"n_parameters": 1}).name
    'size'
    """

    name: str
    columns: tuple[str, ...]
    take: Callable[[Trained], Row]

    def __post_init__(self) -> None:
        unknown = [c for c in self.columns if c not in KNOWN]
        if unknown:
            raise ConfigurationError(
                f"measurement {self.name!r} fills columns that the runs frame does not know: "
                f"{', '.join(unknown)}; add them to causalhyper/frames/columns.py with kind and "
                "unit"
            )


def _generalization(run: Trained) -> Row:
    train, test = run.train_scores, run.test_scores
    between = gap(train, test)
    return {
        "n_train": train.n,
        "n_test": test.n,
        "n_train_correct": train.n_correct,
        "n_correct": test.n_correct,
        "train_accuracy": train.accuracy,
        "test_accuracy": test.accuracy,
        "test_precision": test.macro_precision,
        "test_recall": test.macro_recall,
        "test_f1": test.macro_f1,
        "train_loss": train.loss,
        "test_loss": test.loss,
        "generalization_gap": between.accuracy,
        "loss_gap": between.loss,
    }


def _calibration(run: Trained) -> Row:
    test = run.test_scores
    return {
        "test_nll": test.nll,
        "test_brier": test.brier,
        "test_ece": test.ece,
        "test_ece_mass": test.ece_mass,
    }


def _noise(run: Trained) -> Row:
    options = {"mode": run.mode, "generator": run.generator("noise")}
    found = per_example_noise(run.model, run.loss, run.train, **options)
    trace, squared = found.covariance_trace, found.corrected_norm_squared
    return _noise_row(run, trace, squared, found.examples)


def _noise_pairs(run: Trained) -> Row:
    options = {"mode": run.mode, "generator": run.generator("noise_pairs")}
    found = paired_noise(run.model, run.loss, run.train, **options)
    n = sum(count(x) for x, _ in run.train)
    return _noise_row(run, found.covariance_trace, found.gradient_squared, n)


def _noise_row(run: Trained, trace: float, corrected: float, n: int) -> Row:
    """Columns of both; the scale is over the squared gradient of the n examples themselves."""
    squared = corrected + trace / n
    row: Row = {
        "example_noise": trace,
        "grad_norm_squared": corrected,
        "noise_scale": trace / squared if squared > 0 else math.nan,
        "noise_mode": run.mode,
    }
    if run.batch_size is not None:
        row["grad_noise"] = minibatch_noise(trace, run.batch_size, n)
    return row


def _norms(run: Trained) -> Row:
    return {"weight_norm": weight_norm(run.model.parameters())}


def _distance(run: Trained) -> Row:
    if run.start is None:
        raise ConfigurationError(
            "the distance from initialisation needs start: take copy_parameters(model) before "
            "training"
        )
    return {"init_distance": distance(run.model, run.start)}


def _spectral(run: Trained) -> Row:
    found = spectral_norms(run.model, run.example, generator=run.generator("spectral"))
    return {"spectral_log_product": found.sum_of_logs, "spectral_sum": found.sum}


def _path(run: Trained) -> Row:
    return {"path_norm": path_norm(run.model, run.example)}


def _margin(run: Trained) -> Row:
    return {"margin": float(run.train_margins.median())}


def _input_margin(run: Trained) -> Row:
    parts: list[Tensor] = [input_margins(run.model, x, y) for x, y in run.train if count(x)]
    return {"input_margin": float(torch.cat(parts).median())}


def _normalized_margin(run: Trained) -> Row:
    generator = run.generator("normalized_margin")
    found = spectral_complexity(run.model, run.example, generator=generator, start=run.start)
    sizes = [(count(x), input_size(x)) for x, _ in run.train if count(x)]
    size = math.sqrt(sum(n * s**2 for n, s in sizes) / sum(n for n, _ in sizes))
    median = found.normalize(run.train_margins.double().median(), size)
    return {"spectral_complexity": found.value, "normalized_margin": float(median)}


def _counts(run: Trained) -> Row:
    found = count_parameters(run.model)
    return {
        "n_parameters": found.total,
        "n_trainable": found.trainable,
        "n_nonzero": found.nonzero,
    }


_NOISE = ("example_noise", "grad_norm_squared", "noise_scale", "noise_mode", "grad_noise")
_SCORES = (
    "n_train n_test n_train_correct n_correct train_accuracy test_accuracy test_precision "
    "test_recall test_f1 train_loss test_loss generalization_gap loss_gap"
).split()

_ALL = (
    Measurement("generalization", tuple(_SCORES), _generalization),
    Measurement(
        "calibration", ("test_nll", "test_brier", "test_ece", "test_ece_mass"), _calibration
    ),
    Measurement("noise", _NOISE, _noise),
    Measurement("noise_pairs", _NOISE, _noise_pairs),
    Measurement("norms", ("weight_norm",), _norms),
    Measurement("distance", ("init_distance",), _distance),
    Measurement("spectral", ("spectral_log_product", "spectral_sum"), _spectral),
    Measurement("path", ("path_norm",), _path),
    Measurement("margin", ("margin",), _margin),
    Measurement("input_margin", ("input_margin",), _input_margin),
    Measurement(
        "normalized_margin", ("spectral_complexity", "normalized_margin"), _normalized_margin
    ),
    Measurement("counts", ("n_parameters", "n_trainable", "n_nonzero"), _counts),
)

MEASUREMENTS: Mapping[str, Measurement] = MappingProxyType({m.name: m for m in _ALL})
"""All measurements by name."""
