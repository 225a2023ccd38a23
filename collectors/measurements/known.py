"""The measurements that can be asked for by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from causalhyper.errors import ConfigurationError
from collectors.batches import batches, count
from collectors.complexity.counts import count_parameters
from collectors.complexity.margins import input_margins, input_size
from collectors.complexity.norms import distance, weight_norm
from collectors.complexity.paths import path_norm
from collectors.complexity.spectral import spectral_norms
from collectors.complexity.spectral_complexity import spectral_complexity
from collectors.curvature import curvature_trace, eigenvalues, sam_sharpness
from collectors.generalization.scores import gap
from collectors.measurements.measurement import Measurement, Row
from collectors.measurements.trained import Trained
from collectors.model_state import measuring
from collectors.noise.finite_population import minibatch_noise
from collectors.noise.minibatch_pairs import paired_noise
from collectors.noise.per_example import per_example_noise


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
    generator = run.generator("noise")
    found = per_example_noise(run.model, run.loss, run.train, mode=run.mode, generator=generator)
    trace, squared = found.covariance_trace, found.corrected_norm_squared
    return _noise_row(run, trace, squared, found.examples)


def _noise_pairs(run: Trained) -> Row:
    generator = run.generator("noise_pairs")
    found = paired_noise(run.model, run.loss, run.train, mode=run.mode, generator=generator)
    with measuring(run.model):
        n = sum(count(x) for x, _ in batches(run.train, run.model))
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
    found = spectral_norms(run.model, run.train, generator=run.generator("spectral"))
    return {"spectral_log_product": found.sum_of_logs, "spectral_sum": found.sum}


def _path(run: Trained) -> Row:
    return {"path_norm": path_norm(run.model, run.train)}


def _margin(run: Trained) -> Row:
    return {"margin": float(run.train_margins.median())}


def _input_margin(run: Trained) -> Row:
    return {"input_margin": float(input_margins(run.model, run.train).median())}


def _normalized_margin(run: Trained) -> Row:
    generator = run.generator("normalized_margin")
    found = spectral_complexity(run.model, run.train, generator=generator, start=run.start)
    with measuring(run.model):
        sizes = [(count(x), input_size(x)) for x, _ in batches(run.train, run.model)]
    size = math.sqrt(sum(n * s**2 for n, s in sizes) / sum(n for n, _ in sizes))
    median = found.normalize(run.train_margins.double().median(), size)
    return {"spectral_complexity": found.value, "normalized_margin": float(median)}


def _curvature(run: Trained) -> Row:
    if not math.isfinite(run.train_scores.loss):
        return dict.fromkeys(_CURVATURE, math.nan)
    on = (run.model, run.loss, run.train)
    top = eigenvalues(*on, k=1, generator=run.generator("sharpness")).found[0]
    trace = curvature_trace(*on, generator=run.generator("hessian_trace"))
    rise = sam_sharpness(*on, generator=run.generator("sam_sharpness"))
    values = (top.value, top.residual, trace.value, trace.se, rise.value)
    return dict(zip(_CURVATURE, values, strict=True))


def _counts(run: Trained) -> Row:
    found = count_parameters(run.model)
    return {
        "n_parameters": found.total,
        "n_trainable": found.trainable,
        "n_nonzero": found.nonzero,
    }


_NOISE = ("example_noise", "grad_norm_squared", "noise_scale", "noise_mode", "grad_noise")
_CURVATURE = (
    "sharpness",
    "sharpness_residual",
    "hessian_trace",
    "hessian_trace_se",
    "sam_sharpness",
)
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
    Measurement("curvature", _CURVATURE, _curvature),
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
