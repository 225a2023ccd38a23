import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

from causalhyper.errors import ConfigurationError
from causalhyper.figures import new_axes, plot_forest
from tests.figures.samples import forest


def drawn(ax, name):
    """Estimates and intervals by height, top first."""
    (line,) = [line for line in ax.get_lines() if line.get_label() == name]
    (ends,) = [c for c in ax.collections if c.get_label() == f"{name}: interval"]
    intervals = np.array([segment[:, 0] for segment in ends.get_segments()])
    assert [s[0, 1] for s in ends.get_segments()] == list(line.get_ydata())
    return np.column_stack([line.get_xdata(), intervals]), np.array(line.get_ydata())


def test_the_drawn_numbers_are_those_of_the_frame_from_top_to_bottom():
    frame = forest()
    ax = plot_forest(frame, xlabel="effect")
    for name, rows in (("estimate", frame[~frame["muted"]]), ("muted", frame[frame["muted"]])):
        numbers, y = drawn(ax, name)
        np.testing.assert_array_equal(numbers, rows[["estimate", "lower", "upper"]])
        assert (np.diff(y) > 0).all()
    bottom, top = ax.get_ylim()
    assert bottom > top


def test_every_label_stands_at_the_height_of_its_estimate_below_its_heading():
    ax = plot_forest(forest(), xlabel="effect")
    texts = [tick.get_text() for tick in ax.get_yticklabels()]
    expected = []
    for i in range(9):
        expected += [f"group {i // 3}"] * (i % 3 == 0) + [f"row {i}"]
    assert texts == expected
    height = dict(zip(texts, ax.get_yticks(), strict=True))
    y = np.sort(np.concatenate([drawn(ax, "estimate")[1], drawn(ax, "muted")[1]]))
    np.testing.assert_array_equal(y, [height[f"row {i}"] for i in range(9)])


def test_the_numbers_are_written_at_the_height_of_their_row():
    frame = forest().head(1).drop(columns=["muted", "group"])
    (text,) = plot_forest(frame, xlabel="effect").texts
    assert text.get_text() == "\u22120.020  [\u22120.030, +0.000]"
    assert text.get_position()[1] == 0.0


def test_muted_rows_are_grey():
    ax = plot_forest(forest(), xlabel="effect")
    (line,) = [line for line in ax.get_lines() if line.get_label() == "muted"]
    red, green, blue = (int(to_hex(line.get_markeredgecolor())[i : i + 2], 16) for i in (1, 3, 5))
    assert red == green == blue


def test_groups_and_muted_are_optional():
    ax = plot_forest(forest().drop(columns=["group", "muted"]), xlabel="effect")
    assert [t.get_text() for t in ax.get_yticklabels()] == [f"row {i}" for i in range(9)]


def test_there_is_a_line_at_zero():
    ax = plot_forest(forest(), xlabel="effect")
    (zero,) = [line for line in ax.get_lines() if line.get_label() == "zero"]
    assert list(zero.get_xdata()) == [0, 0]


def test_labels_end_before_the_axes_begin():
    frame = forest().assign(label="a rather_long.label(of, words) that must be wrapped " * 3)
    ax = plot_forest(frame, xlabel="effect")
    ax.figure.canvas.draw()
    left = ax.get_window_extent().x0
    for tick in ax.get_yticklabels():
        extent = tick.get_window_extent()
        assert 0 <= extent.x0 < extent.x1 <= left


def test_an_estimate_without_an_interval_is_a_point():
    frame = pd.DataFrame({"label": ["a", "b"], "estimate": [1.0, 2.0]})
    ax = plot_forest(frame.assign(lower=[0.5, None], upper=[1.5, None]), xlabel="effect")
    (ends,) = [c for c in ax.collections if c.get_label() == "estimate: interval"]
    assert len(ends.get_segments()) == 1
    assert [text.get_text() for text in ax.texts] == ["+1.0  [+0.5, +1.5]", "+2.0"]


def test_axes_that_are_passed_in_are_used_and_returned():
    ax = new_axes()
    assert plot_forest(forest(), xlabel="effect", ax=ax) is ax


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns=["lower", "upper"]), "missing: lower, upper"),
        (lambda f: f.iloc[:0], "at least one row"),
        (lambda f: f.assign(estimate=np.inf), "finite numbers"),
        (lambda f: f.assign(lower=9.0), "lower <= upper"),
        (lambda f: f.assign(muted="yes"), "True or False in 'muted'; got 'yes'"),
    ],
)
def test_a_frame_that_cannot_be_drawn_is_refused(change, message):
    with pytest.raises(ConfigurationError, match=message):
        plot_forest(change(forest()), xlabel="effect")
