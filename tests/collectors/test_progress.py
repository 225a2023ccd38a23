"""The time left, where the batch size changes what a run costs."""

import pytest
from rich.progress import Task

from collectors.sweeps import equal_updates, factorial, progress, sweep
from collectors.sweeps.progress import Clock, kind_of, seconds_left
from tests.collectors import fakes

PLAN = factorial(
    batch_size=(2, 4), seed=range(3), n_train=8, learning_rate=0.1, protocol=equal_updates(10)
)
SMALL = [run for run in PLAN.runs if run.batch_size == 2]
LARGE = [run for run in PLAN.runs if run.batch_size == 4]


@pytest.fixture
def now(monkeypatch):
    """A clock that the test moves."""
    time = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: time[0])
    return time


def test_runs_that_differ_in_their_seed_alone_are_of_one_kind():
    assert len({kind_of(run) for run in PLAN.runs}) == 2
    assert len({kind_of(run) for run in SMALL}) == 1


def test_each_kind_is_expected_to_cost_what_its_own_finished_runs_did():
    seen = {"small": [10.0, 14.0], "large": [1.0]}
    assert seconds_left({"small": 3, "large": 5}, seen, 1) == 3 * 12 + 5
    assert seconds_left({"small": 3, "large": 5}, seen, 4) == max(41 / 4, 12)


def test_a_kind_that_has_no_finished_run_is_expected_to_cost_the_mean_of_the_others():
    assert seconds_left({"new": 2}, {"a": [1.0, 1.0, 1.0], "b": [5.0]}, 1) == 6


def test_nothing_is_known_before_a_run_is_finished_and_nothing_is_left_after_the_last():
    assert seconds_left({"a": 2}, {}, 1) is None
    assert seconds_left({"a": 0}, {"a": [3.0]}, 1) == 0


def test_the_clock_runs_between_finished_runs_and_counts_failed_ones_as_over(now):
    clock = Clock(PLAN.runs, workers=1)
    assert clock.left() is None
    clock.finish(SMALL[0], 8.0)
    assert clock.left() == 5 * 8
    clock.finish(LARGE[0], 2.0)
    assert clock.left() == 2 * 8 + 2 * 2
    now[0] += 7
    assert clock.left() == 13
    clock.finish(SMALL[1], None)
    assert clock.left() == 8 + 2 * 2
    now[0] += 100
    assert clock.left() == 0


def test_a_sweep_that_goes_on_knows_what_its_finished_runs_have_cost(tmp_path, monkeypatch):
    path = tmp_path / "runs.parquet"

    def slow(run):
        return fakes.measure(run) | {"wall_seconds": 60.0 * run.batch_size}

    half = factorial(
        batch_size=(2, 4), seed=[0], n_train=8, learning_rate=0.1, protocol=equal_updates(10)
    )
    sweep(half, slow, path, quiet=True)
    seen = []
    whole = Clock.finish

    def finish(clock, run, seconds):
        seen.append(clock.left())
        whole(clock, run, seconds)

    monkeypatch.setattr(Clock, "finish", finish)
    sweep(PLAN, slow, path, quiet=True)
    assert seen[0] == pytest.approx(2 * 120 + 2 * 240, abs=5)


@pytest.mark.parametrize(
    ("seconds", "completed", "text"),
    [(None, 0, "time left unknown"), (3725.0, 1, "1:02:05 left"), (5.0, 2, "0:00:00 left")],
)
def test_the_bar_shows_the_time_left(monkeypatch, seconds, completed, text):
    clock = Clock(PLAN.runs, 1)
    monkeypatch.setattr(clock, "left", lambda: seconds)
    bar = progress.progress_bar(clock, quiet=True)
    bar.update(bar.add_task("runs", total=2), completed=completed)
    task: Task = bar.tasks[0]
    assert bar.columns[-1].render(task).plain == text
