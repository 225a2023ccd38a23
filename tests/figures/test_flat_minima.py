"""Pictures of loss surfaces, spectral densities and eigenvalues."""

import numpy as np
import pandas as pd
import pytest

from causalhyper.errors import ConfigurationError
from causalhyper.figures import to_svg
from causalhyper.figures.eigenvalues import plot_eigenvalues
from causalhyper.figures.loss_lines import plot_loss_lines
from causalhyper.figures.loss_surface import (
    plot_loss_surface,
    plot_loss_surfaces,
)
from causalhyper.figures.spectral_density import plot_spectral_density


def bowl(steepness=1.0, at=0.1, points=9):
    grid = np.linspace(-1, 1, points)
    alpha, beta = (a.ravel() for a in np.meshgrid(grid, grid))
    loss = at + steepness * (alpha**2 + 3 * beta**2)
    return pd.DataFrame({"alpha": alpha, "beta": beta, "loss": loss, "log_loss": np.log1p(loss)})


def test_the_surface_lies_the_right_way_round_and_the_network_is_marked():
    axes = plot_loss_surface(bowl().sample(frac=1, random_state=0))
    lines = axes.collections[1]
    level, path = next(
        (v, p) for v, p in zip(lines.levels, lines.get_paths(), strict=True) if len(p.vertices)
    )
    heights = np.log1p(0.1 + path.vertices[:, 0] ** 2 + 3 * path.vertices[:, 1] ** 2)
    assert np.abs(heights - level).max() < 0.08
    crosses = [line for line in axes.get_lines() if line.get_marker() == "+"]
    assert [line.get_xydata().tolist() for line in crosses] == [[[0, 0]]] * 2
    assert "<svg" in to_svg(axes.figure, title="t", description="d", prefix="p")


def test_a_relief_has_the_heights_of_the_frame():
    frame = bowl()
    axes = plot_loss_surface(frame, view="relief", title="dense $")
    assert axes.name == "3d"
    point = axes.get_lines()[0].get_data_3d()
    assert [float(each[0]) for each in point] == pytest.approx([0, 0, np.log1p(0.1)])
    assert axes.get_zlim() == pytest.approx((frame["log_loss"].min(), frame["log_loss"].max()))
    assert axes.get_zlabel() == "log(1 + training loss)"
    assert "<svg" in to_svg(axes.figure, title="t", description="d", prefix="p")


def test_surfaces_side_by_side_share_one_scale_and_say_their_loss():
    frame = pd.concat([bowl(5).assign(method="dense"), bowl(1, at=2.3).assign(method="random")])
    panels = plot_loss_surfaces(frame, view="relief", title="LeNet")
    assert [axes.get_title(loc="left") for axes in panels] == [
        "dense, training loss 0.1", "random, training loss 2.3",
    ]  # fmt: skip
    assert panels[0].get_zlim() == panels[1].get_zlim()
    flat = plot_loss_surfaces(frame)
    assert flat[0].collections[0].get_clim() == flat[1].collections[0].get_clim()
    assert len(flat[0].figure.axes) == 3  # one bar for both


def test_surfaces_stand_in_rows_of_so_many_columns():
    frame = pd.concat([bowl().assign(method=str(i)) for i in range(5)])
    panels = plot_loss_surfaces(frame, columns=3)
    places = [axes.get_subplotspec() for axes in panels]
    assert [(p.rowspan.start, p.colspan.start) for p in places] == [
        (0, 0), (0, 1), (0, 2), (1, 0), (1, 1),
    ]  # fmt: skip
    with pytest.raises(ConfigurationError, match="columns must be at least 1"):
        plot_loss_surfaces(frame, columns=0)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_titles_and_names_of_contours_lie_within_the_picture_at_its_first_drawing(count):
    frame = pd.concat([bowl().assign(method=f"method {i}") for i in range(count)])
    panels = plot_loss_surfaces(frame)
    figure = panels[0].figure
    figure.canvas.draw()
    for axes in panels:
        for text in (axes.xaxis.label, axes.yaxis.label, axes._left_title):
            box = text.get_window_extent()
            assert figure.bbox.x0 <= box.x0
            assert figure.bbox.y0 <= box.y0
            assert box.y1 <= figure.bbox.y1


def test_points_that_diverged_are_left_blank():
    frame = bowl()
    frame.loc[frame["alpha"] == 1, ["loss", "log_loss"]] = np.inf
    for view in ("contours", "relief"):
        axes = plot_loss_surface(frame, view=view)
        assert "<svg" in to_svg(axes.figure, title="t", description="d", prefix="p")
    axes = plot_loss_surface(frame)
    assert [t.get_text() for t in axes.texts] == ["grey: the loss diverged"]
    assert max(p.vertices[:, 0].max() for p in axes.collections[1].get_paths() if len(p)) < 0.8


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        (bowl().drop(columns="log_loss"), {}, "missing: log_loss"),
        (bowl().iloc[:-1], {}, "full grid"),
        (bowl()[bowl()["beta"] == 0], {}, "plot_loss_lines"),
        (bowl(), {"view": "side"}, "'contours' or 'relief'"),
        (bowl(), {"limits": (2.0, 1.0)}, "in order"),
    ],
)
def test_a_surface_with_faults_is_refused(frame, options, message):
    with pytest.raises(ConfigurationError, match=message):
        plot_loss_surface(frame, **options)


