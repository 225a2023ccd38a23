"""Flipped bits, files cut off and files gone: each is found, and named."""

import shutil
import zlib

import numpy as np
import pytest

from causalhyper.errors import ConfigurationError, DataError
from causalhyper.frames.trajectory import TrajectoryWriter, read_trajectory
from tests.frames.trajectory.samples import LAYERS, changes, columns_of, contents, flat, write

STEPS = changes(10)


@pytest.fixture
def store(tmp_path):
    return write(tmp_path / "a", STEPS)


def flip(path, place):
    data = bytearray(path.read_bytes())
    data[place // 8] ^= 1 << place % 8
    path.write_bytes(data)


def read_all(path):
    """Read a store in full; return the values."""
    found = read_trajectory(path)
    assert len(found.steps) == found.n_steps
    return {layer.name: found.columns(layer.name, 0, layer.size) for layer in LAYERS}


def read_or_say(path):
    """Return the values, or what is said against the store."""
    try:
        return read_all(path)
    except (DataError, ConfigurationError) as error:
        return str(error)


def test_every_flipped_bit_that_holds_a_value_or_says_what_it_is_is_found(store):
    quiet = set()
    for name, data in contents(store).items():
        for place in range(0, 8 * len(data), 37):
            flip(store / name, place)
            found = read_or_say(store)
            if isinstance(found, dict):
                quiet.add((name, place // 8))
                assert all(np.array_equal(found[k], flat(STEPS, k)) for k in found)
            else:
                assert name in found
            (store / name).write_bytes(data)
    gap = range(2 * 12 * 16 + 2 * 5 * 4, 2 * 12 * 16 + 4 * 5 * 4)
    gaps = {*gap, *(place + 80 for place in gap)}
    assert quiet == {("0000-conv.weight.blocks", place) for place in gaps} & quiet
    assert 0 < len(quiet) <= len(gaps)


def test_a_damaged_block_is_named_with_file_steps_and_columns(store):
    (file,) = store.glob("0000*")
    flip(file, 8 * (4 * 12 * 4 + 4 * 5 * 4 + 5 * 4))
    found = read_trajectory(store)
    message = (
        r"0000-conv.weight.blocks' is damaged in block 1 of the steps, block 1 of the columns "
        r"\(row 5, columns 5 to 9\): the checksum differs: restore"
    )
    for _ in range(2):
        with pytest.raises(DataError, match=message):
            found.columns("conv.weight", 4, 6)
    np.testing.assert_array_equal(
        found.columns("conv.weight", 0, 5), flat(STEPS, "conv.weight")[:, :5]
    )
    np.testing.assert_array_equal(found.step(4)["conv.weight"], STEPS[4]["conv.weight"])
    with pytest.raises(DataError, match="row 5"):
        found.step(5)


def test_verify_lists_every_damaged_block_even_after_it_was_read(store):
    found = read_trajectory(store)
    found.verify()
    found.columns("conv.weight", 0, 12)
    for place in (0, 8 * 4 * 12 * 4, 8 * (4 * 12 * 4 + 20)):
        flip(next(store.glob("0000*")), place)
    flip(next(store.glob("0002*")), 8 * 9 * 4)
    with pytest.raises(DataError, match="damage in 3 blocks") as caught:
        found.verify()
    assert [problem.column for problem in caught.value.problems] == ["conv.weight"] * 2 + ["scale"]
    assert [problem.rows for problem in caught.value.problems] == [1, 2, 1]


def test_a_file_that_was_cut_off_is_named_with_its_first_missing_block(store):
    (file,) = store.glob("0001*")
    file.write_bytes(file.read_bytes()[: 4 * 2 * 4 + 3])
    with pytest.raises(DataError, match=r"0001-conv.bias.blocks' is cut off in block 1 \(rows 4"):
        read_trajectory(store)
    with pytest.raises(DataError, match="is cut off in block 1"):
        TrajectoryWriter.resume(store)


def test_a_file_cut_off_after_opening_is_noticed(store):
    found = read_trajectory(store)
    (file,) = store.glob("0001*")
    file.write_bytes(file.read_bytes()[:40])
    with pytest.raises(DataError, match="is cut off in block 1"):
        found.columns("conv.bias", 0, 2)
    with pytest.raises(DataError, match="damage in 2 blocks"):
        found.verify()


@pytest.mark.parametrize("name", ["journal", "0001-conv.bias.blocks"])
def test_a_file_that_is_gone_is_named(store, name):
    (store / name).unlink()
    with pytest.raises(DataError, match=f"{name}' is missing"):
        read_trajectory(store)


def test_a_closed_store_whose_journal_lost_a_line_is_refused(store):
    lines = (store / "journal").read_bytes().splitlines(keepends=True)
    for left in (lines[:-1], [*lines[:-1], lines[-1][:30]]):
        (store / "journal").write_bytes(b"".join(left))
        with pytest.raises(DataError, match="journal' has 9 steps; the manifest says 10"):
            read_trajectory(store)
    (store / "journal").write_bytes(b"".join(lines[:3] + lines[4:]))
    with pytest.raises(DataError, match="line 4 is of row 4"):
        read_trajectory(store)


def test_a_damaged_journal_says_how_to_keep_what_is_whole(store):
    (whole := store.parent / "whole").mkdir()
    shutil.copytree(store, whole, dirs_exist_ok=True)
    lines = (store / "journal").read_bytes().splitlines(keepends=True)
    flip(store / "journal", 8 * (len(b"".join(lines[:7])) + 40))
    found = read_trajectory(store)
    np.testing.assert_array_equal(found.columns("scale", 0, 1), flat(STEPS, "scale"))
    for act in (lambda: found.steps, found.verify, lambda: TrajectoryWriter.resume(store)):
        with pytest.raises(DataError, match=r"damaged in line 8: .*keep=7"):
            act()
    with TrajectoryWriter.resume(store, keep=7) as writer:
        for row in range(7, 10):
            writer.append(STEPS[row], **columns_of(row))
    assert contents(store) == contents(whole)


def test_a_folder_without_a_trajectory_and_another_version_are_refused(store, tmp_path):
    with pytest.raises(ConfigurationError, match="no trajectory in"):
        read_trajectory(tmp_path)
    from causalhyper.frames.trajectory import manifest

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest, "VERSION", 2)
        write(tmp_path / "b", [])
    with pytest.raises(ConfigurationError, match=r"of version 2; expected .* of version 1"):
        read_trajectory(tmp_path / "b")


def test_a_manifest_that_names_files_elsewhere_is_refused(store):
    data = (store / "manifest.json").read_bytes().replace(b"0001-conv.bias", b"../a-conv.bias")
    start = data.index(b': "') + 3
    blank = data[:start] + b"00000000" + data[start + 8 :]
    data = data[:start] + b"%08x" % zlib.crc32(blank) + data[start + 8 :]
    (store / "manifest.json").write_bytes(data)
    with pytest.raises(DataError, match="is no manifest"):
        read_trajectory(store)
