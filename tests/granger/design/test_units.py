"""Claims about columns of structural units, against reshaping and summing."""

import numpy as np
import pytest

from causalhyper.errors import ConfigurationError
from causalhyper.granger.design import ArrayTrajectory, columns, granger_design
from tests.granger.design.samples import changes_of, losses, matrix, store

SHAPES = {"conv.weight": (4, 3, 2, 2), "conv.bias": (4,), "fc.weight": (4, 5)}


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    """Units reach over the edges of blocks of 64 parameters."""
    monkeypatch.setattr(columns, "CACHED", 1)


@pytest.fixture
def changes():
    return changes_of(SHAPES | {"wide": (3, 50)}, rows=10)


@pytest.fixture
def run(changes):
    return ArrayTrajectory(changes, losses(10))


def test_output_units_sum_over_all_but_the_first_axis(changes, run):
    designs = granger_design(run, share="output")
    for name, design in designs.items():
        squares = changes[name] ** 2
        wanted = squares.reshape(*squares.shape[:2], -1).sum(axis=2)
        np.testing.assert_allclose(matrix(design.columns), wanted, rtol=1e-14, err_msg=name)


def test_input_units_sum_over_all_but_the_second_axis(changes, run):
    designs = granger_design(run, share="input", layers=["*.weight", "wide"])
    assert list(designs) == ["conv.weight", "fc.weight", "wide"]
    for name, design in designs.items():
        squares = np.moveaxis(changes[name] ** 2, 2, 1)
        wanted = squares.reshape(*squares.shape[:2], -1).sum(axis=2)
        np.testing.assert_allclose(matrix(design.columns), wanted, rtol=1e-14, err_msg=name)


def test_given_labels_say_which_parameters_belong_together(changes, run):
    labels = np.random.default_rng(0).permutation(np.arange(150) % 7)
    design = granger_design(run, layers="wide", share={"wide": labels.reshape(3, 50)})["wide"]
    flat = changes["wide"].reshape(10, -1) ** 2
    wanted = np.stack([flat[:, labels == unit].sum(axis=1) for unit in range(7)], axis=1)
    np.testing.assert_allclose(matrix(design.columns), wanted, rtol=1e-14)
    assert design.share == "labels"


def test_a_weight_and_its_bias_make_one_column_a_unit(changes, run):
    sets = {"conv": ["conv.weight", "conv.bias"], "fc": ["fc.*"]}
    designs = granger_design(run, layers=sets, share="output")
    weight = (changes["conv.weight"] ** 2).sum(axis=(2, 3, 4))
    np.testing.assert_allclose(
        matrix(designs["conv"].columns), weight + changes["conv.bias"] ** 2, rtol=1e-14
    )
    network = granger_design(run, layers=sets, share="output", scope="network")
    np.testing.assert_array_equal(
        matrix(network.columns), np.hstack([matrix(designs[name].columns) for name in sets])
    )
    frame = network.labels([0, 3, 4, 7])
    assert frame["layer"].tolist() == ["conv", "conv", "fc", "fc"]
    assert frame["index"].tolist() == [0, 3, 0, 3]


def test_momentum_features_of_a_unit_are_sums_and_stand_side_by_side(changes, run):
    design = granger_design(run, layers="fc.weight", share="output", features="momentum")
    now, before = changes["fc.weight"][1:], changes["fc.weight"][:-1]
    wanted = np.stack([now**2, before**2, now * before], axis=-1).sum(axis=2).reshape(9, -1)
    found = matrix(design["fc.weight"].columns)
    np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-25)


def test_units_of_a_float32_store_are_summed_in_float64(tmp_path):
    changes = {"w": (1e-9 * np.random.default_rng(0).normal(size=(5, 2, 3000))).astype("f4")}
    run = store(tmp_path / "run", changes, losses(5))
    design = granger_design(run, share="output")["w"]
    wanted = (changes["w"].astype(float) ** 2).sum(axis=2)
    np.testing.assert_allclose(matrix(design.columns), wanted, rtol=2e-8)
    assert design.columns.dtype == np.float64


def test_units_that_do_not_exist_or_fit_are_refused(run):
    with pytest.raises(ConfigurationError, match=r"'conv.bias' of shape \(4,\) has no input axis"):
        granger_design(run, share="input")
    with pytest.raises(ConfigurationError, match=r"'conv\.weight' has 4, 'wide' 3"):
        granger_design(run, layers={"both": ["conv.weight", "wide"]}, share="output")
    with pytest.raises(ConfigurationError, match="no labels for layer 'wide'"):
        granger_design(run, layers="wide", share={})
    with pytest.raises(ConfigurationError, match="one a parameter of shape"):
        granger_design(run, layers="wide", share={"wide": [0, 1]})
    with pytest.raises(ConfigurationError, match="counted from 0 without gaps"):
        granger_design(run, layers="conv.bias", share={"conv.bias": [0, 2, 2, 0]})
    with pytest.raises(ConfigurationError, match="share must be"):
        granger_design(run, share="filter")
    with pytest.raises(ConfigurationError, match="give share= too"):
        granger_design(run, layers={"conv": ["conv.weight", "conv.bias"]})
