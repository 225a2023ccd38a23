"""Two-byte types: the bounds that are stated, zeros that stay zero, and nothing else that does."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from causalhyper.frames.trajectory.codec import (
    choose_exponent,
    decode_bfloat,
    decode_half,
    encode_bfloat,
    encode_half,
)

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
SMALL = st.floats(-(2.0**-20), 2.0**-20, width=32)
ROWS = arrays(np.float32, st.integers(1, 20), elements=FLOATS | SMALL)
LARGEST = float(np.finfo(np.float32).max)


def through_half(row):
    exponent = choose_exponent(row)
    return decode_half(encode_half(row, exponent)[None], np.array([exponent]))[0], exponent


@given(ROWS)
def test_scaled_half_keeps_its_bound_and_its_zeros(row):
    found, exponent = through_half(row)
    error = np.abs(found.astype(float) - row.astype(float))
    largest = np.abs(row).max().astype(float)
    assert np.all(error <= np.maximum(2.0**-11 * np.abs(row), 2.0 ** (exponent - 24)))
    if exponent > -126 and largest > 0:
        assert 2.0 ** (exponent - 24) <= 2.0**-38 * largest
    np.testing.assert_array_equal(found == 0, row == 0)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(row))


@pytest.mark.parametrize("value", [2.0**-149, 2.0**-126, 3e-8, 1.0, 65504.0, LARGEST])
def test_a_row_of_one_magnitude_is_off_by_a_2048th_at_most(value):
    found, _ = through_half(np.array([value, -value, 0], np.float32))
    np.testing.assert_allclose(found, [value, -value, 0], rtol=2.0**-11)


@given(ROWS)
def test_bfloat_is_off_by_a_256th_at_most_and_keeps_zeros(row):
    found = decode_bfloat(encode_bfloat(row))
    normal = (np.abs(row) >= 2.0**-126) & (np.abs(row) <= 3.38e38)
    np.testing.assert_allclose(found[normal], row[normal], rtol=2.0**-8)
    np.testing.assert_array_equal(found == 0, row == 0)
    np.testing.assert_array_equal(np.signbit(found), np.signbit(row))
    assert np.isfinite(found).all()


@settings(deadline=None)
@given(ROWS)
def test_bfloat_is_what_torch_rounds_to(row):
    theirs = torch.from_numpy(row).to(torch.bfloat16).float().numpy()
    ours = decode_bfloat(encode_bfloat(row))
    same = (np.abs(theirs) < np.inf) & ((theirs != 0) | (row == 0))
    np.testing.assert_array_equal(ours[same], theirs[same])


def test_values_that_are_not_finite_pass_and_do_not_change_the_scale():
    row = np.array([np.nan, np.inf, -np.inf, 3e-8, 0], np.float32)
    assert choose_exponent(row) == choose_exponent(row[3:])
    for found in (through_half(row)[0], decode_bfloat(encode_bfloat(row))):
        np.testing.assert_allclose(found, row, rtol=2.0**-8)
    assert choose_exponent(row[:3]) == choose_exponent(np.zeros(2, np.float32)) == 0
