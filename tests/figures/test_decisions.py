"""Figures of decisions: the drawn numbers are those of the frame."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection

from causalhyper.errors import ConfigurationError
from causalhyper.figures import plot_policy, plot_power
from tests.figures.samples import HOSTILE


def choices():
    return pd.DataFrame(
        {
            "value": [512.0, 16.0, 64.0],
            "utility": [0.85, 0.87, 0.88],
            "utility_lower": [0.84, 0.86, 0.87],
            "utility_upper": [0.86, 0.88, 0.89],
            "probability_best": [0.0, 0.25, 0.75],
            "may_be_best": [False, True, True],
            "recommended": [False, False, True],
            "level": [0.95, 0.95, 0.95],
        }
    )


def curve():
    frame = pd.DataFrame({"label": ["a"] * 3 + ["b"] * 3, "clusters": [5, 10, 20] * 2})
    frame["power"] = [0.1, 0.5, 0.9, 0.05, 0.2, 0.4]
    return frame.assign(lower=frame["power"] - 0.05, upper=frame["power"] + 0.05)


def test_utilities_stand_in_rising_order_of_the_value_each_in_its_look():
    ax = plot_policy(choices(), xlabel="batch size", ylabel="accuracy")
    assert [t.get_text() for t in ax.get_xticklabels()] == ["16", "64", "512"]
    found = {x.get_label(): x.get_xydata().tolist() for x in ax.get_lines()}
    assert found["recommended"] == [[1, 0.88]]
    assert found["may be best"] == [[0, 0.87]]
    assert found["not the best"] == [[2, 0.85]]
    ends = [
        segment[:, 1].tolist()
        for c in ax.collections
        if isinstance(c, LineCollection)
        for segment in c.get_segments()
    ]
    assert sorted(ends) == [[0.84, 0.86], [0.86, 0.88], [0.87, 0.89]]


def test_bars_are_in_proportion_to_the_probabilities_and_stay_below_the_intervals():
    ax = plot_policy(choices(), xlabel="batch size", ylabel="accuracy")
    heights = np.array([p.get_height() for p in ax.patches])
    assert heights / heights.sum() == pytest.approx([0.25, 0.75, 0.0])
    low, high = ax.get_ylim()
    assert low + heights.max() * (high - low) < 0.84
    assert {t.get_text() for t in ax.texts} == {"0.00", "0.25", "0.75"}


def test_a_policy_of_repeated_values_is_refused():
    twice = pd.concat([choices(), choices()])
    with pytest.raises(ConfigurationError, match="draw each context apart"):
        plot_policy(twice, xlabel="x", ylabel="y")
    with pytest.raises(ConfigurationError, match="missing: utility"):
        plot_policy(choices().drop(columns="utility"), xlabel="x", ylabel="y")


def test_power_curves_are_those_of_the_frame_beside_target_and_clusters():
    ax = plot_power(curve(), target=0.8, at=12, xlabel="seeds")
    lines = {x.get_label(): x for x in ax.get_lines()}
    assert lines["a"].get_xydata().tolist() == [[5, 0.1], [10, 0.5], [20, 0.9]]
    assert lines["b"].get_ydata().tolist() == [0.05, 0.2, 0.4]
    assert set(lines["_target"].get_ydata()) == {0.8}
    assert set(lines["_at"].get_xdata()) == {12}


def test_powers_beyond_one_are_refused():
    with pytest.raises(ConfigurationError, match="between 0 and 1"):
        plot_power(curve().assign(power=1.2), target=0.8, at=12, xlabel="seeds")


def test_labels_are_drawn_as_they_are():
    frame = choices()
    ax = plot_policy(frame, xlabel=HOSTILE, ylabel=HOSTILE, title=HOSTILE)
    ax.figure.canvas.draw()
    ax = plot_power(curve().assign(label=HOSTILE), target=0.8, at=12, xlabel=HOSTILE)
    ax.figure.canvas.draw()
