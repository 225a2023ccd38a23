"""Claims about the columns of designs, against squares of the numbers that were stored."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as options
from hypothesis import strategies as st

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.design import ArrayTrajectory, columns, granger_design
from tests.granger.design.samples import changes_of, losses, matrix, store

SHAPES = {"conv.weight": (3, 2, 2, 2), "conv.bias": (3,), "fc.weight": (4, 5)}


def momentum_features(changes):
    """Three features a parameter, from the definition."""
    flat = changes.reshape(len(changes), -1)
    now, before = flat[1:], flat[:-1]
    return np.stack([now**2, before**2, now * before], axis=2).reshape(len(now), -1)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_columns_of_a_store_are_the_squares_of_its_changes(tmp_path, dtype):
    changes = changes_of(SHAPES)
    run = store(tmp_path / "run", changes, losses(12), dtype=dtype)
    designs = granger_design(run)
    assert list(designs) == list(SHAPES)
    for name, design in designs.items():
        np.testing.assert_array_equal(
            matrix(design.columns), changes[name].reshape(12, -1) ** 2, err_msg=name
        )
        assert design.columns.dtype == (np.float64 if dtype == "float64" else np.float32)


@options(max_examples=25, deadline=None)
@given(
    size=st.integers(1, 200),
    rows=st.integers(3, 12),
    blocks=st.tuples(st.integers(1, 7), st.integers(1, 220)),
    first=st.integers(0, 1),
    every=st.integers(1, 4),
    dtype=st.sampled_from(["float32", "float16", "float64"]),
    features=st.sampled_from(["squares", "momentum"]),
)
def test_no_edge_of_blocks_is_seen_in_the_columns(
    tmp_path_factory, size, rows, blocks, first, every, dtype, features
):
    changes = changes_of({"a": (size,), "b": (3, 2)}, rows)
    folder = tmp_path_factory.mktemp("run")
    run = store(folder / "a", changes, losses(rows), dtype=dtype, blocks=blocks)
    chosen = list(range(rows))[first::every]
    if features == "momentum" and chosen[0] == 0:
        chosen = chosen[1:]
    if len(chosen) < 2:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "CACHED", 1)  # blocks of 64 parameters
        slices = {"steps": slice(first, None, every), "features": features}
        design = granger_design(run, scope="network", **slices)
        found = matrix(design.columns)
    if features == "momentum":
        parts = [momentum_features(each)[np.array(chosen) - 1] for each in changes.values()]
    else:
        parts = [each.reshape(rows, -1)[chosen] ** 2 for each in changes.values()]
    np.testing.assert_array_equal(found, np.hstack(parts))
    assert design.steps.tolist() == chosen


def test_momentum_features_are_of_the_step_and_the_one_before_it():
    changes = {"w": np.array([[1.0, 10.0], [2.0, 20.0], [-3.0, 5.0]])}
    frame = pd.DataFrame({"loss": [9.0, 7.0, 4.0], "loss_after": [8.0, 5.0, 1.0]})
    design = granger_design(ArrayTrajectory(changes, frame), features="momentum")["w"]
    wanted = [[4, 1, 2, 400, 100, 200], [9, 4, -6, 25, 400, 100]]
    np.testing.assert_array_equal(matrix(design.columns), wanted)
    assert design.y.tolist() == [-2.0, -3.0]
    assert design.steps.tolist() == [1, 2]
    assert design.groups == 3


def test_rows_left_out_are_still_the_step_before():
    changes = {"w": np.arange(1.0, 8.0)[:, None]}
    frame = pd.DataFrame({"loss": np.zeros(7), "loss_after": np.arange(7.0)})
    run = ArrayTrajectory(changes, frame)
    design = granger_design(run, features="momentum", steps=slice(2, 7, 2))["w"]
    np.testing.assert_array_equal(matrix(design.columns), [[9, 4, 6], [25, 16, 20], [49, 36, 42]])
    assert design.y.tolist() == [2, 4, 6]


@pytest.mark.parametrize("size", [1e-9, 1e-25, 1e18])
@pytest.mark.parametrize("features", ["squares", "momentum"])
def test_squares_beyond_the_range_of_float32_keep_their_digits(size, features):
    rng = np.random.default_rng(0)
    changes = (size * rng.normal(size=(6, 4))).astype(np.float32)
    design = granger_design(ArrayTrajectory({"w": changes}, losses(6)), features=features)["w"]
    wide = changes.astype(float)
    wanted = wide**2 if features == "squares" else momentum_features(wide)
    np.testing.assert_allclose(matrix(design.columns), wanted, rtol=4e-7)
    assert design.columns.dtype == np.float32


def test_layers_of_very_different_sizes_of_step_share_a_unit():
    changes = {"a": np.full((3, 2), 1e-12, np.float32), "b": np.full((3, 2), 1.0, np.float32)}
    design = granger_design(ArrayTrajectory(changes, losses(3)), scope="network")
    wanted = np.tile([1e-24, 1e-24, 1, 1], (3, 1))
    np.testing.assert_allclose(matrix(design.columns), wanted, rtol=1e-6)


def test_a_layer_that_never_moves_has_columns_of_zeros():
    design = granger_design(ArrayTrajectory({"w": np.zeros((3, 2))}, losses(3)))["w"]
    np.testing.assert_array_equal(matrix(design.columns), np.zeros((3, 2)))
    assert design.columns.unit == 1


@pytest.mark.parametrize("features", ["squares", "momentum"])
def test_scaling_divides_each_row_by_its_learning_rate(features):
    changes = changes_of({"w": (5,)}, rows=8)
    frame = losses(8)
    run = ArrayTrajectory(changes, frame)
    raw = granger_design(run, features=features)["w"]
    scaled = granger_design(run, features=features, scaling="learning_rate")["w"]
    rates = frame["learning_rate"].to_numpy()[-len(raw.y) :]
    wanted = matrix(raw.columns) / rates[:, None]
    np.testing.assert_allclose(matrix(scaled.columns), wanted, rtol=1e-13)


def test_a_learning_rate_among_the_settings_holds_for_all_steps(tmp_path):
    changes = changes_of({"w": (5,)})
    frame = losses(12).drop(columns="learning_rate")
    run = store(tmp_path / "run", changes, frame, settings={"learning_rate": 0.25})
    design = granger_design(run, scaling="learning_rate")["w"]
    np.testing.assert_array_equal(matrix(design.columns), changes["w"] ** 2 * 4)


def test_trainings_stand_one_after_another():
    parts = [changes_of({"a": (3,), "b": (2,)}, rows, seed=rows) for rows in (4, 6)]
    frames = [losses(rows, seed=rows) for rows in (4, 6)]
    runs = [ArrayTrajectory(p, f) for p, f in zip(parts, frames, strict=True)]
    for features in ("squares", "momentum"):
        design = granger_design(runs, scope="network", features=features)
        alone = [granger_design(run, scope="network", features=features) for run in runs]
        np.testing.assert_array_equal(
            matrix(design.columns), np.vstack([matrix(each.columns) for each in alone])
        )
        np.testing.assert_array_equal(design.y, np.concatenate([each.y for each in alone]))
        assert design.edges.tolist() == [0, len(alone[0].y), len(alone[0].y) + len(alone[1].y)]


def test_stores_of_different_blocks_and_types_are_stacked(tmp_path):
    changes = changes_of({"w": (30,)}, rows=9)
    kinds = [("float32", (4, 8)), ("float16", (2, 7)), ("float64", (9, 64))]
    runs = [
        store(tmp_path / kind, changes, losses(9), dtype=kind, blocks=blocks)
        for kind, blocks in kinds
    ]
    design = granger_design(runs)["w"]
    np.testing.assert_array_equal(matrix(design.columns), np.tile(changes["w"] ** 2, (3, 1)))


@pytest.mark.parametrize("share", [None, "output"])
def test_centring_takes_the_mean_of_each_training(share):
    runs = [
        ArrayTrajectory(changes_of({"w": (3, 2)}, rows, seed=rows), losses(rows, seed=rows))
        for rows in (4, 6)
    ]
    plain = granger_design(runs, share=share)["w"]
    design = granger_design(runs, share=share, centre=True)["w"]
    for part in (slice(0, 4), slice(4, 10)):
        x, y = matrix(plain.columns)[part], plain.y[part]
        np.testing.assert_allclose(
            matrix(design.columns)[part], x - x.mean(axis=0), atol=1e-14 * np.abs(x).max()
        )
        np.testing.assert_allclose(design.y[part], y - y.mean(), atol=1e-14)


def test_a_held_design_has_the_same_columns_and_reads_no_more(tmp_path):
    run = store(tmp_path / "run", changes_of({"w": (100,)}), losses(12))
    design = granger_design(run)["w"]
    wanted = matrix(design.columns)
    held = design.held()
    next((tmp_path / "run").glob("*.blocks")).unlink()
    np.testing.assert_array_equal(matrix(held.columns), wanted)
    with pytest.raises(DataError, match="is missing"):
        matrix(design.columns)


def test_a_design_goes_to_another_process_and_reads_there(tmp_path):
    run = store(tmp_path / "run", changes_of({"w": (100,)}), losses(12))
    design = granger_design(run)["w"]
    twin = pickle.loads(pickle.dumps(design))
    np.testing.assert_array_equal(matrix(twin.columns), matrix(design.columns))


def test_damage_is_found_when_a_block_is_first_read(tmp_path):
    changes = changes_of({"w": (9000,)}, rows=4)
    run = store(tmp_path / "run", changes, losses(4), blocks=(2, 8192))
    path = run.files[0].path
    data = bytearray(path.read_bytes())
    data[-2] ^= 1  # in the last columns, which setting the unit does not read
    path.write_bytes(data)
    design = granger_design(run)["w"]
    with pytest.raises(DataError, match="damaged in block 1 of the steps, block 1 of the columns"):
        matrix(design.columns)


def test_a_file_that_was_cut_is_told_and_not_mapped(tmp_path):
    run = store(tmp_path / "run", changes_of({"w": (50,)}), losses(12))
    design = granger_design(run)["w"]
    path = run.files[0].path
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(DataError, match="is cut off"):
        matrix(design.columns)


def test_a_store_that_goes_on_growing_keeps_the_design_that_was_made_of_it(tmp_path):
    changes = changes_of({"w": (20,)}, rows=7)
    run = store(tmp_path / "run", changes, losses(7))
    design = granger_design(run)["w"]
    from causalhyper.frames.trajectory import TrajectoryWriter

    with TrajectoryWriter.resume(tmp_path / "run") as writer:
        writer.append({"w": np.ones(20)}, step=7, loss=1.0, loss_after=0.5)
    np.testing.assert_array_equal(matrix(design.columns), changes["w"] ** 2)


def test_arrays_that_do_not_fit_the_frame_are_refused():
    with pytest.raises(ConfigurationError, match="a row a step of the frame, 3"):
        ArrayTrajectory({"w": np.ones((2, 4))}, losses(3))
    with pytest.raises(ConfigurationError, match="float32 or float64"):
        ArrayTrajectory({"w": np.ones((3, 4), np.float16)}, losses(3))
    with pytest.raises(ConfigurationError, match="float32 or float64"):
        ArrayTrajectory({"w": [1.0, 2.0, 3.0]}, losses(3))
    with pytest.raises(ConfigurationError, match="changes of one type"):
        ArrayTrajectory({}, losses(3))


@pytest.mark.parametrize("columns_", [{"run_id": ["a", "a", "b"]}, {"step": [0, 2, 1]}])
def test_a_frame_of_several_runs_or_out_of_order_is_refused(columns_):
    with pytest.raises(ConfigurationError, match="steps of one run in their order"):
        ArrayTrajectory({"w": np.ones((3, 4))}, losses(3).assign(**columns_))
