"""Claims about lasso paths that are interrupted and go on."""

import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.granger.lasso import elastic_net, group_lasso
from causalhyper.granger.lasso.columns import DenseColumns
from causalhyper.granger.lasso.elastic_net import elastic_net_path
from causalhyper.granger.lasso.group_lasso import group_lasso_path
from causalhyper.granger.lasso.path import lasso_path

ROWS, COUNT, SOURCES = 20, 4000, 3


def problem(seed=0):
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(ROWS, SOURCES)) @ rng.normal(size=(SOURCES, COUNT))
    x = shared + 0.5 * rng.normal(size=(ROWS, COUNT))
    return x, x[:, :4] @ [1.0, -2.0, 3.0, 0.5] + rng.normal(size=ROWS)


def contents(path):
    """Everything in a path, as bytes."""
    arrays = (path.lambdas, path.intercepts, path.gaps, path.r_squared, path.converged)
    lists = (path.columns, path.coefficients)
    whole = [a.tobytes() for a in arrays] + [a.tobytes() for parts in lists for a in parts]
    return (*whole, path.passes, path.kinks, path.held)


class InterruptedReadingError(Exception):
    pass


class Cut(DenseColumns):
    """A design whose reading breaks off in a given reading, at its second block."""

    __slots__ = ()
    left = 0

    def blocks(self):
        type(self).left -= 1
        for at, block in enumerate(super().blocks()):
            if at == 1 and type(self).left == 0:
                raise InterruptedReadingError
            yield block


def stop(share):
    raise InterruptedReadingError


def test_a_path_takes_more_rounds_than_one_here():
    x, y = problem()
    assert lasso_path(DenseColumns(x), y).passes >= 4


@pytest.mark.parametrize("reading", [2, 3, 4])
def test_a_path_broken_off_in_a_reading_goes_on_to_the_same_bytes(reading, tmp_path):
    x, y = problem()
    file = tmp_path / "new" / "path.npz"
    Cut.left = reading
    with pytest.raises(InterruptedReadingError):
        lasso_path(Cut(x), y, checkpoint=file)
    assert file.exists() == (reading > 2)
    again = lasso_path(DenseColumns(x), y, checkpoint=file)
    assert contents(again) == contents(lasso_path(DenseColumns(x), y))
    assert not list(file.parent.iterdir())


def test_a_path_stopped_by_its_callback_has_kept_that_round(tmp_path):
    x, y = problem()
    file = tmp_path / "path.npz"
    whole = lasso_path(DenseColumns(x), y)
    for _ in range(whole.passes - 1):
        with pytest.raises(InterruptedReadingError):
            lasso_path(DenseColumns(x), y, checkpoint=file, progress=stop)
        assert file.exists()
    finished = lasso_path(DenseColumns(x), y, checkpoint=file, progress=stop)
    assert contents(finished) == contents(whole)
    assert not file.exists()


def test_a_killed_process_leaves_a_file_from_which_another_goes_on(tmp_path):
    file = tmp_path / "path.npz"
    script = f"""
        import os, signal
        from causalhyper.granger.lasso.columns import DenseColumns
        from causalhyper.granger.lasso.path import lasso_path
        from tests.granger.test_lasso_checkpoint import problem
        x, y = problem()
        lasso_path(DenseColumns(x), y, checkpoint={str(file)!r},
                   progress=lambda share: os.kill(os.getpid(), signal.SIGKILL))
    """
    died = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=False)
    assert died.returncode == -signal.SIGKILL
    assert [f.name for f in tmp_path.iterdir()] == ["path.npz"]
    x, y = problem()
    again = lasso_path(DenseColumns(x), y, checkpoint=file)
    assert contents(again) == contents(lasso_path(DenseColumns(x), y))


def test_a_path_that_ran_out_of_passes_goes_on_with_more(tmp_path):
    x, y = problem()
    file = tmp_path / "path.npz"
    with pytest.warns(RuntimeWarning, match="raise max_passes"):
        lasso_path(DenseColumns(x), y, checkpoint=file, max_passes=3)
    path = lasso_path(DenseColumns(x), y, checkpoint=file)
    assert path.converged.all()
    assert not file.exists()


@pytest.mark.parametrize(
    "other", ["y", "x", "lambdas", "ratio", "standardise", "intercept", "width of the numbers"]
)
def test_the_file_of_another_problem_is_refused_and_stays(other, tmp_path):
    x, y = problem()
    file = tmp_path / "path.npz"
    with pytest.raises(InterruptedReadingError):
        lasso_path(DenseColumns(x), y, checkpoint=file, progress=stop)
    kept, options = file.read_bytes(), {}
    if other == "y":
        y = y + np.eye(ROWS)[3] * 1e-9
    elif other == "x":
        x = x.copy()
        x[7, -1] += 1e-6
    elif other == "width of the numbers":
        x = x.astype(np.float32)
    else:
        options = {
            "lambdas": {"lambdas": 99},
            "ratio": {"ratio": 0.02},
            "standardise": {"standardise": False},
            "intercept": {"intercept": False},
        }[other]
    with pytest.raises(ConfigurationError, match="is of another problem"):
        lasso_path(DenseColumns(x), y, checkpoint=file, **options)
    assert file.read_bytes() == kept


