import matplotlib.colors
import numpy as np
import pytest
from matplotlib.collections import LineCollection

from causalhyper.errors import ConfigurationError
from causalhyper.figures import new_axes, plot_effect_curve
from tests.figures.samples import effects


def draw(frame, **given):
    return plot_effect_curve(
        frame, **({"baseline": 512, "xlabel": "batch size", "ylabel": "effect"} | given)
    )


def points(ax, label):
    (line,) = [line for line in ax.get_lines() if line.get_label() == label]
    return line.get_xydata()


def ends(ax, label):
    found = [c for c in ax.collections if isinstance(c, LineCollection) and c.get_label() == label]
    return np.array([segment[:, 1] for c in found for segment in c.get_segments()])


def widths(ax, label):
    return {float(c.get_linewidth()[0]) for c in ax.collections if c.get_label() == label}


@pytest.mark.parametrize("estimator", ["design", "hypergraph"])
def test_the_drawn_numbers_are_those_of_the_frame(estimator):
    frame = effects()
    ax = draw(frame.sample(frac=1, random_state=1))
    rows = frame[frame["estimator"] == estimator].sort_values("value")
    np.testing.assert_array_equal(points(ax, estimator)[:, 1], rows["estimate"])
    pointwise = ends(ax, f"{estimator}: pointwise")
    np.testing.assert_array_equal(pointwise, rows[["lower", "upper"]])
    joint = ends(ax, f"{estimator}: simultaneous")
    np.testing.assert_array_equal(joint, rows[["joint_lower", "joint_upper"]])


@pytest.mark.parametrize("values", [(16, 32, 64, 128, 256), (-1, 0, 1, 2, 3)])
@pytest.mark.parametrize("count", [1, 2, 3, 8])
def test_dodged_points_stay_nearest_to_their_own_value(values, count):
    names = [f"estimator {i}" for i in range(count)]
    frame = effects(names, (16, 32, 64, 128, 256))
    frame["value"] = frame["value"].map(dict(zip((16, 32, 64, 128, 256), values, strict=True)))
    ax = draw(frame, baseline=512 if values[0] > 0 else 4)
    transform = np.log2 if values[0] > 0 else np.asarray
    x = np.array([transform(points(ax, name)[:, 0]) for name in names])
    own = transform(np.array(values, dtype=float))
    np.testing.assert_allclose(x.mean(axis=0), own, atol=1e-12)
    assert np.abs(x - own).max() < 0.5 * np.diff(own).min()
    assert (np.diff(x, axis=0) > 0).all()


def test_the_pointwise_interval_is_thick_and_the_simultaneous_band_thin():
    ax = draw(effects())
    assert min(widths(ax, "design: pointwise")) > 3 * max(widths(ax, "design: simultaneous"))
    texts = [text.get_text().replace("\n", " ") for text in ax.get_legend().get_texts()]
    assert texts[:2] == ["design", "hypergraph"]
    assert texts[2:] == [
        "baseline 512: zero by definition",
        "thick: pointwise interval",
        "thin: simultaneous band",
    ]


def test_the_level_is_named_where_the_frame_has_one():
    texts = [t.get_text() for t in draw(effects().assign(level=0.9)).get_legend().get_texts()]
    assert sum("90%" in text for text in texts) == 2


def test_the_baseline_is_a_point_at_zero_with_a_mark_of_its_own():
    ax = draw(effects())
    np.testing.assert_array_equal(points(ax, "baseline"), [[512, 0]])
    marks = {line.get_marker() for line in ax.get_lines() if line.get_marker() != "None"}
    assert len(marks) == 3
    np.testing.assert_array_equal(points(ax, "zero effect")[:, 1], [0, 0])


def test_positive_values_over_more_than_a_factor_of_four_are_ticks_on_a_log2_axis():
    ax = draw(effects())
    assert ax.get_xscale() == "log"
    assert [t.get_text() for t in ax.get_xticklabels()] == ["16", "32", "64", "128", "256", "512"]
    np.testing.assert_array_equal(ax.get_xticks(), [16, 32, 64, 128, 256, 512])


@pytest.mark.parametrize(("values", "baseline"), [((128, 256), 512), ((-1, 0), 4), ((0,), 9)])
def test_other_values_get_a_linear_axis(values, baseline):
    frame = effects(values=(128, 256)[: len(values)])
    frame["value"] = frame["value"].map(dict(zip((128, 256), values, strict=False)))
    assert draw(frame, baseline=baseline).get_xscale() == "linear"


def test_dense_values_are_ticked_thinly():
    labels = draw(effects(values=range(1, 200))).get_xticklabels()
    assert 4 <= len(labels) <= 15


def test_an_absent_band_is_neither_drawn_nor_explained():
    ax = draw(effects().assign(joint_lower=None, joint_upper=None))
    assert ends(ax, "design: simultaneous").size == 0
    assert not any("thin" in text.get_text() for text in ax.get_legend().get_texts())


def test_estimators_differ_in_colour_and_in_mark():
    ax = draw(effects([f"estimator {i}" for i in range(6)]))
    lines = [line for line in ax.get_lines() if line.get_label().startswith("estimator")]
    assert len({matplotlib.colors.to_hex(line.get_color()) for line in lines}) == 6
    assert len({line.get_marker() for line in lines}) == 6


def test_axes_that_are_passed_in_are_used_and_returned():
    ax = new_axes()
    assert draw(effects(), ax=ax) is ax
    assert len(ax.get_lines()) > 0


def test_the_frame_is_left_as_it_was():
    frame = effects()
    before = frame.copy(deep=True)
    draw(frame)
    assert frame.equals(before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="joint_upper"), "missing: joint_upper"),
        (lambda f: f.iloc[:0], "at least one row"),
        (lambda f: f.assign(estimate="a"), "numbers in the column 'estimate'"),
        (lambda f: f.assign(estimate=np.nan), "finite numbers in the column 'estimate'"),
        (lambda f: f.assign(upper=np.inf), "finite numbers in the column 'upper'"),
        (lambda f: f.assign(upper=-9.0), "lower <= upper"),
        (lambda f: f.assign(value=16), "'design' has the value 16 more than once"),
    ],
)
def test_a_frame_that_cannot_be_drawn_is_refused(change, message):
    with pytest.raises(ConfigurationError, match=message):
        draw(change(effects()))


def test_a_baseline_that_is_not_finite_is_refused():
    with pytest.raises(ConfigurationError, match="finite baseline"):
        draw(effects(), baseline=float("nan"))
