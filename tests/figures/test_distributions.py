import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PolyCollection

from causalhyper.errors import ConfigurationError
from causalhyper.figures import new_axes, plot_densities, plot_quantiles

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def quantiles(values=(16, 64, 512), levels=LEVELS):
    """Quantiles that rise with the value, and a mean at each."""
    rows = []
    for x in values:
        for q in (*levels, None):
            y = 0.8 + 0.001 * x**0.5 + 0.02 * ((0.6 if q is None else q) - 0.5)
            kind = "mean" if q is None else "quantile"
            row = {"value": x, "kind": kind, "quantile": q, "estimate": y}
            rows.append(row | {"lower": y - 0.01, "upper": y + 0.02})
    return pd.DataFrame(rows)


def densities(values=(16, 512)):
    place = np.linspace(0, 1, 11)
    parts = [pd.DataFrame({"value": x, "place": place, "density": 1 + x * place}) for x in values]
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(lower=frame.density - 1, upper=frame.density + 2)


def lines(ax):
    return {line.get_label(): line for line in ax.get_lines()}


def ribbon(ax, label):
    """Lower and upper edge by place."""
    (found,) = [
        c for c in ax.collections if isinstance(c, PolyCollection) and c.get_label() == label
    ]
    corners = pd.DataFrame(found.get_paths()[0].vertices, columns=["x", "y"])
    return corners.groupby("x").y.agg(["min", "max"])


def test_ranges_median_and_mean_are_those_of_the_frame():
    frame = quantiles()
    ax = plot_quantiles(frame.sample(frac=1, random_state=1), xlabel="b", ylabel="g")
    table = frame[frame.kind == "quantile"].pivot(
        index="value", columns="quantile", values="estimate"
    )
    for low, high in ((0.05, 0.95), (0.25, 0.75)):
        drawn = ribbon(ax, f"{low:g} to {high:g} quantile")
        np.testing.assert_allclose(drawn, table[[low, high]])
    np.testing.assert_array_equal(lines(ax)["median"].get_ydata(), table[0.5])
    means = frame[frame.kind == "mean"].set_index("value").estimate
    drawn = lines(ax)["mean"]
    assert dict(zip(*drawn.get_data(), strict=True)) == means.to_dict()
    (ends,) = [c for c in ax.collections if c.get_label() == "mean: interval"]
    assert {round(float(np.ptp(s[:, 1])), 9) for s in ends.get_segments()} == {0.03}


def test_inner_ranges_are_darker():
    ax = plot_quantiles(quantiles(), xlabel="b", ylabel="g")
    alphas = [c.get_alpha() for c in ax.collections if isinstance(c, PolyCollection)]
    assert alphas == sorted(alphas)
    assert alphas[0] < alphas[-1]


def test_a_single_value_and_means_alone_can_be_drawn():
    frame = quantiles(values=(16,))
    assert plot_quantiles(frame, xlabel="b", ylabel="g").get_xscale() == "linear"
    ax = plot_quantiles(frame[frame.kind == "mean"], xlabel="b", ylabel="g")
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["mean, with interval"]


def test_values_over_more_than_a_factor_of_four_are_ticks_on_a_log2_axis():
    ax = plot_quantiles(quantiles(), xlabel="b", ylabel="g")
    assert [t.get_text() for t in ax.get_xticklabels()] == ["16", "64", "512"]


def test_every_density_is_drawn_in_order_with_its_interval():
    frame = densities()
    ax = plot_densities(frame.sample(frac=1, random_state=1), xlabel="g", ylabel="b")
    for x in (16, 512):
        own = frame[frame.value == x]
        line = lines(ax)[f"b {x}"]
        np.testing.assert_array_equal(line.get_xdata(), own.place)
        np.testing.assert_array_equal(line.get_ydata(), own.density)
        np.testing.assert_allclose(ribbon(ax, f"_b {x}"), own[["lower", "upper"]])
    assert ax.get_ylabel() == "density per unit of g"


def test_more_densities_than_colours_differ_in_dash():
    ax = plot_densities(densities(range(1, 9)), xlabel="g", ylabel="b")
    looks = {(line.get_color(), line.get_linestyle()) for line in ax.get_lines()}
    assert len(looks) == 8


@pytest.mark.parametrize("draw", [plot_densities, plot_quantiles])
def test_axes_that_are_passed_in_are_used_and_frames_left_alone(draw):
    frame = densities() if draw is plot_densities else quantiles()
    before, ax = frame.copy(deep=True), new_axes()
    assert draw(frame, xlabel="x", ylabel="y", ax=ax) is ax
    assert frame.equals(before)


@pytest.mark.parametrize(
    ("draw", "frame", "message"),
    [
        (plot_quantiles, quantiles().drop(columns="kind"), "missing: kind"),
        (plot_quantiles, quantiles().iloc[:0], "at least one row"),
        (plot_quantiles, quantiles().assign(estimate=np.nan), "finite numbers"),
        (plot_quantiles, pd.concat([quantiles(), quantiles()]), "each quantile of a value once"),
        (plot_quantiles, quantiles().drop(index=1), "same quantiles at every value"),
        (plot_densities, densities().drop(columns="place"), "missing: place"),
        (plot_densities, densities().iloc[:0], "at least one row"),
        (plot_densities, densities().assign(lower=9e9), "lower <= upper"),
    ],
)
def test_a_frame_that_cannot_be_drawn_is_refused(draw, frame, message):
    with pytest.raises(ConfigurationError, match=message):
        draw(frame, xlabel="x", ylabel="y")
