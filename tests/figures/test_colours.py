"""Colours of series are apart for everybody; the measure is that of its source."""

from itertools import combinations

import pytest

from causalhyper.figures import new_axes
from causalhyper.figures.hypergraph import _JOINT, ROLES
from causalhyper.figures.scales import plain_ticks, write_power
from causalhyper.figures.style import INK, SERIES, SOFT
from tests.figures.colour import apart, contrast, distance, seen

SHARMA = [
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, 2.5, 0.0), (58.0, 24.0, 15.0), 19.4535),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ((90.8027, -2.0831, 1.4410), (91.1528, -1.6435, 0.0447), 1.4441),
    ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ((6.7747, -0.2908, -2.4247), (5.8714, -0.0985, -2.2286), 0.6377),
]
"""Of the test data of Sharma, Wu and Dalal 2005, table 1."""


@pytest.mark.parametrize(("one", "other", "expected"), SHARMA)
def test_the_distance_is_that_of_the_published_pairs(one, other, expected):
    assert distance(one, other) == pytest.approx(expected, abs=5e-5)
    assert distance(other, one) == pytest.approx(expected, abs=5e-5)


def test_red_and_green_of_equal_lightness_are_apart_but_not_for_the_colour_blind():
    assert distance(seen("#C04040"), seen("#408040")) > 40
    assert apart("#B05030", "#707020") < distance(seen("#B05030"), seen("#707020")) / 2


def test_white_and_black_have_the_contrast_of_the_standard():
    assert contrast("white", "black") == pytest.approx(21, abs=1e-4)
    assert contrast("#777777", "white") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("pair", list(combinations(range(len(SERIES)), 2)))
def test_any_two_series_are_apart_with_every_kind_of_colour_vision(pair):
    assert apart(*(SERIES[i] for i in pair)) >= 10


def test_series_arcs_and_texts_stand_out_from_white():
    assert min(contrast(c, "white") for c in (*SERIES[:5], *_JOINT)) >= 3
    assert min(contrast(c, "white") for c in (INK, SOFT)) >= 4.5
    assert min(contrast(look["edgecolor"], "white") for look in ROLES.values()) >= 3
    assert all(
        contrast(INK, look["facecolor"]) >= 7
        for look in ROLES.values()
        if look["facecolor"] != "white"
    )
    assert min(apart(*pair) for pair in combinations(_JOINT, 2)) >= 10


@pytest.mark.parametrize(
    ("value", "text"),
    [(1.0, "1"), (0.05, "0.05"), (1e-4, "10⁻⁴"), (5e-12, "5×10⁻¹²"), (1e5, "10⁵"), (0.0, "0")],
)
def test_ticks_of_a_logarithmic_axis_are_numbers_or_powers(value, text):
    assert write_power(value) == text


@pytest.mark.parametrize(
    ("limits", "expected"),
    [((0.26, 0.7), {"0.5"}), ((0.9, 12.0), {"1", "2", "5", "10"}), ((1e-8, 1.0), {"10⁻⁸", "1"})],
)
def test_a_short_logarithmic_axis_has_numbers_within_its_decades(limits, expected):
    axes = new_axes()
    axes.set_yscale("log")
    plain_ticks(axes.yaxis)
    axes.set_ylim(*limits)
    axes.figure.canvas.draw()
    inside = {
        t.label1.get_text()
        for t in axes.yaxis.get_major_ticks()
        if limits[0] <= t.get_loc() <= limits[1]
    }
    assert expected <= inside
    assert len(inside) <= 9
