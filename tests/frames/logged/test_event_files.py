import struct

import numpy as np
import pytest

from causalhyper.errors import DataError
from causalhyper.frames.logged.crc32c import CHUNK, checksums, mask
from causalhyper.frames.logged.event_files import read_events
from causalhyper.frames.logged.wire import WireError, fields, grouped, signed, varint


def slow_crc(data):
    """CRC-32C bit by bit, as in RFC 3720."""
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = (state >> 1) ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


def test_the_checksum_is_that_of_the_standard_s_examples():
    assert checksums([bytes(32), b"\xff" * 32, bytes(range(32))]).tolist() == [
        0x8A9136AA,
        0x62A8AB43,
        0x46DD794E,
    ]


def test_records_of_all_lengths_side_by_side_have_their_bitwise_checksum():
    rng = np.random.default_rng(0)
    sizes = [4, 5, 8, 31, 64, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 7]
    records = [rng.bytes(int(size)) for size in rng.permutation(sizes * 2)]
    assert checksums(records).tolist() == [slow_crc(record) for record in records]


def record(data):
    head = struct.pack("<Q", len(data))
    checks = mask(checksums([head, data.rjust(4, b"\0")])).tolist()
    return head + struct.pack("<I", checks[0]) + data + struct.pack("<I", checks[1])


def event(step, tag, value):
    name = tag.encode()
    inner = b"\x0a" + bytes([len(name)]) + name + b"\x15" + struct.pack("<f", value)
    summary = b"\x0a" + bytes([len(inner)]) + inner
    head = b"\x09" + struct.pack("<d", 1.0) + b"\x10" + bytes([step])
    return head + b"\x2a" + bytes([len(summary)]) + summary


@pytest.fixture
def good():
    return b"".join(record(event(step, "loss", step / 2)) for step in range(3))


def test_scalars_are_read(tmp_path, good):
    (tmp_path / "events").write_bytes(good)
    events = read_events(tmp_path / "events")
    assert events.points == {"loss": ([0, 1, 2], [0.0, 0.5, 1.0])}
    assert not events.cut


def test_a_file_cut_anywhere_in_its_last_record_keeps_those_before(tmp_path, good):
    size = len(good) // 3
    for end in range(2 * size + 1, 3 * size):
        (tmp_path / "events").write_bytes(good[:end])
        events = read_events(tmp_path / "events")
        assert events.points == {"loss": ([0, 1], [0.0, 0.5])}
        assert events.cut


def test_any_changed_byte_before_the_last_record_is_found(tmp_path, good):
    size = len(good) // 3
    for at in range(2 * size):
        damaged = bytearray(good)
        damaged[at] ^= 0x10
        (tmp_path / "events").write_bytes(damaged)
        with pytest.raises(DataError, match="wrong checksum"):
            read_events(tmp_path / "events")


def test_a_sound_record_that_is_no_event_is_refused(tmp_path, good):
    (tmp_path / "events").write_bytes(good + record(b"\x2a\xff\x01\x00\x00\x00\x00"))
    with pytest.raises(DataError, match="no TensorBoard event"):
        read_events(tmp_path / "events")


def test_two_values_in_one_summary_are_both_read_each_time(tmp_path):
    def pair(step):
        one = b"\x0a\x0a\x0a\x01a\x15" + struct.pack("<f", step) + b"\x38\x00"
        inner = b"\x0a\x03abc\x15" + struct.pack("<f", -step)
        two = b"\x0a" + bytes([len(inner)]) + inner
        summary = one + two
        return b"\x10" + bytes([step]) + b"\x2a" + bytes([len(summary)]) + summary

    (tmp_path / "events").write_bytes(b"".join(record(pair(step)) for step in (1, 2)))
    assert read_events(tmp_path / "events").points == {
        "a": ([1, 2], [1.0, 2.0]),
        "abc": ([1, 2], [-1.0, -2.0]),
    }


def test_messages_that_end_inside_a_field_are_refused():
    for message in (b"\x0a\x05ab", b"\x09\x00", b"\x80", b"\x0b", b"\xff" * 11):
        with pytest.raises(WireError):
            list(fields(message))


def test_integers_of_any_length_are_read():
    assert varint(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 0) == (2**64 - 1, 10)
    assert signed(2**63) == -(2**63)
    assert grouped(b"\x10\x05\x10\x06") == {2: [5, 6]}
