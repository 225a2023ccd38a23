"""Claims about calls as bytes: maps of files travel as their place, all else with its numbers."""

import pickle

import numpy as np
import pytest

from causalhyper.parallel.packing import TooLargeError, pack


@pytest.fixture
def stored(tmp_path):
    """A matrix in a file, in Fortran's order."""
    path = tmp_path / "x.npy"
    np.save(path, np.asfortranarray(np.arange(60_000.0).reshape(300, 200)))
    return path


def test_a_map_of_a_file_travels_as_its_path_and_is_the_same_there(stored, monkeypatch):
    monkeypatch.chdir(stored.parent)
    mapped = np.load("x.npy", mmap_mode="r")
    packed = pack({"x": mapped})
    monkeypatch.chdir("/")
    again = pickle.loads(packed)["x"]
    assert len(packed) < 1000
    assert isinstance(again, np.memmap)
    assert again.flags.f_contiguous
    np.testing.assert_array_equal(again, mapped)


def test_a_part_of_a_map_travels_with_its_numbers(stored):
    part = np.load(stored, mmap_mode="r")[5:9, ::2]
    np.testing.assert_array_equal(pickle.loads(pack(part)), part)


def test_a_map_that_may_be_written_travels_with_its_numbers(stored):
    changed = np.load(stored, mmap_mode="c")
    changed[0, 0] = -7.0
    assert pickle.loads(pack(changed))[0, 0] == -7.0


def test_more_bytes_than_may_travel_are_refused_and_as_many_are_not():
    size = len(pack(b"x" * 5000))
    assert len(pack(b"x" * 5000, at_most=size)) == size
    with pytest.raises(TooLargeError, match=f"more than {size - 1} bytes"):
        pack(b"x" * 5000, at_most=size - 1)


def test_a_function_of_a_script_travels():
    assert pickle.loads(pack(lambda x: x + 1))(2) == 3
