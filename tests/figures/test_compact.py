"""A compact picture is the same picture: what is drawn, read out and referred to stays."""

import re
from collections import Counter
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from causalhyper.figures import compact_svg, house_style, new_axes, plot_forest, to_svg


@pytest.fixture(scope="module")
def svg() -> str:
    frame = pd.DataFrame(
        {
            "label": [f"<row> & {i}" for i in range(12)],
            "group": ["a"] * 6 + ["b"] * 6,
            "estimate": np.linspace(-1, 1, 12),
        }
    )
    frame = frame.assign(lower=frame["estimate"] - 0.2, upper=frame["estimate"] + 0.2)
    with house_style():
        axes = plot_forest(frame, xlabel="effect")
        return to_svg(axes.figure, title="T < U", description="D & E", prefix="p-")


def elements(svg: str) -> list[ElementTree.Element]:
    return list(ElementTree.fromstring(svg.replace("xlink:href", "href")).iter())


def plain(name: str) -> str:
    return name.rpartition("}")[2]


def test_nothing_that_is_drawn_or_read_out_is_lost(svg: str) -> None:
    before, after = (Counter(plain(e.tag) for e in elements(s)) for s in (svg, compact_svg(svg)))
    for tag in ("path", "use", "text", "title", "desc", "clipPath"):
        assert after[tag] == before[tag]
    texts = [
        [e.text for e in elements(s) if plain(e.tag) in ("text", "title", "desc")]
        for s in (svg, compact_svg(svg))
    ]
    assert texts[0] == texts[1]


def test_every_reference_leads_to_an_id_that_is_there_once(svg: str) -> None:
    small = compact_svg(svg)
    ids = re.findall(r'\bid="([^"]+)"', small)
    assert len(ids) == len(set(ids))
    wanted = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', small)
    assert {a or b for a, b in wanted} <= set(ids)
    assert wanted


def test_every_element_keeps_its_style(svg: str) -> None:
    small = compact_svg(svg)
    rules = dict(re.findall(r"#p-svg-root \.(c\d+)\{([^}]*)\}", small))
    found = Counter(
        rules[e.attrib["class"]] if "class" in e.attrib else e.attrib["style"]
        for e in elements(small)
        if {"class", "style"} & e.attrib.keys()
    )
    assert found == Counter(e.attrib["style"] for e in elements(svg) if "style" in e.attrib)


def test_places_move_by_less_than_a_hundredth_of_a_point(svg: str) -> None:
    for one, other in zip(
        (e for e in elements(svg) if plain(e.tag) == "use"),
        (e for e in elements(compact_svg(svg)) if plain(e.tag) == "use"),
        strict=True,
    ):
        for name in ("x", "y"):
            assert float(one.attrib[name]) == pytest.approx(float(other.attrib[name]), abs=0.006)


def test_a_compact_picture_is_at_most_half_as_long_and_stays_as_it_is(svg: str) -> None:
    small = compact_svg(svg)
    assert len(small) < 0.5 * len(svg)
    assert compact_svg(small) == small
    assert compact_svg("") == ""


def test_an_empty_figure_can_be_made_compact() -> None:
    svg = to_svg(new_axes().figure, title="a", description="b", prefix="q-")
    ElementTree.fromstring(compact_svg(svg))
