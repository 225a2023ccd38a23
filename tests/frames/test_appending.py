"""Appending many runs: the journal beside a frame, what it costs, and what interrupts it."""

import os
from contextlib import suppress

import pandas as pd
import pytest

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames import append_run, checksum, finish_runs, read_runs, write_frame
from causalhyper.frames import appending as module


def run(number):
    noise = None if number % 7 == 0 else number / 3
    return {"run_id": f"r{number:05}", "batch_size": number, "noise": noise, "set": "mnist"}


FRAME = pd.DataFrame([run(number) for number in range(300)])


@pytest.fixture
def path(tmp_path):
    """A frame that is beyond small."""
    write_frame(tmp_path / "runs.parquet", FRAME)
    return tmp_path / "runs.parquet"


def files(path):
    return sorted(entry.name for entry in path.parent.iterdir())


def expected(count):
    return pd.DataFrame([run(number) for number in range(count)])


def test_runs_of_a_large_frame_wait_in_a_journal_and_are_read_with_it(path):
    before = path.read_bytes()
    for number in range(300, 340):
        append_run(path, run(number))
    assert path.read_bytes() == before
    assert files(path) == ["runs.parquet", "runs.parquet.journal"]
    pd.testing.assert_frame_equal(read_runs(path), expected(340))
    waiting = checksum(path)
    finish_runs(path)
    assert files(path) == ["runs.parquet"]
    assert checksum(path) != waiting
    pd.testing.assert_frame_equal(pd.read_parquet(path), expected(340))
    finish_runs(path)


def test_the_journal_is_folded_as_it_grows_so_that_work_is_proportional_to_the_runs(
    path, monkeypatch
):
    written = []
    real = module.write_atomic
    monkeypatch.setattr(module, "write_atomic", lambda p, d: (written.append(p.name), real(p, d)))
    for number in range(300, 1100):
        append_run(path, run(number))
    assert written.count("runs.parquet") == 3  # at 450, 675, 1013 rows
    assert read_runs(path)["run_id"].tolist() == expected(1100)["run_id"].tolist()


def test_a_run_is_appended_without_reading_the_frame_again(path, monkeypatch):
    append_run(path, run(300))
    monkeypatch.setattr(module, "read_table", None)
    for number in range(301, 310):
        append_run(path, run(number))
    monkeypatch.undo()
    pd.testing.assert_frame_equal(read_runs(path), expected(310))


@pytest.mark.parametrize("fresh", [False, True])
def test_the_rules_for_a_row_hold_for_those_that_wait(path, fresh):
    append_run(path, run(300))
    if fresh:
        module._FRAMES.clear()
    bad = (
        ({**run(300)}, "is in .* already"),
        ({**run(5)}, "is in .* already"),
        ({**run(301), "batch_size": "large"}, "give each column one type"),
        ({**run(301), "extra": 1}, "the frame lacks extra"),
    )
    for row, message in bad:
        with pytest.raises(DataError, match=message):
            append_run(path, row)
    append_run(path, {**run(301), "batch_size": 0.5})
    append_run(path, dict(reversed(run(302).items())))
    assert read_runs(path)["batch_size"].tolist() == [*range(301), 0.5, 302]


def test_a_type_that_a_waiting_run_widened_binds_the_next_one(path):
    append_run(path, {**run(300), "noise": None})
    write_frame(path, FRAME.assign(note=None))
    append_run(path, {**run(300), "note": "first"})
    with pytest.raises(DataError, match="give each column one type"):
        append_run(path, {**run(301), "note": 3})


def test_dates_and_lists_pass_through_the_journal(path):
    write_frame(path, FRAME.assign(when=pd.Timestamp("2024-01-01"), sizes=[[1, 2]] * 300))
    append_run(path, {**run(300), "when": pd.Timestamp("2025-05-05 12:00"), "sizes": [3]})
    last = read_runs(path).iloc[-1]
    assert last["when"] == pd.Timestamp("2025-05-05 12:00")
    assert list(last["sizes"]) == [3]


