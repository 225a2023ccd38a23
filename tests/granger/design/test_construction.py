"""Claims about which layers a design has, and what its columns are called."""

import numpy as np
import pytest

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.design import ArrayTrajectory, GrangerDesign, granger_design
from causalhyper.granger.lasso import DenseColumns
from tests.granger.design.samples import changes_of, losses, matrix, store

SHAPES = {"conv.weight": (2, 3), "conv.bias": (2,), "fc.weight": (4, 2)}


@pytest.fixture
def run():
    return ArrayTrajectory(changes_of(SHAPES), losses(12))


def test_layers_are_chosen_by_name_or_pattern_and_all_by_default(run):
    assert list(granger_design(run)) == list(SHAPES)
    assert list(granger_design(run, layers="*.weight")) == ["conv.weight", "fc.weight"]
    assert list(granger_design(run, layers=["fc.weight", "conv.*"])) == [
        "fc.weight", "conv.weight", "conv.bias",
    ]  # fmt: skip


def test_a_name_with_brackets_is_a_name_before_it_is_a_pattern():
    run = ArrayTrajectory(changes_of({"w[0]": (2,), "w0": (3,)}), losses(12))
    assert list(granger_design(run, layers="w[0]")) == ["w[0]"]


def test_the_network_is_its_layers_side_by_side(run):
    design = granger_design(run, scope="network", layers=["fc.weight", "conv.*"])
    alone = granger_design(run)
    wanted = [matrix(alone[name].columns) for name in ("fc.weight", "conv.weight", "conv.bias")]
    np.testing.assert_array_equal(matrix(design.columns), np.hstack(wanted))
    assert design.shape == (12, 16)


@pytest.mark.parametrize(("features", "each"), [("squares", 1), ("momentum", 3)])
def test_labels_say_layer_parameter_and_feature_of_every_column(run, features, each):
    design = granger_design(run, scope="network", features=features)
    rows = [(name, i) for name, shape in SHAPES.items() for i in range(np.prod(shape))]
    kinds = ["square", "square_before", "product"][:each]
    frame = design.labels()
    assert frame["column"].tolist() == list(range(16 * each))
    found = list(zip(frame["layer"], frame["index"], frame["feature"], strict=True))
    assert found == [(*row, kind) for row in rows for kind in kinds]
    some = design.labels(np.array([15 * each, 6 * each]))
    assert some["layer"].tolist() == ["fc.weight", "conv.bias"]
    assert some["index"].tolist() == [7, 0]
    assert len(design.labels([])) == 0
    with pytest.raises(ConfigurationError, match=f"columns are 0 to {16 * each - 1}"):
        design.labels([16 * each])


def test_a_path_is_opened(tmp_path):
    changes = changes_of({"w": (3,)})
    store(tmp_path / "run", changes, losses(12), run_id="seed-7")
    for place in (tmp_path / "run", str(tmp_path / "run")):
        design = granger_design(place)["w"]
        np.testing.assert_array_equal(matrix(design.columns), changes["w"] ** 2)
        assert design.runs == ("seed-7",)


def test_changes_that_are_no_arrays_of_numpy_are_refused():
    frame = losses(2)
    with pytest.raises(ConfigurationError, match=r"an array of numpy .* got shape .* of list"):
        ArrayTrajectory({"fc": [[1.0], [2.0]]}, frame)


def test_a_damaged_store_makes_no_design(tmp_path):
    store(tmp_path / "run", changes_of({"w": (3,)}), losses(12))
    with pytest.raises(ConfigurationError, match="no trajectory in"):
        granger_design(tmp_path)
    (tmp_path / "run" / "journal").write_bytes(b"")
    with pytest.raises(DataError):
        granger_design(tmp_path / "run")


def test_trainings_of_other_layers_are_not_stacked(run):
    frame = losses(12)
    other = ArrayTrajectory(changes_of(SHAPES | {"fc.weight": (2, 4)}), frame)
    with pytest.raises(
        ConfigurationError, match=r"'fc.weight' of shape \(4, 2\), .* has \(2, 4\)"
    ):
        granger_design([run, other])
    fewer = ArrayTrajectory(changes_of({"conv.weight": (2, 3)}), frame)
    with pytest.raises(ConfigurationError, match="no such layer"):
        granger_design([run, fewer])
    with pytest.raises(ConfigurationError, match=r"has the layer 'conv\.bias'"):
        granger_design([fewer, run])


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"layers": "fc2.weight"}, "no recorded layer is called 'fc2.weight'; there are conv"),
        ({"layers": []}, "no layer is chosen"),
        ({"scope": "model"}, "scope must be 'layer' or 'network'; got 'model'"),
        ({"features": "adam"}, "features must be"),
        ({"scaling": "raw"}, "scaling must be"),
        ({"response": "loss"}, "response must be one of"),
        ({"steps": slice(None, None, -1)}, "a slice .* that goes forward"),
        ({"steps": 5}, "expected steps as a slice"),
        ({"steps": slice(0, 3.5)}, "expected steps as a slice"),
    ],
)
def test_an_unknown_option_is_refused(run, options, why):
    with pytest.raises(ConfigurationError, match=why):
        granger_design(run, **options)


@pytest.mark.parametrize("wrong", [[], [np.ones((3, 2))], 3])
def test_what_is_no_trajectory_is_refused(wrong):
    with pytest.raises(ConfigurationError, match="trajectory"):
        granger_design(wrong)


def test_parts_that_do_not_fit_make_no_design(run):
    design = granger_design(run)["conv.bias"]
    given = {name: getattr(design, name) for name in design.__dataclass_fields__}
    for change, error in (
        ({"y": design.y[:-1]}, ConfigurationError),
        ({"sizes": (3,)}, ConfigurationError),
        ({"columns": DenseColumns(np.ones((12, 3)))}, ConfigurationError),
        ({"y": np.where(np.arange(12) == 4, np.nan, design.y)}, DataError),
    ):
        with pytest.raises(error):
            GrangerDesign(**(given | change))


def test_the_summary_says_what_stands_on_both_sides(run):
    text = granger_design([run, run], scope="network", features="momentum", centre=True).summary()
    assert "22 steps of 2 trainings and 48 columns" in text
    assert "momentum (square, square_before, product) of 16 parameters of conv.weight" in text
    assert "same_minibatch" in text
    assert "intercept of its own" in text
    units = granger_design(run, share="output", scaling="learning_rate")["fc.weight"].summary()
    assert "4 units by output of fc.weight" in units
    assert "divided by its learning rate" in units
