"""The same sweep beside this process, by loky, and on clusters of two workers: Dask and Ray."""

import json
import os
import signal
import threading
import time
import warnings
from contextlib import contextmanager
from functools import partial

import joblib
import pytest
from pandas.testing import assert_frame_equal

from causalhyper.errors import ConfigurationError
from causalhyper.frames import read_runs
from causalhyper.parallel import engines, places
from collectors.sweeps import RunFailedError, sweep
from tests.collectors import fakes
from tests.collectors.fakes import Fake

RUNS = [Fake(number) for number in range(5)]
CLUSTERS = ["dask", "ray"]


@pytest.fixture(scope="module")
def dask():
    """A cluster of two processes in this machine."""
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster):
            yield


@pytest.fixture(scope="module")
def ray():
    """A cluster of two processes in this machine."""
    library = pytest.importorskip("ray")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        yield
        library.shutdown()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.parquet"


@pytest.fixture(scope="session")
def serial(tmp_path_factory):
    """The bytes of a sweep in this process, of sums that depend on the number of threads."""
    file = tmp_path_factory.mktemp("serial") / "runs.parquet"
    sweep(RUNS, fakes.sum_of_products, file, quiet=True)
    return file.read_bytes()


@pytest.fixture(params=["processes", "loky", *CLUSTERS])
def engine(request):
    """Each engine, with its cluster where it needs one."""
    if request.param in CLUSTERS:
        request.getfixturevalue(request.param)
    return request.param


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_every_engine_writes_the_bytes_of_this_process_and_loses_but_the_run_that_dies(
    engine, path, serial, tmp_path
):
    sweep(RUNS, fakes.sum_of_products, path, engine=engine, workers=2, quiet=True)
    assert path.read_bytes() == serial
    path.unlink()
    train = partial(fakes.die_or_live, marks=tmp_path)
    with pytest.raises(RunFailedError, match=r"'run-00' failed: .* ended by SIGKILL, 2 times"):
        sweep(RUNS, train, path, engine=engine, workers=2, quiet=True)
    assert (tmp_path / "finished").read_text() == "1"  # it was not begun again
    assert set(read_runs(path)["run_id"]) == {run.run_id for run in RUNS[1:]}
    (failure,) = json.loads((tmp_path / "runs.failures.json").read_text())["failures"]
    assert failure["died"]
    assert failure["attempts"] == 2


@contextmanager
def interrupted_when(condition):
    """Send this process a SIGINT when a condition holds."""

    def send():
        end = time.monotonic() + 60
        while not condition() and time.monotonic() < end:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=send)
    thread.start()
    yield
    thread.join()


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_the_runs_of_every_engine_at_once_and_keeps_what_is_finished(
    engine, path, tmp_path
):
    hanging = [tmp_path / "2", tmp_path / "3"]

    def two_rows_and_two_that_hang():
        here = all(mark.exists() for mark in hanging)
        return here and path.exists() and len(read_runs(path)) == 2

    train = partial(fakes.hang_from_2, marks=tmp_path)
    with interrupted_when(two_rows_and_two_that_hang), pytest.raises(KeyboardInterrupt):
        sweep(RUNS, train, path, engine=engine, workers=2, quiet=True)
    began = time.monotonic()
    pids = [int(mark.read_text()) for mark in hanging]
    while any(map(alive, pids)):
        assert time.monotonic() < began + 10
        time.sleep(0.02)
    frame = sweep(RUNS, fakes.quick, path, quiet=True)
    assert frame["run_id"].tolist() == [run.run_id for run in RUNS]


def test_the_backend_of_a_joblib_context_is_used(path):
    with joblib.parallel_config("threading", n_jobs=2):
        frame = sweep(RUNS, fakes.quick, path, engine="joblib", quiet=True)
    assert_frame_equal(frame, sweep(RUNS, fakes.refuse, path, quiet=True))


def test_an_engine_that_breaks_is_built_again_and_asked_for_what_is_missing(path, monkeypatch):
    asked = []
    sound = engines._replies_of_joblib

    def break_after_two(left, place):
        asked.append(sorted(left))
        for count, reply in enumerate(sound(left, place)):
            if count == 2 and len(asked) == 1:
                raise OSError("a node went away")
            yield reply

    monkeypatch.setattr(engines, "_replies_of_joblib", break_after_two)
    frame = sweep(RUNS, fakes.quick, path, workers=2, quiet=True)
    assert frame["run_id"].tolist() == [run.run_id for run in RUNS]
    assert [len(left) for left in asked] == [5, 3]


def test_an_engine_that_breaks_again_and_again_is_an_error(path, monkeypatch):
    def broken(left, place):
        raise OSError("no node is left")
        yield

    monkeypatch.setattr(engines, "_replies_of_joblib", broken)
    with pytest.raises(engines.EngineError, match=r"broke 3 times in a row: OSError: no node"):
        sweep(RUNS, fakes.quick, path, workers=2, quiet=True)


def test_a_backend_of_joblib_that_hands_out_all_results_at_the_end_is_refused(path):
    with (
        joblib.parallel_config("multiprocessing", n_jobs=2),
        pytest.raises(ConfigurationError, match=r"cannot serve here.*choose 'loky'"),
    ):
        sweep(RUNS, fakes.quick, path, engine="joblib", quiet=True)


def test_a_cluster_that_is_not_there_is_refused(path, monkeypatch):
    distributed = pytest.importorskip("distributed")

    def nowhere():
        raise ValueError("No global client found")

    monkeypatch.setattr(distributed, "get_client", nowhere)
    with pytest.raises(ConfigurationError, match="needs a client: make one"):
        sweep(RUNS, fakes.refuse, path, engine="dask", quiet=True)
    library = pytest.importorskip("ray")
    monkeypatch.setattr(library, "is_initialized", lambda: False)
    with pytest.raises(ConfigurationError, match=r"call ray\.init"):
        sweep(RUNS, fakes.refuse, path, engine="ray", quiet=True)


def test_an_engine_that_is_not_installed_is_named_with_what_to_install(path, monkeypatch):
    monkeypatch.setattr(places.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"needs ray, which is not installed: pip"):
        sweep(RUNS, fakes.refuse, path, engine="ray", quiet=True)
