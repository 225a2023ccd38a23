import numpy as np
import pandas as pd
import pytest

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.figures.kept_shares import plot_kept_shares
from causalhyper.granger.masks import Masks
from causalhyper.granger.pruning.layer_report import layer_report


def masks(kept=(40, 2, 3)):
    """Two weights and a bias, of which so many entries are kept."""
    shapes = {"fc1.weight": (10, 20), "fc2.weight": (5, 10), "fc2.bias": (5,)}
    out = {}
    for (name, shape), count in zip(shapes.items(), kept, strict=True):
        out[name] = (np.arange(np.prod(shape)) < count).reshape(shape)
    return Masks(out)


COSTS = pd.DataFrame(
    {
        "layer": ["fc1", "act", "fc2"],
        "kind": ["Linear", "ReLU", "Linear"],
        "parameters": [210, 0, 55],
        "flops": [400, 10, 100],
        "kept_flops": [80, 10, 4],
        "bytes": [160, 0, 20],
    }
)
DEAD = pd.DataFrame(
    {
        "layer": ["fc1", "fc2"],
        "units": [10, 5],
        "dead": [8, 5],
        "effective": [40, 0],
        "collapsed": [False, True],
    }
)


def test_layers_are_counted_as_their_masks_count_them():
    frame = layer_report(masks()).to_frame().set_index("layer")
    counts = masks().counts().set_index("layer")
    pd.testing.assert_series_equal(frame["kept"], counts["kept"])
    np.testing.assert_allclose(frame["share_kept"], 1 - counts["sparsity"])


def test_weight_and_bias_are_one_row_beside_costs_and_dead_units():
    frame = layer_report(masks(), costs=COSTS, dead_units=DEAD).to_frame()
    assert frame["layer"].tolist() == ["fc1", "fc2"]
    assert frame["kept"].tolist() == [40, 5]
    assert frame["entries"].tolist() == [200, 55]
    assert frame["share_flops"].tolist() == [0.2, 0.04]
    assert frame["dead"].tolist() == [8, 5]


@pytest.mark.parametrize(
    ("kept", "said"),
    [
        ((40, 5, 5), {}),
        ((40, 2, 5), {"fc2.weight": "2 weights are kept for 5 output units"}),
        ((0, 9, 0), {"fc1.weight": "nothing is kept", "fc2.bias": "nothing is kept"}),
    ],
)
def test_a_layer_collapses_where_less_is_kept_than_it_has_outputs(kept, said):
    found = layer_report(masks(kept))
    frame = found.to_frame()
    assert found.collapsed == tuple(said)
    assert dict(frame.loc[frame["collapsed"], ["layer", "reason"]].to_numpy().tolist()) == said


def test_a_layer_without_a_path_collapses_however_many_weights_it_keeps():
    found = layer_report(masks((40, 30, 5)), dead_units=DEAD)
    assert found.collapsed == ("fc2",)
    assert "no unit is on a path" in found.summary()


def test_the_summary_sums_the_layers():
    said = layer_report(masks((40, 30, 5)), costs=COSTS, dead_units=DEAD).summary()
    assert said.startswith(
        "75 of 255 entries kept (29.41%); 16.80% of the operations; 180 bytes; 13 of 15 units dead"
    )
    assert layer_report(masks((40, 30, 5))).summary().endswith("No layer collapsed.")


@pytest.mark.parametrize(
    ("frames", "said"),
    [
        ({"costs": COSTS.drop(columns="bytes")}, "missing: bytes"),
        ({"dead_units": DEAD.head(1)}, "'fc2.weight' has no row in dead_units"),
        ({"costs": pd.concat([COSTS, COSTS])}, "one row a layer"),
    ],
)
def test_frames_of_another_network_are_refused(frames, said):
    with pytest.raises(DataError, match=said):
        layer_report(masks(), **frames)


def test_the_figure_marks_shares_and_names_collapsed_layers():
    axes = layer_report(masks(), costs=COSTS).plot()
    (kept, operations) = axes.get_lines()
    np.testing.assert_allclose(kept.get_xdata(), [0.2, 5 / 55])
    np.testing.assert_allclose(operations.get_xdata(), [0.2, 0.04])
    assert [t.get_text() for t in axes.get_yticklabels()] == ["fc1", "fc2 (collapsed)"]


def test_a_layer_of_which_nothing_is_kept_has_no_mark():
    axes = layer_report(masks((0, 30, 5))).plot()
    assert len(axes.get_lines()[0].get_xdata()) == 2


def test_shares_beyond_one_are_refused():
    frame = layer_report(masks()).to_frame().assign(share_kept=1.5)
    with pytest.raises(ConfigurationError, match="shares in"):
        plot_kept_shares(frame)
