"""Claims about units: a unit is a slice of the first axis."""

import numpy as np
import pytest

from causalhyper.errors import ConfigurationError
from causalhyper.granger.masks import Masks, allocate, expand_units, sum_units, units_of

SHAPES = {"conv": (3, 2, 2), "fc": (4, 5), "bias": (7,)}


def test_scores_of_units_are_sums_over_their_slices():
    rng = np.random.default_rng(0)
    scores = {name: rng.random(shape) for name, shape in SHAPES.items()}
    found = sum_units(scores)
    for name, values in scores.items():
        np.testing.assert_allclose(found[name], [values[u].sum() for u in range(len(values))])


def test_expanding_keeps_all_or_nothing_of_each_unit_and_is_undone_by_units_of():
    rng = np.random.default_rng(1)
    units = Masks({name: rng.random(shape[0]) < 0.5 for name, shape in SHAPES.items()})
    wide = expand_units(units, SHAPES)
    assert wide.shapes == SHAPES
    for name, mask in wide.kept.items():
        for unit, kept in enumerate(units.kept[name]):
            assert (mask[unit] == kept).all()
    back = units_of(wide)
    assert all((back.kept[name] == units.kept[name]).all() for name in SHAPES)


def test_a_unit_stays_while_one_of_its_parameters_does():
    mask = np.zeros((3, 4), dtype=bool)
    mask[1, 2] = True
    assert units_of(Masks({"fc": mask})).kept["fc"].tolist() == [False, True, False]


def test_units_are_allocated_within_the_units_left():
    rng = np.random.default_rng(2)
    scores = {name: rng.random(shape) for name, shape in SHAPES.items()}
    left = Masks.all_kept(SHAPES)
    left.kept["conv"][1] = False
    found = allocate(sum_units(scores), sparsity=0.5, within=units_of(left))
    assert not found.masks.kept["conv"][1]
    assert sum(found.masks.layer_counts().values()) == 7


def test_masks_and_shapes_that_do_not_fit_are_refused():
    units = Masks({"fc": np.ones(4, dtype=bool)})
    with pytest.raises(ConfigurationError, match=r"\['fc'\]; got \['conv'\]"):
        expand_units(units, {"conv": (4, 2)})
    with pytest.raises(ConfigurationError, match=r"shape \(4,\); a layer of shape \(3, 2\)"):
        expand_units(units, {"fc": (3, 2)})
    with pytest.raises(ConfigurationError, match="'scale' is a single number"):
        sum_units({"scale": np.array(1.0)})
    with pytest.raises(ConfigurationError, match="'scale' is a single number"):
        units_of(Masks({"scale": np.array(True)}))
