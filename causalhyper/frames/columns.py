"""The columns of a runs frame that the library knows: kind, range, unit and meaning."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from causalhyper.arrays import Array, Flags
from causalhyper.errors import ConfigurationError

Kind = Literal["identifier", "label", "count", "positive", "nonnegative", "proportion", "number"]
KINDS: tuple[Kind, ...] = (
    "identifier",
    "label",
    "count",
    "positive",
    "nonnegative",
    "proportion",
    "number",
)


@dataclass(frozen=True, slots=True)
class Column:
    """A known column of a frame.

    Parameters
    ----------
    name : str
        The column's name.
    kind : str
        "identifier" and "label" are not measured; "count" is a whole number; "positive" has an
        open lower end; the others are real numbers.
    low, high : float
        The ends of the range, infinite where there is none.
    unit : str
        Unit of measurement, "" where there is none.
    description : str
        What it measures.

    Raises
    ------
    ConfigurationError
        If the kind is unknown, or the range is empty.

    Examples
    --------
    >>> Column("n_test", "count", 1.0, math.inf, "examples", "size of the test set").is_measured
    True
    """

    name: str
    kind: Kind
    low: float
    high: float
    unit: str
    description: str

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigurationError(
                f"column {self.name!r} has kind {self.kind!r}; expected one of {', '.join(KINDS)}"
            )
        if not self.low < self.high:
            raise ConfigurationError(
                f"column {self.name!r} has the range {self.low:g} to {self.high:g}; "
                "the lower end must be below the upper end"
            )

    @property
    def is_measured(self) -> bool:
        """True for numbers, False for identifiers and labels."""
        return self.kind not in ("identifier", "label")

    @property
    def range(self) -> str:
        """The range in words, such as "at least 1"."""
        return describe_range(self.low, self.high, open_low=self.kind == "positive")

    def excludes(self, values: Array) -> Flags:
        """Mark the values outside the range.

        Parameters
        ----------
        values : ndarray of float, shape (n,)
            Measurements; NaN counts as inside.

        Returns
        -------
        ndarray of bool, shape (n,)
            True where a value is outside.

        Examples
        --------
        >>> KNOWN["learning_rate"].excludes(np.array([0.0, 0.1])).tolist()
        [True, False]
        """
        too_low = values <= self.low if self.kind == "positive" else values < self.low
        return np.asarray(too_low | (values > self.high), dtype=np.bool_)


def describe_range(low: float, high: float, *, open_low: bool = False) -> str:
    """Put a range in words.

    Parameters
    ----------
    low, high : float
        Its ends, possibly infinite.
    open_low : bool
        Whether the lower end is excluded.

    Returns
    -------
    str
        The words, to follow "must be".

    Examples
    --------
    >>> describe_range(0.0, 1.0), describe_range(0.0, math.inf, open_low=True)
    ('from 0 to 1', 'above 0')
    """
    if math.isinf(high):
        if math.isinf(low):
            return "any number"
        return f"above {low:g}" if open_low else f"at least {low:g}"
    if math.isinf(low):
        return f"at most {high:g}"
    return f"above {low:g}, to {high:g}" if open_low else f"from {low:g} to {high:g}"


def column(name: str, kind: Kind, description: str, unit: str = "", low: float = 0.0) -> Column:
    """Make a column with the range that goes with its kind.

    Parameters
    ----------
    name, kind, description, unit : str
        As those of `Column`.
    low : float
        Lower end of the range of a measurement that has one.

    Returns
    -------
    Column
        From `low`, up to 1 for a proportion; identifiers, labels and numbers have no ends.

    Examples
    --------
    >>> column("loss", "number", "loss").range, column("steps", "count", "steps").range
    ('any number', 'at least 0')
    """
    if kind in ("identifier", "label", "number"):
        low = -math.inf
    return Column(name, kind, low, 1.0 if kind == "proportion" else math.inf, unit, description)


_COLUMNS = (
    column("run_id", "identifier", "name of the run, unique in the frame"),
    column("dataset", "label", "name of the data set"),
    column("model", "label", "name of the architecture"),
    column("optimizer", "label", "name of the optimiser"),
    column("design", "label", "matching protocol: what was held equal while B varied"),
    column("block", "count", "block of the design, whose runs were made one after another"),
    column("order", "count", "place of the run in the order in which the runs were made"),
    column("seed", "count", "seed of initialisation and data order"),
    column("batch_size", "count", "examples in a minibatch", "examples", 1.0),
    column("learning_rate", "positive", "peak learning rate"),
    column("learning_rate_rule", "label", "how the learning rate was set for a batch size"),
    column("epochs", "nonnegative", "passes over the training set", "epochs"),
    column("updates", "count", "optimiser steps", "steps"),
    column("grad_noise", "nonnegative", "trace of the covariance of the minibatch gradient"),
    column("grad_noise_end", "nonnegative", "the same at the end of training"),
    column("example_noise", "nonnegative", "trace of the covariance of one example's gradient"),
    column("noise_scale", "number", "example noise over squared gradient norm", "examples"),
    column("grad_norm_squared", "number", "squared norm of the mean gradient, bias taken off"),
    column("noise_mode", "label", "mode of the network while its noise was measured"),
    column("sharpness", "number", "largest eigenvalue of the loss's Hessian"),
    column("sharpness_residual", "nonnegative", "an eigenvalue is this near to the sharpness"),
    column("hessian_trace", "number", "trace of the loss's Hessian"),
    column("hessian_trace_se", "nonnegative", "standard error of the trace over random probes"),
    column("sam_sharpness", "nonnegative", "highest rise of the loss found near the weights"),
    column("weight_norm", "nonnegative", "Euclidean norm of the weights"),
    column("init_distance", "nonnegative", "Euclidean distance of the weights from their start"),
    column("spectral_log_product", "number", "sum of the logs of the layers' spectral norms"),
    column("spectral_sum", "nonnegative", "sum of the layers' spectral norms"),
    column("spectral_complexity", "nonnegative", "spectral complexity of Bartlett et al."),
    column("path_norm", "nonnegative", "path norm of the network"),
    column("margin", "number", "output margin on the training set"),
    column("input_margin", "number", "distance of training inputs from the decision boundary"),
    column("normalized_margin", "number", "output margin over spectral complexity and input"),
    column("n_parameters", "count", "parameters of the network", "parameters"),
    column("n_trainable", "count", "parameters that are trained", "parameters"),
    column("n_nonzero", "count", "parameters that are not zero", "parameters"),
    column("train_accuracy", "proportion", "share of training examples classified rightly"),
    column("test_accuracy", "proportion", "share of test examples classified rightly"),
    column("test_precision", "proportion", "macro-averaged precision on the test set"),
    column("test_recall", "proportion", "macro-averaged recall on the test set"),
    column("test_f1", "proportion", "macro-averaged F1 on the test set"),
    column("test_nll", "nonnegative", "mean negative log-likelihood on the test set", "nats"),
    Column("test_brier", "number", 0.0, 2.0, "", "Brier score on the test set, over all classes"),
    column("test_ece", "proportion", "calibration error on the test set, bins of equal width"),
    column("test_ece_mass", "proportion", "the same, bins of equal numbers of examples"),
    column("train_loss", "nonnegative", "mean training loss"),
    column("test_loss", "nonnegative", "mean test loss"),
    Column("generalization_gap", "number", -1.0, 1.0, "", "train accuracy minus test accuracy"),
    column("loss_gap", "number", "mean test loss minus mean training loss"),
    column("n_train", "count", "size of the training set", "examples", 1.0),
    column("n_test", "count", "size of the test set", "examples", 1.0),
    column("n_train_correct", "count", "training examples classified rightly", "examples"),
    column("n_correct", "count", "test examples classified rightly", "examples"),
    column("wall_seconds", "nonnegative", "duration of the run", "s"),
)

KNOWN: Mapping[str, Column] = MappingProxyType({c.name: c for c in _COLUMNS})
"""The known columns of the runs frame by name; a frame may have any others beside them."""
