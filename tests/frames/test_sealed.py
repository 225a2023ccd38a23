"""Claims about lines that carry their checksums."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causalhyper.errors import DataError
from causalhyper.frames.sealed import Unsealed, seal, unseal
from causalhyper.frames.trajectory import Layer, TrajectoryWriter, read_trajectory


def line_by_line(data):
    """Read a journal as it is written: each line must be the seal of its own payload."""
    payloads, ends, start = [], [], 0
    while (end := data.find(b"\n", start)) >= 0:
        line = data[start : end + 1]
        if seal(line[9:-1]) != line:
            return Unsealed(tuple(payloads), tuple(ends), len(payloads))
        payloads.append(line[9:-1])
        start = end + 1
        ends.append(start)
    return Unsealed(tuple(payloads), tuple(ends), None)


PAYLOADS = st.lists(st.binary(max_size=12).map(lambda b: b.replace(b"\n", b"")), max_size=6)


@given(PAYLOADS, st.data())
def test_a_journal_is_read_as_line_by_line_whatever_happened_to_a_byte(payloads, data):
    whole = b"".join(map(seal, payloads))
    assert unseal(whole) == line_by_line(whole)
    assert unseal(whole).payloads == tuple(payloads)
    at = data.draw(st.integers(0, len(whole)))
    gone = data.draw(st.integers(0, 3))
    other = data.draw(st.binary(max_size=3) | st.sampled_from([b"\n", b" ", b"A", b"\n\n"]))
    changed = whole[:at] + other + whole[at + gone :]
    assert unseal(changed) == line_by_line(changed)


@given(PAYLOADS, st.integers(0, 5), st.binary(max_size=20))
def test_a_line_that_is_no_seal_is_found_where_it_stands(payloads, place, line):
    lines = [seal(payload) for payload in payloads]
    lines.insert(place, line + b"\n")
    data = b"".join(lines)
    assert unseal(data) == line_by_line(data)


@pytest.mark.parametrize("change", [str.upper, lambda head: head[:8] + "\t", lambda head: " " * 9])
def test_a_checksum_written_otherwise_is_no_checksum(change):
    line = next(s for s in (seal(b"%d" % i) for i in range(99)) if b"a" in s[:8]).decode()
    data = seal(b"first") + (change(line[:9]) + line[9:]).encode()
    assert unseal(data).damaged == 1


@pytest.mark.parametrize("second", ['{"row":1},{"row":2}', "", "]", "1", "null"])
def test_a_sealed_line_that_is_no_record_is_refused(tmp_path, second):
    with TrajectoryWriter.create(tmp_path / "a", layers=[Layer("w", (2,))]) as writer:
        writer.append({"w": [1, 2]}, step=0, loss=float("nan"))
    journal = tmp_path / "a" / "journal"
    assert json.loads(journal.read_bytes()[9:])["frame"]["loss"] == {"float": "nan"}
    assert read_trajectory(tmp_path / "a").steps["loss"].isna().all()
    journal.write_bytes(journal.read_bytes() + seal(second.encode()))
    with pytest.raises(DataError):
        read_trajectory(tmp_path / "a")
