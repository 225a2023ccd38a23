import re
from xml.etree import ElementTree

import matplotlib
import pytest

from causalhyper.errors import ConfigurationError
from causalhyper.figures import plot_effect_curve, plot_forest, plot_hypergraph, to_svg
from causalhyper.figures.text import as_text
from tests.figures.samples import HOSTILE, effects, forest, frames, hyperarcs, papers

SVG = "{http://www.w3.org/2000/svg}"


def draw_curve(label="design"):
    names = {"xlabel": label, "ylabel": label, "title": label}
    return plot_effect_curve(effects((label, "_" + label)), baseline=512, **names)


def draw_forest(label="total"):
    return plot_forest(forest().assign(label=label, group=label), xlabel=label, title=label)


def draw_hypergraph(label="grad_noise"):
    if label == "grad_noise":
        return plot_hypergraph(*papers())
    nodes, arcs = frames(hyperarcs("A -> B"), {"A": label, "B": label})
    renamed = arcs.assign(tail=label, hyperedge=label)
    return plot_hypergraph(nodes.replace({"node": {"A": label}}), renamed, title=label)


DRAWERS = [draw_curve, draw_forest, draw_hypergraph]


def write(ax, prefix="f1-", title="Title", description="Description"):
    return to_svg(ax.figure, title=title, description=description, prefix=prefix)


def page(*svgs):
    return ElementTree.fromstring(f"<html><body>{''.join(svgs)}</body></html>")


def texts(svg):
    return [" ".join((e.text or "").split()) for e in page(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("draw", DRAWERS)
def test_equal_figures_give_equal_bytes(draw):
    ax = draw()
    first = write(ax)
    ax.figure.canvas.draw()
    assert first == write(ax) == write(draw())


@pytest.mark.parametrize("draw", DRAWERS)
def test_the_readers_own_settings_change_nothing(draw):
    usual = write(draw())
    own = {"font.size": 30, "svg.fonttype": "path", "svg.hashsalt": "x", "savefig.bbox": "tight"}
    with matplotlib.rc_context(own | {"text.parse_math": True, "axes.grid": True}):
        assert write(draw()) == usual
        assert matplotlib.rcParams["font.size"] == 30


def test_ids_are_unique_in_a_page_and_every_reference_is_met():
    root = page(*(write(draw(), f"f{i}-") for i, draw in enumerate([*DRAWERS, *DRAWERS])))
    ids = [e.get("id") for e in root.iter() if e.get("id")]
    assert len(ids) == len(set(ids)) > 50
    assert all(re.match(r"f\d-", name) for name in ids)
    references = []
    for element in root.iter():
        references += element.get("aria-labelledby", "").split()
        for name, value in element.attrib.items():
            references += re.findall(r"url\(#([^)]*)\)", value)
            if name.endswith("href"):
                assert value.startswith("#")
                references.append(value[1:])
    assert len(references) > 20
    assert set(references) <= set(ids)


@pytest.mark.parametrize("draw", DRAWERS)
def test_a_hostile_label_comes_out_as_text(draw):
    svg = write(draw(HOSTILE), title=HOSTILE, description=HOSTILE)
    assert "<script" not in svg
    assert not list(page(svg).iter(f"{SVG}script"))
    shown = " ".join(texts(svg)).replace(" ", "")
    for piece in ("<script>alert(1)</script>", '"$x_1$"', "-->_{", "\ufffd"):
        assert piece in shown
    for tag in ("title", "desc"):
        assert page(svg)[0][0].find(f"{SVG}{tag}").text == as_text(HOSTILE)


@pytest.mark.parametrize("label", ["$", "$x$", "_", "\x0b", "日本語", "]]>", "&amp;", "--"])
@pytest.mark.parametrize("draw", DRAWERS)
def test_any_label_is_written_as_it_is(draw, label):
    assert as_text(label) in texts(write(draw(label)))


@pytest.mark.parametrize("draw", DRAWERS)
def test_the_element_has_a_name_and_a_size_of_its_place(draw):
    svg = write(draw(), title="A & B", description="What <is> seen")
    root = ElementTree.fromstring(svg)
    assert svg.startswith("<svg ")
    assert root.get("role") == "img"
    assert root.get("width") == "100%"
    assert root.get("height") is None
    assert re.fullmatch(r"0 0 [\d.]+ [\d.]+", root.get("viewBox"))
    named = {e.get("id"): e.text for e in root}
    labels = [named[name] for name in root.get("aria-labelledby").split()]
    assert labels == ["A & B", "What <is> seen"]


@pytest.mark.parametrize("draw", DRAWERS)
def test_nothing_reaches_outside_the_element(draw):
    svg = write(draw())
    root = ElementTree.fromstring(svg)
    for style in root.iter(f"{SVG}style"):
        assert style.text.startswith("#f1-svg-root *{")
        assert style.text.count("{") == 1
    outside = re.findall(r"https?://[^\s\"<]*", svg)
    assert set(outside) == {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert "<metadata" not in svg


def test_text_that_looks_like_an_id_or_a_reference_is_left_alone():
    label = 'id="a" url(#b) href="#c"'
    assert label in texts(write(draw_forest(label)))


@pytest.mark.parametrize("prefix", ["", "1", "a b", 'a"', "<", "é"])
def test_a_prefix_that_cannot_begin_an_id_is_refused(prefix):
    with pytest.raises(ConfigurationError, match="prefix of an SVG"):
        write(draw_curve(), prefix=prefix)
