"""The index of a closed store: short, checked, made again from the journal, and not needed."""

import json
import shutil
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from causalhyper.errors import DataError
from causalhyper.frames.trajectory import TrajectoryWriter, opening, read_trajectory
from causalhyper.frames.trajectory.manifest import Seal, read_manifest
from tests.frames.trajectory.samples import (
    LAYERS,
    brute_force,
    changes,
    columns_of,
    contents,
    flat,
    write,
)

STEPS = changes(10)
STORED = Path(__file__).parent / "without_index"
TYPES = ["float32", "float16"]


@pytest.fixture
def store(tmp_path):
    return write(tmp_path / "a", STEPS)


def values_of(found):
    return {layer.name: found.columns(layer.name, 0, layer.size) for layer in LAYERS}


def assert_same(found, wanted):
    for name, values in values_of(wanted).items():
        np.testing.assert_array_equal(found.columns(name, 0, values.shape[1]), values)


@pytest.mark.parametrize("dtype", TYPES)
def test_a_store_of_a_release_that_made_no_index_reads_as_it_was_written(dtype):
    found = read_trajectory(STORED / dtype)
    manifest, lines, values = brute_force(STORED / dtype)
    assert "index" not in manifest
    assert (found.n_steps, found.complete, found.settings) == (6, True, {"seed": 0})
    for layer in LAYERS:
        slow = np.reshape(values[layer.name], (6, layer.size))
        np.testing.assert_array_equal(found.columns(layer.name, 0, layer.size), slow)
        np.testing.assert_allclose(slow, flat(changes(6), layer.name), rtol=2.0**-11, atol=1e-15)
    assert found.steps["loss"].tolist() == [line["frame"]["loss"] for line in lines]
    found.verify()


@pytest.mark.parametrize("dtype", TYPES)
def test_a_store_of_such_a_release_goes_on_as_if_it_were_of_this_one(tmp_path, dtype):
    path = tmp_path / "old"
    shutil.copytree(STORED / dtype, path)
    with TrajectoryWriter.resume(path, layers=LAYERS) as writer:
        for row in range(6, 10):
            writer.append(STEPS[row], **columns_of(row))
    options = {"dtype": dtype, "run_id": "r", "settings": {"seed": 0}}
    assert contents(path) == contents(write(tmp_path / "new", STEPS, **options))


def test_the_manifest_of_a_closed_store_has_one_member_more_and_that_of_an_open_one_none(tmp_path):
    with TrajectoryWriter.create(tmp_path / "a", layers=LAYERS) as writer:
        writer.append(STEPS[0], **columns_of(0))
        writer.flush()
        assert json.loads((tmp_path / "a" / "manifest.json").read_text())["index"] is None
        assert read_trajectory(tmp_path / "a").n_steps == 1
    found = json.loads((tmp_path / "a" / "manifest.json").read_text())
    old = json.loads((STORED / "float32" / "manifest.json").read_text())
    assert found.keys() - old.keys() == {"index"}
    assert found["version"] == old["version"]
    assert set(found["index"]) == {"checksum", "journal"}


@pytest.mark.parametrize("dtype", TYPES)
def test_opening_a_closed_store_does_not_read_the_journal_and_the_steps_frame_does(
    tmp_path, dtype
):
    whole = write(tmp_path / "whole", STEPS, dtype=dtype)
    path = tmp_path / "a"
    shutil.copytree(whole, path)
    (path / "journal").write_bytes(b"x" * (path / "journal").stat().st_size)
    found = read_trajectory(path)
    assert_same(found, read_trajectory(whole))
    for ask in (lambda: found.steps, found.verify, lambda: TrajectoryWriter.resume(path)):
        with pytest.raises(DataError, match=r"journal' (is damaged in line 1|has 0 steps)"):
            ask()


def flipped(data):
    return bytes([*data[:-1], data[-1] ^ 8])


@pytest.mark.parametrize("harm", [flipped, lambda data: data[:-4], lambda data: data + b"0", None])
def test_a_damaged_index_is_named_and_made_again_from_the_journal(store, harm):
    whole = contents(store)
    if harm is None:
        (store / "index").unlink()
    else:
        (store / "index").write_bytes(harm(whole["index"]))
    with pytest.raises(DataError, match=r"index' is damaged or gone: .*resume.*makes it again"):
        read_trajectory(store)
    TrajectoryWriter.resume(store).close()
    assert contents(store) == whole


def test_a_journal_with_a_line_cut_short_at_its_end_is_read_in_full(store):
    whole = read_trajectory(store)
    with (store / "journal").open("ab") as file:
        file.write(b"00000000 {")
    found = read_trajectory(store)
    assert_same(found, whole)
    assert found.steps.equals(whole.steps)


@pytest.mark.parametrize("dtype", TYPES)
def test_an_index_that_says_something_else_than_the_journal_is_found_by_verify(tmp_path, dtype):
    store = write(tmp_path / "a", STEPS, dtype=dtype)
    manifest = read_manifest(store)
    data = flipped((store / "index").read_bytes()[::-1])[::-1]
    (store / "index").write_bytes(data)
    seal = Seal(zlib.crc32(data), manifest.index.journal)
    (store / "manifest.json").write_bytes(replace(manifest, index=seal).to_bytes())
    with pytest.raises(DataError, match="index' is damaged"):
        read_trajectory(store).verify()


def test_a_store_that_is_reopened_while_it_is_opened_reads_as_it_is_now(store, monkeypatch):
    before = [read_manifest(store)]
    real = opening.read_manifest
    with TrajectoryWriter.resume(store) as writer:
        writer.append(STEPS[0], step=99, loss=1.0)
        writer.flush()
        monkeypatch.setattr(
            opening, "read_manifest", lambda path: before.pop() if before else real(path)
        )
        found = read_trajectory(store)
    assert (found.n_steps, found.complete, before) == (11, False, [])
