"""Four good runs, and short ways to validate what is made of them."""

import pandas as pd
import pytest

from causalhyper.errors import DataError
from causalhyper.frames import Roles, validate_runs

ROLES = Roles.parse(
    ["B=log2(batch_size)", "N=log10(grad_noise)", "S=sharpness", "G=test_accuracy"]
)


def runs(**columns):
    """Make four good runs, some columns replaced; None drops a column."""
    frame = pd.DataFrame(
        {
            "run_id": ["a", "b", "c", "d"],
            "dataset": ["mnist", "mnist", "cifar", "cifar"],
            "batch_size": [16, 64, 16, 64],
            "grad_noise": [3.0, 1.0, 4.0, 2.0],
            "sharpness": [5.0, 9.0, 6.0, -1.0],
            "test_accuracy": [0.9, 0.8, 0.7, 0.6],
            "extra": [1, 2, 3, 4],
        },
        index=[3, 1, 4, 1],
    )
    for name, values in columns.items():
        if values is None:
            frame = frame.drop(columns=name)
        else:
            frame[name] = values.set_axis(frame.index) if hasattr(values, "set_axis") else values
    return frame


def validate(frame, **options):
    options = {"roles": ROLES, "treatment": "B", "outcome": "G", **options}
    return validate_runs(frame, **options)


def problems(frame, **options):
    with pytest.raises(DataError) as caught:
        validate(frame, **options)
    assert all(str(problem) in str(caught.value) for problem in caught.value.problems)
    return caught.value.problems


def only(frame, **options):
    (problem,) = problems(frame, **options)
    return problem
