"""Claims about fits of layers: the same bytes wherever they are made."""

import os
import signal
import warnings
from functools import partial

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames.trajectory import Layer, TrajectoryWriter
from causalhyper.granger.choice import (
    LayerFailedError,
    choose_by_count,
    choose_by_cross_validation,
    choose_given,
    fit_layers,
    layers,
)
from causalhyper.granger.design import granger_design
from causalhyper.granger.lasso import DenseColumns, SquaredChanges
from tests.granger.choice.samples import planted

VALIDATE = partial(choose_by_cross_validation, blocks=3, lambdas=15)


@pytest.fixture(scope="module")
def designs(tmp_path_factory):
    """Three layers, mapped from files."""
    folder = tmp_path_factory.mktemp("layers")
    found = {}
    for number, width in enumerate((1500, 700, 3000)):
        changes, y = planted(rows=200, width=width, seed=number)
        path = folder / f"{number}.npy"
        np.save(path, (1e-6 * changes).astype(np.float32))
        squares = (1e-6 * changes).astype(np.float32).astype(float) ** 2
        design = SquaredChanges(np.load(path, mmap_mode="r"))
        found[f"layer{number}"] = design, -squares[:, :5].sum(axis=1) + 1e-13 * y
    return found


def as_bytes(found):
    """The bytes of all numbers of the choices of all layers."""
    parts = []
    for name, choice in found.choices.items():
        path = choice.path
        parts += [name.encode(), np.int64(choice.at).tobytes(), choice.columns.tobytes()]
        parts += [array.tobytes() for array in (*path.columns, *path.coefficients)]
        parts += [path.intercepts.tobytes(), choice.table.to_numpy(dtype=float).tobytes()]
    return b"".join(parts)


@pytest.fixture(scope="module")
def serial(designs):
    """The bytes of the fits in this process."""
    return as_bytes(fit_layers(designs, VALIDATE))


@pytest.fixture(scope="module")
def dask():
    """A cluster of two processes in this machine."""
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster):
            yield


@pytest.mark.parametrize(("workers", "engine"), [(1, "processes"), (2, None)], ids=str)
def test_other_processes_find_the_bytes_of_this_one(designs, serial, workers, engine):
    assert as_bytes(fit_layers(designs, VALIDATE, workers=workers, engine=engine)) == serial


def test_a_cluster_finds_the_bytes_of_this_process(designs, serial, dask):
    assert as_bytes(fit_layers(designs, VALIDATE, engine="dask")) == serial


