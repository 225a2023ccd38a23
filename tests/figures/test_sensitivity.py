"""Pictures of sensitivity: what is drawn where, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from causalhyper.errors import ConfigurationError
from causalhyper.figures import plot_contours, plot_sensitivity_curve, to_svg


def _grid():
    x, y = (a.ravel() for a in np.meshgrid([0.0, 0.3, 0.6], [0.0, 0.2, 0.4]))
    estimate = 1 - 4 * x * y - y
    frame = pd.DataFrame({"x": x, "y": y, "estimate": estimate})
    return frame.assign(lower=estimate - 0.2, upper=estimate + 0.2)


def test_contours_show_the_benchmarks_with_what_they_leave():
    marks = pd.DataFrame({"label": ["1 x N$"], "x": [0.3], "y": [0.2], "estimate": [0.56]})
    axes = plot_contours(_grid(), marks, xlabel="cause", ylabel="head", title="t")
    texts = [t.get_text() for t in axes.texts]
    assert "1 x N$ (0.56)" in texts
    assert "as estimated (1)" in texts
    assert axes.get_xlim() == (0.0, 0.6)
    assert axes.get_ylim() == (0.0, 0.4)
    assert "<svg" in to_svg(axes.figure, title="t", description="d", prefix="p")


def test_the_surface_lies_the_right_way_round():
    # the estimate falls along y where x is 0, and is 1 along the x axis
    axes = plot_contours(_grid(), xlabel="x", ylabel="y")
    lines = axes.collections[1]
    at = {round(v, 6): p.vertices for v, p in zip(lines.levels, lines.get_paths(), strict=True)}
    level, points = next((v, p) for v, p in at.items() if 0.5 < v < 0.9 and len(p))
    # linear interpolation along the first column: 1 - y
    left = points[np.isclose(points[:, 0], 0)]
    assert left[0, 1] == pytest.approx(1 - level, abs=1e-9)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (_grid().drop(columns="estimate"), "missing: estimate"),
        (_grid().iloc[:-1], "full grid"),
        (pd.concat([_grid(), _grid()]), "each pair once"),
        (_grid().assign(estimate=np.nan), "finite numbers"),
    ],
)
def test_a_grid_with_faults_is_refused(frame, message):
    with pytest.raises(ConfigurationError, match=message):
        plot_contours(frame, xlabel="x", ylabel="y")


def test_a_sensitivity_curve_marks_where_the_effect_is_undone():
    rho = np.linspace(-0.9, 0.9, 7)
    rows = pd.DataFrame({"x": rho, "estimate": -rho, "lower": -rho - 0.1, "upper": -rho + 0.1})
    axes = plot_sensitivity_curve(
        rows.sample(frac=1, random_state=0), xlabel="rho", ylabel="effect", marks={"zero": 0.0}
    )
    np.testing.assert_allclose(axes.get_lines()[1].get_xdata(), rho)
    np.testing.assert_allclose(axes.get_lines()[1].get_ydata(), -rho)
    assert [t.get_text() for t in axes.texts] == ["zero: 0.00"]
    assert "<svg" in to_svg(axes.figure, title="t", description="d", prefix="p")


def test_a_sensitivity_curve_needs_two_different_values():
    row = pd.DataFrame({"x": [0.1, 0.1], "estimate": [1, 1], "lower": [0, 0], "upper": [2, 2]})
    with pytest.raises(ConfigurationError, match="two or more different values"):
        plot_sensitivity_curve(row, xlabel="x", ylabel="y")
