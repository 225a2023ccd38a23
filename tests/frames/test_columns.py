import math

import numpy as np
import pytest

from causalhyper.errors import ConfigurationError
from causalhyper.frames import KNOWN, Column


def test_every_known_column_goes_by_its_own_name_and_is_described():
    assert all(name == column.name and column.description for name, column in KNOWN.items())


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("batch_size", [1, 32], [0, -1]),
        ("seed", [0, 7], [-1]),
        ("learning_rate", [1e-9, 10], [0, -0.1]),
        ("test_accuracy", [0, 0.5, 1], [-0.01, 1.01, 83.9]),
        ("test_precision", [0, 1], [2]),
        ("generalization_gap", [-1, 0, 1], [-1.1, 12]),
        ("grad_noise", [0, 3], [-1]),
        ("noise_scale", [-50, 50], []),
        ("sharpness", [-2, 400], []),
        ("margin", [-2, 2], []),
        ("hessian_trace", [-2, 2], []),
        ("train_loss", [0, 9], [-1]),
        ("n_test", [1], [0]),
        ("n_correct", [0, 7], [-1]),
        ("test_brier", [0, 2], [-0.1, 2.1]),
        ("test_ece", [0, 1], [1.5]),
        ("grad_norm_squared", [-0.1, 3], []),
        ("spectral_log_product", [-9, 9], []),
        ("n_parameters", [0, 10], [-1]),
        ("wall_seconds", [0, 1.5], [-1]),
    ],
)
def test_a_known_column_admits_its_range_and_no_more(name, good, bad):
    assert not KNOWN[name].excludes(np.array(good, dtype=float)).any()
    assert KNOWN[name].excludes(np.array(bad, dtype=float)).all()


def test_a_missing_value_is_not_outside_the_range():
    assert not KNOWN["test_accuracy"].excludes(np.array([np.nan])).any()


def test_identifiers_and_labels_are_not_measured():
    names = {name for name, column in KNOWN.items() if not column.is_measured}
    assert names == {
        *("run_id", "dataset", "model", "optimizer", "design"),
        *("learning_rate_rule", "noise_mode"),
    }


@pytest.mark.parametrize(
    ("kind", "low", "high", "words"),
    [
        ("positive", 0.0, math.inf, "above 0"),
        ("positive", 0.0, 1.0, "above 0, to 1"),
        ("number", -math.inf, math.inf, "any number"),
        ("number", -math.inf, 3.0, "at most 3"),
        ("count", 1.0, math.inf, "at least 1"),
        ("number", -1.0, 1.0, "from -1 to 1"),
    ],
)
def test_a_range_is_put_in_words(kind, low, high, words):
    assert Column("x", kind, low, high, "", "").range == words


def test_the_table_of_known_columns_cannot_be_changed():
    with pytest.raises(TypeError):
        KNOWN["batch_size"] = KNOWN["seed"]


def test_a_column_of_unknown_kind_or_empty_range_is_refused():
    with pytest.raises(ConfigurationError, match="kind 'share'; expected one of identifier"):
        Column("x", "share", 0.0, 1.0, "", "")
    with pytest.raises(ConfigurationError, match="lower end must be below"):
        Column("x", "number", 1.0, 1.0, "", "")