def threads():
    """Threads of the library that numpy's products take."""
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def choose_with_one_thread(columns, y):
    assert threads() == {1}
    return choose_given(columns, y, 0.1)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_fit_has_one_thread_whatever_the_process_has(workers, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    opens = {"fc": partial(open_design, 40, 60)}
    with threadpool_limits(2, user_api="blas"):
        assert threads() == {2}
        fit_layers(opens, choose_with_one_thread, workers=workers)
        assert threads() == {2}


def test_the_frame_has_a_row_a_kept_column_in_the_order_of_the_layers(designs):
    found = fit_layers(designs, partial(choose_by_count, kept=4))
    frame = found.to_frame()
    order = ["layer", "index", "feature", "column", "coefficient", "entry"]
    assert list(frame.columns) == order
    assert (frame["index"] == frame["column"]).all()
    assert frame["layer"].tolist() == [name for name in designs for _ in range(4)]
    for name in designs:
        selected = found[name].selected()
        part = frame.loc[frame["layer"] == name, selected.columns].reset_index(drop=True)
        assert part.equals(selected)
    assert found.penalties()["width"].tolist() == [1500, 700, 3000]
    assert found.penalties()["kept"].tolist() == [4, 4, 4]
    assert found.summary().splitlines()[-1] == "12 of 5200 columns are kept in 3 layers."


def open_design(rows, width):
    """Stands for opening a store."""
    x, y = planted(rows=rows, width=width)
    return DenseColumns(x), y


def test_a_design_may_be_opened_where_it_is_fitted():
    opens = {"fc": partial(open_design, 40, 60)}
    here = fit_layers(opens, partial(choose_by_count, kept=4))
    there = fit_layers(opens, partial(choose_by_count, kept=4), workers=2)
    assert as_bytes(here) == as_bytes(there)


def test_a_large_design_in_memory_does_not_travel(monkeypatch):
    monkeypatch.setattr(layers, "LARGEST", 20_000)
    x, y = planted(rows=40, width=100)
    with pytest.raises(ConfigurationError, match=r"'fc' holds more than .* map it from a file"):
        fit_layers({"fc": (DenseColumns(x), y)}, workers=2)
    assert len(fit_layers({"fc": (DenseColumns(x), y)}).choices) == 1


def break_down(columns, y):
    raise ValueError("no such fit")


def die(columns, y):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_fit_that_fails_names_its_layer(workers):
    opens = {"fc": partial(open_design, 40, 60)}
    with pytest.raises(LayerFailedError, match="'fc' failed: ValueError: no such fit") as caught:
        fit_layers(opens, break_down, workers=workers)
    assert caught.value.__cause__ is not None


def test_a_worker_that_dies_names_its_layer():
    opens = {"fc": partial(open_design, 40, 60)}
    with pytest.raises(LayerFailedError, match=r"'fc' failed: .*SIGKILL: was memory short"):
        fit_layers(opens, die, workers=2)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_warning_of_a_fit_is_given_here_with_its_layer(workers):
    opens = {"fc": partial(open_design, 40, 3000)}
    with pytest.warns(RuntimeWarning, match="layer 'fc': 1 of 1 penalties have a relative"):
        fit_layers(opens, partial(choose_given, lambda_=1e-4, max_passes=2), workers=workers)


def test_no_layers_and_what_is_no_choice_are_refused():
    with pytest.raises(ConfigurationError, match="no layer to fit"):
        fit_layers({})
    design = open_design(40, 60)
    with pytest.raises(ConfigurationError, match=r"such as {'net': design}.*; got tuple"):
        fit_layers(design)
    with pytest.raises(LayerFailedError, match="or columns and response; got DenseColumns"):
        fit_layers({"fc": design[0]})
    with pytest.raises(LayerFailedError, match="choose must return a PenaltyChoice; got 3"):
        fit_layers({"fc": partial(open_design, 40, 60)}, lambda columns, y: 3)


def test_progress_is_told_a_layer_at_a_time(designs):
    told = []
    fit_layers(designs, partial(choose_given, lambda_=1e-14), progress=told.append)
    assert told == pytest.approx([1 / 3, 2 / 3, 1])


@pytest.mark.parametrize("workers", [1, 2])
def test_a_trajectory_is_fitted_layer_by_layer_with_labels(tmp_path, workers):
    rng = np.random.default_rng(0)
    shapes = {"conv": (6, 4), "fc": (5, 8)}
    layers_of = [Layer(name, shape) for name, shape in shapes.items()]
    moved = []
    with TrajectoryWriter.create(tmp_path / "run", layers=layers_of) as writer:
        for step in range(60):
            changes = {name: 1e-3 * rng.normal(size=shape) for name, shape in shapes.items()}
            moved.append({name: change**2 for name, change in changes.items()})
            by = float(3 * moved[-1]["conv"][2].sum() + 2 * moved[-1]["fc"][4].sum())
            writer.append(changes, step=step, loss=1.0, loss_after=1.0 - by, learning_rate=1.0)
    designs = granger_design(tmp_path / "run", share="output")
    found = fit_layers(designs, partial(choose_by_count, kept=1), workers=workers)
    frame = found.to_frame()
    assert frame[["layer", "index"]].to_numpy().tolist() == [["conv", 2], ["fc", 4]]
    triples = granger_design(tmp_path / "run", layers="fc", features="momentum")
    triples = fit_layers(triples, partial(choose_by_count, kept=7), workers=workers).to_frame()
    assert (triples["index"] == triples["column"] // 3).all()
    assert set(triples["feature"]) <= {"square", "square_before", "product"}


def test_a_layer_that_did_not_move_keeps_nothing_and_the_others_are_fitted():
    x, y = planted(rows=40, width=60)
    still = {"still": (DenseColumns(np.zeros((40, 30))), y), "fc": (DenseColumns(x), y)}
    alone = fit_layers({"fc": still["fc"]}, partial(choose_by_count, kept=4))
    for workers in (1, 2):
        with pytest.warns(RuntimeWarning, match="layer 'still': Nothing is kept"):
            found = fit_layers(still, partial(choose_by_count, kept=4), workers=workers)
        assert found.to_frame().equals(alone.to_frame())
        rows = found.penalties().set_index("layer")
        assert rows["kept"].to_dict() == {"still": 0, "fc": 4}
        assert rows.loc["still", "reason"] == "Nothing is kept: no column varies with y."
        assert "still: 0 of 30 columns" in found.summary()
    with pytest.raises(DataError, match="no column varies with y"):
        choose_by_count(*still["still"], kept=4)