def test_the_file_of_a_design_with_its_rows_in_another_order_is_refused(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.integers(-3, 4, (ROWS, 400)).astype(float), rng.normal(size=ROWS)
    other = x[rng.permutation(ROWS)]
    # whole numbers: their squares have the same sum in any order
    np.testing.assert_array_equal((x**2).sum(axis=0), (other**2).sum(axis=0))
    file, options = tmp_path / "path.npz", {"lambdas": [0.3, 0.2, 0.1], "intercept": False}
    with pytest.raises(InterruptedReadingError):
        lasso_path(DenseColumns(x), y, checkpoint=file, progress=stop, **options)
    with pytest.raises(ConfigurationError, match="is of another problem"):
        lasso_path(DenseColumns(other), y, checkpoint=file, **options)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_file_cut_off_is_named_as_damaged(share, tmp_path):
    x, y = problem()
    file = tmp_path / "path.npz"
    with pytest.raises(InterruptedReadingError):
        lasso_path(DenseColumns(x), y, checkpoint=file, progress=stop)
    kept = file.read_bytes()
    file.write_bytes(kept[: int(share * len(kept))])
    with pytest.raises(DataError, match="holds no checkpoint of a lasso path, or is damaged"):
        lasso_path(DenseColumns(x), y, checkpoint=file)


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    x, y = problem()
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot write the checkpoint"):
        lasso_path(DenseColumns(x), y, checkpoint=tmp_path / "file" / "path.npz")


def test_a_file_that_is_no_checkpoint_is_not_to_be_loaded_unsafely(tmp_path):
    x, y = problem()
    (tmp_path / "model.pt").write_text("weights")
    with pytest.raises(DataError, match="name another file") as told:
        lasso_path(DenseColumns(x), y, checkpoint=tmp_path / "model.pt")
    assert "pickle" not in str(told.value)


def of_elastic_net(x, y, **options):
    return elastic_net_path(x, y, **{"l1_ratio": 0.7, "lambdas": 20, **options})


def of_groups(x, y, **options):
    return group_lasso_path(x, y, **{"groups": 4, "lambdas": 20, **options})


@pytest.fixture(params=[of_elastic_net, of_groups])
def blocks(request, monkeypatch):
    """A path of blocks that takes many readings."""
    for module in (elastic_net, group_lasso):
        for name in ("FIRST", "MORE"):
            monkeypatch.setattr(module, name, 1)
    return request.param


@pytest.mark.parametrize("reading", [1, 2, 3, 4, 5])
def test_a_path_of_blocks_broken_off_goes_on_to_the_same_bytes(blocks, reading, tmp_path):
    x, y = problem()
    x[:, 5] = 1.0
    whole = blocks(DenseColumns(x), y)
    assert whole.passes >= 5
    assert whole.converged.all()
    file = tmp_path / "new" / "path.npz"
    Cut.left = reading
    with pytest.raises(InterruptedReadingError):
        blocks(Cut(x), y, checkpoint=file)
    again = blocks(DenseColumns(x), y, checkpoint=file)
    assert contents(again) == contents(whole)
    assert again.steps == whole.steps
    assert not list(file.parent.iterdir())


def test_a_path_of_blocks_stopped_after_each_reading_is_the_same(blocks, tmp_path):
    x, y = problem()
    file = tmp_path / "path.npz"
    whole, stops = blocks(DenseColumns(x), y), 0
    while True:
        try:
            finished = blocks(DenseColumns(x), y, checkpoint=file, progress=stop)
        except InterruptedReadingError:
            stops += 1
            assert [f.name for f in tmp_path.iterdir()] == ["path.npz"]
        else:
            break
    assert stops >= 3
    assert contents(finished) == contents(whole)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("other", ["y", "scale of y", "x", "lambdas", "penalty", "lasso"])
def test_the_file_of_another_path_of_blocks_is_refused_and_stays(blocks, other, tmp_path):
    x, y = problem()
    file, options = tmp_path / "path.npz", {"lambdas": [2.0, 1.0, 0.5]}
    with pytest.raises(InterruptedReadingError):
        blocks(DenseColumns(x), y, checkpoint=file, progress=stop, **options)
    kept, fit = file.read_bytes(), blocks
    if other == "y":
        y = y + np.eye(ROWS)[3] * 1e-9
    elif other == "scale of y":
        y = 2 * y
    elif other == "x":
        x = x.copy()
        x[7, -1] += 1e-6
    elif other == "lambdas":
        options = {"lambdas": [2.0, 1.0, 0.4]}
    elif other == "penalty":
        options |= {"l1_ratio": 0.6} if blocks is of_elastic_net else {"groups": 2}
    else:
        fit = lasso_path
    with pytest.raises(ConfigurationError, match="is of another problem"):
        fit(DenseColumns(x), y, checkpoint=file, **options)
    assert file.read_bytes() == kept


def test_a_damaged_file_of_a_path_of_blocks_is_named(blocks, tmp_path):
    x, y = problem()
    file = tmp_path / "path.npz"
    file.write_bytes(b"PK not all of it")
    with pytest.raises(DataError, match="no checkpoint of a lasso path, or is damaged"):
        blocks(DenseColumns(x), y, checkpoint=file)
