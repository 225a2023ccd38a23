from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from causalhyper.errors import ConfigurationError
from causalhyper.figures.phase_shift import plot_phase_shift
from causalhyper.figures.style import new_axes
from causalhyper.granger.pruning.phase_shift import phase_shift
from tests.granger.pruning.simulated import Truth, draw_runs

TRUTHS = {"causal": Truth(point=0.95), "magnitude": Truth()}


@pytest.fixture(scope="module")
def found():
    return phase_shift(draw_runs(TRUTHS, np.random.default_rng(0)))


def labelled(axes, label):
    return [line for line in axes.get_lines() if line.get_label() == label]


def test_curves_pass_through_their_points(found):
    axes = found.plot()
    for curve, point in zip(labelled(axes, "_curve"), labelled(axes, "_point"), strict=True):
        (x,), (y,) = point.get_data()
        assert np.interp(x, *curve.get_data()) == pytest.approx(y, abs=1e-3)


def test_ticks_name_the_share_pruned_where_it_stands(found):
    axes = found.plot()
    for place, text in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True):
        share = float(text.get_text().rstrip("%")) / 100
        assert place == pytest.approx(-np.log10(1 - share))


def test_names_of_shares_stand_apart():
    levels = (0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9998)
    truths = {"causal-covariance": Truth(point=0.95), "magnitude": Truth()}
    frame = draw_runs(truths, np.random.default_rng(0), levels=(0.5, 0.8, *levels))
    axes = phase_shift(frame).plot()
    axes.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in axes.get_xticklabels()]
    assert len(boxes) > 5
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes))


def test_every_run_and_every_level_is_drawn(found):
    axes = found.plot()
    assert sum(len(line.get_xdata()) for line in labelled(axes, "_runs")) == len(found.runs)
    means = [line for line in labelled(axes, "_mean") if len(line.get_xdata())]
    assert sum(len(line.get_xdata()) for line in means) == len(found.levels_frame())


def test_on_the_scale_of_shares_the_axis_is_linear():
    share = np.linspace(0.5, 0.99, 12)
    y = 0.1 + 0.5 / (1 + np.exp((share - 0.8) / 0.03))
    frame = pd.DataFrame({"method": "a", "seed": 0, "sparsity": share, "test_accuracy": y})
    axes = phase_shift(frame, scale="pruned").plot()
    (point,) = labelled(axes, "_point")
    assert point.get_xdata()[0] == pytest.approx(0.8)


def test_a_method_without_a_curve_still_shows_its_runs():
    frame = draw_runs(TRUTHS, np.random.default_rng(0), levels=(0.9, 0.95, 0.97))
    axes = phase_shift(frame).plot()
    assert not labelled(axes, "_curve")
    assert labelled(axes, "_mean")


def test_it_draws_on_the_axes_given(found):
    axes = new_axes()
    assert found.plot(ax=axes) is axes
    assert axes.get_ylabel() == "test_accuracy"


def test_shares_outside_their_range_are_refused(found):
    levels = found.levels_frame().assign(sparsity=1.0)
    nothing = pd.DataFrame(columns=["method", "estimate", "lower", "upper"])
    curves = pd.DataFrame(columns=["method", "top", "floor", "middle", "width"])
    with pytest.raises(ConfigurationError, match="shares pruned in"):
        plot_phase_shift(levels, runs=found.runs, curves=curves, points=nothing, ylabel="y")