def test_a_relief_on_flat_axes_is_refused():
    axes = plot_loss_surface(bowl())
    with pytest.raises(ConfigurationError, match="projection='3d'"):
        plot_loss_surface(bowl(), view="relief", ax=axes)


def test_lines_of_methods_are_means_over_seeds():
    alpha = np.linspace(-1, 1, 5)
    parts = [
        pd.DataFrame({"alpha": alpha, "log_loss": k * alpha**2, "method": m, "seed": seed})
        for m, k, seed in [("dense", 1.0, 0), ("dense", 3.0, 1), ("random", 5.0, 0)]
    ]
    axes = plot_loss_lines(pd.concat(parts), by="method")
    thick = [line for line in axes.get_lines() if line.get_linewidth() == 1.6]
    np.testing.assert_allclose(thick[0].get_ydata(), 2 * alpha**2)
    np.testing.assert_allclose(thick[1].get_ydata(), 5 * alpha**2)
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["dense", "random"]


def density(scale=1.0, se=0.1):
    value = np.linspace(-1, 5, 50)
    height = scale * np.exp(-(value**2) / 0.02) + 1e-3
    rows = {"value": value, "density": height, "se": se * height, "width": 0.06}
    return pd.DataFrame(rows)


def test_a_density_has_its_error_around_it_on_a_logarithmic_scale():
    axes = plot_spectral_density(density(), title="t")
    line = axes.get_lines()[0]
    np.testing.assert_allclose(line.get_ydata(), density()["density"])
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert band.max() == pytest.approx(1.1 * density()["density"].max())
    assert band.min() == pytest.approx(0.9 * density()["density"].min())
    assert axes.get_yscale() == "log"
    assert "kernel 0.06" in axes.get_ylabel()
    assert "<svg" in to_svg(axes.figure, title="t", description="d", prefix="p")


def test_densities_of_one_probe_have_no_band_and_empty_ones_are_refused():
    axes = plot_spectral_density(density().assign(se=np.nan, space="full"), by="space")
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert band.max() == pytest.approx(density()["density"].max())
    assert "full (kernel 0.06)" in [t.get_text() for t in axes.get_legend().get_texts()]
    with pytest.raises(ConfigurationError, match="above zero"):
        plot_spectral_density(density().assign(density=0.0))


def flatness_rows():
    rows = []
    for method, base, loss, caution in (
        ("dense", 50.0, 0.1, ""), ("random", 2.0, 2.3, "near chance"),
    ):  # fmt: skip
        for seed in range(3):
            rows.append((method, seed, "training_loss", "network", 0, loss + 0.01 * seed, ""))
            rows.append((method, seed, "training_accuracy", "network", 0, 0.5, ""))
            for rank in (1, 2, 3):
                value = (base + seed) / rank
                rows.append((method, seed, "eigenvalue", "full", rank, value, caution))
    columns = ["method", "seed", "quantity", "space", "rank", "value", "caution"]
    return pd.DataFrame(rows, columns=columns)


def test_strips_of_eigenvalues_name_the_loss_of_each_method_and_open_doubtful_marks():
    axes = plot_eigenvalues(flatness_rows())
    assert [tick.get_text() for tick in axes.get_xticklabels()] == [
        "dense\nloss 0.11\naccuracy 50.0%", "random\nloss 2.3\naccuracy 50.0%",
    ]  # fmt: skip
    marks = [line for line in axes.get_lines() if len(line.get_xdata()) == 1]
    assert sorted(float(m.get_ydata()[0]) for m in marks)[-1] == 52.0
    open_ = [m for m in marks if m.get_markerfacecolor() == "white"]
    assert {round(float(m.get_xdata()[0])) for m in open_} == {1}
    assert len(open_) == 9
    medians = [line.get_ydata()[0] for line in axes.get_lines() if len(line.get_xdata()) == 2]
    assert medians[:3] == pytest.approx([51.0, 25.5, 17.0])
    assert "<svg" in to_svg(axes.figure, title="t", description="d", prefix="p")


def test_eigenvalues_that_a_logarithm_does_not_have_are_counted():
    frame = flatness_rows()
    frame.loc[frame["rank"] == 3, "value"] = -1.0
    axes = plot_eigenvalues(frame)
    assert axes.get_legend().get_texts()[-1].get_text() == "6 not above zero: not drawn"
    with pytest.raises(ConfigurationError, match="kept space"):
        plot_eigenvalues(frame, space="kept")
    with pytest.raises(ConfigurationError, match="no value above zero"):
        plot_eigenvalues(frame.assign(value=-1.0))
