import numpy as np
import pandas as pd
import pytest

from causalhyper.errors import ConfigurationError
from causalhyper.figures.strips import new_panels, plot_strips
from causalhyper.figures.style import new_axes

VALUES = [20.0, 5.0, 10.0]
FRAME = pd.DataFrame(
    {"value": VALUES, "mean": [0.7, 0.5, 0.6], "median": [0.71, 0.51, 0.61]}
).assign(lower=[0.6, np.nan, 0.5], upper=[0.8, np.nan, 0.7])
RUNS = pd.DataFrame({"value": np.repeat(VALUES, 4), "outcome": np.linspace(0.4, 0.8, 12)})


def draw(**options):
    return plot_strips(FRAME, runs=RUNS, xlabel="N_iter", ylabel="accuracy", **options)


def test_values_stand_in_order_equally_far_apart():
    axes = draw()
    assert [t.get_text() for t in axes.get_xticklabels()] == ["5", "10", "20"]
    means = [line.get_ydata()[0] for line in axes.get_lines() if line.get_label() == "_mean"]
    assert means == [0.5, 0.6, 0.7]


def test_every_run_is_drawn_near_its_value():
    lines = [line for line in draw().get_lines() if line.get_label() == "_runs"]
    assert sum(len(line.get_xdata()) for line in lines) == len(RUNS)
    for place, line in enumerate(lines):
        assert (np.abs(line.get_xdata() - place) <= 0.33).all()
        assert len(np.unique(line.get_xdata())) == 4


def test_an_absent_interval_is_not_drawn():
    drawn = [c for c in draw().collections if c.get_label() == "_interval"]
    assert len(drawn) == 2


def test_it_draws_on_the_axes_given_without_a_legend():
    axes = new_axes()
    assert draw(ax=axes) is axes
    assert axes.get_legend() is None
    assert draw().get_legend() is not None


def test_panels_of_a_row_share_their_axis():
    _, panels = new_panels(2, 2)
    panels[0][0].set_ylim(0, 7)
    assert panels[0][1].get_ylim() == (0, 7)
    assert panels[1][0].get_ylim() != (0, 7)


def test_runs_of_a_value_without_a_row_are_refused():
    with pytest.raises(ConfigurationError, match="runs of 5, which has no row"):
        plot_strips(FRAME.iloc[[0, 2]], runs=RUNS, xlabel="x", ylabel="y")


def test_an_empty_frame_is_refused():
    with pytest.raises(ConfigurationError, match="at least one row"):
        plot_strips(FRAME.head(0), runs=RUNS, xlabel="x", ylabel="y")