def test_writing_the_frame_drops_the_journal(path):
    append_run(path, run(300))
    write_frame(path, read_runs(path))
    assert files(path) == ["runs.parquet"]
    append_run(path, run(301))
    assert read_runs(path)["run_id"].tolist()[-2:] == ["r00300", "r00301"]


@pytest.mark.parametrize("place", ["fsync", "replace", "unlink"])
def test_a_death_at_any_call_keeps_every_run_appended_before(path, monkeypatch, place):
    """Die at the n-th call of a kind, for all n; go on in a new process."""
    done, survived, real = 300, False, getattr(os, place)
    for dies_at in range(100):
        calls = 0

        def call(*arguments, _dies_at=dies_at, **options):
            nonlocal calls
            calls += 1
            if calls > _dies_at:
                raise KeyboardInterrupt
            return real(*arguments, **options)

        module._FRAMES.clear()
        with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
            patch.setattr(os, place, call)
            for _ in range(8):
                append_run(path, run(done))
                done += 1
            finish_runs(path)
            survived = True
        module._FRAMES.clear()
        found = read_runs(path)["run_id"].tolist()
        assert len(found) in {done, done + 1}
        assert found == expected(len(found))["run_id"].tolist()
        done = len(found)
        if survived:
            return
    raise AssertionError("it never came to the end")


def test_a_line_that_was_cut_short_does_not_count_and_is_written_over(path):
    append_run(path, run(300))
    journal = path.with_name("runs.parquet.journal")
    whole = journal.read_bytes()
    append_run(path, run(301))
    journal.write_bytes(journal.read_bytes()[:-40])
    assert len(read_runs(path)) == 301
    append_run(path, run(301))
    pd.testing.assert_frame_equal(read_runs(path), expected(302))
    journal.write_bytes(whole[:20])
    assert len(read_runs(path)) == 300
    append_run(path, run(300))
    pd.testing.assert_frame_equal(read_runs(path), expected(301))


def test_a_damaged_journal_and_one_of_another_frame_are_refused(path):
    append_run(path, run(300))
    append_run(path, run(301))
    journal = path.with_name("runs.parquet.journal")
    data = journal.read_bytes()
    journal.write_bytes(data[:200] + b"x" + data[201:])
    for act in (read_runs, finish_runs, lambda p: append_run(p, run(302))):
        with pytest.raises(DataError, match="journal' is damaged in line 2"):
            act(path)
    journal.write_bytes(data)
    FRAME.iloc[:290].to_parquet(path)
    for act in (read_runs, finish_runs, lambda p: append_run(p, run(302))):
        with pytest.raises(DataError, match=r"2 runs, such as 'r00300', appended to another"):
            act(path)
    path.unlink()
    for act in (finish_runs, lambda p: append_run(p, run(302))):
        with pytest.raises(DataError, match="which is gone"):
            act(path)


def test_a_journal_left_behind_by_a_fold_is_passed_over(path):
    for number in range(300, 303):
        append_run(path, run(number))
    journal = path.with_name("runs.parquet.journal")
    left = journal.read_bytes()
    finish_runs(path)
    journal.write_bytes(left)
    pd.testing.assert_frame_equal(read_runs(path), expected(303))
    append_run(path, run(303))
    pd.testing.assert_frame_equal(read_runs(path), expected(304))


def test_a_full_disk_is_said_and_keeps_the_runs_before(path, monkeypatch):
    append_run(path, run(300))

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigurationError, match=r"No space left.*append the run again"):
        append_run(path, run(301))
    monkeypatch.undo()
    assert len(read_runs(path)) in {301, 302}
    module._FRAMES.clear()
    if len(read_runs(path)) == 301:
        append_run(path, run(301))
    pd.testing.assert_frame_equal(read_runs(path), expected(302))
