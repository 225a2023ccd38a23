import numpy as np
import pandas as pd
import pytest

from causalhyper.errors import ConfigurationError
from causalhyper.figures import new_axes, plot_counterfactuals
from causalhyper.figures.counterfactuals import NAMED


def some(count=5):
    """Runs in no order, with counterfactuals above what was observed."""
    rng = np.random.default_rng(0)
    had = rng.permutation(count) / count
    frame = pd.DataFrame({"label": [f"run {i}" for i in range(count)], "factual": had})
    frame["counterfactual"] = had + 0.1
    return frame.assign(lower=had + 0.05, upper=had + 0.2)


def drawn(ax, name):
    (line,) = [line for line in ax.get_lines() if line.get_label() == name]
    return line.get_xydata()


def test_every_run_is_drawn_at_its_numbers_with_the_highest_at_the_top():
    frame = some()
    ax = plot_counterfactuals(frame, xlabel="g")
    own = frame.sort_values("factual")
    np.testing.assert_array_equal(drawn(ax, "observed")[:, 0], own.factual)
    np.testing.assert_array_equal(drawn(ax, "counterfactual")[:, 0], own.counterfactual)
    (ends,) = [c for c in ax.collections if c.get_label() == "interval"]
    segments = np.array(ends.get_segments())
    np.testing.assert_array_equal(segments[:, :, 0], own[["lower", "upper"]])
    np.testing.assert_array_equal(segments[:, 0, 1], drawn(ax, "observed")[:, 1])
    assert [t.get_text() for t in ax.get_yticklabels()] == own.label.tolist()
    bottom, top = ax.get_ylim()
    assert bottom < top


def test_many_runs_are_counted_instead_of_named():
    ax = plot_counterfactuals(some(NAMED + 1), xlabel="g")
    assert not ax.get_yticklabels()
    assert ax.get_ylabel() == f"{NAMED + 1} runs"


def test_axes_that_are_passed_in_are_used_and_the_frame_left_alone():
    frame, ax = some(), new_axes()
    before = frame.copy(deep=True)
    assert plot_counterfactuals(frame, xlabel="g", ax=ax) is ax
    assert frame.equals(before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="upper"), "missing: upper"),
        (lambda f: f.iloc[:0], "at least one row"),
        (lambda f: f.assign(factual=np.nan), "finite numbers"),
        (lambda f: f.assign(upper=-9.0), "lower <= upper"),
    ],
)
def test_a_frame_that_cannot_be_drawn_is_refused(change, message):
    with pytest.raises(ConfigurationError, match=message):
        plot_counterfactuals(change(some()), xlabel="g")
